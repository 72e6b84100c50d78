// Package obs is how the program speaks about itself: structured logs, and the types that may not be spoken.
//
// It promises that a value of type Hidden never prints, whichever way it is formatted. It refuses variables in messages by
// convention: the message is a constant sentence, facts are attributes. Look first at Hidden and NewLogger.
package obs

import (
	"io"
	"log/slog"
)

// Hidden is text about a patient or from a message. It prints as "[hidden]" in logs and in every fmt verb; convert it with
// string(h) where the content is really meant to travel.
type Hidden string

// LogValue implements slog.LogValuer.
func (Hidden) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// String implements fmt.Stringer.
func (Hidden) String() string { return "[hidden]" }

// GoString implements fmt.GoStringer, so that %#v hides as well.
func (Hidden) GoString() string { return "[hidden]" }

// NewLogger returns a logger that writes one line an event to w: text for people, JSON when json is set. Level is "debug",
// "info", "warn" or "error"; anything else means info.
func NewLogger(w io.Writer, level string, json bool) *slog.Logger {
	opts := &slog.HandlerOptions{Level: parseLevel(level)}
	if json {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

func parseLevel(level string) slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return slog.LevelInfo
	}
	return l
}

// Discard returns a logger that writes nowhere, for tests and tools.
func Discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
