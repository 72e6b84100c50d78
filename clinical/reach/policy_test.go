package reach

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"wardline/clinical/carrier"
	"wardline/matrix/account"
)

const key = "name-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0"

func TestParse(t *testing.T) {
	out := Outside{Client: http.DefaultClient, Now: time.Now, Mail: func(context.Context, account.Letter) error { return nil }}
	good := `{"carriers":[{"way":"sms","kind":"govuk-notify","key":"` + key + `","template":"t"},{"way":"voice","kind":"webhook","url":"https://x.example","secret":"0123456789abcdef"},
		{"way":"pager","kind":"tap","address":"serial:/dev/ttyS0"},{"way":"email","kind":"smtp"}],"urgent":{"voice":"2m","sms":"1m","pager":"0s"},"emergency":{"sms":"0s"}}`
	c, err := Parse([]byte(good), out)
	if err != nil || len(c.Carriers) != 4 || len(c.Urgent) != 3 || c.Urgent[0].Way != Pager || c.Urgent[2] != (When{Voice, 2 * time.Minute}) || len(c.Emergency) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	if c, err := Parse([]byte(`{}`), out); err != nil || len(c.Carriers) != 0 {
		t.Errorf("an empty file: %v", err)
	}
	signer, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	out.File = func(name string) ([]byte, error) {
		if name != "notify.pem" {
			return nil, fs.ErrNotExist
		}
		return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(signer)}), nil
	}
	c, err = Parse([]byte(`{"carriers":[{"way":"sms","kind":"nhs-notify","key":"k","kid":"live-1","private":"notify.pem","app":"a","token":"t"},
		{"way":"email","kind":"nhs-notify","key":"k","kid":"live-1","private":"notify.pem","plan":"p"}]}`), out)
	if err != nil {
		t.Fatal(err)
	}
	if n, is := c.Carriers[SMS].(*carrier.NHSNotify); !is || n.Base != "https://api.service.nhs.uk/comms" || n.Way != "sms" || n.KeyID != "live-1" || n.App != "a" || n.Token != "t" {
		t.Errorf("%+v", c.Carriers[SMS])
	}
	for bad, want := range map[string]string{
		`{"carriers":[{"way":"voice","kind":"nhs-notify","key":"k","kid":"i","private":"notify.pem"}]}`:               "makes no calls",
		`{"carriers":[{"way":"sms","kind":"nhs-notify","key":"k","private":"notify.pem"}]}`:                           "kid",
		`{"carriers":[{"way":"sms","kind":"nhs-notify","key":"k","kid":"i","private":"none.pem"}]}`:                   "not exist",
		`{"carriers":[{"way":"sms","kind":"nhs-notify","key":"k","kid":"i","private":"notify.pem","token":"t"}]}`:     "app",
		`{"carriers":[{"way":"sms","kind":"nhs-notify","key":"k","kid":"i","private":"notify.pem","url":"ftp://x"}]}`: "url",
		`{`:                            "unexpected",
		`{"carrier":[]}`:               "unknown field",
		`{"carriers":[{"way":"fax"}]}`: "fax",
		`{"carriers":[{"way":"sms","kind":"pigeon"}]}`:                                              "pigeon",
		`{"carriers":[{"way":"voice","kind":"govuk-notify","key":"` + key + `","template":"t"}]}`:   "text messages only",
		`{"carriers":[{"way":"sms","kind":"govuk-notify","key":"short","template":"t"}]}`:           "36",
		`{"carriers":[{"way":"sms","kind":"govuk-notify","key":"` + key + `"}]}`:                    "template",
		`{"carriers":[{"way":"sms","kind":"webhook","url":"https://x.example","secret":"short"}]}`:  "16",
		`{"carriers":[{"way":"sms","kind":"webhook","url":"ftp://x","secret":"0123456789abcdef"}]}`: "url",
		`{"carriers":[{"way":"sms","kind":"tap","address":"tcp:x:1"}]}`:                             "pagers",
		`{"carriers":[{"way":"pager","kind":"tap","address":"x:1"}]}`:                               "begins with",
		`{"carriers":[{"way":"pager","kind":"snpp"}]}`:                                              "address",
		`{"carriers":[{"way":"email","kind":"smtp"},{"way":"email","kind":"smtp"}]}`:                "two carriers",
		`{"urgent":{"sms":"1m"}}`: "no carrier",
		`{"carriers":[{"way":"email","kind":"smtp"}],"urgent":{"email":"soon"}}`:   "how long",
		`{"carriers":[{"way":"email","kind":"smtp"}],"emergency":{"email":"-1s"}}`: "how long",
	} {
		if _, err := Parse([]byte(bad), out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want something about %q", bad, err, want)
		}
	}
	out.Mail = nil
	if _, err := Parse([]byte(`{"carriers":[{"way":"email","kind":"smtp"}]}`), out); err == nil {
		t.Error("smtp without smtp-server passed")
	}
}

// What a sender writes as a callback leaves the trust only when it can be nothing but an extension.
func TestExtension(t *testing.T) {
	for in, want := range map[string]string{"2345": "2345", "ext. 23 45": "2345", "bleep 812": "812", "": "", "me": "", "12": "", "999 123 4567": "", "07700 900123": ""} {
		if got := extension(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func TestSpell(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Minute: "1 min", 2 * time.Minute: "2 min", 45 * time.Second: "45 s", 90 * time.Second: "90 s"} {
		if got := spell(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
