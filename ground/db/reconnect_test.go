package db_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/ground/run"
)

// What a wire does with the next COMMIT.
const (
	passIt  int32 = iota
	loseIt        // it never arrives, and the connection breaks
	loseAck       // it arrives, the answer does not, and the connection breaks
	cutAll        // whatever is sent next breaks the connection
	hang          // whatever is sent next goes nowhere, and the connection stays
)

// wire stands between the program and PostgreSQL and breaks when it is told to.
type wire struct {
	ln     net.Listener
	target string // path of the server's socket
	group  *run.Group
	next   atomic.Int32
	closed atomic.Bool // refuses connections, as a server does that is away
}

func newWire(t *testing.T, base string) (w *wire, source string) {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if !strings.HasPrefix(q.Get("host"), "/") {
		t.Skip("wants a PostgreSQL on a socket, as tools/postgres.sh starts it")
	}
	w = &wire{target: filepath.Join(q.Get("host"), ".s.PGSQL.5432"), group: run.NewGroup(slog.New(slog.DiscardHandler))}
	if w.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.ln.Close() })
	w.group.Go("wire", func(context.Context) error {
		for {
			c, err := w.ln.Accept()
			if err != nil {
				return nil
			}
			w.group.Go("connection", func(context.Context) error { w.carry(c); return nil })
		}
	})
	q.Del("host")
	q.Set("sslmode", "disable")
	u.Host, u.RawQuery = w.ln.Addr().String(), q.Encode()
	return w, u.String()
}

func (w *wire) carry(client net.Conn) {
	defer client.Close()
	if w.closed.Load() {
		return
	}
	server, err := net.Dial("unix", w.target)
	if err != nil {
		return
	}
	defer server.Close()
	silent := &atomic.Bool{}
	back := make(chan struct{})
	w.group.Go("back", func(context.Context) error {
		defer close(back)
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil || silent.Load() {
				_ = client.Close()
				return nil
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return nil
			}
		}
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		commit := bytes.Contains(buf[:n], []byte("COMMIT"))
		switch next := w.next.Load(); {
		case next == hang:
			w.next.Store(passIt)
			_, _ = io.Copy(io.Discard, client) // until the program gives it up
			return
		case next == cutAll, commit && next == loseIt:
			w.next.Store(passIt)
			return
		case commit && next == loseAck:
			w.next.Store(passIt)
			silent.Store(true)
			_, _ = server.Write(buf[:n])
			<-back // the server has answered: it is done there
			return
		}
		if _, err := io.Copy(server, bytes.NewReader(buf[:n])); err != nil {
			return
		}
	}
}

// TestReconnect breaks the connection around a COMMIT and looks at what the caller hears, what memory is told, and what is there.
func TestReconnect(t *testing.T) {
	if os.Getenv(dbtest.Env) == "" {
		t.Skip(dbtest.Env + " is not set: see `make test`")
	}
	for name, c := range map[string]struct {
		next       int32
		kept, draw bool
	}{
		"OK a commit that never arrived is undone":                        {loseIt, false, true},
		"OK a commit whose answer was lost becomes visible":               {loseAck, true, true},
		"OK the same of an act without a position, which never arrived":   {loseIt, false, false},
		"OK the same of an act without a position, whose answer was lost": {loseAck, true, false},
		"OK a connection that breaks before is replaced":                  {cutAll, false, true},
		"OK a server that does not answer is given up":                    {hang, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			schema := "w_" + strings.ToLower(t.Name()[len("TestReconnect/OK_"):][:8]) + time.Now().Format("150405000000")
			base := os.Getenv(dbtest.Env)
			if err := db.PostgresSchema(context.Background(), base, schema, true); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := db.PostgresSchema(context.Background(), base, schema, false); err != nil {
					t.Error(err)
				}
			})
			w, source := newWire(t, base)
			d, err := db.Open(t.Context(), source+"&search_path="+schema)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if err := d.Migrate(t.Context(), notes); err != nil {
				t.Fatal(err)
			}
			var said []bool
			d.OnHealth(func(err error) { said = append(said, err == nil) })
			var shown, undone, woken int
			pos := int64(-1)
			act := func(body string) error {
				return d.Write(t.Context(), "note.add", func(ctx context.Context, tx *db.Tx) error {
					tx.OnCommit(func() { shown++ })
					tx.AfterCommit(func() { woken++ })
					tx.OnUndo(func() { undone++ })
					at := pos
					if pos--; c.draw {
						at = tx.Position()
					}
					_, err := tx.Exec(ctx, addNote, at, body)
					return err
				})
			}
			if err := act("before"); err != nil {
				t.Fatal(err)
			}
			if c.next == hang {
				d.Patience(200 * time.Millisecond)
			}
			w.next.Store(c.next)
			if err := act("in between"); !fault.Is(err, fault.Unavailable) {
				t.Fatalf("the caller hears %v, want Unavailable", err)
			}
			w.closed.Store(true)
			if err := act("while it is away"); !fault.Is(err, fault.Unavailable) {
				t.Fatalf("while the server is away the caller hears %v, want Unavailable", err)
			}
			w.closed.Store(false)
			<-time.After(300 * time.Millisecond) // longer than callers are refused without a try
			if err := act("after"); err != nil {
				t.Fatal(err)
			}
			rows := int64(2)
			if c.kept {
				rows = 3
			}
			want := int64(0)
			if c.draw {
				want = rows
			}
			if got := count(t, d); got != rows || d.Position() != want || shown != int(rows) || woken != int(rows) {
				t.Errorf("got %d rows, position %d, %d shown, %d woken; want %d rows and position %d", got, d.Position(), shown, woken, rows, want)
			}
			if c.next != cutAll && c.next != hang && (undone == 0) != c.kept {
				t.Errorf("%d undone although kept is %v", undone, c.kept)
			}
			if len(said) != 2 || said[0] || !said[1] {
				t.Errorf("the operator hears %v, want one word of trouble and one of its end", said)
			}
		})
	}
}
