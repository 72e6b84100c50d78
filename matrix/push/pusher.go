package push

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Pusher is one app on one phone that wants to be told, as its client describes it.
// spec: client-server-api#post_matrixclientv3pushersset
type Pusher struct {
	Key        string                     `json:"pushkey"`
	Kind       string                     `json:"kind"`
	App        string                     `json:"app_id"`
	AppName    string                     `json:"app_display_name"`
	DeviceName string                     `json:"device_display_name"`
	ProfileTag string                     `json:"profile_tag,omitempty"`
	Lang       string                     `json:"lang"`
	Data       map[string]json.RawMessage `json:"data"`
}

// pusher is a pusher with what is known of its delivery.
type pusher struct {
	Pusher
	user      id.User
	device    id.Device
	updatedAt time.Time
	url       string
	told      int // the count that was told last, when knows; only whoever delivers looks
	knows     bool

	// The rest is guarded by Service.mu.
	top       int64 // the newest that was taken up for it
	pos       int64 // everything up to here was pushed, or needed no push
	saved     int64 // what of that is on disk
	pending   []item
	busy      bool
	gone      bool
	failures  int
	failingAt time.Time
	dueAt     time.Time
	badgeAt   time.Time // when the count alone is to be told, zero for not
}

var (
	savePusher = db.SQL("push.save", `INSERT INTO push_pusher (member, app, pushkey, device, body, updated_at, pos, failing_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)
		ON CONFLICT (member, app, pushkey) DO UPDATE SET device = excluded.device, body = excluded.body, updated_at = excluded.updated_at, failing_at = 0`)
	deletePusher  = db.SQL("push.delete", `DELETE FROM push_pusher WHERE member = $1 AND app = $2 AND pushkey = $3`)
	deleteOthers  = db.SQL("push.delete_others", `DELETE FROM push_pusher WHERE app = $1 AND pushkey = $2 AND member <> $3`)
	deleteBefore  = db.SQL("push.delete_before", `DELETE FROM push_pusher WHERE member = $1 AND device = $2 AND app = $3 AND pushkey <> $4`)
	deleteDevices = db.SQL("push.delete_device", `DELETE FROM push_pusher WHERE member = $1 AND device = $2`)
	allPushers    = db.SQL("push.all", `SELECT member, device, body, updated_at, pos, failing_at FROM push_pusher ORDER BY updated_at, pushkey LIMIT 1000000`)
	countPushers  = db.SQL("push.count", `SELECT count(*) FROM push_pusher WHERE member = $1`)
	savePlace     = db.SQL("push.save_place", `UPDATE push_pusher SET pos = $4, failing_at = $5 WHERE member = $1 AND app = $2 AND pushkey = $3`)
)

// maxPushers bounds the pushers of one person.
const maxPushers = 50

func scanPusher(r db.Row) (*pusher, error) {
	p := &pusher{}
	var body []byte
	var updated, failing int64
	if err := r.Scan(&p.user, &p.device, &body, &updated, &p.pos, &failing); err != nil {
		return nil, err
	}
	p.updatedAt, p.saved = time.UnixMilli(updated), p.pos
	if failing != 0 {
		p.failingAt = time.UnixMilli(failing)
	}
	if err := json.Unmarshal(body, &p.Pusher); err != nil {
		return nil, err
	}
	p.url = p.address()
	return p, nil
}

func (p *Pusher) address() string {
	var url string
	if json.Unmarshal(p.Data["url"], &url) != nil {
		return ""
	}
	return url
}

// check refuses a pusher that cannot work.
func (s *Service) check(p *Pusher) error {
	missing := func(name string) error {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The pusher has no "+name+".")
	}
	switch {
	case p.AppName == "":
		return missing("app_display_name")
	case p.DeviceName == "":
		return missing("device_display_name")
	case p.Lang == "":
		return missing("lang")
	case p.Data == nil:
		return missing("data")
	case p.Kind == WebKind:
		return s.checkWeb(p)
	case p.Kind != "http":
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Only pushers of the kinds http and "+WebKind+" are served here.")
	case p.Data["url"] == nil:
		return missing("data.url")
	}
	if format, ok := p.Data["format"]; ok && string(format) != `"event_id_only"` && string(format) != "null" {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "That format of a push is not known.")
	}
	return s.Gateways.check(p.address())
}

// checkKey refuses names of a pusher that are missing or too long.
func checkKey(p *Pusher) error {
	switch {
	case p.App == "", p.Key == "":
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The pusher needs an app_id and a pushkey.")
	case len(p.App) > 64:
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The app_id is longer than 64 characters.")
	case len(p.Key) > 512:
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The pushkey is longer than 512 bytes.")
	}
	return nil
}

// Set makes or changes a pusher of a user's device. Unless add is set, the same app and key lose their pushers of other users: the
// phone has changed hands.
func (s *Service) Set(ctx context.Context, u id.User, d id.Device, p Pusher, add bool) error {
	if err := checkKey(&p); err != nil {
		return err
	}
	if err := s.check(&p); err != nil {
		return err
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if len(body) > maxRuleSize {
		return fault.New(fault.TooLarge, "M_TOO_LARGE", "The pusher is too large.")
	}
	now := time.Now()
	return s.db.Write(ctx, "push.set", func(ctx context.Context, tx *db.Tx) error {
		n, err := db.One(ctx, tx, countPushers, db.Scalar[int64], string(u))
		if err != nil {
			return err
		}
		if n >= maxPushers {
			return fault.New(fault.Invalid, "M_LIMIT_EXCEEDED", "You have too many pushers already.")
		}
		before := func(*pusher) bool { return false } // a browser's older subscriptions end with its new one
		if p.Kind == WebKind {
			before = func(o *pusher) bool { return o.user == u && o.device == d && o.App == p.App && o.Key != p.Key }
			if _, err := tx.Exec(ctx, deleteBefore, string(u), string(d), p.App, p.Key); err != nil {
				return err
			}
		}
		if !add {
			if _, err := tx.Exec(ctx, deleteOthers, p.App, p.Key, string(u)); err != nil {
				return err
			}
		}
		made := &pusher{Pusher: p, user: u, device: d, updatedAt: now, url: p.address(), pos: tx.LastPosition(), saved: tx.LastPosition()}
		if _, err := tx.Exec(ctx, savePusher, string(u), p.App, p.Key, string(d), body, now.UnixMilli(), made.pos); err != nil {
			return err
		}
		tx.OnCommit(func() {
			if !add {
				s.dropPushers(func(o *pusher) bool { return o.App == p.App && o.Key == p.Key && o.user != u })
			}
			s.dropPushers(before)
			s.keep(made)
		})
		return nil
	})
}

// keep puts a pusher into memory; one that was there hands over what it has not pushed yet.
func (s *Service) keep(p *pusher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.pushers[p.user]
	i := slices.IndexFunc(list, func(o *pusher) bool { return o.App == p.App && o.Key == p.Key })
	if i >= 0 {
		old := list[i]
		old.gone = true
		p.pos, p.saved, p.top, p.pending, p.badgeAt = s.place(old), old.saved, old.top, old.pending, old.badgeAt
		if delete(s.ready, old); p.waits() {
			s.ready[p] = true
		}
		s.pushers[p.user] = slices.Concat(list[:i], []*pusher{p}, list[i+1:])
		return
	}
	s.pushers[p.user] = append(slices.Clone(list), p)
	s.queued.Add(1)
}

// dropPushers takes pushers out of memory.
func (s *Service) dropPushers(gone func(*pusher) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for u, list := range s.pushers {
		rest := slices.Clone(list)
		rest = slices.DeleteFunc(rest, func(p *pusher) bool {
			if !gone(p) {
				return false
			}
			p.gone, p.pending = true, nil
			delete(s.ready, p)
			s.queued.Add(-1)
			return true
		})
		if len(rest) == 0 {
			delete(s.pushers, u)
		} else {
			s.pushers[u] = rest
		}
	}
}

// Remove deletes a user's pusher; one that is not there is no error.
func (s *Service) Remove(ctx context.Context, u id.User, app, key string) error {
	if err := checkKey(&Pusher{App: app, Key: key}); err != nil {
		return err
	}
	return s.db.Write(ctx, "push.remove", func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, deletePusher, string(u), app, key)
		tx.OnCommit(func() {
			s.dropPushers(func(p *pusher) bool { return p.user == u && p.App == app && p.Key == key })
		})
		return err
	})
}

// SignedOut removes the pushers of devices that are being signed out, inside that act: a phone that was lost is told nothing more.
func (s *Service) SignedOut(ctx context.Context, tx *db.Tx, u id.User, devices []id.Device) error {
	for _, d := range devices {
		if _, err := tx.Exec(ctx, deleteDevices, string(u), string(d)); err != nil {
			return err
		}
	}
	if len(devices) > 0 {
		tx.OnCommit(func() {
			s.dropPushers(func(p *pusher) bool { return p.user == u && slices.Contains(devices, p.device) })
		})
	}
	return nil
}

// Pushers lists a user's pushers.
func (s *Service) Pushers(u id.User) []Pusher {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Pusher{}
	for _, p := range s.pushers[u] {
		shown := p.Pusher
		if p.Kind == WebKind {
			shown.Data = maps.Clone(p.Data)
			delete(shown.Data, "auth") // the browser's secret is no business of other devices
		}
		list = append(list, shown)
	}
	return list
}

// Load brings the pushers into memory. It must be called once, before anything is pushed.
func (s *Service) Load(ctx context.Context) error {
	s.Gateways.client = s.Gateways.newClient()
	if err := s.loadKey(ctx); err != nil {
		return err
	}
	all, err := db.Collect(ctx, s.db, allPushers, scanPusher)
	if err != nil {
		return err
	}
	for _, p := range all {
		s.keep(p)
	}
	s.queue.overflow() // what came before this process is read from the database
	s.bell.Ring()
	return nil
}
