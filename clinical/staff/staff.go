package staff

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"wardline/clinical/directory"
	"wardline/ground/fault"
)

// Entry is what a staff record says of one person. Number is their number there, which never changes.
type Entry struct {
	Number       string
	Login        string // local part of the user id; "" makes one of the e-mail address or the name
	Name         string
	Role         string
	Grade        string
	Profession   string
	Ward         string // id or name of a ward or another place
	Registration string
	Email        string
	Languages    []string
	Photo        string
	Leaves       bool // they have left
}

// clean brings an entry into one form, or says in a sentence what is wrong with it.
func (e Entry) clean() (Entry, error) {
	bad := func(format string, args ...any) (Entry, error) {
		return e, fault.New(fault.Invalid, "M_INVALID_PARAM", fmt.Sprintf(format, args...))
	}
	for _, s := range []*string{&e.Number, &e.Login, &e.Name, &e.Role, &e.Grade, &e.Profession, &e.Ward, &e.Registration, &e.Email} {
		*s = strings.Join(strings.Fields(*s), " ")
		if len(*s) > 200 {
			return bad("A field is longer than 200 letters.")
		}
	}
	if e.Name == "" {
		return bad("The name is missing.")
	}
	if len(e.Name) > 120 {
		return bad("The name is longer than 120 letters.")
	}
	e.Email = strings.ToLower(e.Email)
	if e.Email != "" {
		if a, err := mail.ParseAddress(e.Email); err != nil || a.Address != e.Email {
			return bad("The e-mail address is none.")
		}
	}
	var err error
	if e.Registration, err = directory.ParseRegistration(e.Registration); err != nil {
		return e, err
	}
	if len(e.Languages) > 20 || slices.ContainsFunc(e.Languages, func(l string) bool { return l == "" || len(l) > 40 || strings.Contains(l, ",") }) {
		return bad("At most 20 languages of at most 40 letters.")
	}
	return e, nil
}

// login proposes the local part of a user id.
func (e Entry) login() string {
	s := e.Login
	if s == "" {
		s, _, _ = strings.Cut(e.Email, "@")
	}
	if s == "" {
		s = strings.Join(directory.Fold(e.Name), ".")
	}
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '.', r == '-', r == '_':
			b.WriteRune(r)
		}
	}
	return strings.Trim(b.String(), ".-_")
}

// changed lists what an entry says other than the directory.
func changed(was, now directory.Person) []string {
	var all []string
	add := func(what string, a, b string) {
		if a != b {
			all = append(all, what)
		}
	}
	add("name", was.Name, now.Name)
	add("role", was.Role, now.Role)
	add("grade", was.Grade, now.Grade)
	add("profession", was.Profession, now.Profession)
	add("ward", string(was.Ward), string(now.Ward))
	add("registration", was.Registration, now.Registration)
	add("e-mail", was.Email, now.Email)
	add("number", was.Number, now.Number)
	add("photo", was.Photo, now.Photo)
	add("languages", strings.Join(was.Languages, ","), strings.Join(now.Languages, ","))
	return all
}
