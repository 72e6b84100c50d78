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
