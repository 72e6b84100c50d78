package id

// User names a person or a program with an account: "@localpart:server".
type User string

// ParseUser checks s as a user ID that may stand in an event. It accepts the
// historical localparts (any text without colon and NUL, even none), because
// servers must. Use ParseNewUser for names that are about to be given out.
//
// spec: appendices#historical-user-ids
func ParseUser(s string) (User, error) {
	rest, err := text("user id", '@', s)
	if err != nil {
		return "", err
	}
	if err := domain("user id", rest); err != nil {
		return "", err
	}
	return User(s), nil
}

// ParseNewUser checks s against today's grammar: a localpart of a-z, 0-9 and
// "._=-/+", not empty.
//
// spec: appendices#user-identifiers
func ParseNewUser(s string) (User, error) {
	u, err := ParseUser(s)
	if err != nil {
		return "", err
	}
	if !ValidLocalpart(u.Localpart()) {
		return "", invalid("user id", "has a localpart that new users may not have")
	}
	return u, nil
}

// NewUser joins a localpart and a server, and checks the result like
// ParseNewUser.
func NewUser(localpart string, server Server) (User, error) {
	return ParseNewUser("@" + localpart + ":" + string(server))
}

// ValidLocalpart says whether s may be the localpart of a new user.
//
// spec: appendices#user-identifiers
func ValidLocalpart(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case c == '.', c == '_', c == '=', c == '-', c == '/', c == '+':
		default:
			return false
		}
	}
	return s != ""
}

// Server returns the domain of the user, or "" if u is not a user ID.
func (u User) Server() Server { return Server(afterColon(string(u))) }

// Localpart returns what stands between the sigil and the first colon.
func (u User) Localpart() string { return localpart(string(u)) }

// Compliant says whether the localpart consists of visible ASCII. Servers
// accept other users in events, but do not tell clients about them elsewhere.
//
// spec: appendices#historical-user-ids
func (u User) Compliant() bool {
	l := u.Localpart()
	for i := range len(l) {
		if l[i] < 0x21 || l[i] > 0x7E {
			return false
		}
	}
	return l != ""
}
