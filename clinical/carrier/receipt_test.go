package carrier_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wardline/clinical/carrier"
)

// proves says whether a header is one that GOV.UK Notify takes now, worked out here in another way than there.
func proves(header, iss, key string) bool {
	token, ok := strings.CutPrefix(header, "Bearer ")
	part := strings.Split(token, ".")
	if !ok || len(part) != 3 {
		return false
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(part[0] + "." + part[1]))
	var head struct{ Typ, Alg string }
	var claims struct {
		Iss string
		Iat int64
	}
	for i, into := range []any{&head, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(part[i])
		if err != nil || json.Unmarshal(raw, into) != nil {
			return false
		}
	}
	age := time.Now().Unix() - claims.Iat
	return head.Alg == "HS256" && head.Typ == "JWT" && claims.Iss == iss && age > -30 && age < 30 && part[2] == base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func signed(key, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "%s.%s", stamp, body)
	return hex.EncodeToString(mac.Sum(nil))
}

func callback(body string, header map[string]string) *http.Request {
	r := httptest.NewRequest("POST", "/", bytes.NewReader([]byte(body)))
	for k, v := range header {
		r.Header.Set(k, v)
	}
	return r
}

// first is the one receipt of a callback.
func first(all []carrier.Receipt, err error) (carrier.Receipt, error) {
	if err != nil || len(all) != 1 {
		return carrier.Receipt{}, errors.Join(err, fmt.Errorf("%d receipts", len(all)))
	}
	return all[0], nil
}

func TestGovUK_Receipts(t *testing.T) {
	g := &carrier.GovUK{Token: "a long secret"}
	good := map[string]string{"Authorization": "Bearer a long secret"}
	for status, want := range map[string]carrier.State{"delivered": carrier.Arrived, "permanent-failure": carrier.Failed, "temporary-failure": carrier.Failed, "technical-failure": carrier.Failed, "sending": ""} {
		got, err := first(g.Read(callback(`{"id":"740e5834-3a29-46b4-9a6f-16142fde533a","reference":"try_1","to":"07700900123","status":"`+status+`","notification_type":"sms"}`, good)))
		if err != nil || got.Ref != "try_1" || got.State != want || (want == carrier.Failed) != (got.Reason != "") {
			t.Errorf("%s: %+v, %v", status, got, err)
		}
	}
	for name, header := range map[string]map[string]string{"none": nil, "another": {"Authorization": "Bearer another"}, "empty": {"Authorization": "Bearer "}, "no Bearer": {"Authorization": "Basic a long secret"}} {
		if _, err := g.Read(callback(`{"reference":"try_1","status":"delivered"}`, header)); !errors.Is(err, carrier.ErrForged) {
			t.Errorf("token %s: %v, want ErrForged", name, err)
		}
	}
	if _, err := (&carrier.GovUK{}).Read(callback(`{}`, map[string]string{"Authorization": "Bearer "})); !errors.Is(err, carrier.ErrForged) {
		t.Errorf("without a token receipts pass: %v", err)
	}
	if _, err := g.Read(callback(`{`, good)); err == nil || errors.Is(err, carrier.ErrForged) {
		t.Errorf("half a receipt: %v", err)
	}
}

func TestWebhook_Receipts(t *testing.T) {
	now := time.Unix(1_795_000_000, 0)
	h := &carrier.Webhook{Secret: "shared", Now: func() time.Time { return now }}
	at := func(age time.Duration, body string) map[string]string {
		stamp := fmt.Sprint(now.Add(-age).Unix())
		return map[string]string{"Wardline-Timestamp": stamp, "Wardline-Signature": signed("shared", stamp, []byte(body))}
	}
	body := `{"ref":"try_1","state":"arrived"}`
	if got, err := first(h.Read(callback(body, at(0, body)))); err != nil || got != (carrier.Receipt{Ref: "try_1", State: carrier.Arrived}) {
		t.Errorf("%+v, %v", got, err)
	}
	body = `{"ref":"try_1","state":"failed","reason":"engaged"}`
	if got, err := first(h.Read(callback(body, at(4*time.Minute, body)))); err != nil || got != (carrier.Receipt{Ref: "try_1", State: carrier.Failed, Reason: "engaged"}) {
		t.Errorf("%+v, %v", got, err)
	}
	body = `{"ref":"try_1","state":"ringing"}`
	if got, err := first(h.Read(callback(body, at(0, body)))); err != nil || got.State != "" {
		t.Errorf("news that is neither: %+v, %v", got, err)
	}
	for name, header := range map[string]map[string]string{"old": at(6*time.Minute, body), "ahead": at(-6*time.Minute, body), "of another body": at(0, body+" "), "none": nil} {
		if _, err := h.Read(callback(body, header)); !errors.Is(err, carrier.ErrForged) {
			t.Errorf("signature %s: %v, want ErrForged", name, err)
		}
	}
}

func TestParseKey(t *testing.T) {
	iss, key, err := carrier.ParseKey("my_test_key-" + service + "-" + secret)
	if err != nil || iss != service || key != secret {
		t.Errorf("%s, %s, %v", iss, key, err)
	}
	for _, bad := range []string{"", "x", service, service + secret} {
		if _, _, err := carrier.ParseKey(bad); err == nil {
			t.Errorf("%q passed", bad)
		}
	}
}
