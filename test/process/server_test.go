// Package process tests the program as a process: it is killed at each seam of a commit, and everything it prints is read.
//
// It is the proof of "nothing acknowledged is ever lost, and nothing half done remains", and of "no log holds a patient". The server
// is a real process that kills itself at a seam named on its command line. Look first at server and TestSend.
package process

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "wardline-process-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "wardline")
	build := exec.Command("go", "build", "-o", binary, "wardline/cmd/wardline")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// server is one run of the program on a data folder.
type server struct {
	t    *testing.T
	base string
	cmd  *exec.Cmd
	gone chan error
	said said
}

// start runs the program and waits until it answers. With crash it will end itself at that seam.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	s := &server{t: t, base: "http://" + addr, cmd: exec.Command(binary, append(args, "-listen", addr)...), gone: make(chan error, 1)}
	s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(0, func() { s.gone <- s.cmd.Wait() })
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	tick, limit := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for {
		if res, err := http.Get(s.base + "/_matrix/client/versions"); err == nil {
			_ = res.Body.Close()
			return s
		}
		select {
		case err := <-s.gone:
			t.Fatalf("the server ended before it answered: %v", err)
		case <-limit:
			t.Fatal("the server did not answer within 20 s")
		case <-tick.C:
		}
	}
}

// dies waits for the process to end by itself.
func (s *server) dies() {
	s.t.Helper()
	select {
	case <-s.gone:
	case <-time.After(20 * time.Second):
		s.t.Fatal("the server should have crashed at its seam and did not")
	}
}

// kill ends the process as a power cut would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.gone
}

type client struct {
	*server
	token, cookie string
}

// call makes a request; ok is false when no answer came back, which is all a client learns of a crash.
func (c *client) call(method, path string, body, into any) (status int, ok bool) {
	c.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, bytes.NewReader(raw))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.cookie != "" {
		req.Header.Set("Cookie", c.cookie)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, false
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, false
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			c.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, answer)
		}
	}
	return res.StatusCode, true
}

// must is call with success expected.
func (c *client) must(method, path string, body, into any) {
	c.t.Helper()
	if status, ok := c.call(method, path, body, into); !ok || status != http.StatusOK {
		c.t.Fatalf("%s %s: status %d, answered %v", method, path, status, ok)
	}
}

// bodies returns the texts of a room's messages, oldest first.
func (c *client) bodies(room string) []string {
	c.t.Helper()
	var page struct {
		Chunk []struct {
			Type    string
			Content struct{ Body string }
		}
	}
	c.must("GET", "/_matrix/client/v3/rooms/"+room+"/messages?dir=f&limit=1000", nil, &page)
	var out []string
	for _, ev := range page.Chunk {
		if ev.Type == "m.room.message" {
			out = append(out, ev.Content.Body)
		}
	}
	return out
}

// verifyAudit runs the offline proof on a stopped server's folder.
func verifyAudit(t *testing.T, dir string) {
	t.Helper()
	out, err := exec.Command(binary, "audit", "verify", "-data", dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "the chain is whole") {
		t.Errorf("audit: %v %s", err, out)
	}
}

func say(n int) map[string]string {
	return map[string]string{"msgtype": "m.text", "body": fmt.Sprint("message ", n)}
}

// said is everything a process has printed.
type said struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String returns what was printed so far.
func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
