package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"wardline/app"
	"wardline/ground/config"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/sso"
)

const adminUsage = `wardline admin: who may administer a stopped server

  wardline admin create [settings] NAME    make an account that is an administrator; its password is read from the input
  wardline admin grant  [settings] NAME    make somebody an administrator
  wardline admin revoke [settings] NAME    take it from them
  wardline admin password [settings] NAME  give somebody a new password and sign them out
  wardline admin unlink [settings] NAME    forget what identity providers call somebody, and sign out what came of it
  wardline admin list   [settings]         who is one

The settings are those of serve, such as -data and -server-name.
`

// admin changes who may administer a server that is stopped: a running one holds its database.
func admin(args []string) (err error) {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		fmt.Print(adminUsage)
		return nil
	}
	var c app.Config
	rest, err := config.Load(&c, "wardline admin "+args[0], args[1:], os.Environ(), os.Stderr)
	if err != nil {
		return err
	}
	server, err := id.ParseServer(c.ServerName)
	if err != nil {
		return fmt.Errorf("server-name %q: %w", c.ServerName, err)
	}
	if want := 1; args[0] == "list" && len(rest) != 0 || args[0] != "list" && len(rest) != want {
		return errors.New("admin: " + args[0] + " wants one user name behind the settings (list wants none)")
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
	accounts := account.New(d, server)
	accounts.Own = accounts.ParseLogin(app.StewardName)
	if args[0] == "list" {
		return listAdmins(ctx, accounts)
	}
	u := accounts.ParseLogin(rest[0])
	switch args[0] {
	case "create":
		if u, err = accounts.NewLocal(u.Localpart()); err != nil {
			return said(err)
		}
		password, err := readPassword()
		if err != nil {
			return err
		}
		if err := accounts.Create(ctx, account.NewUser{User: u, Password: password, DisplayName: u.Localpart(), Admin: true}); err != nil {
			return said(err)
		}
		fmt.Println(u, "is an account and an administrator")
	case "grant", "revoke":
		if err := accounts.SetAdmin(ctx, "", u, args[0] == "grant"); err != nil {
			return said(err)
		}
		fmt.Println(u, map[bool]string{true: "is an administrator", false: "is no administrator any more"}[args[0] == "grant"])
	case "password":
		password, err := readPassword()
		if err != nil {
			return err
		}
		if err := accounts.SetPasswordOf(ctx, u, password, true); err != nil {
			return said(err)
		}
		fmt.Println(u, "has a new password and is signed out everywhere")
	case "unlink":
		s := sso.New(sso.Deps{DB: d, Accounts: accounts, Now: time.Now})
		if err := accounts.Active(ctx, u); err != nil {
			return said(err)
		}
		if err := s.Unlink(ctx, "system", u); err != nil {
			return said(err)
		}
		fmt.Println(u, "is linked to no account elsewhere any more")
	default:
		return fmt.Errorf("admin: there is no %q; `wardline admin help` lists what there is", args[0])
	}
	return nil
}

func listAdmins(ctx context.Context, accounts *account.Service) error {
	const page = 1000
	for from := 0; ; from += page {
		list, _, err := accounts.Accounts(ctx, "", false, from, page)
		if err != nil {
			return said(err)
		}
		for _, a := range list {
			if a.Admin {
				fmt.Println(a.User)
			}
		}
		if len(list) < page {
			return nil
		}
	}
}

// readPassword reads a line from the input, so that no password stands in a command that others can see.
func readPassword() (string, error) {
	fmt.Fprint(os.Stderr, "password: ")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.Join(errors.New("admin: the password is empty"), err)
	}
	return line, nil
}

// said is the sentence of a fault, for whoever sits at the machine.
func said(err error) error {
	if f := fault.As(err); f != nil {
		return errors.New(f.Public)
	}
	return err
}
