package sso

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.yaml.in/yaml/v3"
)

// Profiles: what differs between providers that all speak the same language.
const (
	Generic = "generic"
	Entra   = "entra" // Microsoft's, one tenant of it
	CIS2    = "cis2"  // for care staff of a country: keys instead of secrets, and levels of assurance
)

// File is what an operator says of one provider, in a file of its own. Secrets are named, never written in it.
type File struct {
	ID           string   `yaml:"id"`      // in addresses; letters, digits, - and _
	Name         string   `yaml:"name"`    // as people know it
	Profile      string   `yaml:"profile"` // generic, entra or cis2
	Issuer       string   `yaml:"issuer"`
	ClientID     string   `yaml:"client_id"`
	SecretFile   string   `yaml:"client_secret_file"`
	SecretEnv    string   `yaml:"client_secret_env"`
	KeyFile      string   `yaml:"private_key_file"` // PEM
	KeyID        string   `yaml:"private_key_id"`
	KeyAlgorithm string   `yaml:"private_key_alg"`
	CAFile       string   `yaml:"ca_file"` // authorities to believe besides the system's
	Scopes       []string `yaml:"scopes"`
	UserInfo     *bool    `yaml:"userinfo"` // ask there too for claims
	Claim        string   `yaml:"claim"`    // which says who somebody is
	Person       string   `yaml:"person"`   // how it is read: email, number, registration or login
	TrustEmail   bool     `yaml:"trust_email"`
	Create       bool     `yaml:"create"` // bring in whom nobody knows

	ACRValues string   `yaml:"acr_values"` // to ask for
	ACR       []string `yaml:"require_acr"`
	AMR       []string `yaml:"require_amr"`
	Assurance int      `yaml:"require_assurance"` // cis2: least authentication_assurance_level
	Identity  int      `yaml:"require_identity"`  // cis2: least id_assurance_level
}

var idSpelling = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// persons are the ways to read a claim.
var persons = []string{"email", "number", "registration", "login"}

// Load reads the files of a folder that end with .yaml or .yml. What is missing, unknown or makes no sense is an error that says where.
func Load(dir string) ([]*Provider, error) {
	var all []*Provider
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("folder of identity providers: %w", err)
	}
	for _, pattern := range []string{"*.yaml", "*.yml"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			p, err := read(name)
			if err != nil {
				return nil, fmt.Errorf("identity provider %s: %w", filepath.Base(name), err)
			}
			if slices.ContainsFunc(all, func(o *Provider) bool { return o.ID == p.ID || o.Issuer == p.Issuer }) {
				return nil, fmt.Errorf("identity provider %s: another one has the same id or issuer", filepath.Base(name))
			}
			all = append(all, p)
		}
	}
	return all, nil
}

func read(name string) (*Provider, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var f File
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		return nil, err
	}
	at := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(filepath.Dir(name), path)
	}
	f.SecretFile, f.KeyFile, f.CAFile = at(f.SecretFile), at(f.KeyFile), at(f.CAFile)
	return NewProvider(f)
}

// secure says whether an address may be called: by https, or on this machine.
func secure(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return false
	}
	host := u.Hostname()
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || host == "127.0.0.1" || host == "::1")
}

// manyTenants are Microsoft's issuers for everybody: whoever has an account anywhere would be believed whatever they call themselves.
var manyTenants = []string{"/common/", "/organizations/", "/consumers/"}

// NewProvider completes what a file says with what its profile means.
func NewProvider(f File) (*Provider, error) {
	if f.Profile == "" {
		f.Profile = Generic
	}
	for field, value := range map[string]string{"id": f.ID, "name": f.Name, "issuer": f.Issuer, "client_id": f.ClientID} {
		if value == "" {
			return nil, fmt.Errorf("%s is missing", field)
		}
	}
	switch {
	case !idSpelling.MatchString(f.ID):
		return nil, errors.New("id: at most 32 small letters, digits, - and _")
	case len(f.Name) > 60:
		return nil, errors.New("name: at most 60 letters, it stands on a button")
	case !secure(f.Issuer):
		return nil, errors.New("issuer: an https address")
	case f.Assurance != 0 && f.Profile != CIS2, f.Identity != 0 && f.Profile != CIS2:
		return nil, errors.New("require_assurance and require_identity belong to the profile cis2")
	}
	switch f.Profile {
	case Generic:
	case Entra:
		if slices.ContainsFunc(manyTenants, func(part string) bool { return strings.Contains(strings.ToLower(f.Issuer)+"/", part) }) {
			return nil, errors.New("issuer: name your own tenant; this one is everybody's, and they may call themselves what they like")
		}
		f.Claim, f.Person = first(f.Claim, "preferred_username"), first(f.Person, "email")
	case CIS2:
		if f.KeyFile == "" {
			return nil, errors.New("private_key_file is missing: cis2 knows this server by its key")
		}
		if f.Assurance == 0 {
			f.Assurance = 2
		}
		if f.Assurance < 1 || f.Assurance > 3 || f.Identity < 0 || f.Identity > 3 {
			return nil, errors.New("levels of assurance are 1 to 3")
		}
		f.ACRValues = first(f.ACRValues, map[bool]string{true: "AAL3_ANY", false: "AAL2_OR_AAL3_ANY"}[f.Assurance == 3])
		f.KeyAlgorithm = first(f.KeyAlgorithm, "RS512")
		f.TrustEmail = true // of its own directory; it says nothing of email_verified
	default:
		return nil, fmt.Errorf("profile: there is no %q; generic, entra and cis2", f.Profile)
	}
	f.Claim, f.Person = first(f.Claim, "email"), first(f.Person, "email")
	if !slices.Contains(persons, f.Person) {
		return nil, fmt.Errorf("person: there is no %q; %s", f.Person, strings.Join(persons, ", "))
	}
	if len(f.Scopes) == 0 {
		f.Scopes = []string{"openid", "profile", "email"}
	}
	if !slices.Contains(f.Scopes, "openid") {
		f.Scopes = append([]string{"openid"}, f.Scopes...)
	}
	ask := f.Profile == CIS2
	if f.UserInfo != nil {
		ask = *f.UserInfo
	}
	p := &Provider{ID: f.ID, Name: f.Name, Issuer: f.Issuer, Person: f.Person, Create: f.Create, file: f, userInfo: ask, acrValues: f.ACRValues, now: time.Now}
	if err := p.credentials(); err != nil {
		return nil, err
	}
	client, err := caller(f.CAFile)
	p.http = client
	return p, err
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// credentials reads what this server proves itself with.
func (p *Provider) credentials() error {
	f := p.file
	n := 0
	for _, given := range []string{f.SecretFile, f.SecretEnv, f.KeyFile} {
		if given != "" {
			n++
		}
	}
	if n > 1 {
		return errors.New("only one of client_secret_file, client_secret_env and private_key_file")
	}
	switch {
	case f.SecretFile != "":
		raw, err := os.ReadFile(f.SecretFile)
		if err != nil {
			return fmt.Errorf("client_secret_file: %w", err)
		}
		if p.secret = strings.TrimSpace(string(raw)); p.secret == "" {
			return errors.New("client_secret_file: the file is empty")
		}
	case f.SecretEnv != "":
		if p.secret = os.Getenv(f.SecretEnv); p.secret == "" {
			return fmt.Errorf("client_secret_env: %s is not set", f.SecretEnv)
		}
	case f.KeyFile != "":
		return p.readKey()
	}
	return nil
}

func (p *Provider) readKey() error {
	raw, err := os.ReadFile(p.file.KeyFile)
	if err != nil {
		return fmt.Errorf("private_key_file: %w", err)
	}
	key, err := parseKey(raw)
	if err != nil {
		return fmt.Errorf("private_key_file: %w", err)
	}
	name := p.file.KeyAlgorithm
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < 2048 {
			return errors.New("private_key_file: RSA keys have 2048 bits or more")
		}
		name = first(name, "RS256")
	case *ecdsa.PrivateKey:
		name = first(name, map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[k.Curve.Params().BitSize])
	default:
		return errors.New("private_key_file: an RSA or EC key")
	}
	if !slices.Contains(safe, jose.SignatureAlgorithm(name)) {
		return fmt.Errorf("private_key_alg: %q is not used here", name)
	}
	jwk := jose.JSONWebKey{Key: key, KeyID: p.file.KeyID, Algorithm: name, Use: "sig"}
	if jwk.KeyID == "" {
		if jwk.KeyID, err = thumbprint(jwk); err != nil {
			return err
		}
	}
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", jwk.KeyID)
	p.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(name), Key: key}, options)
	if err != nil {
		return fmt.Errorf("private_key_alg: %w", err)
	}
	p.public = jwk.Public()
	return nil
}

func parseKey(raw []byte) (crypto.PrivateKey, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errors.New("the file is not PEM")
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	return nil, errors.New("the file holds no private key without a password")
}
