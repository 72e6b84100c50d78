package process

import (
	"bytes"
	"database/sql"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wardline/ground/dbtest"
)

// smallDisk mounts a disk of a few megabytes, or skips the test and says why.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small disk cannot be mounted here (it wants root): %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// TestTrouble_DiskFull: people get a 503 with a sentence and can still read; one line tells the operator; when there is room again
// it goes on by itself; nothing that was acknowledged is lost.
func TestTrouble_DiskFull(t *testing.T) {
	disk := smallDisk(t, "32m")
	dir, ballast := filepath.Join(disk, "data"), filepath.Join(disk, "ballast")
	s := start(t, serveArgs(dir)...)
	all := joinAll(s, 5)
	if err := os.WriteFile(ballast, bytes.Repeat([]byte{1}, 40<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk did not fill: %v", err)
	}
	full := 0 // in a row: when the log is tidied away there is room for a few more
	for range 20000 {
		switch status := all[0].send(); status {
		case http.StatusServiceUnavailable:
			full++
		case http.StatusOK:
			full = 0
		default:
			t.Fatalf("send on a full disk: status %d\n%s", status, s.said.String())
		}
		if full == 40 {
			break
		}
	}
	if full < 40 {
		t.Fatal("20,000 messages went onto a full disk")
	}
	for _, l := range all {
		for range 20 {
			l.refused(t)
		}
		l.check(t, l.known(), 0)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		l.untilSent(t)
		l.check(t, l.known(), 0)
	}
	s.quiet(t)
	s.kill()
	inspect(t, filepath.Join(dir, "wardline.db"))
	s = start(t, serveArgs(dir)...)
	for _, l := range all {
		l.server = s
		l.check(t, l.known(), 0)
	}
}

// TestTrouble_ReadOnly: a folder that cannot be written is said at the start.
func TestTrouble_ReadOnly(t *testing.T) {
	disk := smallDisk(t, "8m")
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("the disk cannot be made read-only: %v", err)
	}
	out, err := tool(append(serveArgs(filepath.Join(disk, "data")), "-listen", "127.0.0.1:0")...)
	if err == nil || !strings.Contains(out, "read-only") || strings.Count(out, "\n") != 1 {
		t.Errorf("got %q, %v; want one line that says read-only", out, err)
	}
}

// TestTrouble_Locked: while another program holds the database's file, people get a 503; afterwards it goes on, with nothing lost.
func TestTrouble_Locked(t *testing.T) {
	dir := t.TempDir()
	s := start(t, serveArgs(dir)...)
	all := joinAll(s, 5)
	other, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "wardline.db")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		l.refused(t)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		l.untilSent(t)
		l.check(t, l.known(), 0)
	}
	s.quiet(t)
	s.kill()
	inspect(t, filepath.Join(dir, "wardline.db"))
}

// cluster is a PostgreSQL of this test's own, which may be stopped and started.
type cluster struct {
	t    *testing.T
	url  string
	data string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	if os.Getenv(dbtest.Env) == "" {
		t.Skip(dbtest.Env + " is not set: see `make test`")
	}
	said := &said{}
	cmd := exec.Command("../../tools/postgres.sh", "sh", "-c", `printf '%s\n' "$WARDLINE_TEST_POSTGRES" >"$0" && cat`, filepath.Join(t.TempDir(), "url"))
	file := cmd.Args[len(cmd.Args)-1]
	cmd.Stderr = said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	tick, limit := time.NewTicker(50*time.Millisecond), time.After(60*time.Second)
	defer tick.Stop()
	for {
		if raw, err := os.ReadFile(file); err == nil && bytes.HasSuffix(raw, []byte("\n")) {
			c := &cluster{t: t, url: strings.TrimSpace(string(raw))}
			u, err := url.Parse(c.url)
			if err != nil {
				t.Fatal(err)
			}
			c.data = filepath.Join(u.Query().Get("host"), "data")
			return c
		}
		select {
		case <-limit:
			t.Fatalf("no PostgreSQL: %s", said.String())
		case <-tick.C:
		}
	}
}

// pid returns the number of the server's process and how it was started.
func (c *cluster) pid() (pid string, args []string, owner uint32) {
	c.t.Helper()
	raw, err := os.ReadFile(filepath.Join(c.data, "postmaster.pid"))
	if err != nil {
		c.t.Fatal(err)
	}
	pid, _, _ = strings.Cut(string(raw), "\n")
	line, err := os.ReadFile("/proc/" + pid + "/cmdline")
	if err != nil {
		c.t.Skipf("how PostgreSQL was started cannot be seen here: %v", err)
	}
	info, err := os.Stat(c.data)
	if err != nil {
		c.t.Fatal(err)
	}
	return pid, strings.Split(strings.TrimRight(string(line), "\x00"), "\x00"), info.Sys().(*syscall.Stat_t).Uid
}

// restart ends the server without a farewell, does something meanwhile, and starts it again.
func (c *cluster) restart(meanwhile func()) {
	c.t.Helper()
	pid, args, owner := c.pid()
	if out, err := exec.Command("kill", "-QUIT", pid).CombinedOutput(); err != nil {
		c.t.Fatalf("stop PostgreSQL: %v %s", err, out)
	}
	tick, limit := time.NewTicker(20*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for {
		if _, err := os.Stat(filepath.Join(c.data, "postmaster.pid")); errors.Is(err, os.ErrNotExist) {
			break
		}
		select {
		case <-limit:
			c.t.Fatal("PostgreSQL does not stop")
		case <-tick.C:
		}
	}
	meanwhile()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = filepath.Dir(c.data)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner, Gid: owner}}
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGINT); _ = cmd.Wait() })
}

// TestTrouble_PostgresRestarts: PostgreSQL ends and comes back under load, twice. People get a 503 meanwhile, the server goes on by
// itself, and nothing that was acknowledged is lost, doubled or out of order.
func TestTrouble_PostgresRestarts(t *testing.T) {
	c := newCluster(t)
	source := c.url
	s := start(t, append(serveArgs(t.TempDir()), "-database", source)...)
	all := joinAll(s, 5)
	for range 2 {
		load(t, all, make(chan struct{}), func() error {
			<-time.After(200 * time.Millisecond) // into the load
			c.restart(func() {
				for _, l := range all {
					if status := (&loader{client: l.client, room: l.room, name: l.name, next: 1 << 20}).send(); status != http.StatusServiceUnavailable {
						t.Errorf("while PostgreSQL is away: status %d, want 503", status)
					}
				}
			})
			return nil
		})
		for _, l := range all {
			l.untilSent(t)
			l.check(t, l.known(), 0)
		}
	}
	s.quiet(t)
	s.kill()
	inspect(t, source)
}
