package app

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"wardline/clinical/staff"
)

// LDAP is the directory server that the settings name; its URL is "" when they name none.
func (c Config) LDAP() (staff.LDAP, error) {
	l := staff.LDAP{URL: c.LDAPURL, StartTLS: c.LDAPStartTLS, CAFile: c.LDAPCAFile, BindDN: c.LDAPBindDN, Base: c.LDAPBase, Filter: c.LDAPFilter, Attributes: map[string]string{}}
	if l.URL == "" {
		return l, nil
	}
	if l.Filter == "" {
		l.Filter = "(objectClass=person)"
	}
	for _, pair := range words(c.LDAPAttributes) {
		field, attribute, ok := strings.Cut(pair, "=")
		if !ok {
			return l, fmt.Errorf("ldap-attributes: %q is no field=attribute", pair)
		}
		l.Attributes[strings.TrimSpace(field)] = strings.TrimSpace(attribute)
	}
	if c.LDAPPassword != "" {
		raw, err := os.ReadFile(c.LDAPPassword)
		if err != nil {
			return l, fmt.Errorf("ldap-password-file: %w", err)
		}
		l.Password = strings.TrimRight(string(raw), "\r\n")
	}
	return l, l.Check()
}

// importing has people imported from the directory server by itself, where the operator wants it.
func (a *App) importing() error {
	l, err := a.Config.LDAP()
	if err != nil {
		return err
	}
	if l.URL == "" {
		if a.Config.LDAPEvery > 0 {
			return errors.New("ldap-every needs ldap-url")
		}
		return nil
	}
	a.Clinic.Staff.LDAP = &l
	if a.Config.LDAPEvery > 0 {
		a.Group.Go("staff.ldap", a.Clinic.Staff.RunLDAP(l, a.Config.LDAPMissing, a.Config.LDAPEvery, a.Log))
	}
	return nil
}
