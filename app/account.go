package app

import (
	"context"
	"errors"

	"wardline/matrix/account"
)

// registration says who may make an account, and how people are written to.
func (a *App) registration(ctx context.Context) error {
	c := a.Config
	if c.RegistrationEmail && c.SMTPServer == "" {
		return errors.New("registration-email needs smtp-server")
	}
	if c.OAuth && c.PublicURL == "" {
		return errors.New("oauth needs public-url, which apps are told to send people to")
	}
	if c.SMTPServer != "" && c.PublicURL == "" {
		return errors.New("smtp-server needs public-url: otherwise whoever asks for a letter chooses where its link leads")
	}
	a.Accounts.Registration = account.Registration{Open: c.OpenRegistration, Tokens: c.RegistrationTokens, Email: c.RegistrationEmail}
	a.Accounts.Managed = words(c.ManagedProfile)
	if c.SMTPServer != "" {
		m := account.SMTP{Server: c.SMTPServer, From: c.SMTPFrom, User: c.SMTPUser, Password: c.SMTPPassword, Plain: c.SMTPPlain}
		if err := m.Check(); err != nil {
			return err
		}
		a.Accounts.Mail = m.Send
	}
	return a.Accounts.LoadErased(ctx)
}

// whileShut are the calls that a locked device may make: those that open or end it, and those that tell it that somebody needs it
// without telling what for.
var whileShut = map[string]bool{
	"GET /_wardline/v1/lock": true, "POST /_wardline/v1/lock": true, "POST /_wardline/v1/lock/open": true, "POST /_wardline/v1/lock/passkey": true, "GET /_wardline/v1/session": true,
	"DELETE /_wardline/v1/session": true, "POST /_wardline/v1/pages/{id}/reached": true, "POST /_wardline/v1/tests/{run}/reached": true, "POST /_matrix/client/v3/logout": true,
}

// shut refuses what a locked device asks. What is not named is refused, so that a new call is closed to it until somebody opens it.
func (a *App) shut(pattern string, who account.Actor) error {
	if !a.Locks.Locked(who) || whileShut[pattern] {
		return nil
	}
	return a.Locks.Refusal()
}
