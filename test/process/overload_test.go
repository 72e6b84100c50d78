package process

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"wardline/ground/run"
)

// rss is the memory the server holds, in MB.
func (s *server) rss() int {
	s.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(kb)[0])
			return n / 1024
		}
	}
	return 0
}

func (s *server) addr() string { return strings.TrimPrefix(s.base, "http://") }

// from dials out of one of many loopback addresses, because one has too few ports for a hundred thousand connections.
func from(i int, addr string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+i/20000), 1)}, Timeout: 5 * time.Second}
	return d.Dial("tcp", addr)
}

// TestOverload_Connections: a crowd connects and says nothing, or sends its request a byte at a time. Those who work go on working, and
// the server's memory does not follow the crowd. The long form tries a hundred thousand.
func TestOverload_Connections(t *testing.T) {
	crowd, limit := 3000, 200
	if *long {
		crowd = 100_000
	}
	s := start(t, append(serveArgs(t.TempDir()), "-max-connections", strconv.Itoa(limit))...)
	all := joinAll(s, 3)
	before := s.rss()
	fns := make([]func(context.Context) error, 8)
	for w := range fns {
		fns[w] = func(context.Context) error {
			var open []net.Conn
			defer func() {
				for _, c := range open {
					_ = c.Close()
				}
			}()
			for i := w; i < crowd; i += len(fns) {
				c, err := from(i, s.addr())
				if err != nil {
					continue // the machine's own limits
				}
				if i%2 == 0 {
					_, _ = io.WriteString(c, "GET /_matrix/client/versions HTT") // and no more
				}
				if open = append(open, c); len(open) > 500 {
					_ = open[0].Close()
					open = open[1:]
				}
			}
			return nil
		}
	}
	done := make(chan struct{})
	fns = append(fns, func(context.Context) error {
		defer close(done)
		for range 100 {
			for _, l := range all {
				if status := l.send(); status != http.StatusOK {
					return fmt.Errorf("somebody who works hears %d", status)
				}
			}
		}
		return nil
	})
	if err := run.All(t.Context(), fns...); err != nil {
		t.Fatalf("%v\n%s", err, s.said.String())
	}
	<-done
	for _, l := range all {
		l.check(t, l.known(), 0)
	}
	if after := s.rss(); after > before+100 {
		t.Errorf("memory went from %d to %d MB", before, after)
	}
}

// TestOverload_HugeBody: a body without end is refused after what a call may have, and none of it is kept.
func TestOverload_HugeBody(t *testing.T) {
	s := start(t, serveArgs(t.TempDir())...)
	l := joinAll(s, 1)[0]
	before := s.rss()
	for range 5 {
		req, err := http.NewRequestWithContext(t.Context(), "PUT", s.base+"/_matrix/client/v3/rooms/"+l.room+"/send/m.room.message/huge",
			io.LimitReader(zeros{}, 200<<20))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+l.token)
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			continue // it was cut off while it still sent
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d, want 413", res.StatusCode)
		}
	}
	if after := s.rss(); after > before+50 {
		t.Errorf("memory went from %d to %d MB", before, after)
	}
	if status := l.send(); status != http.StatusOK {
		t.Errorf("afterwards somebody hears %d", status)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// TestOverload_Slow: who takes a minute to say what they want is cut off.
func TestOverload_Slow(t *testing.T) {
	if !*long {
		t.Skip("waits for half a minute: make durability")
	}
	s := start(t, serveArgs(t.TempDir())...)
	l := joinAll(s, 1)[0]
	for name, c := range map[string]struct {
		first string
		max   time.Duration
	}{
		"header": {"GET /_matrix/client/versions HTTP/1.1\r\nHost: a\r\n", 15 * time.Second},
		"body": {"PUT /_matrix/client/v3/rooms/" + l.room + "/send/m.room.message/slow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + l.token +
			"\r\nContent-Length: 1000\r\n\r\n{", 40 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", s.addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			began := time.Now()
			_, _ = io.WriteString(conn, c.first)
			_ = conn.SetReadDeadline(began.Add(c.max))
			answer, err := io.ReadAll(conn)
			if err != nil {
				t.Errorf("still open after %v: %v %q", time.Since(began), err, answer)
			}
		})
	}
}
