package carrier_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"wardline/clinical/carrier"
	"wardline/ground/run"
)

// tap is a paging terminal, on a port or at the other end of a serial line, as TAP 1.8 describes one.
func tap(t *testing.T, serial bool) *server {
	s := &server{number: "812345"}
	if !serial {
		s.carrier = &carrier.TAP{Address: "tcp:" + listen(t, func(c net.Conn) { s.terminal(t, c) }), Password: "secret"}
		return s
	}
	line, name := pseudo(t)
	g := run.NewGroup(nil)
	g.Go("terminal", func(context.Context) error { s.terminal(t, line); return nil })
	s.carrier = &carrier.TAP{Address: "serial:" + name + "@9600", Password: "secret"}
	return s
}

// pseudo is a serial line without a wire: its end, and the name of the other.
func pseudo(t *testing.T) (io.ReadWriteCloser, string) {
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	n, err := unix.IoctlGetInt(int(m.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(m.Fd()), unix.TIOCSPTLCK, 0)
	}
	name := fmt.Sprint("/dev/pts/", n)
	// Held open here too, or the line would hang up each time the other end closes.
	keep, openErr := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil || openErr != nil {
		t.Skipf("no pseudo terminals here: %v, %v", err, openErr)
	}
	t.Cleanup(func() { keep.Close(); m.Close() })
	return m, name
}

// terminal talks until the line is closed.
func (s *server) terminal(t *testing.T, c io.ReadWriter) {
	r := bufio.NewReader(c)
	say := func(text string) { _, _ = io.WriteString(c, text) }
	signed := 0
	for {
		got, err := r.ReadString('\r')
		if err != nil {
			return
		}
		switch mood := s.is(); {
		case mood == "silent":
		case mood == "rubbish":
			say(strings.Repeat("~", 600) + "\r")
		case got == "\r":
			say("ID=")
		case mood == "later":
			say("\r\n\x1b\x04\r")
		case strings.HasPrefix(got, "\x1bPG1"):
			if signed++; signed == 1 {
				say("\x15\r") // it asks again
				continue
			}
			if got != "\x1bPG1secret\r" {
				t.Errorf("signed in with %q", got)
			}
			say("\r\n110 welcome\r\x06\r\x1b[p\r")
		case got[0] == 0x02:
			text, _ := r.ReadString('\r')
			sum, _ := r.ReadString('\r')
			s.block(t, say, got+text, sum)
		case got == "\x04\r":
			say("\x1b\x04\r")
		}
	}
}

// block takes a transaction; the first is always heard wrongly.
func (s *server) block(t *testing.T, say func(string), fields, rest string) {
	want := 0
	for _, c := range []byte(fields + "\x03") {
		want += int(c & 0x7f)
	}
	if sum := fmt.Sprintf("\x03%c%c%c\r", '0'+want>>8&15, '0'+want>>4&15, '0'+want&15); rest != sum {
		t.Errorf("the checksum of %q is %q, want %q", fields, rest, sum)
	}
	if s.is() == "no" {
		say("\r\nunknown\r\x1e\r")
		return
	}
	if s.garbled.CompareAndSwap(false, true) {
		say("\x15\r")
		return
	}
	to, text, _ := strings.Cut(fields[1:], "\r")
	s.take(taken{to: to, text: strings.TrimSuffix(text, "\r")})
	say("\r\n\x06\r")
}
