package carrier_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"wardline/clinical/carrier"
)

// notify is NHS Notify as its specification has it, over the wire: it gives tokens to whoever proves themselves, and takes messages from
// whoever has one. Without answers of its own it hands messages to next.
type notify struct {
	*httptest.Server
	t    *testing.T
	key  *rsa.PrivateKey
	next http.Handler

	mu      sync.Mutex
	life    string // of a token, as the answer has it
	tokens  []string
	seen    map[string]bool // ids of proofs
	taken   map[string]bool // references of messages
	answers []func(w http.ResponseWriter)
	heard   [][]byte
}

func newNotify(t *testing.T) (*notify, *carrier.NHSNotify) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	n := &notify{t: t, key: key, life: `"599"`, seen: map[string]bool{}, taken: map[string]bool{}}
	n.Server = httptest.NewServer(n)
	t.Cleanup(n.Close)
	return n, &carrier.NHSNotify{Base: n.URL + "/comms/", Way: "sms", Key: "api key", KeyID: "live-1", Signs: key, App: "app id", Token: "callback key", Client: n.Client(), Now: time.Now}
}

func (n *notify) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.URL.Path == "/oauth2/token" {
		n.give(w, r)
		return
	}
	if len(n.tokens) == 0 || r.Header.Get("Authorization") != "Bearer "+n.tokens[len(n.tokens)-1] {
		w.WriteHeader(401)
		return
	}
	if len(n.answers) > 0 {
		fn := n.answers[0]
		n.answers = n.answers[1:]
		fn(w)
		return
	}
	if n.next != nil {
		n.mu.Unlock()
		defer n.mu.Lock()
		n.next.ServeHTTP(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	n.heard = append(n.heard, body)
	got, answer := message(n.t, r, body)
	if n.taken[got.ref] {
		w.WriteHeader(422)
		return
	}
	n.taken[got.ref] = true
	w.WriteHeader(201)
	fmt.Fprint(w, answer)
}

// give checks a proof in another way than it was made.
func (n *notify) give(w http.ResponseWriter, r *http.Request) {
	part := strings.Split(r.PostFormValue("client_assertion"), ".")
	var head struct{ Alg, Typ, Kid string }
	var claims struct {
		Iss, Sub, Aud, Jti string
		Exp                int64
	}
	for i, into := range []any{&head, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(part[i])
		if err != nil || json.Unmarshal(raw, into) != nil {
			w.WriteHeader(400)
			return
		}
	}
	sig, err := base64.RawURLEncoding.DecodeString(part[2])
	sum := sha512.Sum512([]byte(part[0] + "." + part[1]))
	left := claims.Exp - time.Now().Unix()
	if err != nil || rsa.VerifyPKCS1v15(&n.key.PublicKey, crypto.SHA512, sum[:], sig) != nil || r.PostFormValue("grant_type") != "client_credentials" ||
		r.PostFormValue("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || head.Alg != "RS512" || head.Typ != "JWT" || head.Kid != "live-1" ||
		claims.Iss != "api key" || claims.Sub != "api key" || claims.Aud != n.URL+"/oauth2/token" || n.seen[claims.Jti] || left <= 0 || left > 300 {
		n.t.Errorf("no token for %+v %+v: %v", head, claims, err)
		w.WriteHeader(401)
		return
	}
	n.seen[claims.Jti] = true
	n.tokens = append(n.tokens, fmt.Sprint("token ", len(n.tokens)))
	fmt.Fprintf(w, `{"access_token":%q,"expires_in":%s,"token_type":"Bearer"}`, n.tokens[len(n.tokens)-1], n.life)
}

// message reads what NHS Notify would take.
func message(t *testing.T, r *http.Request, body []byte) (taken, string) {
	var b struct {
		Data struct {
			Type       string
			Attributes struct {
				RoutingPlanID    string `json:"routingPlanId"`
				MessageReference string
				Recipient        struct {
					NHSNumber      *string
					ContactDetails map[string]string
				}
				Personalisation map[string]string
			}
		}
	}
	err := json.Unmarshal(body, &b)
	at := b.Data.Attributes
	if err != nil || r.Method != "POST" || r.URL.Path != "/comms/v1/messages" || r.Header.Get("Content-Type") != "application/vnd.api+json" || b.Data.Type != "Message" ||
		at.RoutingPlanID != "00000000-0000-0000-0000-000000000003" || at.Recipient.NHSNumber != nil || len(at.Recipient.ContactDetails) != 1 || len(at.Personalisation) != 1 {
		t.Errorf("NHS Notify would not take %s of %s with %s: %v", body, r.URL, r.Header, err)
	}
	return taken{at.Recipient.ContactDetails["sms"], at.Personalisation["sms_body"], at.MessageReference},
		`{"data":{"type":"Message","id":"2WL3qFTEFM0qMY8xjRbt1LIKCzM","attributes":{"messageReference":"` + at.MessageReference + `","messageStatus":"created"}}}`
}

func nhsNotify(t *testing.T) *server {
	s := &server{number: "07700 900123"}
	n, c := newNotify(t)
	n.next = s.over(t, func(r *http.Request, body []byte) (taken, string) { return message(t, r, body) }).Config.Handler
	s.carrier = c
	return s
}

func code(status int, header ...string) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		if len(header)%2 == 1 {
			fmt.Fprint(w, header[len(header)-1])
		}
	}
}

func TestNHSNotify_Tokens(t *testing.T) {
	n, c := newNotify(t)
	now := time.Now()
	c.Now = func() time.Time { return now }
	refs := 0
	send := func() error {
		refs++
		_, err := c.Send(t.Context(), carrier.Message{Ref: fmt.Sprint("try_", refs), To: "+447700900123", Text: "x"})
		return err
	}
	want := func(tokens int, what string) {
		t.Helper()
		if err := send(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if len(n.tokens) != tokens {
			t.Errorf("%s: %d tokens, want %d", what, len(n.tokens), tokens)
		}
	}
	want(1, "the first message fetches one")
	want(1, "the second has it")
	now = now.Add(560 * time.Second)
	want(1, "it counts until shortly before its end")
	n.life = "599"
	n.tokens = append(n.tokens, "theirs ended early")
	now = time.Now() // because the double looks at the machine's clock
	want(3, "one that ended early is fetched anew, once")
	n.answers = append(n.answers, code(401), code(401))
	if err := send(); err == nil || errors.Is(err, carrier.ErrRefused) || len(n.tokens) != 4 {
		t.Errorf("a key that counts no more: %v with %d tokens, want an error after which it may be tried again", err, len(n.tokens))
	}
	for _, rubbish := range []string{`"soon"`, `-5`} {
		n.life = rubbish
		before := len(n.tokens)
		n.tokens = append(n.tokens, "theirs ended early")
		want(before+2, "a token without a life is used once")
		want(before+3, "and not again")
	}
}

func TestNHSNotify_Answers(t *testing.T) {
	n, c := newNotify(t)
	now := time.Now()
	c.Now = func() time.Time { return now }
	m := carrier.Message{Ref: "try_1", To: "+447700900123", Text: "Urgent page"}
	if name, err := c.Send(t.Context(), m); err != nil || name != "2WL3qFTEFM0qMY8xjRbt1LIKCzM" {
		t.Fatalf("%q, %v", name, err)
	}
	if _, err := c.Send(t.Context(), m); err != nil || len(n.heard) != 2 {
		t.Errorf("the same again: %v after %d, want it taken", err, len(n.heard))
	}
	for body, words := range map[string]string{
		`{"errors":[{"code":"CM_CANNOT_SET_CONTACT_DETAILS","detail":"+447700900123"}]}`: "may not name numbers",
		`{"errors":[{"code":"CM_MISSING_VALUE"}]}`:                                       "NHS number",
		`{"errors":[{"code":"CM_INVALID_VALUE","detail":"Urgent page"}]}`:                "this number",
		`{"errors":[{"code":"CM_SOMETHING_NEW_+447700900123"}]}`:                         "400",
		`<html>`: "400",
	} {
		n.answers = append(n.answers, code(400, body))
		if _, err := c.Send(t.Context(), m); !errors.Is(err, carrier.ErrRefused) || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "900123") || strings.Contains(err.Error(), "Urgent") {
			t.Errorf("%s: %v, want a refusal about %q", body, err, words)
		}
	}
	n.answers = append(n.answers, code(404))
	if _, err := c.Send(t.Context(), m); !errors.Is(err, carrier.ErrRefused) || !strings.Contains(err.Error(), "routing plan") {
		t.Errorf("a wrong plan: %v", err)
	}
	for _, status := range []int{403, 408, 425, 500, 502, 503, 504} {
		n.answers = append(n.answers, code(status))
		if _, err := c.Send(t.Context(), m); err == nil || errors.Is(err, carrier.ErrRefused) {
			t.Errorf("%d: %v, want an error after which it may be tried again", status, err)
		}
	}
	n.answers = append(n.answers, code(201, "{}"))
	if _, err := c.Send(t.Context(), m); err == nil {
		t.Error("an answer without an id passed")
	}
	later := func(after time.Duration) {
		t.Helper()
		var l *carrier.Later
		if _, err := c.Send(t.Context(), m); !errors.As(err, &l) || l.After != after {
			t.Errorf("%v, want %v", err, after)
		}
	}
	n.answers = append(n.answers, code(425, "Retry-After", "300"), code(503, "Retry-After", "7"), code(429, "Retry-After", "5"), code(500))
	later(5 * time.Minute)
	later(7 * time.Second)
	later(5 * time.Second)
	now = now.Add(2 * time.Second)
	later(3 * time.Second) // nobody is asked meanwhile
	now = now.Add(3 * time.Second)
	if _, err := c.Send(t.Context(), m); err == nil || len(n.answers) != 0 {
		t.Errorf("after that time they are asked again: %v, %d answers left", err, len(n.answers))
	}
	n.answers = append(n.answers, code(429, "Retry-After", "999999"))
	later(10 * time.Minute)
}

func TestNHSNotify_Mail(t *testing.T) {
	n, c := newNotify(t)
	c.Way, c.Plan = "email", "a plan of the trust"
	n.next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if s := string(body); !strings.Contains(s, `"contactDetails":{"email":"a.name@trust.example"}`) || !strings.Contains(s, `"email_body":"words"`) || !strings.Contains(s, `"email_subject":`) || !strings.Contains(s, `"routingPlanId":"a plan of the trust"`) {
			t.Errorf("it is sent %s", body)
		}
		w.WriteHeader(201)
		fmt.Fprint(w, `{"data":{"id":"x"}}`)
	})
	if _, err := c.Send(context.Background(), carrier.Message{Ref: "try_1", To: "a.name@trust.example", Text: "words"}); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"+447700900123", strings.Repeat("a", 90) + "@trust.example"} {
		if _, err := c.Check(bad); err == nil {
			t.Errorf("%s passed", bad)
		}
	}
}

func TestNHSNotify_Receipts(t *testing.T) {
	c := &carrier.NHSNotify{Way: "sms", App: "app id", Token: "callback key"}
	header := func(body string) map[string]string {
		mac := hmac.New(sha256.New, []byte("app id.callback key"))
		mac.Write([]byte(body))
		return map[string]string{"x-api-key": "callback key", "x-hmac-sha256-signature": hex.EncodeToString(mac.Sum(nil))}
	}
	item := func(kind, attributes string) string {
		return `{"type":"` + kind + `","attributes":{"messageId":"m","messageReference":"try_1",` + attributes + `},"meta":{"idempotencyKey":"k"}}`
	}
	for body, want := range map[string]carrier.Receipt{
		item("MessageStatus", `"messageStatus":"delivered"`):                                                            {Ref: "try_1", State: carrier.Arrived},
		item("MessageStatus", `"messageStatus":"delivered","channels":[{"type":"sms","channelStatus":"delivered"}]`):    {Ref: "try_1", State: carrier.Arrived},
		item("MessageStatus", `"messageStatus":"delivered","channels":[{"type":"nhsapp","channelStatus":"delivered"}]`): {Ref: "try_1"},
		item("MessageStatus", `"messageStatus":"failed","messageStatusDescription":"Patient is formally dead"`):         {Ref: "try_1", State: carrier.Failed, Reason: "NHS Notify could not deliver it"},
		item("MessageStatus", `"messageStatus":"sending"`):                                                              {Ref: "try_1"},
		item("ChannelStatus", `"channel":"sms","channelStatus":"delivered"`):                                            {Ref: "try_1", State: carrier.Arrived},
		item("ChannelStatus", `"channel":"email","channelStatus":"delivered"`):                                          {Ref: "try_1"},
		item("ChannelStatus", `"channel":"sms","channelStatus":"sending","supplierStatus":"accepted"`):                  {Ref: "try_1"},
		item("ChannelStatus", `"channel":"sms","channelStatus":"failed","supplierStatus":"permanent_failure"`):          {Ref: "try_1", State: carrier.Failed, Reason: "the number does not exist"},
		item("ChannelStatus", `"channel":"sms","channelStatus":"failed","supplierStatus":"temporary_failure"`):          {Ref: "try_1", State: carrier.Failed, Reason: "the phone is off or out of reach"},
		item("SomethingNew", `"messageStatus":"delivered"`):                                                             {Ref: "try_1"},
	} {
		body = `{"data":[` + body + `]}`
		if got, err := first(c.Read(callback(body, header(body)))); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", body, got, err, want)
		}
	}
	two := `{"data":[` + item("ChannelStatus", `"channel":"sms","channelStatus":"delivered"`) + `,` + item("MessageStatus", `"messageStatus":"failed"`) + `]}`
	if got, err := c.Read(callback(two, header(two))); err != nil || len(got) != 2 || got[1].State != carrier.Failed {
		t.Errorf("two at once: %+v, %v", got, err)
	}
	other := header(two)
	other["x-api-key"] = "another"
	unsigned := header(two)
	unsigned["x-hmac-sha256-signature"] = ""
	for name, h := range map[string]map[string]string{"none": nil, "of another body": header(two + " "), "another key": other, "no signature": unsigned} {
		if _, err := c.Read(callback(two, h)); !errors.Is(err, carrier.ErrForged) {
			t.Errorf("proof %s: %v, want ErrForged", name, err)
		}
	}
	mac := hmac.New(sha256.New, []byte("."))
	mac.Write([]byte(two))
	if _, err := (&carrier.NHSNotify{Way: "sms"}).Read(callback(two, map[string]string{"x-hmac-sha256-signature": hex.EncodeToString(mac.Sum(nil))})); !errors.Is(err, carrier.ErrForged) {
		t.Errorf("without a key callbacks pass: %v", err)
	}
	if _, err := c.Read(callback(`{`, header(`{`))); err == nil || errors.Is(err, carrier.ErrForged) {
		t.Errorf("half a callback: %v", err)
	}
}

func TestParseSigner(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for kind, der := range map[string][]byte{"RSA PRIVATE KEY": x509.MarshalPKCS1PrivateKey(key), "PRIVATE KEY": pkcs8} {
		if got, err := carrier.ParseSigner(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})); err != nil || !got.Equal(key) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for _, bad := range []string{"", "secret", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))} {
		if _, err := carrier.ParseSigner([]byte(bad)); err == nil {
			t.Errorf("%q passed", bad)
		}
	}
}
