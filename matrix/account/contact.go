package account

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Contact is an address by which somebody can be reached, and with which they can set a new password.
// spec: client-server-api#adding-account-administrative-contact-information
type Contact struct {
	Medium      string `json:"medium"`
	Address     string `json:"address"`
	ValidatedAt int64  `json:"validated_at"`
	AddedAt     int64  `json:"added_at"`
}

// Identifier says who somebody claims to be.
// spec: client-server-api#identifier-types
type Identifier struct {
	Type    string `json:"type"`
	User    string `json:"user"`
	Medium  string `json:"medium"`
	Address string `json:"address"`
}

var (
	listContacts  = db.SQL("account.list_contacts", `SELECT medium, address, validated_at, added_at FROM account_contact WHERE member = $1 ORDER BY added_at, address LIMIT 100`)
	contactOwner  = db.SQL("account.contact_owner", `SELECT member FROM account_contact WHERE medium = $1 AND address = $2`)
	insertContact = db.SQL("account.insert_contact", `INSERT INTO account_contact (medium, address, member, validated_at, added_at) VALUES ('email', $1, $2, $3, $4) ON CONFLICT (medium, address) DO NOTHING`)
	deleteContact = db.SQL("account.delete_contact", `DELETE FROM account_contact WHERE medium = $1 AND address = $2 AND member = $3`)
	endContacts   = db.SQL("account.end_contacts", `DELETE FROM account_contact WHERE member = $1`)
	readProof     = db.SQL("account.read_proof", `SELECT sid, address, secret, attempt, token, guesses, made_at, proved_at FROM account_proof WHERE sid = $1`)
	proofFor      = db.SQL("account.proof_for", `SELECT sid, address, secret, attempt, token, guesses, made_at, proved_at FROM account_proof WHERE address = $1 AND secret = $2`)
	saveProof     = db.SQL("account.save_proof", `INSERT INTO account_proof (sid, address, secret, attempt, token, guesses, made_at, proved_at) VALUES ($1, $2, $3, $4, $5, 0, $6, 0)
		ON CONFLICT (sid) DO UPDATE SET attempt = excluded.attempt, token = excluded.token, guesses = 0, made_at = excluded.made_at`)
	recentProofs = db.SQL("account.recent_proofs", `SELECT count(*) FROM account_proof WHERE address = $1 AND made_at > $2`)
	setProved    = db.SQL("account.set_proved", `UPDATE account_proof SET proved_at = $2 WHERE sid = $1`)
	countGuess   = db.SQL("account.count_guess", `UPDATE account_proof SET guesses = guesses + 1 WHERE sid = $1`)
	endProof     = db.SQL("account.end_proof", `DELETE FROM account_proof WHERE sid = $1`)
	oldProofs    = db.SQL("account.old_proofs", `DELETE FROM account_proof WHERE made_at < $1`)
)

// How long a proof may take and then be used, and how often its token may be given wrongly.
const (
	proofLife  = 24 * time.Hour
	maxGuesses = 10
	// An address gets at most so many letters an hour, whoever asks: it may be somebody else's.
	maxLetters   = 5
	letterPeriod = time.Hour
	letterPause  = 10 * time.Minute // before the same attempt gets another
)

var (
	errNoMail     = fault.New(fault.Invalid, "M_THREEPID_MEDIUM_NOT_SUPPORTED", "This server sends no such messages, so addresses cannot be proved here.")
	errProof      = fault.New(fault.Invalid, "M_THREEPID_AUTH_FAILED", "The address was not proved to be yours, or that has ended.")
	errInUse      = fault.New(fault.Invalid, "M_THREEPID_IN_USE", "That address belongs to an account already.")
	opaqueGrammar = regexp.MustCompile(`^[0-9a-zA-Z.=_-]{1,255}$`)
)

// NoMail is the refusal of a medium that this server has no way to.
func NoMail() error { return errNoMail }

type proof struct {
	sid, address, secret      string
	attempt                   int64
	token                     []byte
	guesses, madeAt, provedAt int64
}

func scanProof(r db.Row) (p proof, err error) {
	return p, r.Scan(&p.sid, &p.address, &p.secret, &p.attempt, &p.token, &p.guesses, &p.madeAt, &p.provedAt)
}

// address brings an e-mail address into its one spelling.
func address(s string) (string, error) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != strings.TrimSpace(s) || len(s) > 254 || strings.ContainsAny(s, "\r\n") {
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "That is not an e-mail address.")
	}
	return strings.ToLower(a.Address), nil
}

// Identify finds who is meant. An address that nobody has is nobody, "", whose password is refused as any wrong one is and takes as long.
func (s *Service) Identify(ctx context.Context, i Identifier) (id.User, error) {
	switch i.Type {
	case "m.id.user":
		return s.ParseLogin(i.User), nil
	case "m.id.thirdparty":
		if i.Medium != "email" {
			break
		}
		u, err := s.owner(ctx, i.Address)
		if errors.Is(err, errPassword) {
			return "", nil
		}
		return u, err
	}
	return "", fault.New(fault.Forbidden, "M_FORBIDDEN", "People are not identified that way here.")
}

func (s *Service) owner(ctx context.Context, addr string) (id.User, error) {
	u, err := db.One(ctx, s.db, contactOwner, db.Scalar[string], "email", strings.ToLower(addr))
	if fault.Is(err, fault.NotFound) {
		return "", errPassword
	}
	return id.User(u), err
}

// Contacts lists a user's addresses.
func (s *Service) Contacts(ctx context.Context, u id.User) ([]Contact, error) {
	list, err := db.Collect(ctx, s.db, listContacts, func(r db.Row) (c Contact, err error) {
		return c, r.Scan(&c.Medium, &c.Address, &c.ValidatedAt, &c.AddedAt)
	}, string(u))
	return append([]Contact{}, list...), err
}

// Proof is a request to prove that an address is somebody's.
type Proof struct {
	Address string
	Secret  string // made by the client, to know its own attempt by
	Attempt int64  // a letter is sent only when this has grown
	For     Purpose
	Link    func(sid, token string) string // the page that the letter leads to
}

// Purpose is what an address is to be proved for.
type Purpose int

// The purposes of a proof.
const (
	ForRegistration Purpose = iota
	ForContact
	ForPassword
)

// Prove sends a letter with a link to an address and returns the name of the attempt. Whether an account has the address is told only
// to whom the letter reaches.
// spec: client-server-api#post_matrixclientv3registeremailrequesttoken
func (s *Service) Prove(ctx context.Context, p Proof) (string, error) {
	if s.Mail == nil {
		return "", errNoMail
	}
	addr, err := address(p.Address)
	if err != nil {
		return "", err
	}
	if !opaqueGrammar.MatchString(p.Secret) {
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "The client secret has characters that it may not have.")
	}
	sid, token := id.NewOpaque(18), id.NewOpaque(24)
	now := time.Now()
	err = s.db.Write(ctx, "account.prove", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, oldProofs, now.Add(-2*proofLife).UnixMilli()); err != nil {
			return err
		}
		old, err := db.One(ctx, tx, proofFor, scanProof, addr, p.Secret)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err == nil {
			if sid = old.sid; old.attempt >= p.Attempt {
				return nil // the same request again
			}
		}
		if err == nil && now.Sub(time.UnixMilli(old.madeAt)) < letterPause {
			return &fault.Fault{Kind: fault.Limited, Code: "M_LIMIT_EXCEEDED", Public: "A letter is on its way. Wait some minutes before asking for another.", RetryAfter: letterPause}
		}
		n, err := db.One(ctx, tx, recentProofs, db.Scalar[int64], addr, now.Add(-letterPeriod).UnixMilli())
		if err != nil {
			return err
		}
		if n >= maxLetters {
			return &fault.Fault{Kind: fault.Limited, Code: "M_LIMIT_EXCEEDED", Public: "That address has had enough letters. Try again in an hour.", RetryAfter: letterPeriod}
		}
		_, err = db.One(ctx, tx, contactOwner, db.Scalar[string], "email", addr)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		taken := err == nil
		h := hashOf(token)
		if _, err := tx.Exec(ctx, saveProof, sid, addr, p.Secret, p.Attempt, h[:], now.UnixMilli()); err != nil {
			return err
		}
		return s.write(ctx, tx, letterFor(p, addr, taken, p.Link(sid, token)), now)
	})
	return sid, err
}

// Confirm takes the token of a letter. A wrong one is refused, and after a few the letter is worth nothing.
// spec: identity-service-api#post_matrixidentityv2validateemailsubmittoken
func (s *Service) Confirm(ctx context.Context, sid, token string) error {
	wrong := false
	err := s.db.Write(ctx, "account.confirm", func(ctx context.Context, tx *db.Tx) error {
		p, err := db.One(ctx, tx, readProof, scanProof, sid)
		if fault.Is(err, fault.NotFound) {
			return errProof
		}
		if err != nil {
			return err
		}
		h := hashOf(token)
		if p.guesses >= maxGuesses || time.Since(time.UnixMilli(p.madeAt)) > proofLife {
			return errProof
		}
		if subtle.ConstantTimeCompare(h[:], p.token) != 1 {
			wrong = true // and that is written down, so the act must not fail
			_, err := tx.Exec(ctx, countGuess, sid)
			return err
		}
		_, err = tx.Exec(ctx, setProved, sid, time.Now().UnixMilli())
		return err
	})
	if err == nil && wrong {
		err = errProof
	}
	return err
}

// proved returns the address that an attempt has proved, and when.
func (s *Service) proved(ctx context.Context, sid, secret string) (string, int64, error) {
	p, err := db.One(ctx, s.db, readProof, scanProof, sid)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", 0, err
	}
	if err != nil || p.provedAt == 0 || subtle.ConstantTimeCompare([]byte(p.secret), []byte(secret)) != 1 || time.Since(time.UnixMilli(p.provedAt)) > proofLife {
		return "", 0, errProof
	}
	return p.address, p.provedAt, nil
}

// AddContact adds the address that an attempt has proved to a user's account.
// spec: client-server-api#post_matrixclientv3account3pidadd
func (s *Service) AddContact(ctx context.Context, u id.User, sid, secret string) error {
	addr, at, err := s.proved(ctx, sid, secret)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, "account.contact", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, endProof, sid); err != nil {
			return err
		}
		return s.addContact(ctx, tx, u, addr, at)
	})
}

func (s *Service) addContact(ctx context.Context, tx *db.Tx, u id.User, addr string, provedAt int64) error {
	now := time.Now()
	n, err := tx.Exec(ctx, insertContact, addr, string(u), provedAt, now.UnixMilli())
	if err != nil {
		return err
	}
	if n == 0 {
		owner, err := db.One(ctx, tx, contactOwner, db.Scalar[string], "email", addr)
		if err != nil {
			return err
		}
		if owner != string(u) {
			return errInUse
		}
		return nil
	}
	return audit.Append(ctx, tx, audit.Entry{At: now, Actor: string(u), Action: "account.contact_add", Object: string(u)})
}

// DeleteContact removes an address from a user's account; one that is not there is no error.
func (s *Service) DeleteContact(ctx context.Context, u id.User, medium, addr string) error {
	return s.db.Write(ctx, "account.contact", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, deleteContact, medium, strings.ToLower(addr), string(u))
		if err != nil || n == 0 {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: time.Now(), Actor: string(u), Action: "account.contact_remove", Object: string(u)})
	})
}

// ResetPassword gives a new password to whoever's the proved address is.
// spec: client-server-api#post_matrixclientv3accountpassword
func (s *Service) ResetPassword(ctx context.Context, p *Passed, password string, others bool) error {
	u, err := s.owner(ctx, p.address)
	if err != nil {
		return err
	}
	if err := s.SetPasswordOf(ctx, u, password, others); err != nil {
		return err
	}
	return s.db.Write(ctx, "account.end_proof", func(ctx context.Context, tx *db.Tx) error { return s.spend(ctx, tx, p) })
}

// spend ends a proof that was used.
func (s *Service) spend(ctx context.Context, tx *db.Tx, p *Passed) error {
	_, err := tx.Exec(ctx, endProof, p.sid)
	return err
}
