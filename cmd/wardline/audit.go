package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"wardline/app"
	"wardline/ground/audit"
	"wardline/ground/db"
)

// verifyAudit walks the audit of a stopped server and says whether it is whole.
func verifyAudit(args []string) (err error) {
	if len(args) == 0 || args[0] != "verify" {
		return errors.New("audit: the only thing to do is `audit verify`")
	}
	var c app.Config
	if _, err := load("audit verify", &c, args[1:], os.Stderr); err != nil {
		return err
	}
	source := c.Database
	if source == "" {
		source = filepath.Join(c.Data, "wardline.db")
		if _, err := os.Stat(source); err != nil {
			return fmt.Errorf("there is no database in %s; name the folder with -data", c.Data)
		}
	}
	ctx := context.Background()
	d, err := db.Open(ctx, source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Migrate(ctx, app.Migrations()...); err != nil {
		return err
	}
	n, err := audit.Verify(ctx, d)
	if err != nil {
		return err
	}
	fmt.Printf("audit: %d entries, the chain is whole\n", n)
	return nil
}
