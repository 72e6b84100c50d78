package signin

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"wardline/clinical/staff"
	"wardline/ground/audit"
)

// code is what an authenticator app shows, written here once more so that the server is not its own judge.
func code(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	ok(t, err)
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(at.Unix()/30))
	mac := hmac.New(sha1.New, key)
	mac.Write(n[:])
	sum := mac.Sum(nil)
	i := sum[19] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[i:])&0x7fffffff)%1000000)
}

// TestSecondStep goes through every door that takes a password.
func TestSecondStep(t *testing.T) {
	w := open(t, "")
	w.password(w.nerys, "a long password")
	name := w.nerys.Localpart()
	status, v := w.asks("POST", "/_matrix/client/v3/login", `{"type":"m.login.password","identifier":{"type":"m.id.user","user":"`+name+`"},"password":"a long password"}`, "")
	if status != 200 {
		t.Fatalf("without a second step: %d %v", status, v)
	}
	token := v["access_token"].(string)
	if status, _ = w.asks("POST", "/_wardline/v1/second-step", `{"password":"guess"}`, token); status != 403 {
		t.Fatalf("begun without the password: %d", status)
	}
	_, v = w.asks("POST", "/_wardline/v1/second-step", `{"password":"a long password"}`, token)
	secret := v["secret"].(string)
	if status, _ = w.asks("POST", "/_wardline/v1/second-step/confirm", `{"code":"000000"}`, token); status != 403 {
		t.Fatalf("confirmed without the secret: %d", status)
	}
	now := time.Now()
	status, v = w.asks("POST", "/_wardline/v1/second-step/confirm", `{"code":"`+code(t, secret, now)+`"}`, token)
	if status != 200 || len(v["recovery_codes"].([]any)) != 10 {
		t.Fatalf("confirm: %d %v", status, v)
	}
	paper := []string{}
	for _, c := range v["recovery_codes"].([]any) {
		paper = append(paper, c.(string))
	}
	next := func() string { c := paper[0]; paper = paper[1:]; return c }

	web := func(code string) (int, object) {
		return w.asks("POST", "/_wardline/v1/session", `{"user":"`+name+`","password":"a long password","code":"`+code+`"}`, "")
	}
	if status, v = web(""); status != 403 || v["errcode"] != "UK_WARDLINE_SECOND_STEP" {
		t.Errorf("web app without a code: %d %v", status, v)
	}
	if _, v = w.asks("POST", "/_wardline/v1/session", `{"user":"`+name+`","password":"wrong"}`, ""); v["errcode"] != "M_FORBIDDEN" {
		t.Errorf("a wrong password tells of the second step: %v", v)
	}
	if status, v = web("123456"); status != 403 || v["errcode"] != "UK_WARDLINE_WRONG_CODE" {
		t.Errorf("web app with a wrong code: %d %v", status, v)
	}
	if status, v = web(code(t, secret, now)); status != 403 {
		t.Errorf("the code that has confirmed it works again: %d %v", status, v)
	}
	if status, v = web(next()); status != 200 {
		t.Errorf("web app with a recovery code: %d %v", status, v)
	}
	status, v = w.asks("POST", "/_matrix/client/v3/login", `{"type":"m.login.password","identifier":{"type":"m.id.user","user":"`+name+`"},"password":"a long password"}`, "")
	if status != 403 || v["errcode"] != "M_FORBIDDEN" || !strings.Contains(v["error"].(string), "sign-in page") {
		t.Errorf("m.login.password: %d %v", status, v)
	}

	b := w.browser()
	account := func(code string) shown {
		return b.does("POST", "/_wardline/account/sign-in", url.Values{"user": {name}, "password": {"a long password"}, "code": {code}})
	}
	if got := account(""); got.Status != 403 || !strings.Contains(got.Body, "authenticator app shows") {
		t.Errorf("the account's pages without a code: %d", got.Status)
	}
	if got := account(next()); got.Status != 200 || !strings.Contains(got.Body, "Your account") {
		t.Errorf("the account's pages with one: %d %s", got.Status, got.Body)
	}
	_, v = w.asks("POST", "/_oauth/register", `{"client_name":"App","client_uri":"https://app.example.org/","redirect_uris":["https://app.example.org/back"],"grant_types":["authorization_code"],"token_endpoint_auth_method":"none"}`, "")
	form := url.Values{"client_id": {v["client_id"].(string)}, "redirect_uri": {"https://app.example.org/back"}, "response_type": {"code"}, "code_challenge_method": {"S256"}, "answer": {"yes"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "scope": {"urn:matrix:client:api:* urn:matrix:client:device:ABCDEFGHIJ"}, "user": {name}, "password": {"a long password"}}
	if got := b.does("POST", "/_oauth/authorise", form); got.Status != 403 {
		t.Errorf("OAuth without a code: %d", got.Status)
	}
	form.Set("code", next())
	if got := b.does("POST", "/_oauth/authorise", form); got.URL.Host != "app.example.org" || got.URL.Query().Get("code") == "" {
		t.Errorf("OAuth with one: %d %s", got.Status, got.URL)
	}
	b = w.browser()
	if b.goes(begin + "app"); b.session() != string(w.nerys) {
		t.Error("single sign-on, whose provider has its own second step, asks for ours")
	}
	keeper := w.joins(staff.Entry{Name: "Keeper"})
	if err := w.app.Clinic.Staff.Lost(t.Context(), keeper, w.nerys); err != nil {
		t.Fatal(err)
	}
	if len(w.devices(w.nerys)) != 0 {
		t.Error("who has lost the phone stays signed in")
	}
	if status, v = web(""); status != 200 {
		t.Errorf("after the phone was lost: %d %v", status, v)
	}
	if n, err := audit.Verify(t.Context(), w.app.DB); err != nil || n == 0 {
		t.Errorf("audit: %d, %v", n, err)
	}
}

// TestSecondStep_Off switches it off again.
func TestSecondStep_Off(t *testing.T) {
	w := open(t, "")
	w.password(w.nerys, "a long password")
	name := w.nerys.Localpart()
	web := func(code string) (int, object) {
		return w.asks("POST", "/_wardline/v1/session", `{"user":"`+name+`","password":"a long password","code":"`+code+`"}`, "")
	}
	_, v := w.asks("POST", "/_matrix/client/v3/login", `{"type":"m.login.password","identifier":{"type":"m.id.user","user":"`+name+`"},"password":"a long password"}`, "")
	token := v["access_token"].(string)
	_, v = w.asks("POST", "/_wardline/v1/second-step", `{"password":"a long password"}`, token)
	status, v := w.asks("POST", "/_wardline/v1/second-step/confirm", `{"code":"`+code(t, v["secret"].(string), time.Now())+`"}`, token)
	if status != 200 {
		t.Fatalf("confirm: %d %v", status, v)
	}
	paper := []string{}
	for _, c := range v["recovery_codes"].([]any) {
		paper = append(paper, c.(string))
	}
	next := func() string { c := paper[0]; paper = paper[1:]; return c }
	if status, v = w.asks("POST", "/_wardline/v1/second-step/remove", `{"password":"a long password","code":"`+next()+`"}`, token); status != 200 {
		t.Errorf("switched off: %d %v", status, v)
	}
	if status, _ = web(""); status != 200 {
		t.Errorf("after it was switched off: %d", status)
	}
}
