package carrier

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// TAP hands texts to a paging terminal by the Telocator Alphanumeric Protocol, over a serial line or a TCP port of a terminal server:
// what most hospital pager transmitters still speak. One text at a time, because it is one line.
// spec: Telocator Alphanumeric Protocol (TAP) version 1.8
type TAP struct {
	// Address is tcp:host:port, or serial:/dev/ttyS0 with 1200 bits a second, or serial:/dev/ttyS0@9600 with another speed: seven data
	// bits, even parity and one stop bit.
	Address  string
	Password string // at most 6 characters, mostly none

	mu sync.Mutex // held while the line is ours
}

// The control characters of the protocol.
const (
	stx = 0x02
	etx = 0x03
	eot = 0x04
	ack = 0x06
	nak = 0x15
	esc = 0x1b
	rs  = 0x1e
)

// Limits of the protocol: of a text in one block, of what is sent again, and how long the other side may be silent.
const (
	tapText   = 200
	tapTries  = 3
	tapSilent = 4 * time.Second
)

// Check implements Carrier.
func (t *TAP) Check(address string) (string, error) { return pager(address) }

// Send implements Carrier.
func (t *TAP) Send(ctx context.Context, m Message) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line, err := t.open(ctx)
	if err != nil {
		return "", err
	}
	defer line.Close()
	stop := context.AfterFunc(ctx, func() { _ = line.Close() })
	defer stop()
	talk := &tapTalk{line: line, r: bufio.NewReader(line)}
	err = talk.carry(t.Password, m)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return "", err
}

// tapLine is a connection or a serial port.
type tapLine interface {
	io.ReadWriteCloser
	SetReadDeadline(t time.Time) error
}

func (t *TAP) open(ctx context.Context) (tapLine, error) {
	kind, where, _ := strings.Cut(t.Address, ":")
	switch kind {
	case "tcp":
		return (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", where)
	case "serial":
		return openSerial(where)
	}
	return nil, errors.New("the address of a TAP terminal begins with tcp: or serial: and goes on")
}

type tapTalk struct {
	line tapLine
	r    *bufio.Reader
}

func (t *tapTalk) say(b []byte) error {
	_, err := t.line.Write(b)
	return err
}

// hear reads one answer: what stands before the next carriage return, or a prompt that has none.
func (t *tapTalk) hear() ([]byte, error) {
	if err := t.line.SetReadDeadline(time.Now().Add(tapSilent)); err != nil {
		return nil, err
	}
	var got []byte
	for len(got) < 512 {
		c, err := t.r.ReadByte()
		if err != nil {
			return got, fmt.Errorf("the paging terminal is silent: %w", err)
		}
		c &= 0x7f // some ports leave the parity in
		if c == '\r' {
			return got, nil
		}
		if c != '\n' {
			got = append(got, c)
		}
		if bytes.HasSuffix(got, []byte("ID=")) {
			return got, nil
		}
	}
	return nil, errors.New("the paging terminal talks nonsense")
}

// until hears answers until one is among the wanted; texts between are for people.
func (t *tapTalk) until(wanted ...string) (string, error) {
	for range 20 {
		got, err := t.hear()
		if err != nil {
			return "", err
		}
		for _, w := range wanted {
			if string(got) == w || w == "ID=" && bytes.HasSuffix(got, []byte(w)) {
				return w, nil
			}
		}
		if string(got) == string([]byte{esc, eot}) {
			return "", errors.New("the paging terminal hangs up")
		}
	}
	return "", errors.New("the paging terminal talks of something else")
}

func (t *tapTalk) carry(password string, m Message) error {
	if err := t.login(password); err != nil {
		return err
	}
	block := tapBlock(m.To, plain(m.Text, tapText))
	for range tapTries {
		if err := t.say(block); err != nil {
			return err
		}
		got, err := t.until(string(rune(ack)), string(rune(nak)), string(rune(rs)))
		switch {
		case err != nil:
			return err
		case got[0] == rs:
			return refused("the paging terminal does not know this pager, or not this text")
		case got[0] == ack:
			_ = t.say([]byte{eot, '\r'}) // it is taken; whether we part politely changes nothing
			return nil
		}
	}
	return errors.New("the line garbles what the paging terminal hears")
}

// login wakes the terminal, which may be asleep and miss the first call, and signs in by the automatic way.
func (t *tapTalk) login(password string) error {
	var err error
	for range tapTries {
		if err = t.say([]byte{'\r'}); err != nil {
			return err
		}
		if _, err = t.until("ID="); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	for range tapTries {
		if err := t.say(append([]byte{esc, 'P', 'G', '1'}, password+"\r"...)); err != nil {
			return err
		}
		got, err := t.until(string(rune(ack)), string(rune(nak)))
		if err != nil {
			return err
		}
		if got[0] == ack {
			_, err = t.until(string([]byte{esc, '[', 'p'}))
			return err
		}
	}
	return errors.New("the paging terminal will not let us sign in")
}

// tapBlock is a transaction of two fields with its checksum: the sum of all characters from STX to ETX, four bits to each of three
// printable characters.
func tapBlock(to, text string) []byte {
	b := append([]byte{stx}, to+"\r"+text+"\r"...)
	b = append(b, etx)
	sum := 0
	for _, c := range b {
		sum += int(c & 0x7f)
	}
	return append(b, byte('0'+sum>>8&15), byte('0'+sum>>4&15), byte('0'+sum&15), '\r')
}
