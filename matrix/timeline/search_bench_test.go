package timeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/room"
	"wardline/matrix/timeline"
)

// BenchmarkSearch measures searches over WARDLINE_BENCH_MESSAGES messages, 20,000 without it, in fifty rooms: by a word of half of all
// messages, by one of a hundredth, by one of a hundred messages, and by two words. It reports the 99th percentile. With PostgreSQL at
// hand (WARDLINE_TEST_POSTGRES) it measures that.
func BenchmarkSearch(b *testing.B) {
	n := 20_000
	if s := os.Getenv("WARDLINE_BENCH_MESSAGES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	var d *db.DB
	if os.Getenv(dbtest.Env) != "" {
		d = dbtest.Postgres(b, migrations...)
	} else {
		var err error
		if d, err = db.Open(b.Context(), filepath.Join(b.TempDir(), "b.db")); err != nil {
			b.Fatal(err)
		}
		defer d.Close()
		if err := d.Migrate(b.Context(), migrations...); err != nil {
			b.Fatal(err)
		}
	}
	w := &world{}
	w.over(d)
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	must(w.accounts.CreateAll(b.Context(), []account.NewUser{{User: alice}, {User: bob}}))
	var rooms []id.Room
	for i := range 50 {
		r, err := w.rooms.Create(b.Context(), room.CreateSpec{Creator: alice, Name: fmt.Sprint("Room ", i), Join: []id.User{bob}})
		must(err)
		rooms = append(rooms, r)
	}
	random := rand.New(rand.NewPCG(1, 2))
	const act = 500
	for at := 0; at < n; at += act {
		must(w.rooms.Do(b.Context(), rooms[at/act%len(rooms)], func(ctx context.Context, a *room.Act) error {
			for i := range act {
				body := fmt.Sprintf("bed %d is free tomorrow in bay %d, please look at word%d", random.IntN(1000), random.IntN(100), random.IntN(n/100))
				if i%2 == 0 {
					body += " common"
				}
				if i%100 == 0 {
					body += " seldom"
				}
				if _, err := a.Send(ctx, alice, "m.room.message", map[string]string{"msgtype": "m.text", "body": body}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	began := time.Now()
	must(w.timeline.Index.CatchUp(b.Context()))
	b.Logf("%d messages indexed in %v", n, time.Since(began).Round(time.Second))
	for _, c := range []struct {
		name, term string
		recent     bool
	}{{"CommonByRank", "common", false}, {"CommonRecent", "common", true}, {"Seldom", "seldom", false}, {"Rare", "word7", false}, {"TwoWords", "common seldom", false}, {"Nothing", "absent common", false}} {
		b.Run(c.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				_, err := w.timeline.Search(b.Context(), timeline.SearchRequest{User: bob, Term: c.term, Recent: c.recent, Filter: &timeline.EventFilter{}})
				must(err)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
