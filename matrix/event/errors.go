package event

import (
	"errors"
	"fmt"
)

var (
	// ErrMalformed is wrapped when JSON is sound but is not an event of the
	// room version: a field is missing or has the wrong type.
	ErrMalformed = errors.New("malformed event")
	// ErrTooLarge is wrapped when an event, or one of its limited fields, is
	// larger than allowed. Clients are told M_TOO_LARGE.
	ErrTooLarge = errors.New("event too large")
	// ErrHash is wrapped when the content hash does not match: the event must
	// be redacted before it is used.
	ErrHash = errors.New("content hash does not match")
	// ErrSignature is wrapped when a signature is missing or wrong.
	ErrSignature = errors.New("signature does not verify")
	// ErrVersion is wrapped when a room version is not supported. Clients are
	// told M_UNSUPPORTED_ROOM_VERSION or M_INCOMPATIBLE_ROOM_VERSION.
	ErrVersion = errors.New("unsupported room version")
)

// JSONError says why text is not acceptable JSON. It never quotes the text.
type JSONError struct {
	// Offset is the position in bytes at which reading stopped.
	Offset int
	// Reason is a short sentence.
	Reason string
	// Syntax is true for text that is not JSON at all (M_NOT_JSON), false for
	// JSON that has no canonical form (M_BAD_JSON).
	Syntax bool
}

// Error implements error.
func (e *JSONError) Error() string {
	return fmt.Sprintf("json at byte %d: %s", e.Offset, e.Reason)
}

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrMalformed, why) }

func tooLarge(what string) error { return fmt.Errorf("%w: %s", ErrTooLarge, what) }
