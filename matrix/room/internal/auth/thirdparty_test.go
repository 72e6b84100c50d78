package auth

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"wardline/matrix/event"
)

func TestCheck_ThirdParty(t *testing.T) {
	public, secret, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key := base64.RawStdEncoding.EncodeToString(public)
	wrong := base64.RawStdEncoding.EncodeToString(make([]byte, 32))
	signed := func(s string) string {
		out, err := event.SignJSON([]byte(s), "is", "ed25519:0", secret)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	good := signed(`{"mxid":"@eve:b","token":"tok"}`)
	offer := func(content string) string { return joe + " m.room.third_party_invite tok " + content }
	one := offer(`{"public_key":"` + key + `"}`)
	rows := []struct {
		name, sender, tpi string
		state             []string
		want              string
	}{
		{"OK", joe, `{"signed":` + good + `}`, []string{one}, "ok"},
		{"List", joe, `{"signed":` + good + `}`, []string{offer(`{"public_key":"` + wrong + `","public_keys":[{"public_key":"` + key + `"}]}`)}, "ok"},
		{"Banned", joe, `{"signed":` + good + `}`, []string{one, is(eve, "ban")}, "5.4.1.1"},
		{"Unsigned", joe, `{}`, []string{one}, "5.4.1.2"},
		{"NoToken", joe, `{"signed":{"mxid":"@eve:b"}}`, []string{one}, "5.4.1.3"},
		{"OtherUser", joe, `{"signed":` + signed(`{"mxid":"@x:b","token":"tok"}`) + `}`, []string{one}, "5.4.1.4"},
		{"NoOffer", joe, `{"signed":` + good + `}`, nil, "5.4.1.5"},
		{"OtherSender", mod, `{"signed":` + good + `}`, []string{one}, "5.4.1.6"},
		{"WrongKey", joe, `{"signed":` + good + `}`, []string{offer(`{"public_key":"` + wrong + `"}`)}, "5.4.1.8"},
		{"NoKey", joe, `{"signed":` + good + `}`, []string{offer(`{}`)}, "5.4.1.8"},
		{"Forged", joe, `{"signed":` + strings.Replace(good, `"mxid"`, `"a":1,"mxid"`, 1) + `}`, []string{one}, "5.4.1.8"},
		{"NoSignature", joe, `{"signed":{"mxid":"@eve:b","token":"tok"}}`, []string{one}, "5.4.1.8"},
	}
	for _, version := range []string{"6", "10", "11", "12"} {
		for _, row := range rows {
			r := newRoom(t, version, "").standard().with(row.state...)
			ev := r.line(row.sender + ` m.room.member @eve:b {"membership":"invite","third_party_invite":` + row.tpi + `}`)
			if got := verdict(t, r, ev); got != row.want {
				t.Errorf("version %s, %s: got %s, want %s", version, row.name, got, row.want)
			}
		}
	}
}
