package process

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
)

var long = flag.Bool("long", false, "kill the server 200 times on each engine, not a few times")

// The questions that a stopped server's database must answer with 0.
var (
	strayPositions = db.SQL("process.stray_positions", `SELECT p.pos - (SELECT count(*) FROM (SELECT pos FROM room_event UNION SELECT pos FROM account_data
		UNION SELECT pos FROM keys_device UNION SELECT pos FROM timeline_receipt) AS u WHERE u.pos BETWEEN 1 AND p.pos) FROM db_position AS p WHERE p.id = 0`)
	futurePositions = db.SQL("process.future_positions", `SELECT count(*) FROM room_event WHERE pos > (SELECT pos FROM db_position WHERE id = 0)`)
	brokenIntervals = db.SQL("process.broken_intervals", `SELECT count(*) FROM room_state AS s WHERE s.to_pos <> 9223372036854775807 AND NOT EXISTS
		(SELECT 1 FROM room_state AS n WHERE n.room = s.room AND n.type = s.type AND n.state_key = s.state_key AND n.from_pos = s.to_pos)`)
	openIntervals = db.SQL("process.open_intervals", `SELECT count(*) FROM (SELECT room FROM room_state WHERE to_pos = 9223372036854775807
		GROUP BY room, type, state_key HAVING count(*) <> 1) AS twice`)
	baseless = db.SQL("process.baseless", `SELECT count(*) FROM room_state AS s WHERE NOT EXISTS
		(SELECT 1 FROM room_event AS e WHERE e.pos = s.from_pos AND e.room = s.room AND e.type = s.type AND e.state_key = s.state_key)`)
	unplaced = db.SQL("process.unplaced", `SELECT count(*) FROM room_event AS e WHERE e.state_key IS NOT NULL AND NOT EXISTS
		(SELECT 1 FROM room_state AS s WHERE s.room = e.room AND s.from_pos = e.pos)`)
	repeated = db.SQL("process.repeated", `SELECT count(*) FROM (SELECT txn FROM room_event WHERE txn IS NOT NULL GROUP BY sender, device, txn HAVING count(*) > 1) AS twice`)
)

// inspect looks for half an act in the database of a stopped server.
func inspect(t *testing.T, source string) {
	t.Helper()
	snap, err := db.OpenSnapshot(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for _, question := range []*db.Statement{strayPositions, futurePositions, brokenIntervals, openIntervals, baseless, unplaced, repeated} {
		if n, err := db.One(t.Context(), snap, question, db.Scalar[int64]); n != 0 || err != nil {
			t.Errorf("%s: got %d, %v; want 0", question.Name, n, err)
		}
	}
	if _, err := audit.Verify(t.Context(), snap); err != nil {
		t.Error(err)
	}
}

// engines calls fn with a data folder, a database's source and the arguments for serve, for each engine at hand.
func engines(t *testing.T, fn func(t *testing.T, source string, args []string)) {
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		fn(t, filepath.Join(dir, "wardline.db"), serveArgs(dir))
	})
	if base := os.Getenv(dbtest.Env); base != "" {
		t.Run("postgres", func(t *testing.T) {
			source := schemaOf(t, base)
			fn(t, source, append(serveArgs(t.TempDir()), "-database", source))
		})
	}
}

// schemaOf makes a schema for this test and returns the URL of it.
func schemaOf(t *testing.T, base string) string {
	t.Helper()
	name := fmt.Sprint("d_", time.Now().UnixNano())
	if err := db.PostgresSchema(context.Background(), base, name, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.PostgresSchema(context.Background(), base, name, false); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

// TestKill_AtRandom ends the server at a random instant under load, again and again on the same data: what was acknowledged is there
// once and in order, of what was not at most the message in flight, and no half act.
func TestKill_AtRandom(t *testing.T) {
	rounds := 4
	if *long {
		rounds = 20 // of each of ten folders
	}
	engines(t, func(t *testing.T, source string, args []string) {
		var all []*loader
		for range rounds {
			s := start(t, args...)
			if all == nil {
				all = joinAll(s, 1)
			}
			sent := 0
			for _, l := range all {
				l.server = s
				l.check(t, l.known(), 1)
				sent -= len(l.known())
			}
			load(t, all, make(chan struct{}), func() error {
				<-time.After(time.Duration(10+rand.IntN(250)) * time.Millisecond) // the instant is the point
				s.kill()
				return nil
			})
			for _, l := range all {
				sent += len(l.known())
			}
			if sent == 0 {
				t.Log("nothing was sent before this kill")
			}
			inspect(t, source)
		}
		s := start(t, args...)
		for _, l := range all {
			l.server = s
			if status := l.send(); status != http.StatusOK { // the one in flight, again
				t.Errorf("send: status %d", status)
			}
			l.check(t, l.known(), 0)
		}
	})
}

// TestKill_Long is the long form: ten trusts, each killed twenty times.
func TestKill_Long(t *testing.T) {
	if !*long {
		t.Skip("takes minutes: make durability")
	}
	for i := range 10 {
		t.Run(fmt.Sprint("trust ", i), TestKill_AtRandom)
	}
}

// untilSent sends until the server takes it, and fails after ten seconds.
func (l *loader) untilSent(t *testing.T) {
	t.Helper()
	tick, limit := time.NewTicker(100*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for l.send() != http.StatusOK {
		select {
		case <-limit:
			t.Fatalf("%s: nothing is accepted although the trouble is over", l.name)
		case <-tick.C:
		}
	}
}

// refused sends once and wants a 503 with a sentence.
func (l *loader) refused(t *testing.T) {
	t.Helper()
	var said struct{ Errcode, Error string }
	status, ok := l.call("PUT", fmt.Sprintf("/_matrix/client/v3/rooms/%s/send/m.room.message/%d", l.room, l.next),
		map[string]string{"msgtype": "m.text", "body": fmt.Sprintf("%s %d", l.name, l.next)}, &said)
	if !ok || status != http.StatusServiceUnavailable || !strings.Contains(said.Error, "Try again in a moment.") {
		t.Errorf("%s: status %d %+v, want 503 with a sentence", l.name, status, said)
	}
}

// quiet checks that the operator was told of the trouble once and of its end once, not with every request.
func (s *server) quiet(t *testing.T) {
	t.Helper()
	out := s.said.String()
	if n := strings.Count(out, "the database cannot be written"); n != 1 {
		t.Errorf("the operator was told %d times, want once:\n%s", n, out)
	}
	if n := strings.Count(out, "\n"); n > 30 {
		t.Errorf("%d lines of log for one trouble:\n%s", n, out)
	}
}
