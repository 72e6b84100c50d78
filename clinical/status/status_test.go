package status_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"wardline/clinical/status"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

const asha id.User = "@asha:x"

func TestStatus(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.Date(2026, 1, 10, 9, 0, 0, 0, time.UTC)
		notes := map[id.User]string{}
		s := status.New(status.Deps{DB: d, Now: func() time.Time { return now }, Note: func(u id.User, note string) { notes[u] = note }})
		set := func(st status.Status) error { _, err := s.Set(t.Context(), asha, st); return err }
		of := func(u id.User) status.Status {
			t.Helper()
			st, err := s.Of(t.Context(), u)
			if err != nil {
				t.Fatal(err)
			}
			return st
		}

		if err := set(status.Status{Kind: status.Theatre, Words: "  list of\n four ", Until: now.Add(3 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if got := of(asha); got.Kind != status.Theatre || got.Words != "list of four" {
			t.Errorf("got %+v", got)
		}
		if got, want := notes[asha], "In theatre: list of four (until 12:00)"; got != want {
			t.Errorf("apps are told %q, want %q", got, want)
		}
		if got := of("@tom:x"); !got.None() {
			t.Errorf("somebody who said nothing says %+v", got)
		}

		t.Run("Refused", func(t *testing.T) {
			for name, st := range map[string]status.Status{
				"Nothing": {}, "Spaces": {Words: " \n "}, "UnknownKind": {Kind: "asleep"}, "TooLong": {Words: strings.Repeat("é", 141)},
				"Past": {Kind: status.Busy, Until: now}, "TooFar": {Kind: status.Busy, Until: now.Add(15 * 24 * time.Hour)}, "NotText": {Words: "\xff"},
			} {
				if err := set(st); !fault.Is(err, fault.Invalid) {
					t.Errorf("%s: %v, want Invalid", name, err)
				}
			}
			if got := of(asha); got.Kind != status.Theatre {
				t.Errorf("a refused status took the place of the one before: %+v", got)
			}
		})

		t.Run("EndsByItself", func(t *testing.T) {
			now = now.Add(3 * time.Hour)
			if got := of(asha); !got.None() {
				t.Errorf("at its end it is still %+v", got)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			told := []string{}
			again := status.New(status.Deps{DB: d, Now: func() time.Time { return now }, Note: func(_ id.User, note string) {
				if told = append(told, note); note == "" {
					stop()
				}
			}})
			if err := again.Run(ctx); err != nil {
				t.Fatal(err)
			}
			if len(told) != 1 {
				t.Errorf("after a restart apps are told %q, want once that nothing is said", told)
			}
		})

		t.Run("SetAnewWhileItEnds", func(t *testing.T) {
			if err := set(status.Status{Words: "Back at two"}); err != nil {
				t.Fatal(err)
			}
			if got := of(asha); got.Words != "Back at two" || !got.Until.IsZero() {
				t.Errorf("got %+v", got)
			}
			if err := s.Clear(t.Context(), asha); err != nil {
				t.Fatal(err)
			}
			if got := of(asha); !got.None() || notes[asha] != "" {
				t.Errorf("taken back, and still %+v, %q", got, notes[asha])
			}
		})
	}, status.Migrations())
}

func TestStatus_Protected(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.Date(2026, 1, 10, 9, 0, 0, 0, time.UTC)
		s := status.New(status.Deps{DB: d, Now: func() time.Time { return now }, Note: func(id.User, string) {}})
		is := func(at time.Time) string {
			t.Helper()
			why, err := status.Protected(t.Context(), d, asha, at)
			if err != nil {
				t.Fatal(err)
			}
			return why.Is()
		}
		for _, until := range []time.Time{{}, now.Add(13 * time.Hour)} {
			if _, err := s.Set(t.Context(), asha, status.Status{Kind: status.Sterile, Until: until}); !fault.Is(err, fault.Invalid) {
				t.Errorf("until %v: %v", until, err)
			}
		}
		for kind, want := range map[status.Kind]string{status.Sterile: "is in a sterile procedure", status.Rest: "is on protected rest", status.Teaching: "is teaching", status.Theatre: ""} {
			if _, err := s.Set(t.Context(), asha, status.Status{Kind: kind, Until: now.Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
			if got := is(now); got != want || (want != "") != kind.Protected() {
				t.Errorf("%s: %q", kind, got)
			}
			if got := is(now.Add(time.Hour)); got != "" {
				t.Errorf("%s after its end: %q", kind, got)
			}
		}
	}, status.Migrations())
}
