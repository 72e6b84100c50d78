package account_test

import (
	"testing"

	"wardline/ground/audit"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/matrix/account"
)

// A database in trouble is not a sign-out: the web app erases a device that was signed out.
func TestAuthenticate_SaysTroubleWhenTheDatabaseFails(t *testing.T) {
	d := dbtest.SQLite(t, audit.Migrations(), account.Migrations())
	s := account.New(d, "hs1")
	if err := s.Create(t.Context(), account.NewUser{User: "@asha:hs1"}); err != nil {
		t.Fatal(err)
	}
	ses, err := s.Open(t.Context(), "@asha:hs1", account.SignIn{})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := account.New(d, "hs1").Authenticate(t.Context(), ses.Access); err != nil || a.User != "@asha:hs1" {
		t.Fatalf("got %v, %v", a, err)
	}
	if _, err := s.Authenticate(t.Context(), "wla_nonsense"); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("an unknown token: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := account.New(d, "hs1").Authenticate(t.Context(), ses.Access); err == nil || fault.Is(err, fault.Unauthenticated) {
		t.Errorf("with the database gone: %v", err)
	}
}
