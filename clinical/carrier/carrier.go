// Package carrier takes a short text to a telephone or a pager: by GOV.UK Notify or NHS Notify, by a webhook of the trust's own, by SNPP or TAP to a
// pager's transmitter, or by e-mail.
//
// It promises that every way keeps one contract: Send returns when the carrier has taken the text or has said no, and never before; a
// refusal that no repeat would change is ErrRefused; everything else may be tried again, and a carrier that lets us name a message is
// given the same name again. A receipt that the carrier did not sign is ErrForged. It refuses to say more than it is given, and is given
// nothing about anybody but who is to be reached. Look first at Carrier.
package carrier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"wardline/ground/fault"
)

// Message is a text on its way. Neither the address nor the text goes into a log.
type Message struct {
	Ref  string // our name for it, the same again when it is tried again
	To   string // a number or address, as Check left it
	Text string
}

// Carrier takes texts to people.
type Carrier interface {
	// Check puts an address into the form that the carrier wants, or says in a sentence for its owner what is wrong with it (fault.Invalid).
	Check(address string) (string, error)
	// Send hands a text over and returns the carrier's name for it, "" for none. It gives up when ctx does.
	Send(ctx context.Context, m Message) (name string, err error)
}

// State is what has become of a text after it was taken.
type State string

// The states that a receipt can tell of.
const (
	Arrived State = "arrived" // on the person's device
	Failed  State = "failed"  // it will not arrive
)

// Receipt is what a carrier tells later of a text.
type Receipt struct {
	Ref    string
	State  State // "" for news that is neither
	Reason string
}

// Teller is a carrier that tells later what has become of a text.
type Teller interface {
	Carrier
	// Read takes what the carrier's callback says, of one text or of several. ErrForged is for one that does not prove whom it is from.
	Read(r *http.Request) ([]Receipt, error)
}

// Later is an error by which a carrier asks to be left alone for a while.
type Later struct {
	After time.Duration // 0 when it did not say
	Code  int           // what it answered
}

// Error says what the carrier answered.
func (l *Later) Error() string { return fmt.Sprintf("the carrier answers %d", l.Code) }

// ErrRefused says that the carrier will not take this text, however often it is asked.
var ErrRefused = errors.New("refused by the carrier")

// ErrForged says that a receipt does not prove that it is the carrier's.
var ErrForged = errors.New("not from the carrier")

// maxReply bounds what is read of a carrier's answer, and of a receipt.
const maxReply = 64 << 10

// refused makes an error of a carrier's no. What it says goes into logs, so it must not repeat the address or the text.
func refused(why string) error { return fmt.Errorf("%w: %s", ErrRefused, why) }

// settled sorts the codes of an HTTP carrier: taken, refused for good, or to be tried again.
func settled(code int) error {
	switch {
	case code/100 == 2:
		return nil
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code == http.StatusUnauthorized, code == http.StatusForbidden, code/100 == 5:
		return fmt.Errorf("the carrier answers %d", code) // a key may be put right meanwhile
	}
	return refused(fmt.Sprintf("it answers %d", code))
}

var errNumber = sentence("Write the number as +44 and the rest, or as 07… for a mobile of this country.")

func sentence(s string) error { return fault.New(fault.Invalid, "M_INVALID_PARAM", s) }

// phone puts a telephone number into its international form (E.164).
func phone(s string) (string, error) {
	s = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "", "\u00a0", "").Replace(strings.TrimSpace(s))
	switch {
	case strings.HasPrefix(s, "00"):
		s = "+" + s[2:]
	case strings.HasPrefix(s, "0"):
		s = "+44" + s[1:]
	}
	if strings.HasPrefix(s, "+44") && (len(s) < 12 || len(s) > 13) {
		return "", errNumber
	}
	if !strings.HasPrefix(s, "+") || len(s) < 9 || len(s) > 16 || s[1] == '0' || strings.Trim(s[1:], "0123456789") != "" {
		return "", errNumber
	}
	return s, nil
}

var errPager = sentence("A pager's number has 3 to 15 digits.")

func pager(s string) (string, error) {
	s = strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(s))
	if len(s) < 3 || len(s) > 15 || strings.Trim(s, "0123456789") != "" {
		return "", errPager
	}
	return s, nil
}

// plain leaves what an old pager can show: printable ASCII on one line, at most so many characters.
func plain(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '…':
			return '.'
		case r == '–' || r == '—':
			return '-'
		case r == '’' || r == '‘':
			return '\''
		case r < ' ':
			return ' '
		case r > '~':
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), most)]
}

// deadline gives a connection the end of ctx, or a minute.
func deadline(ctx context.Context) time.Time {
	if t, ok := ctx.Deadline(); ok {
		return t
	}
	return time.Now().Add(time.Minute)
}
