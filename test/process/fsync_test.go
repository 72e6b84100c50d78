package process

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestTrouble_FsyncFails: the disk takes what is written and then fails to keep it. Nobody is told that their message is safe; when the
// disk works again the server goes on by itself, and everything that was acknowledged before, meanwhile or after is there.
func TestTrouble_FsyncFails(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed: nothing else can make fsync fail in a process that runs")
	}
	dir := t.TempDir()
	s := start(t, serveArgs(dir)...)
	all := joinAll(s, 3)
	for range 2 {
		failing := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-p", strconv.Itoa(s.cmd.Process.Pid),
			"-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO")
		if err := failing.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = failing.Process.Kill() })
		for begun, limit := false, time.Now().Add(20*time.Second); !begun; { // strace takes a moment to attach
			switch status := all[0].send(); {
			case status == http.StatusServiceUnavailable:
				begun = true
			case status != http.StatusOK:
				t.Fatalf("status %d, want 503", status)
			case time.Now().After(limit):
				_ = failing.Process.Signal(syscall.SIGTERM)
				t.Skip("strace cannot make fsync fail here")
			}
		}
		for _, l := range all {
			l.refused(t)
			l.check(t, l.known(), 0)
		}
		if err := failing.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		_ = failing.Wait()
		for _, l := range all {
			l.untilSent(t)
			l.check(t, l.known(), 0)
		}
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
