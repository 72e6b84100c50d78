package staff

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/id"
)

// LDAP is a directory server that knows who works here.
type LDAP struct {
	URL        string // ldaps://host or ldap://host
	StartTLS   bool   // ask an ldap:// server for encryption before anything else
	CAFile     string // authorities to believe besides the system's
	BindDN     string // as whom; "" for nobody in particular
	Password   string
	Base       string            // where people are
	Filter     string            // which of them
	Attributes map[string]string // field of Fields → attribute, where they differ from the usual ones
}

// How long a directory may take over one answer, and how many people it sends at once.
const (
	ldapTime = 30 * time.Second
	ldapPage = 500
)

// attributes are where directories keep what an import understands; the first that an entry has counts.
var attributes = map[string][]string{
	"number": {"employeeNumber", "employeeID"}, "first": {"givenName"}, "last": {"sn"}, "name": {"displayName", "cn"}, "role": {"title"}, "ward": {"department", "departmentNumber"},
	"email": {"mail"}, "login": {"uid", "sAMAccountName"}, "profession": {"employeeType"},
}

// states are attributes that say that an account is closed, each with how it says so.
var states = map[string]func(string) bool{
	"userAccountControl": func(v string) bool { n, err := strconv.ParseInt(v, 10, 64); return err == nil && n&2 != 0 }, // Active Directory's "disabled"
	"nsAccountLock":      func(v string) bool { return strings.EqualFold(v, "true") },
	"loginDisabled":      func(v string) bool { return strings.EqualFold(v, "true") },
}

// Check says what of the settings makes no sense. A password is never sent where others could read it.
func (l LDAP) Check() error {
	u, err := url.Parse(l.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "ldap" && u.Scheme != "ldaps":
		return errors.New("ldap-url: ldaps://host or ldap://host")
	case u.Scheme == "ldaps" && l.StartTLS:
		return errors.New("ldap-start-tls: ldaps:// is encrypted already")
	case u.Scheme == "ldap" && !l.StartTLS && !onThisMachine(u.Hostname()):
		return errors.New("ldap-url: without encryption only on this machine; use ldaps:// or ldap-start-tls")
	case l.Base == "":
		return errors.New("ldap-base is missing: where are the people?")
	case l.BindDN != "" && l.Password == "": // many servers take that for nobody in particular, and say yes
		return errors.New("ldap-password-file is missing or empty")
	}
	if _, err := ldap.CompileFilter(l.Filter); err != nil {
		return fmt.Errorf("ldap-filter: %w", err)
	}
	for field, attribute := range l.Attributes {
		if !slices.Contains(Fields(), field) || attribute == "" {
			return fmt.Errorf("ldap-attributes: there is no field %q; %s", field, strings.Join(Fields(), ", "))
		}
	}
	return nil
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// dial opens a connection and proves who this server is.
func (l LDAP) dial() (*ldap.Conn, error) {
	u, err := url.Parse(l.URL)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	if l.CAFile != "" {
		raw, err := os.ReadFile(l.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ldap-ca-file: %w", err)
		}
		if conf.RootCAs, err = x509.SystemCertPool(); err != nil {
			conf.RootCAs = x509.NewCertPool()
		}
		if !conf.RootCAs.AppendCertsFromPEM(raw) {
			return nil, errors.New("ldap-ca-file: the file holds no certificate")
		}
	}
	c, err := ldap.DialURL(l.URL, ldap.DialWithTLSConfig(conf), ldap.DialWithDialer(&net.Dialer{Timeout: ldapTime}))
	if err != nil {
		return nil, err
	}
	c.SetTimeout(ldapTime)
	if l.StartTLS {
		err = c.StartTLS(conf)
	}
	if err == nil && l.BindDN != "" {
		err = c.Bind(l.BindDN, l.Password)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// read asks for everybody, a page at a time. An answer that is not whole is an error: what is missing would look like people who left.
func (l LDAP) read(ctx context.Context, now time.Time) (t *table, err error) {
	c, err := l.dial()
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // everything that matters was read
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	wanted := map[string]string{}
	var names []string
	for field, usual := range attributes {
		if own := l.Attributes[field]; own != "" {
			usual = []string{own}
		}
		names = append(names, usual...)
		wanted[field] = strings.Join(usual, " or ")
	}
	for field, own := range l.Attributes {
		if attributes[field] == nil {
			names, wanted[field] = append(names, own), own
		}
	}
	for name := range states {
		names = append(names, name)
	}
	res, err := c.SearchWithPaging(ldap.NewSearchRequest(l.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, l.Filter, names, nil), ldapPage)
	if err != nil {
		return nil, err
	}
	if len(res.Entries) > maxRows {
		return nil, fault.New(fault.TooLarge, "M_TOO_LARGE", fmt.Sprintf("The directory has more than %d people. Narrow the filter.", maxRows))
	}
	t = &table{columns: wanted}
	for i, e := range res.Entries {
		l.take(t, i+1, e, now)
	}
	return t, nil
}

// take makes a line of an entry.
func (l LDAP) take(t *table, line int, from *ldap.Entry, now time.Time) {
	get := func(field string) string {
		usual := attributes[field]
		if own := l.Attributes[field]; own != "" {
			usual = []string{own}
		}
		for _, name := range usual {
			if v := from.GetEqualFoldAttributeValue(name); v != "" && utf8.ValidString(v) {
				return strings.TrimSpace(v)
			}
		}
		return ""
	}
	e := entryOf(get)
	gone, err := leaves(get("leaving"), get("status"), now)
	e.Leaves = gone
	for name, closed := range states {
		e.Leaves = e.Leaves || closed(from.GetEqualFoldAttributeValue(name))
	}
	if err == nil {
		e, err = e.clean()
	}
	if err == nil && e.Number == "" {
		err = fault.New(fault.Invalid, "", "The staff number is missing.")
	}
	if f := fault.As(err); f != nil {
		t.problems = append(t.problems, Problem{line, e.Name, f.Public})
		return
	}
	t.entries, t.lines = append(t.entries, e), append(t.lines, line)
}

// sourceLDAP is who keeps entries that came from a directory server.
const sourceLDAP = "ldap"

// ImportLDAP brings the directory in line with what a directory server says, as Import does with a file. A server that does not answer, or
// not to the end, is fault.Unavailable and changes nothing.
func (s *Service) ImportLDAP(ctx context.Context, by id.User, l LDAP, o Options) (Report, error) {
	t, err := l.read(ctx, s.Now())
	if fault.As(err) != nil {
		return Report{}, err
	}
	if err != nil {
		return Report{}, fault.Wrap(fault.Unavailable, "M_UNKNOWN", "The directory server cannot be asked: "+plainly(err)+" Nothing was changed.", err)
	}
	if len(t.entries)+len(t.problems) == 0 {
		return Report{}, fault.New(fault.Conflict, "UK_WARDLINE_NOBODY", "The directory server knows nobody there. Look at the base and the filter; nothing was changed.")
	}
	o.Source, o.Loose = sourceLDAP, true
	return s.bring(ctx, by, t, o)
}

// plainly says for people what a directory server said in numbers.
func plainly(err error) string {
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials):
		return "it does not accept the name and password."
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		return "it has no such base."
	case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded), ldap.IsErrorWithCode(err, ldap.LDAPResultAdminLimitExceeded):
		return "it does not give out that many people."
	case ldap.IsErrorWithCode(err, ldap.LDAPResultInsufficientAccessRights):
		return "the name may not read there."
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return "its certificate is not one that this server believes."
	}
	return "it does not answer."
}

// RunLDAP imports every so often until ctx ends. What fails is told to the operator and tried again the next time.
func (s *Service) RunLDAP(l LDAP, missing bool, every time.Duration, log *slog.Logger) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		for {
			rep, err := s.ImportLDAP(ctx, "", l, Options{Missing: missing})
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				log.Error("the staff directory could not be imported", "err", err)
			default:
				log.Info("staff directory imported", "people", rep.Rows, "new", len(rep.New), "changed", len(rep.Changed), "leaving", len(rep.Leaving), "missing", len(rep.Missing), "problems", len(rep.Problems))
			}
			if !run.Wait(ctx, every, nil) {
				return nil
			}
		}
	}
}
