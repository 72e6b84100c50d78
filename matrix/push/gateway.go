package push

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"wardline/ground/fault"
	"wardline/ground/outside"
)

// Gateways says which push gateways may be told. A gateway's address comes from whoever is signed in, so it must not lead the server
// to places that only the server can reach.
type Gateways struct {
	Only    []string // hosts that alone may be used; they may also be private and plain http. Empty: any public host by https
	Private bool     // private addresses and plain http may be used
	client  *http.Client
}

// gatewayTime is how long a gateway may take to answer.
const gatewayTime = 10 * time.Second

// stopTime is how much of that it still has when the server stops.
const stopTime = time.Second

// trusted says whether the operator has named the host.
func (g *Gateways) trusted(u *url.URL) bool {
	return slices.Contains(g.Only, u.Host) || slices.Contains(g.Only, u.Hostname())
}

// check refuses an address that may not be told.
func (g *Gateways) check(address string) error {
	bad := func(text string) error { return fault.New(fault.Invalid, "M_INVALID_PARAM", text) }
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || len(address) > 2048:
		return bad("The gateway's URL is malformed.")
	case u.Path != "/_matrix/push/v1/notify":
		return bad("The gateway's URL must have the path /_matrix/push/v1/notify.")
	case u.Scheme != "https" && u.Scheme != "http":
		return bad("The gateway's URL must begin with https.")
	case len(g.Only) > 0 && !g.trusted(u):
		return bad("This server does not use that push gateway.")
	case u.Scheme == "http" && !g.Private && !g.trusted(u):
		return bad("The gateway's URL must begin with https.")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !g.Private && !g.trusted(u) && !outside.Public(ip) {
		return bad("The gateway's address is private.")
	}
	return nil
}

// post tells a gateway and returns the keys that it does not want to hear of again. Names are looked up when they are used, and the
// address that is really called is checked, because a name may have changed since.
func (g *Gateways) post(ctx context.Context, address string, body []byte) (rejected []string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := g.patience(ctx, g.trusted(u))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := g.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("push gateway answered %d", resp.StatusCode)
	}
	var answer struct {
		Rejected []string `json:"rejected"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("push gateway's answer: %w", err)
	}
	return answer.Rejected, nil
}

// patience bounds a call; when the server stops, the call has a little time left. Only a trusted host may be inside.
func (g *Gateways) patience(running context.Context, trusted bool) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(running), gatewayTime)
	stop := context.AfterFunc(running, func() { time.AfterFunc(stopTime, cancel) })
	if trusted {
		ctx = context.WithValue(ctx, trustedKey{}, true)
	}
	return ctx, func() { stop(); cancel() }
}

type trustedKey struct{}

// newClient makes the client that calls gateways. It follows no redirects and keeps to the rule about addresses on every dial.
func (g *Gateways) newClient() *http.Client {
	control := func(ctx context.Context, _, address string, _ syscall.RawConn) error {
		if g.Private || ctx.Value(trustedKey{}) != nil {
			return nil
		}
		return outside.Dialled(address)
	}
	d := &net.Dialer{Timeout: gatewayTime, ControlContext: control}
	return &http.Client{
		Transport:     &http.Transport{DialContext: d.DialContext, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: workers, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: gatewayTime},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
