package sso

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func pemOf(t *testing.T, key any) string {
	t.Helper()
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

const good = "id: op\nname: Trust sign-in\nissuer: https://op.example.org\nclient_id: c\n"

// TestLoad is a table of what an operator may write, and what they are told when it makes no sense.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "rsa.pem", pemOf(t, big))
	write(t, dir, "ec.pem", pemOf(t, curve))
	write(t, dir, "secret", " sesame\n")
	write(t, dir, "empty", "\n")
	write(t, dir, "junk.pem", "not a key")
	t.Setenv("OP_SECRET", "sesame")
	for text, want := range map[string]string{
		good:                                    "",
		good + "client_secret_file: secret\n":   "",
		good + "client_secret_env: OP_SECRET\n": "",
		good + "private_key_file: rsa.pem\n":    "",
		good + "private_key_file: ec.pem\nprivate_key_alg: ES256\n":                                                            "",
		good + "profile: cis2\nprivate_key_file: rsa.pem\n":                                                                    "",
		good + "profile: cis2\nprivate_key_file: rsa.pem\nrequire_assurance: 3\nrequire_identity: 3\n":                         "",
		strings.Replace(good, "https://op.example.org", "https://login.microsoftonline.com/0f1e/v2.0", 1) + "profile: entra\n": "",
		strings.Replace(good, "https:", "http:", 1):                                                                            "issuer",
		strings.Replace(good, "op.example.org", "me:pw@op.example.org", 1):                                                     "issuer",
		strings.Replace(good, "id: op", "id: Op!", 1):                                                                          "id:",
		strings.Replace(good, "client_id: c\n", "", 1):                                                                         "client_id is missing",
		good + "client_secret: sesame\n":                                                                                       "client_secret",
		good + "profil: entra\n":                                                                                               "profil",
		good + "profile: saml\n":                                                                                               "there is no \"saml\"",
		good + "person: shoe\n":                                                                                                "there is no \"shoe\"",
		good + "require_assurance: 2\n":                                                                                        "belong to the profile cis2",
		good + "profile: cis2\n":                                                                                               "private_key_file is missing",
		good + "profile: cis2\nprivate_key_file: rsa.pem\nrequire_assurance: 4\n":                                              "1 to 3",
		good + "client_secret_file: secret\nprivate_key_file: rsa.pem\n":                                                       "only one of",
		good + "client_secret_file: empty\n":                                                                                   "empty",
		good + "client_secret_file: nowhere\n":                                                                                 "client_secret_file",
		good + "client_secret_env: NO_SUCH_NAME\n":                                                                             "is not set",
		good + "private_key_file: junk.pem\n":                                                                                  "not PEM",
		good + "private_key_file: rsa.pem\nprivate_key_alg: HS256\n":                                                           "not used here",
		good + "private_key_file: rsa.pem\nprivate_key_alg: ES256\n":                                                           "private_key_alg",
		good + "ca_file: junk.pem\n":                                                                                           "no certificate",
		strings.Replace(good, "https://op.example.org", "https://login.microsoftonline.com/common/v2.0", 1) + "profile: entra\n":   "your own tenant",
		strings.Replace(good, "https://op.example.org", "https://login.microsoftonline.com/ORGANIZATIONS", 1) + "profile: entra\n": "your own tenant",
	} {
		write(t, dir, "op.yaml", text)
		all, err := Load(dir)
		if want == "" && (err != nil || len(all) != 1) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %d providers, %v, want %q", text, len(all), err, want)
		}
		if err != nil && strings.Contains(err.Error(), "sesame") && !strings.Contains(text, "client_secret: sesame") {
			t.Errorf("the error repeats a secret: %v", err)
		}
	}
	write(t, dir, "op.yaml", good)
	write(t, dir, "two.yml", good)
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "same id or issuer") {
		t.Errorf("two of one id: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a folder that there is not")
	}
}

func TestKeys_ShowNoSecret(t *testing.T) {
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "rsa.pem", pemOf(t, key))
	write(t, dir, "op.yaml", good+"private_key_file: rsa.pem\n")
	all, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(all[0].Keys())
	if err != nil || !strings.Contains(string(raw), `"kid"`) || strings.Contains(string(raw), `"d":`) || strings.Contains(string(raw), `"p":`) {
		t.Errorf("%s, %v", raw, err)
	}
}

// TestText reads claims as providers write them.
func TestText(t *testing.T) {
	for raw, want := range map[string]string{`"a"`: "a", `3`: "3", `true`: "true", `null`: "", `{}`: "", `["a"]`: "", ``: ""} {
		if got := text(json.RawMessage(raw)); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
	for raw, want := range map[string]int64{`"3"`: 3, `3`: 3, `3.0`: 3, `"AAL3"`: 0, `null`: 0, `-1`: -1} {
		if got := number(json.RawMessage(raw)); got != want {
			t.Errorf("%s: %d, want %d", raw, got, want)
		}
	}
	for s, want := range map[string]string{"A.B@x.example": "a.b@x.example", "A <a@x.example>": "", "a@x.example, b@x.example": "", "": "", "nobody": ""} {
		if got := address(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
