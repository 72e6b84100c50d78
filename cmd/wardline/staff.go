package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"wardline/app"
	"wardline/clinical/rota"
	"wardline/clinical/staff"
	"wardline/ground/config"
	"wardline/ground/db"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

const staffUsage = `wardline staff: bring people in from a file, on a stopped server

  wardline staff check  [settings] FILE [field=header ...]   say what an import would do, and do nothing
  wardline staff import [settings] FILE [field=header ...]   do it

FILE is a CSV file with one line a person, as the staff record exports it. Usual headers are understood; field=header says which
column is which where they are not. The fields are: `

// staffImport reads a file of the staff record into a stopped server. A running one imports on its own screen.
func staffImport(args []string) (err error) {
	if len(args) == 0 || args[0] != "check" && args[0] != "import" {
		fmt.Println(staffUsage + strings.Join(staff.Fields(), ", ") + ".")
		if len(args) > 0 && !strings.HasPrefix(args[0], "-") && args[0] != "help" {
			return fmt.Errorf("staff: there is no %q", args[0])
		}
		return nil
	}
	var c app.Config
	rest, err := config.Load(&c, "wardline staff "+args[0], args[1:], os.Environ(), os.Stderr)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return errors.New("staff: name the file behind the settings")
	}
	mapping := map[string]string{}
	for _, m := range rest[1:] {
		field, header, ok := strings.Cut(m, "=")
		if !ok {
			return fmt.Errorf("staff: %q is no field=header", m)
		}
		mapping[field] = header
	}
	server, err := id.ParseServer(c.ServerName)
	if err != nil {
		return fmt.Errorf("server-name %q: %w", c.ServerName, err)
	}
	file, err := os.ReadFile(rest[0])
	if err != nil {
		return err
	}
	ctx := context.Background()
	d, err := db.Open(ctx, c.Source())
	if err != nil {
		return said(err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Migrate(ctx, app.Migrations()...); err != nil {
		return said(err)
	}
	s := staff.New(staff.Deps{DB: d, Accounts: account.New(d, server), Rota: rota.New(rota.Deps{DB: d, Now: time.Now, Log: obs.Discard()}), Now: time.Now})
	began := time.Now()
	rep, err := s.Import(ctx, "", file, staff.Options{Mapping: mapping, Dry: args[0] == "check", Progress: func(done, of int) {
		fmt.Fprintf(os.Stderr, "\r%d of %d", done, of)
		if done == of {
			fmt.Fprintln(os.Stderr)
		}
	}})
	if err != nil {
		return said(err)
	}
	for _, p := range rep.Problems {
		fmt.Printf("line %d: %s: %s\n", p.Line, p.Who, p.Why)
	}
	would := ""
	if rep.Dry {
		would = "would be "
	}
	fmt.Printf("%d lines: %d new, %d changed and %d leaving %s, %d as they are, %d not used; %.1f s\n", rep.Rows, len(rep.New), len(rep.Changed), len(rep.Leaving), would+"done", rep.Unchanged, len(rep.Problems), time.Since(began).Seconds())
	if len(rep.Missing) > 0 {
		fmt.Printf("%d people from this record are not in the file; nothing was done about them\n", len(rep.Missing))
	}
	return nil
}
