package scenario

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/clinical/staff"
	"wardline/ground/db"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// TestSize measures a large trust: 25,000 people, 3,000 posts and two years of shifts. It takes minutes and runs only when asked:
// WARDLINE_SIZE=1 go test ./test/scenario -run TestSize -v (WARDLINE_SIZE=people leaves the shifts out)
func TestSize(t *testing.T) {
	if os.Getenv("WARDLINE_SIZE") == "" {
		t.Skip("takes minutes: set WARDLINE_SIZE=1")
	}
	ctx := context.Background()
	d, err := db.Open(ctx, filepath.Join(t.TempDir(), "size.db"))
	ok(t, err)
	defer d.Close()
	ok(t, d.Migrate(ctx, Migrations()...))
	r := rota.New(rota.Deps{DB: d, Now: time.Now, Log: obs.Discard()})
	dir := directory.New(d)
	s := staff.New(staff.Deps{DB: d, Accounts: account.New(d, "st-elsewhere"), Rota: r, Now: time.Now})

	const people, posts, nights = 25_000, 3_000, 1_000
	write := func(fn func(ctx context.Context, tx *db.Tx) error) { ok(t, d.Write(ctx, "size", fn)) }
	write(func(ctx context.Context, tx *db.Tx) error {
		for i := range 200 {
			if err := directory.SaveWard(ctx, tx, directory.Ward{ID: directory.WardID(fmt.Sprint("w", i)), Name: fmt.Sprint("Ward ", i)}); err != nil {
				return err
			}
		}
		return nil
	})
	firsts := strings.Fields("Asha Tom Liam Grace Ruth Ken Sofia Maya Jo Helen Priya Daniel Eilidh Marek Bronwen Yusuf Kate Hana Ines Nadia Owen Fatima George Lucia Callum Wei Aoife Sam Rob Ellie")
	lasts := strings.Fields("Patel Reid Hughes Obi Cole Mbeki Rossi Lind Bright Marsh Nair Okoro Fraser Nowak Demir Sullivan Duarte Karim Price Siddiqui Adeyemi Byrne Zhang Whitlock Tanner Marsden Achebe Lindqvist Papadopoulos Wojciechowski")
	var b strings.Builder
	b.WriteString("Employee Number,First Name,Last Name,Position Title,Department,Email Address\n")
	for i := range people {
		fmt.Fprintf(&b, "%d,%s,%s%d,Staff nurse,Ward %d,p%d@st-elsewhere.example\n", i, firsts[i%30], lasts[i/30%30], i/900, i%200, i)
	}
	began := time.Now()
	rep, err := s.Import(ctx, "@a:st-elsewhere", []byte(b.String()), staff.Options{})
	ok(t, err)
	t.Logf("import of %d people: %.1f s (goal 60 s)", len(rep.New), time.Since(began).Seconds())
	began = time.Now()
	_, err = s.Import(ctx, "@a:st-elsewhere", []byte(b.String()), staff.Options{Dry: true})
	ok(t, err)
	t.Logf("dry run of the same file again: %.2f s", time.Since(began).Seconds())

	write(func(ctx context.Context, tx *db.Tx) error {
		for i := range posts {
			p := directory.Post{ID: directory.PostID(fmt.Sprint("po", i)), Name: fmt.Sprint("Post ", i), Service: fmt.Sprint("Service ", i%60), Critical: i%3 == 0, Pageable: true}
			if err := directory.SavePost(ctx, tx, p); err != nil {
				return err
			}
		}
		return nil
	})
	times := func(what string, goal time.Duration, count int, fn func(i int)) {
		all := make([]time.Duration, count)
		for i := range all {
			at := time.Now()
			fn(i)
			all[i] = time.Since(at)
		}
		slices.Sort(all)
		p99 := all[count*99/100]
		t.Logf("%-38s p50 %8.3f ms   p99 %8.3f ms   goal %v", what, float64(all[count/2])/1e6, float64(p99)/1e6, goal)
		if goal > 0 && p99 > goal {
			t.Errorf("%s: p99 %s, goal %s", what, p99, goal)
		}
	}
	_, err = dir.Search(ctx, "x", nil, 10)
	ok(t, err)
	queries := []string{"pat", "asha patel", "hugehs", "w", "papadopulos", "staff ward 7", "post 12", "zzz", "l", "sofia rossi3"}
	times("search", 20*time.Millisecond, 2000, func(i int) { _, err := dir.Search(ctx, queries[i%len(queries)], nil, 30); ok(t, err) })
	if os.Getenv("WARDLINE_SIZE") == "people" {
		return
	}
	n := 0
	began = time.Now()
	first := rota.DateOf(time.Now()).Add(-365)
	for i := range posts {
		write(func(ctx context.Context, tx *db.Tx) error {
			for day := range 730 {
				on := first.Add(day)
				spans := [][2]int{{480, 1200}, {1200, 1920}}
				if i >= nights {
					if spans = spans[:1]; on.Weekday() == time.Saturday || on.Weekday() == time.Sunday {
						continue
					}
				}
				for k, span := range spans {
					u := id.User(fmt.Sprintf("@p%d:st-elsewhere", (i*7+day*3+k)%people))
					if err := rota.SaveMany(ctx, tx, rota.Duty{ID: rota.DutyID(fmt.Sprintf("d%d-%d-%d", i, day, k)), Post: directory.PostID(fmt.Sprint("po", i)), User: u, From: on.At(span[0]), Until: on.At(span[1])}); err != nil {
						return err
					}
					n++
				}
			}
			return nil
		})
	}
	t.Logf("%d duties written in %.0f s", n, time.Since(began).Seconds())

	times("who is on one post now", 5*time.Millisecond, 2000, func(i int) {
		_, err := rota.Holders(ctx, d, directory.PostID(fmt.Sprint("po", i%posts)), time.Now())
		ok(t, err)
	})
	times("who was on one post, half a year ago", 5*time.Millisecond, 2000, func(i int) {
		_, err := rota.Planned(ctx, d, directory.PostID(fmt.Sprint("po", i%posts)), time.Now().AddDate(0, -6, 0))
		ok(t, err)
	})
	times("what one person holds", 5*time.Millisecond, 2000, func(i int) {
		_, err := rota.Held(ctx, d, id.User(fmt.Sprintf("@p%d:st-elsewhere", i*11%people)), time.Now())
		ok(t, err)
	})
	began = time.Now()
	_, err = r.Board(ctx)
	ok(t, err)
	t.Logf("board of all posts, read from the database: %.0f ms", float64(time.Since(began))/1e6)
	times("board of all posts, from memory", 5*time.Millisecond, 2000, func(int) { _, err := r.Board(ctx); ok(t, err) })
	times("eight weeks of one's own shifts", 20*time.Millisecond, 500, func(i int) {
		_, err := rota.OfUser(ctx, d, id.User(fmt.Sprintf("@p%d:st-elsewhere", i*11%people)), time.Now(), time.Now().AddDate(0, 0, 56), false)
		ok(t, err)
	})
}
