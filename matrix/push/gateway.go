package push

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"wardline/ground/fault"
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
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !g.Private && !g.trusted(u) && !public(ip) {
		return bad("The gateway's address is private.")
	}
	return nil
}

// public says whether an address is one that everybody on the internet could reach.
func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsValid() && ip.IsGlobalUnicast() && !ip.IsPrivate() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() &&
		!slices.ContainsFunc(elsewhere, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// elsewhere are addresses that look public and lead into networks behind the server: a provider's own, those for tests, and IPv4
// addresses in the clothes of IPv6.
var elsewhere = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("fec0::/10"),
}

// errPrivate says that a name led to an address that it should not.
var errPrivate = errors.New("the address is private")

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
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		ip, err := netip.ParseAddr(strings.Split(host, "%")[0])
		if err != nil || !public(ip) {
			return errPrivate
		}
		return nil
	}
	d := &net.Dialer{Timeout: gatewayTime, ControlContext: control}
	return &http.Client{
		Transport:     &http.Transport{DialContext: d.DialContext, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: workers, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: gatewayTime},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
