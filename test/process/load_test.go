package process

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wardline/ground/run"
)

// loader is somebody with a room of their own who sends one message after another and remembers what was acknowledged.
type loader struct {
	*client
	room string
	name string

	mu    sync.Mutex // guards acked and next
	acked []string   // texts, in the order of their acknowledgement
	next  int
}

// join makes a user with a room.
func join(s *server, name string) *loader {
	s.t.Helper()
	l := &loader{client: &client{server: s}, name: name}
	var made struct {
		Token string `json:"access_token"`
		Room  string `json:"room_id"`
	}
	l.must("POST", "/_matrix/client/v3/register", map[string]any{"username": name, "password": "pw", "auth": map[string]string{"type": "m.login.dummy"}}, &made)
	l.token = made.Token
	l.must("POST", "/_matrix/client/v3/createRoom", map[string]any{"name": name}, &made)
	l.room = made.Room
	return l
}

// send sends the next message, or the same again when the last was not acknowledged, and returns the status, 0 for no answer.
func (l *loader) send() int {
	body := fmt.Sprintf("%s %d", l.name, l.next)
	path := fmt.Sprintf("/_matrix/client/v3/rooms/%s/send/m.room.message/%d", l.room, l.next)
	status, _ := l.call("PUT", path, map[string]string{"msgtype": "m.text", "body": body}, nil)
	if status == http.StatusOK {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.acked = append(l.acked, body)
		l.next++
	}
	return status
}

// known returns what was acknowledged so far.
func (l *loader) known() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.acked)
}

// check holds the room against what was acknowledged: all of it there once and in order, and at most the message in flight besides.
func (l *loader) check(t *testing.T, acked []string, mayHaveMore int) {
	t.Helper()
	got := l.all(t)
	if len(got) < len(acked) || !slices.Equal(got[:len(acked)], acked) || len(got) > len(acked)+mayHaveMore {
		t.Fatalf("%s: %d messages, acknowledged were %d (and at most %d more): got the end %q, want %q", l.name, len(got), len(acked), mayHaveMore, end(got), end(acked))
	}
	for i, body := range got {
		if want := fmt.Sprintf("%s %d", l.name, i); body != want {
			t.Fatalf("%s: message %d is %q, want %q", l.name, i, body, want)
		}
	}
}

func end(s []string) []string { return s[max(0, len(s)-3):] }

// all reads every message of the room, a page at a time.
func (l *loader) all(t *testing.T) []string {
	t.Helper()
	var out []string
	for from := ""; ; {
		var page struct {
			End   string
			Chunk []struct {
				Type    string
				Content struct{ Body string }
			}
		}
		l.must("GET", "/_matrix/client/v3/rooms/"+l.room+"/messages?dir=f&limit=500"+from, nil, &page)
		for _, ev := range page.Chunk {
			if ev.Type == "m.room.message" {
				out = append(out, ev.Content.Body)
			}
		}
		if page.End == "" || len(page.Chunk) == 0 {
			return out
		}
		from = "&from=" + page.End
	}
}

// load runs everybody until stop is closed or a message gets no 200, while meanwhile runs.
func load(t *testing.T, all []*loader, stop chan struct{}, meanwhile func() error) {
	t.Helper()
	fns := []func(context.Context) error{func(context.Context) error { defer close(stop); return meanwhile() }}
	for _, l := range all {
		fns = append(fns, func(context.Context) error {
			for {
				select {
				case <-stop:
					return nil
				default:
					if l.send() == 0 {
						return nil
					}
				}
			}
		})
	}
	if err := run.All(t.Context(), fns...); err != nil {
		t.Fatal(err)
	}
}

// joinAll makes three people, each with a few messages.
func joinAll(s *server, messages int) []*loader {
	var all []*loader
	for i := range 3 {
		l := join(s, fmt.Sprint("p", i))
		for range messages {
			if status := l.send(); status != http.StatusOK {
				s.t.Fatalf("send: status %d", status)
			}
		}
		all = append(all, l)
	}
	return all
}

// tool runs the program to its end and returns what it printed.
func tool(args ...string) (string, error) {
	out, err := exec.Command(binary, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("wardline %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

func serveArgs(dir string) []string {
	return []string{"serve", "-server-name", "crash", "-data", dir, "-open-registration", "-no-rate-limits", "-log-level", "warn"}
}

// TestBackup_UnderLoad: a backup taken while people send holds all that was acknowledged before it began, in order, and an uploaded
// file; a server starts on what is restored from it; the audit is whole.
func TestBackup_UnderLoad(t *testing.T) {
	dir, file, again := t.TempDir(), t.TempDir()+"/backup.age", t.TempDir()+"/new"
	words := t.TempDir() + "/words"
	if err := os.WriteFile(words, []byte("nobody guesses this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, serveArgs(dir)...)
	all := joinAll(s, 100)
	var up struct {
		URI string `json:"content_uri"`
	}
	all[0].must("POST", "/_matrix/media/v3/upload?filename=a.txt", "what is in the file", &up)
	var before [][]string
	load(t, all, make(chan struct{}), func() error {
		for _, l := range all {
			before = append(before, l.known())
		}
		_, err := tool("backup", "-data", dir, "-to", file, "-passphrase-file", words)
		return err
	})
	s.kill()
	for i, l := range all {
		if len(l.known()) == len(before[i]) {
			t.Errorf("%s sent nothing while the backup was made: this was no load", l.name)
		}
	}
	out, err := tool("restore", "-from", file, "-data", again, "-passphrase-file", words)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "1 uploaded files") || !strings.Contains(out, "every row, every file and the audit's chain compared") {
		t.Errorf("the restore says %q", out)
	}
	verifyAudit(t, again)
	s = start(t, serveArgs(again)...)
	for i, l := range all {
		l.server = s
		l.check(t, before[i], 1<<20)
	}
	if status, _ := all[0].call("GET", "/_matrix/client/v1/media/download/"+strings.TrimPrefix(up.URI, "mxc://"), nil, nil); status != http.StatusOK {
		t.Errorf("the uploaded file: status %d", status)
	}
	if status := all[0].sendAgain(); status != http.StatusOK {
		t.Errorf("after the restore: status %d", status)
	}
}

// sendAgain sends something new, whatever was lost on purpose before.
func (l *loader) sendAgain() int {
	l.next += 1 << 30
	return l.send()
}

// TestMigrate: a trust's database is copied, the source stays, and a server goes on with the copy.
func TestMigrate(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()+"/copy.db"
	s := start(t, serveArgs(dir)...)
	all := joinAll(s, 10)
	if out, err := tool("migrate", "-data", dir, "-to", to); err == nil || !strings.Contains(out, "in use") {
		t.Errorf("migrate under a running server: %q, %v", out, err)
	}
	s.kill()
	if _, err := tool("migrate", "-data", dir, "-to", to); err != nil {
		t.Fatal(err)
	}
	s = start(t, append(serveArgs(dir), "-database", to)...)
	for _, l := range all {
		l.server = s
		l.check(t, l.known(), 0)
	}
}

// TestRestore_SurvivesACrash ends a restore at random instants: what is left is empty, or says of itself that it is not finished.
func TestRestore_SurvivesACrash(t *testing.T) {
	dir, file := t.TempDir(), t.TempDir()+"/backup"
	s := start(t, serveArgs(dir)...)
	joinAll(s, 200)
	s.kill()
	if _, err := tool("backup", "-data", dir, "-to", file); err != nil {
		t.Fatal(err)
	}
	marked := 0
	for after := 10 * time.Millisecond; ; after += 10 * time.Millisecond {
		again := t.TempDir() + "/new"
		cmd := exec.Command(binary, "restore", "-from", file, "-data", again)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		out, verr := tool("audit", "verify", "-data", again)
		if err == nil {
			if verr != nil {
				t.Errorf("after a whole restore: %v", verr)
			}
			break
		}
		_, keyErr := os.Stat(again + "/signing.key")
		switch {
		case strings.Contains(out, "was not finished"):
			marked++
		case strings.Contains(out, "there is no database"), strings.Contains(out, "audit: 0 entries") && os.IsNotExist(keyErr):
		case verr == nil && keyErr == nil && !strings.Contains(out, "audit: 0 entries"): // it was whole and had only not said so
		default:
			t.Errorf("killed after %v: %q, %v", after, out, verr)
		}
	}
	if marked == 0 {
		t.Error("no kill met the restore at work")
	}
}
