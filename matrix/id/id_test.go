package id

import (
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	parsers := map[string]func(string) error{
		"user":    func(s string) error { _, err := ParseUser(s); return err },
		"newuser": func(s string) error { _, err := ParseNewUser(s); return err },
		"room":    func(s string) error { _, err := ParseRoom(s); return err },
		"event":   func(s string) error { _, err := ParseEvent(s); return err },
		"alias":   func(s string) error { _, err := ParseAlias(s); return err },
		"device":  func(s string) error { _, err := ParseDevice(s); return err },
		"key":     func(s string) error { _, err := ParseKey(s); return err },
		"server":  func(s string) error { _, err := ParseServer(s); return err },
	}
	long := strings.Repeat("a", 255)
	rows := []struct {
		what, in string
		ok       bool
	}{
		{"user", "@a:b", true},
		{"user", "@:b", true},
		{"user", "@A b é:b", true},
		{"user", "@a:b:80", true},
		{"user", "a:b", false},
		{"user", "@a", false},
		{"user", "@a:", false},
		{"user", "@a:b c", false},
		{"user", "@a\x00:b", false},
		{"user", "@\xff:b", false},
		{"user", "", false},
		{"user", "@" + long[:252] + ":b", true},
		{"user", "@" + long[:253] + ":b", false},
		{"newuser", "@a.b_c=d-e/f+0:example.org", true},
		{"newuser", "@A:b", false},
		{"newuser", "@:b", false},
		{"newuser", "@a!:b", false},
		{"room", "!a:b", true},
		{"room", "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM", true},
		{"room", "!", false},
		{"room", "!a:", false},
		{"room", "#a:b", false},
		{"event", "$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg", true},
		{"event", "$", false},
		{"event", "$" + long, false},
		{"alias", "#tea:example.org", true},
		{"alias", "#tea", false},
		{"alias", "#é:b", true},
		{"device", "ABC", true},
		{"device", "", false},
		{"device", long + "a", false},
		{"key", "ed25519:a_1", true},
		{"key", "ed25519:", false},
		{"key", ":a", false},
		{"key", "ed25519", false},
		{"key", "ed25519:a b", false},
		{"key", "ed25519:" + long, false},
		{"server", "matrix.org", true},
		{"server", "matrix.org:8888", true},
		{"server", "1.2.3.4", true},
		{"server", "1.2.3.4:1234", true},
		{"server", "[1234:5678::abcd]", true},
		{"server", "[1234:5678::abcd]:5678", true},
		{"server", "[::1", false},
		{"server", "[::1]x", false},
		{"server", "[fe80::1%25en0]", false},
		{"server", "[1.2.3.4]", false},
		{"server", "::1", false},
		{"server", "a:", false},
		{"server", "a:123456", false},
		{"server", "a:b", false},
		{"server", "a_b", false},
		{"server", "", false},
		{"server", ":80", false},
	}
	for _, r := range rows {
		t.Run(r.what+"/"+r.in, func(t *testing.T) {
			err := parsers[r.what](r.in)
			if (err == nil) != r.ok {
				t.Fatalf("parse %s %q: got %v, want ok %v", r.what, r.in, err, r.ok)
			}
			if err != nil && !errors.Is(err, ErrInvalid) {
				t.Fatalf("parse %s %q: %v does not wrap ErrInvalid", r.what, r.in, err)
			}
		})
	}
}

func TestParts(t *testing.T) {
	rows := []struct{ name, got, want string }{
		{"user server", string(User("@a:b:80").Server()), "b:80"},
		{"user localpart", User("@a:b:80").Localpart(), "a"},
		{"user server of nothing", string(User("").Server()), ""},
		{"user localpart of nothing", User("").Localpart(), ""},
		{"alias server", string(Alias("#a:b").Server()), "b"},
		{"alias localpart", Alias("#a:b").Localpart(), "a"},
		{"room domain", string(Room("!a:b").Domain()), "b"},
		{"room domain of v12", string(Room("!abc").Domain()), ""},
		{"room create", string(Room("!abc").Create()), "$abc"},
		{"event room", string(Event("$abc").Room()), "!abc"},
		{"host", Server("a:80").Host(), "a"},
		{"host of v6", Server("[::1]:80").Host(), "[::1]"},
		{"port", Server("[::1]:80").Port(), "80"},
		{"no port", Server("a").Port(), ""},
	}
	for _, r := range rows {
		if r.got != r.want {
			t.Errorf("%s: got %q, want %q", r.name, r.got, r.want)
		}
	}
	if Key("ed25519:a:b").Algorithm() != "ed25519" {
		t.Error("Algorithm: wrong")
	}
	if u, err := NewUser("a", "b"); err != nil || u != "@a:b" {
		t.Errorf("NewUser: got %q, %v", u, err)
	}
	if User("@\u00e9:b").Compliant() || User("@:b").Compliant() || !User("@A:b").Compliant() {
		t.Error("Compliant: historical users are told apart wrongly")
	}
}

func TestRandom(t *testing.T) {
	r := NewRoom("example.org")
	if _, err := ParseRoom(string(r)); err != nil || len(r) != 1+18+1+11 {
		t.Errorf("NewRoom: got %q, %v", r, err)
	}
	if d := NewDevice(); len(d) != 10 {
		t.Errorf("NewDevice: got %q, want ten letters", d)
	}
	if a, b := NewOpaque(32), NewOpaque(32); a == b || len(a) != 43 {
		t.Errorf("NewOpaque: got %q and %q", a, b)
	}
}
