// Package preview looks at pages behind links, so that clients can show what they are about.
//
// It promises that whoever is signed in can lead the server only to public addresses, at the ports of the web, for a bounded time and
// number of bytes, and learns the same whether an address is private, refuses, or is not there. It refuses to do anything unless the
// operator has switched it on: a page's owner learns from a look who was told of the page and when. Look first at Service.Look.
//
// spec: client-server-api#get_matrixclientv1mediapreview_url
package preview

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"wardline/ground/fault"
	"wardline/ground/outside"
	"wardline/matrix/id"
	"wardline/matrix/media"
)

// Limits of one look.
const (
	lookTime     = 10 * time.Second
	maxPage      = 1 << 20
	maxPicture   = 5 << 20
	maxRedirects = 5
	maxLooks     = 4 // at once
	keepFor      = time.Hour
	keepMost     = 500
	maxURL       = 2048
)

// Service makes previews.
type Service struct {
	Media *media.Service
	Owner id.User // to whom the pictures belong that previews show
	On    bool    // the operator wants previews
	// Private lets looks go to private addresses and any port. For tests, and for a network without an outside.
	Private bool

	looks  chan struct{}
	client *http.Client

	mu   sync.Mutex // guards kept
	kept map[string]kept
}

type kept struct {
	at   time.Time
	data map[string]any
}

// New returns the service.
func New(m *media.Service, owner id.User, on, private bool) *Service {
	s := &Service{Media: m, Owner: owner, On: on, Private: private, looks: make(chan struct{}, maxLooks), kept: map[string]kept{}}
	d := &net.Dialer{Timeout: lookTime, ControlContext: s.admit}
	s.client = &http.Client{
		// No proxy from the environment: it would make the look, and our rule about addresses would be asked about the proxy's.
		Transport: &http.Transport{DialContext: d.DialContext, TLSHandshakeTimeout: lookTime, ResponseHeaderTimeout: lookTime, MaxResponseHeaderBytes: 64 << 10,
			DisableKeepAlives: true, Proxy: nil},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return errors.New("too many redirects")
			}
			r.Header.Del("Referer")
			return s.mayFetch(r.URL)
		},
	}
	return s
}

var errNone = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no preview of that address.")

// Look returns what a page says of itself, as OpenGraph has it, which may be nothing. What cannot be fetched is NotFound, whatever the
// reason. Switched off, it is as if there were no such call.
func (s *Service) Look(ctx context.Context, address string) (map[string]any, error) {
	if !s.On {
		return nil, fault.New(fault.NotFound, "M_UNRECOGNIZED", "Previews are switched off here.")
	}
	u, err := url.Parse(address)
	if err != nil || len(address) > maxURL || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "That is not the address of a page.")
	}
	u.Fragment = ""
	key := u.String()
	if data, ok := s.remembered(key); ok {
		return data, nil
	}
	select {
	case s.looks <- struct{}{}:
		defer func() { <-s.looks }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if data, ok := s.remembered(key); ok {
		return data, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	data, err := s.look(ctx, u)
	if err != nil {
		return nil, fault.Wrap(errNone.Kind, errNone.Code, errNone.Public, err)
	}
	s.remember(key, data)
	return data, nil
}

func (s *Service) remembered(key string) (map[string]any, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.kept[key]
	return k.data, ok && time.Since(k.at) < keepFor
}

func (s *Service) remember(key string, data map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) >= keepMost {
		oldest := ""
		for k, v := range s.kept {
			if oldest == "" || v.at.Before(s.kept[oldest].at) {
				oldest = k
			}
		}
		delete(s.kept, oldest)
	}
	s.kept[key] = kept{time.Now(), data}
}

func (s *Service) look(ctx context.Context, u *url.URL) (map[string]any, error) {
	page, err := s.fetch(ctx, u, maxPage)
	if err != nil {
		return nil, err
	}
	kind, params, err := mime.ParseMediaType(page.kind)
	if err != nil {
		return map[string]any{}, nil
	}
	data := map[string]any{}
	switch {
	case strings.HasPrefix(kind, "image/"):
		if page, err = s.fetch(ctx, u, maxPicture); err == nil {
			s.picture(ctx, data, page)
		}
		return data, nil
	case kind != "text/html" && kind != "application/xhtml+xml":
		return data, nil
	}
	for name, value := range readPage(page.body, params["charset"]) {
		data[name] = value
	}
	address, _ := data["og:image"].(string)
	delete(data, "og:image")
	delete(data, "og:image:url")
	delete(data, "og:image:secure_url")
	if at, err := page.url.Parse(address); err == nil && address != "" {
		if file, err := s.fetch(ctx, at, maxPicture); err == nil && !file.cut {
			s.picture(ctx, data, file)
		}
	}
	return data, nil
}

// picture keeps a picture here, so that no client has to fetch it from outside. One that cannot be kept is left out.
func (s *Service) picture(ctx context.Context, data map[string]any, p fetched) {
	c, format, err := image.DecodeConfig(strings.NewReader(string(p.body)))
	if err != nil || p.cut {
		return
	}
	f, err := s.Media.Upload(ctx, media.Upload{Owner: s.Owner, Body: strings.NewReader(string(p.body)), SizeBytes: int64(len(p.body)), Type: "image/" + format})
	if err != nil {
		return
	}
	data["og:image"], data["og:image:type"], data["matrix:image:size"] = s.Media.URI(f.ID), "image/"+format, f.SizeBytes
	data["og:image:width"], data["og:image:height"] = c.Width, c.Height
}

// fetched is what an address gave.
type fetched struct {
	url  *url.URL // where it was in the end
	kind string
	body []byte
	cut  bool // there was more
}

func (s *Service) fetch(ctx context.Context, u *url.URL, limit int64) (f fetched, err error) {
	if err := s.mayFetch(u); err != nil {
		return f, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return f, err
	}
	req.Header.Set("User-Agent", "Wardline (link preview)")
	req.Header.Set("Accept", "text/html, image/*;q=0.9, */*;q=0.1")
	req.Header.Set("Accept-Language", "en-GB, en;q=0.9")
	resp, err := s.client.Do(req)
	if err != nil {
		return f, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return f, fmt.Errorf("the page answered %d", resp.StatusCode)
	}
	f.url, f.kind = resp.Request.URL, resp.Header.Get("Content-Type")
	if f.body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1)); err != nil {
		return f, err
	}
	if f.cut = int64(len(f.body)) > limit; f.cut {
		f.body = f.body[:limit]
	}
	return f, nil
}

var errNotAllowed = errors.New("the address is not one of the public web")

// mayFetch refuses addresses that are none of the public web, as far as they show it.
func (s *Service) mayFetch(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
		return errNotAllowed
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !s.Private && !outside.Public(ip) {
		return errNotAllowed
	}
	return s.port(u.Port())
}

func (s *Service) port(p string) error {
	if n, err := strconv.Atoi(p); p != "" && !s.Private && (err != nil || n != 80 && n != 443) {
		return errNotAllowed
	}
	return nil
}

// admit looks at the address that is really called, whatever the name led to.
func (s *Service) admit(_ context.Context, _, address string, _ syscall.RawConn) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if !s.Private && outside.Dialled(address) != nil {
		return errNotAllowed
	}
	return s.port(port)
}
