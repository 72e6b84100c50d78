package carrier

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// SNPP hands texts to a paging terminal by the Simple Network Paging Protocol, level 1.
// spec: rfc1861
type SNPP struct {
	Address string // host:port, port 444 by custom
	Most    int    // the longest text its pagers show, 0 for 200 characters
}

// Check implements Carrier.
func (s *SNPP) Check(address string) (string, error) { return pager(address) }

// Send implements Carrier.
func (s *SNPP) Send(ctx context.Context, m Message) (string, error) {
	c, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(deadline(ctx)); err != nil {
		return "", err
	}
	most := s.Most
	if most <= 0 {
		most = 200
	}
	talk := snppTalk{c, bufio.NewReaderSize(c, 4096)}
	if err := talk.expect("220"); err != nil {
		return "", err
	}
	for _, say := range []string{"PAGE " + m.To, "MESS " + plain(m.Text, most), "SEND"} {
		if _, err := fmt.Fprintf(c, "%s\r\n", say); err != nil {
			return "", err
		}
		if err := talk.expect("25"); err != nil { // 250 done, 25x by some terminals
			return "", err
		}
	}
	_, _ = fmt.Fprint(c, "QUIT\r\n") // it is taken already; whether we part politely changes nothing
	return "", nil
}

type snppTalk struct {
	net.Conn
	r *bufio.Reader
}

// expect reads a reply. 550 to 553 say that this pager or text will never do; anything else may be tried again.
func (t snppTalk) expect(code string) error {
	line, err := t.r.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("the paging terminal: %w", err)
	}
	got := strings.TrimRight(string(line), "\r\n")
	if strings.HasPrefix(got, code) {
		return nil
	}
	n, err := strconv.Atoi(got[:min(3, len(got))])
	if err == nil && n >= 550 && n < 554 {
		return refused(fmt.Sprintf("the paging terminal answers %d", n))
	}
	return fmt.Errorf("the paging terminal answers %d", n)
}
