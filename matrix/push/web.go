package push

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/webpush"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// WebKind is the kind of pushers that are browsers.
// spec: MSC4174#pusher-kind-webpush
const WebKind = "org.matrix.msc4174.webpush"

// Level is how loudly somebody is told of an event.
type Level int

// The levels. Rules decide between the first three; what is above them is for Service.Rank to say.
const (
	Quiet  Level = iota // counted only
	Normal              // shown
	Direct              // a mention, or between two: with a sound
	Urgent              // stays until acted on
	Alarm               // as loud as the device allows
)

// Notice is how one event is told to one person. None of it is content.
type Notice struct {
	Level  Level
	Silent bool          // shown without a sound
	Ref    string        // an opaque id that the app opens instead of the room
	TTL    time.Duration // after this the news is of no use; 0: what the level has
}

// Web is what telling browsers needs beside the gateways.
type Web struct {
	Trusted []string // hosts that may be told besides the known push services; these may be inside and plain http
	Contact string   // mailto: or https: of whoever runs the server
	sender  *webpush.Sender
}

// ttl is how long a push service keeps a notice for a phone that is out of reach.
func (n Notice) ttl() time.Duration {
	switch {
	case n.TTL > 0:
		return n.TTL
	case n.Level >= Urgent:
		return 10 * time.Minute
	case n.Level == Direct:
		return 4 * time.Hour
	}
	return 12 * time.Hour
}

func (n Notice) urgency() webpush.Urgency {
	switch {
	case n.Level >= Direct && !n.Silent:
		return webpush.High
	case n.Silent:
		return webpush.Low
	}
	return webpush.Normal
}

var (
	readKey = db.SQL("push.key", `SELECT secret FROM push_key WHERE id = 1 LIMIT 1`)
	saveKey = db.SQL("push.save_key", `INSERT INTO push_key (id, secret, made_at) VALUES (1, $1, $2)`)
)

// loadKey reads the server's key for Web Push, or makes it.
func (s *Service) loadKey(ctx context.Context) error {
	raw, err := db.One(ctx, s.db, readKey, db.Scalar[[]byte])
	if fault.Is(err, fault.NotFound) {
		raw, err = s.makeKey(ctx)
	}
	if err != nil {
		return err
	}
	key, err := webpush.ParseKey(raw)
	if err != nil {
		return err
	}
	s.Web.sender = &webpush.Sender{Key: key, Contact: s.Web.Contact}
	return nil
}

func (s *Service) makeKey(ctx context.Context) ([]byte, error) {
	key, err := webpush.NewKey()
	if err != nil {
		return nil, err
	}
	raw, err := key.Bytes()
	if err != nil {
		return nil, err
	}
	return raw, s.db.Write(ctx, "push.key", func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, saveKey, raw, time.Now().UnixMilli())
		return err
	})
}

// WebKey is the key that browsers subscribe with, empty before Load.
func (s *Service) WebKey() string {
	if s.Web.sender == nil {
		return ""
	}
	return s.Web.sender.Key.Public()
}

// subscription reads where a browser is told.
func (p *Pusher) subscription() webpush.Subscription {
	s := webpush.Subscription{Key: p.Key}
	_ = json.Unmarshal(p.Data["endpoint"], &s.Endpoint) // what is no text is checked as an empty one
	_ = json.Unmarshal(p.Data["auth"], &s.Auth)
	return s
}

// checkWeb refuses a subscription that cannot work or that leads elsewhere than to a browser's push service.
func (s *Service) checkWeb(p *Pusher) error {
	bad := func(text string) error { return fault.New(fault.Invalid, "M_INVALID_PARAM", text) }
	sub := p.subscription()
	if sub.Endpoint == "" || sub.Auth == "" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The pusher has no data.endpoint or no data.auth.")
	}
	if err := sub.Check(); err != nil {
		return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The subscription's keys are malformed.", err)
	}
	u, err := url.Parse(sub.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.User != nil || len(sub.Endpoint) > 2048:
		return bad("The subscription's address is malformed.")
	case !webpush.Known(u, s.Web.Trusted):
		return bad("This server does not know that push service.")
	}
	return nil
}

// rank says how loudly a person is told of an event, and whether their rules have a say in it.
func (s *Service) rank(u id.User, ev *room.Event) (n Notice, whatever bool) {
	if s.Rank == nil {
		return Notice{Level: Normal}, false
	}
	if n, whatever = s.Rank(u, ev); !whatever {
		n.Level = Normal
	}
	return n, whatever
}

// weigh says what a rule's actions make of an event that nothing else has ranked.
func weigh(it item) Level {
	for _, raw := range it.actions {
		var tweak struct {
			Set string `json:"set_tweak"`
		}
		if json.Unmarshal(raw, &tweak) == nil && (tweak.Set == "sound" || tweak.Set == "highlight") {
			return Direct
		}
	}
	return Normal
}

// payload is what a browser is told: ids and counts, never what was said, by whom, or what a room is called. It is encrypted besides.
func (s *Service) payload(ctx context.Context, u id.User, it item, n Notice) ([]byte, error) {
	unread, err := s.allUnread(ctx, u)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"event_id": it.placed.ID, "room_id": it.placed.Feed.ID, "unread": unread, "level": n.Level,
		"silent": n.Silent, "ref": n.Ref, "member": it.placed.Type == event.TypeMember})
}

// topic lets a push service replace what waits for a sleeping phone by what is newer, without learning which phones share a room.
func topic(sub webpush.Subscription, r id.Room) string {
	sum := sha256.Sum256([]byte(sub.Auth + " " + string(r)))
	return base64.RawURLEncoding.EncodeToString(sum[:24])
}

// tellWeb tells one browser of one event, unless the person wants quiet now or the news is old, and says what came of it when all went well.
func (s *Service) tellWeb(ctx context.Context, p *pusher, it item) (Outcome, error) {
	n := it.notice
	if s.Temper != nil {
		var err error
		if n, err = s.Temper(ctx, p.user, n); err != nil {
			return unasked, err
		}
	}
	left := n.ttl() - time.Since(time.UnixMilli(it.placed.OriginServerTS))
	switch {
	case n.Level == Quiet:
		return unasked, nil
	case left <= 0:
		return Late, nil
	}
	plain, err := s.payload(ctx, p.user, it, n)
	if err != nil {
		return unasked, err
	}
	m := webpush.Message{Plain: plain, TTL: left, Urgency: n.urgency()}
	if n.Level < Urgent {
		m.Topic = topic(p.subscription(), it.placed.Feed.ID)
	}
	if err := s.post(ctx, p.subscription(), m); err != nil {
		return unasked, err
	}
	if s.Told != nil {
		s.Told(p.user, it.placed.Event, n)
	}
	return Taken, nil
}

// post hands a message to a browser's push service.
func (s *Service) post(ctx context.Context, sub webpush.Subscription, m webpush.Message) error {
	u, err := url.Parse(sub.Endpoint)
	if err != nil {
		return err
	}
	if !webpush.Known(u, s.Web.Trusted) {
		return webpush.ErrGone // the operator has taken the host off the list since
	}
	ctx, cancel := s.Gateways.patience(ctx, webpush.Trusted(u, s.Web.Trusted))
	defer cancel()
	sender := *s.Web.sender
	sender.Client = s.Gateways.client
	return sender.Send(ctx, sub, m)
}

// hopeless says that a push service will never take this message, though others it may.
func hopeless(err error) bool {
	var b *webpush.Busy
	return errors.As(err, &b) && (b.Status == http.StatusBadRequest || b.Status == http.StatusRequestEntityTooLarge)
}

// errNoBrowser says that there is nothing to try.
var errNoBrowser = fault.New(fault.NotFound, "M_NOT_FOUND", "This device has no subscription. Allow notifications and try again.")

// Try tells the browser of one device that this is a trial, at once. A subscription that has ended is forgotten.
func (s *Service) Try(ctx context.Context, u id.User, d id.Device) error {
	s.mu.Lock()
	var to *pusher
	for _, p := range s.pushers[u] {
		if p.device == d && p.Kind == WebKind {
			to = p
		}
	}
	s.mu.Unlock()
	if to == nil {
		return errNoBrowser
	}
	err := s.post(ctx, to.subscription(), webpush.Message{Plain: []byte(`{"level":1,"trial":true}`), TTL: time.Minute, Urgency: webpush.High})
	if errors.Is(err, webpush.ErrGone) {
		return errors.Join(errNoBrowser, s.Remove(ctx, u, to.App, to.Key))
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, "M_UNKNOWN", "The browser's push service cannot be reached from here. Keep the app open and tell IT.", err)
	}
	return nil
}

// Remind tells each of a person's browsers, at once, that a message is to be looked at again. It asks nobody's rules, because the person
// asked for it. A subscription that has ended is forgotten; where nobody can be told it does nothing.
func (s *Service) Remind(ctx context.Context, u id.User, in id.Room, ev id.Event) error {
	s.mu.Lock()
	var to []*pusher
	for _, p := range s.pushers[u] {
		if p.Kind == WebKind {
			to = append(to, p)
		}
	}
	s.mu.Unlock()
	if len(to) == 0 {
		return nil
	}
	unread, err := s.allUnread(ctx, u)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(map[string]any{"event_id": ev, "room_id": in, "unread": unread, "level": Direct, "reminder": true})
	if err != nil {
		return err
	}
	var failed error
	for _, p := range to {
		switch err := s.post(ctx, p.subscription(), webpush.Message{Plain: plain, TTL: 4 * time.Hour, Urgency: webpush.High}); {
		case errors.Is(err, webpush.ErrGone):
			failed = errors.Join(failed, s.Remove(ctx, u, p.App, p.Key))
		case err != nil && !hopeless(err):
			failed = errors.Join(failed, err)
		}
	}
	return failed
}
