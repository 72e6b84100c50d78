package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wardline/app"
	"wardline/ground/archive"
	"wardline/ground/config"
	"wardline/ground/db"
)

// backupConfig is serve's settings, so that the same file and environment do, and what a backup wants to know besides.
type backupConfig struct {
	app.Config
	To         string `name:"to" doc:"File to write the backup to. It must not exist."`
	Recipient  string `name:"recipient" doc:"Public key (age1...) to encrypt it to; several with commas between."`
	Passphrase string `name:"passphrase-file" doc:"File whose first line is a passphrase to encrypt it with, instead of a key."`
}

func backup(args []string) error {
	var c backupConfig
	if err := settings("backup", &c, args); err != nil {
		return err
	}
	if c.To == "" {
		return errors.New("backup: say with -to which file to write")
	}
	to, err := archive.Recipients(c.Recipient, c.Passphrase)
	if err != nil {
		return err
	}
	if len(to) == 0 {
		fmt.Fprintln(os.Stderr, "This backup is not encrypted: whoever has the file can read every message. -recipient and -passphrase-file encrypt.")
	}
	ctx, stop := untilSignal()
	defer stop()
	t := c.Trust()
	end := progress(&t)
	m, err := archive.Backup(ctx, t, c.To, to...)
	end()
	if err != nil {
		return err
	}
	info, err := os.Stat(c.To)
	if err != nil {
		return err
	}
	fmt.Printf("backup: %s\n  %s in %s (%.1f MB)\n", contents(m), m.Took.Round(time.Millisecond), c.To, float64(info.Size())/1e6)
	return nil
}

// restoreConfig is serve's settings and what a restore wants to know besides.
type restoreConfig struct {
	app.Config
	From       string `name:"from" doc:"The backup."`
	Identity   string `name:"identity" doc:"File of the secret key (AGE-SECRET-KEY-...) that it was encrypted to."`
	Passphrase string `name:"passphrase-file" doc:"File whose first line is the passphrase that it was encrypted with."`
}

func restore(args []string) error {
	var c restoreConfig
	if err := settings("restore", &c, args); err != nil {
		return err
	}
	if c.From == "" {
		return errors.New("restore: say with -from which file to read")
	}
	with, err := archive.Identities(c.Identity, c.Passphrase)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	t := c.Trust()
	end := progress(&t)
	m, err := archive.Restore(ctx, c.From, t, with...)
	end()
	if err != nil {
		return err
	}
	fmt.Printf("restore: the backup of %s by wardline %s\n  %s\n  %s; every row, every file and the audit's chain compared\n",
		m.At.Local().Format("2 January 2006, 15:04:05"), m.Wardline, contents(m), m.Took.Round(time.Millisecond))
	return nil
}

// migrateConfig is serve's settings and where the database shall go.
type migrateConfig struct {
	app.Config
	To string `name:"to" doc:"postgres:// URL of an empty database, or the path of a new SQLite file."`
}

// migrate copies the database of a stopped server. For a SQLite source it holds the lock meanwhile, so that no server can start.
func migrate(args []string) (err error) {
	var c migrateConfig
	if err := settings("migrate", &c, args); err != nil {
		return err
	}
	if c.To == "" {
		return errors.New("migrate: say with -to where to")
	}
	if c.To == c.Source() {
		return errors.New("migrate: that is where the data is already")
	}
	release, err := db.Lock(c.Source())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	ctx, stop := untilSignal()
	defer stop()
	t := c.Trust()
	end := progress(&t)
	m, err := archive.Migrate(ctx, t, c.To)
	end()
	if err != nil {
		return err
	}
	fmt.Printf("migrate: %d tables, %d rows and %d audit entries copied and compared in %s\n", len(m.Tables), m.Rows(), m.Audit, m.Took.Round(time.Millisecond))
	if strings.Contains(c.To, "://") {
		fmt.Println("Start the server with -database and that URL from now on. What was copied from is as it was.")
	} else if filepath.Clean(c.To) != filepath.Join(c.Data, "wardline.db") {
		fmt.Printf("Start the server without -database, with %s named wardline.db in %s. What was copied from is as it was.\n", c.To, c.Data)
	}
	return nil
}

func settings(name string, into any, args []string) error {
	rest, err := config.Load(into, "wardline "+name, args, os.Environ(), os.Stderr)
	if err == nil && len(rest) > 0 {
		return fmt.Errorf("%s: what is %q?", name, rest[0])
	}
	return err
}

func contents(m archive.Manifest) string {
	return fmt.Sprintf("%d tables with %d rows, %d uploaded files of %.1f MB, %d audit entries, the signing key",
		len(m.Tables), m.Rows(), m.Blobs, float64(m.BlobBytes)/1e6, m.Audit)
}

// progress makes a trust tell on one line of stderr how far it is, five times a second at most, and returns what ends the line.
func progress(t *archive.Trust) (end func()) {
	var last time.Time
	width := 0
	t.Progress = func(what string, done, total int64) {
		if time.Since(last) < 200*time.Millisecond {
			return
		}
		last = time.Now()
		line := fmt.Sprintf("%s: %d", what, done)
		if total > 0 {
			line += fmt.Sprintf(" of %d, %d %%", total, 100*done/total)
		}
		fmt.Fprintf(os.Stderr, "\r%-*s", width, line)
		width = max(width, len(line))
	}
	return func() {
		if width > 0 {
			fmt.Fprintf(os.Stderr, "\r%*s\r", width, "")
		}
	}
}
