package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/factor"
	"wardline/matrix/id"
	"wardline/matrix/passkey"
	"wardline/matrix/sso"
)

// signingIn builds what people prove themselves with besides a password, and what signs them in elsewhere. secret is the server's own.
func (a *App) signingIn(secret []byte) error {
	factors, err := factor.New(a.DB, a.Accounts, secret, string(a.Accounts.Server()), time.Now)
	if err != nil {
		return err
	}
	a.Factors, a.Accounts.Second = factors, factors.Check
	a.Passkeys = passkey.New(a.DB, a.Accounts, "Wardline", time.Now)
	return a.signOn()
}

// signOn builds what signs people in by other servers, when the operator has named any. Whom they mean is asked of the accounts alone,
// until the directory knows better.
func (a *App) signOn() error {
	switch a.Config.Passwords {
	case "", "all":
	case "admins":
		a.Accounts.NoPasswords = true
	default:
		return fmt.Errorf("passwords: %q is neither all nor admins", a.Config.Passwords)
	}
	if a.Config.SSO == "" {
		if a.Accounts.NoPasswords {
			return errors.New("passwords = admins needs sso: otherwise nobody else could sign in")
		}
		return nil
	}
	if a.Config.PublicURL == "" {
		return errors.New("sso needs public-url, which identity providers send people back to")
	}
	all, err := sso.Load(a.Config.SSO)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("sso: there is no .yaml file in %s", a.Config.SSO)
	}
	a.SSO = sso.New(sso.Deps{DB: a.DB, Accounts: a.Accounts, Log: a.Log, Now: time.Now, Public: strings.TrimSuffix(a.Config.PublicURL, "/"), Providers: all,
		Find: a.accountNamed, May: func(ctx context.Context, q db.Querier, u id.User) error { return a.Accounts.Exists(ctx, q, u) }, OnEnded: a.OAuth.EndVisits})
	return nil
}

// accountNamed finds an account by its name, which is all that a server without a directory knows of anybody.
func (a *App) accountNamed(ctx context.Context, q db.Querier, by, value string) (id.User, error) {
	if by != "login" {
		return "", fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
	}
	name, _, _ := strings.Cut(strings.ToLower(value), "@")
	u, err := id.NewUser(name, a.Accounts.Server())
	if err != nil {
		return "", fault.Wrap(fault.NotFound, "M_NOT_FOUND", "Not found.", err)
	}
	return u, a.Accounts.Exists(ctx, q, u)
}
