package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
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
  wardline staff check-ldap  [settings]                      the same, from the directory server of the settings ldap-...
  wardline staff import-ldap [settings]

FILE is a CSV file with one line a person, as the staff record exports it. Usual headers are understood; field=header says which
column is which where they are not. The fields are: `

// staffImport reads a file of the staff record, or a directory server, into a stopped server. A running one imports on its own screen, and
// by itself.
func staffImport(args []string) (err error) {
	if len(args) == 0 || !slices.Contains([]string{"check", "import", "check-ldap", "import-ldap"}, args[0]) {
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
	o := staff.Options{Dry: strings.HasPrefix(args[0], "check"), Progress: func(done, of int) {
		fmt.Fprintf(os.Stderr, "\r%d of %d", done, of)
		if done == of {
			fmt.Fprintln(os.Stderr)
		}
	}}
	bring, err := source(c, strings.HasSuffix(args[0], "-ldap"), rest, &o)
	if err != nil {
		return err
	}
	server, err := id.ParseServer(c.ServerName)
	if err != nil {
		return fmt.Errorf("server-name %q: %w", c.ServerName, err)
	}
	ctx, stop := untilSignal()
	defer stop()
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
	rep, err := bring(ctx, s)
	if err != nil {
		return said(err)
	}
	tell(rep, time.Since(began))
	return nil
}

// source says where people are read from: a file, or the directory server of the settings.
func source(c app.Config, ldap bool, rest []string, o *staff.Options) (func(context.Context, *staff.Service) (staff.Report, error), error) {
	if ldap {
		l, err := c.LDAP()
		if err == nil && l.URL == "" {
			err = errors.New("staff: name the directory server with -ldap-url")
		}
		if err == nil && len(rest) > 0 {
			err = fmt.Errorf("staff: what is %q?", rest[0])
		}
		o.Missing = c.LDAPMissing
		return func(ctx context.Context, s *staff.Service) (staff.Report, error) { return s.ImportLDAP(ctx, "", l, *o) }, err
	}
	if len(rest) == 0 {
		return nil, errors.New("staff: name the file behind the settings")
	}
	o.Mapping = map[string]string{}
	for _, m := range rest[1:] {
		field, header, ok := strings.Cut(m, "=")
		if !ok {
			return nil, fmt.Errorf("staff: %q is no field=header", m)
		}
		o.Mapping[field] = header
	}
	file, err := os.ReadFile(rest[0])
	return func(ctx context.Context, s *staff.Service) (staff.Report, error) { return s.Import(ctx, "", file, *o) }, err
}

func tell(rep staff.Report, took time.Duration) {
	for _, p := range rep.Problems {
		fmt.Printf("line %d: %s: %s\n", p.Line, p.Who, p.Why)
	}
	would := ""
	if rep.Dry {
		would = "would be "
	}
	fmt.Printf("%d lines: %d new, %d changed and %d leaving %s, %d as they are, %d not used; %.1f s\n", rep.Rows, len(rep.New), len(rep.Changed), len(rep.Leaving), would+"done", rep.Unchanged, len(rep.Problems), took.Seconds())
	if len(rep.Missing) > 0 {
		fmt.Printf("%d people from this record are not there any more\n", len(rep.Missing))
	}
}
