package signin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"wardline/clinical/directory"
	"wardline/clinical/staff"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// slapd is a real OpenLDAP on this machine, with a base, somebody who may read there but is given fifty entries at once at most, and a
// certificate of an authority that nobody else knows.
type slapd struct {
	t                     *testing.T
	plain, tls, authority string
	root                  *ldap.Conn
}

// watch sees in what slapd says of itself that it listens at each of its addresses.
type watch struct {
	want int
	seen chan struct{}
	rest string
}

func (w *watch) Write(p []byte) (int, error) {
	w.rest += string(p)
	for {
		line, rest, whole := strings.Cut(w.rest, "\n")
		if !whole {
			return len(p), nil
		}
		if w.rest = rest; strings.Contains(line, "added") && strings.Contains(line, "listener=0x") {
			if w.want--; w.want == 0 {
				close(w.seen)
			}
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	defer func() { ok(t, l.Close()) }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

const base = "ou=people,dc=trust,dc=example"

func startSlapd(t *testing.T) *slapd {
	t.Helper()
	program, err := exec.LookPath("slapd")
	if err != nil {
		program = "/usr/sbin/slapd"
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("slapd is not here; tools/need.sh test installs it")
	}
	dir := t.TempDir()
	ok(t, os.Mkdir(filepath.Join(dir, "db"), 0o700))
	s := &slapd{t: t, plain: "ldap://127.0.0.1:" + freePort(t), tls: "ldaps://127.0.0.1:" + freePort(t), authority: filepath.Join(dir, "ca.pem")}
	certificate(t, dir)
	conf := `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile ` + dir + `/ca.pem
TLSCertificateFile ` + dir + `/server.pem
TLSCertificateKeyFile ` + dir + `/server.key
database mdb
maxsize 67108864
suffix "dc=trust,dc=example"
rootdn "cn=root,dc=trust,dc=example"
rootpw secret
directory ` + dir + `/db
limits dn.exact="cn=wardline,dc=trust,dc=example" size.soft=50 size.hard=50 size.pr=500 size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=wardline,dc=trust,dc=example" read by * none
`
	ok(t, os.WriteFile(filepath.Join(dir, "slapd.conf"), []byte(conf), 0o600))
	cmd := exec.Command(program, "-d", "conns", "-f", filepath.Join(dir, "slapd.conf"), "-h", s.plain+" "+s.tls)
	said := &watch{want: 2, seen: make(chan struct{})}
	cmd.Stderr = said
	ok(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	select {
	case <-said.seen:
	case <-time.After(30 * time.Second):
		t.Fatalf("slapd does not listen")
	}
	s.root, err = ldap.DialURL(s.plain)
	ok(t, err)
	t.Cleanup(func() { _ = s.root.Close() })
	ok(t, s.root.Bind("cn=root,dc=trust,dc=example", "secret"))
	s.add("dc=trust,dc=example", "objectClass=dcObject,organization", "dc=trust", "o=Trust")
	s.add("cn=wardline,dc=trust,dc=example", "objectClass=person", "cn=wardline", "sn=wardline", "userPassword=sesame")
	s.add(base, "objectClass=organizationalUnit", "ou=people")
	return s
}

func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	raw, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	ok(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	ok(t, err)
	for name, block := range map[string]*pem.Block{"ca.pem": {Type: "CERTIFICATE", Bytes: raw}, "server.pem": {Type: "CERTIFICATE", Bytes: raw}, "server.key": {Type: "PRIVATE KEY", Bytes: secret}} {
		ok(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
}

// add makes an entry of attribute=value,value.
func (s *slapd) add(dn string, attributes ...string) {
	s.t.Helper()
	r := ldap.NewAddRequest(dn, nil)
	for _, a := range attributes {
		name, values, _ := strings.Cut(a, "=")
		r.Attribute(name, strings.Split(values, ","))
	}
	ok(s.t, s.root.Add(r))
}

func (s *slapd) person(n int, name string, more ...string) {
	s.t.Helper()
	first, last, _ := strings.Cut(name, " ")
	login := strings.ToLower(first) + strconv.Itoa(n)
	s.add("uid="+login+","+base, append([]string{"objectClass=inetOrgPerson", "uid=" + login, "cn=" + name, "givenName=" + first, "sn=" + last, "employeeNumber=" + strconv.Itoa(n)}, more...)...)
}

func (s *slapd) source() staff.LDAP {
	return staff.LDAP{URL: s.tls, CAFile: s.authority, BindDN: "cn=wardline,dc=trust,dc=example", Password: "sesame", Base: base, Filter: "(objectClass=inetOrgPerson)"}
}

func TestLDAP(t *testing.T) {
	s := startSlapd(t)
	w := open(t, "")
	bring := w.app.Clinic.Staff.ImportLDAP
	ctx := t.Context()
	for n := range 620 {
		s.person(1000+n, fmt.Sprintf("Person%d Example", n), "title=Staff nurse", "departmentNumber=Ward of no name", fmt.Sprintf("mail=p%d@st-elsewhere.example", n))
	}
	s.person(1, "O'BRIEN MARY") // a name in capitals, and no more than must be
	s.add("uid=nobody,"+base, "objectClass=inetOrgPerson", "uid=nobody", "cn=Without Number", "sn=Number")

	dry, err := bring(ctx, "", s.source(), staff.Options{Dry: true})
	ok(t, err)
	if dry.Rows != 622 || len(dry.New) != 621 || len(dry.Problems) != 1 || dry.Problems[0].Who != "Without Number" {
		t.Fatalf("a trial: %d rows, %d new, problems %v", dry.Rows, len(dry.New), dry.Problems)
	}
	find := func(login string) directory.Person {
		t.Helper()
		p, err := directory.FindPerson(ctx, w.app.DB, id.User("@"+login+":st-elsewhere"))
		if !fault.Is(err, fault.NotFound) {
			ok(t, err)
		}
		return p
	}
	if find("person01000").User != "" {
		t.Fatal("a trial brings people in")
	}
	for _, how := range []string{"ldaps", "starttls"} { // the second time nothing is left to do
		l := s.source()
		if how == "starttls" {
			l.URL, l.StartTLS = s.plain, true
		}
		rep, err := bring(ctx, "", l, staff.Options{})
		ok(t, err)
		if want := map[string]int{"ldaps": 621, "starttls": 0}[how]; len(rep.New) != want || len(rep.Changed) != 0 {
			t.Fatalf("%s: %d new, %d changed, want %d and none", how, len(rep.New), len(rep.Changed), want)
		}
	}
	if p := find("person11001"); p.Name != "Person1 Example" || p.Role != "Staff nurse" || p.Email != "p1@st-elsewhere.example" || p.Source != "ldap" || p.Ward != "" {
		t.Errorf("brought in: %+v", p)
	}

	t.Run("OK movers and leavers", func(t *testing.T) {
		change := ldap.NewModifyRequest("uid=person11001,"+base, nil)
		change.Replace("title", []string{"Sister"})
		ok(t, s.root.Modify(change))
		for n := range 3 {
			ok(t, s.root.Del(ldap.NewDelRequest(fmt.Sprintf("uid=person%d%d,%s", 2+n, 1002+n, base), nil)))
		}
		rep, err := bring(ctx, "", s.source(), staff.Options{})
		ok(t, err)
		if len(rep.Changed) != 1 || len(rep.Missing) != 3 || find("person21002").Left() {
			t.Errorf("changed %v, missing %v, left %v", rep.Changed, rep.Missing, find("person21002").Left())
		}
		_, err = bring(ctx, "", s.source(), staff.Options{Missing: true})
		ok(t, err)
		if find("person11001").Role != "Sister" || !find("person21002").Left() || !find("person41004").Left() || find("person51005").Left() {
			t.Error("movers or leavers are wrong")
		}
	})
	t.Run("OK a closed account has left, by whatever attribute says so", func(t *testing.T) {
		// A stand-in for Active Directory's number, which this schema does not have.
		l := s.source()
		l.Attributes = map[string]string{"status": "employeeType"}
		change := ldap.NewModifyRequest("uid=person61006,"+base, nil)
		change.Replace("employeeType", []string{"terminated"})
		ok(t, s.root.Modify(change))
		rep, err := bring(ctx, "", l, staff.Options{})
		ok(t, err)
		if len(rep.Leaving) != 1 || !find("person61006").Left() {
			t.Errorf("leaving %v", rep.Leaving)
		}
	})
	t.Run("ErrManyMissing a base that has moved lets nobody leave", func(t *testing.T) {
		l := s.source()
		l.Filter = "(uid=person7*)"
		if _, err := bring(ctx, "", l, staff.Options{Missing: true}); !fault.Is(err, fault.Conflict) || find("person81008").Left() {
			t.Errorf("%v", err)
		}
		l.Filter = "(uid=none)"
		if _, err := bring(ctx, "", l, staff.Options{Missing: true}); !fault.Is(err, fault.Conflict) {
			t.Errorf("nobody at all: %v", err)
		}
	})
}

func TestLDAP_BadDays(t *testing.T) {
	s := startSlapd(t)
	w := open(t, "")
	s.person(1, "Mary Example")
	for name, change := range map[string]func(l *staff.LDAP){
		"it does not accept":        func(l *staff.LDAP) { l.Password = "wrong" },
		"it has no such base":       func(l *staff.LDAP) { l.Base = "ou=none,dc=trust,dc=example" },
		"its certificate is not":    func(l *staff.LDAP) { l.CAFile = "" },
		"it does not answer":        func(l *staff.LDAP) { l.URL = "ldap://127.0.0.1:1" },
		"the directory server can":  func(l *staff.LDAP) { l.CAFile = "/nowhere/ca.pem" },
		"The directory server know": func(l *staff.LDAP) { l.BindDN, l.Base = "", "dc=trust,dc=example"; l.Filter = "(uid=mary1)" },
	} {
		t.Run("Err "+name, func(t *testing.T) {
			l := s.source()
			change(&l)
			_, err := w.app.Clinic.Staff.ImportLDAP(t.Context(), "", l, staff.Options{Missing: true})
			f := fault.As(err)
			if f == nil || !strings.Contains(strings.ToLower(f.Public), strings.ToLower(name)) && !strings.Contains(f.Public, "no such base") {
				t.Errorf("%v, want %q", err, name)
			}
			if f != nil && strings.Contains(f.Public, "wrong") {
				t.Error("the password is repeated")
			}
		})
	}
	good := s.source()
	for want, change := range map[string]func(l *staff.LDAP){
		"without encryption": func(l *staff.LDAP) { l.URL = "ldap://ad.trust.example" },
		"encrypted already":  func(l *staff.LDAP) { l.StartTLS = true },
		"ldap-base":          func(l *staff.LDAP) { l.Base = "" },
		"ldap-password-file": func(l *staff.LDAP) { l.Password = "" },
		"ldap-filter":        func(l *staff.LDAP) { l.Filter = "(uid=" },
		"ldap-attributes":    func(l *staff.LDAP) { l.Attributes = map[string]string{"shoe size": "x"} },
		"ldap-url":           func(l *staff.LDAP) { l.URL = "http://x" },
	} {
		l := good
		if change(&l); l.Check() == nil || !strings.Contains(l.Check().Error(), want) {
			t.Errorf("settings: %v, want %q", l.Check(), want)
		}
	}
	ok(t, good.Check())
	if !slices.Contains(staff.Fields(), "number") {
		t.Error("there is no field for the staff number")
	}
}
