// Package push decides what is worth a notification to whom, and carries it to their phones.
//
// Phones are reached through gateways that their apps name, browsers by Web Push without anybody between (web.go).
//
// It promises that a user's own rules decide what counts as unread for that user, that people with default rules cost nothing beyond
// the one judgement an event gets when it is written (package room), and that what was to be pushed is pushed after a crash too. It
// refuses to send what a message says: a gateway belongs to somebody else, and learns ids and counts. Look first at Service.Unread
// and Service.Run.
//
// Lock order: Service.mu before tally.mu.
package push

import (
	"context"
	"embed"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of pushers.
func Migrations() db.Migrations { return db.Migrations{Package: "push", FS: schema} }

// Data is the type of account data under which clients see their rules. It is also where they are kept.
const Data = "m.push_rules"

// Service answers for everybody's push rules and pushers.
type Service struct {
	db       *db.DB
	rooms    *room.Service
	accounts *account.Service

	// ReadTo says up to where a user has read a room and its threads. Set before use.
	ReadTo func(f *room.Feed, u id.User) room.Read
	// Gateways says which gateways may be told, and how. Set before use.
	Gateways Gateways
	// Web says how browsers are told. Set before Load.
	Web Web
	// Rank says of an event that a person must hear of it whatever their rules say, and how loudly; nil for never. It is quick.
	Rank func(u id.User, ev *room.Event) (n Notice, whatever bool)
	// Temper is asked when a browser is about to be told: people have times in which they want quiet. nil changes nothing.
	Temper func(ctx context.Context, u id.User, n Notice) (Notice, error)
	// Told hears of each notice that a browser's push service has taken, as it was told; nil for nobody. It must not block.
	Told func(u id.User, ev *room.Event, n Notice)
	// Came hears what came of each attempt to tell a device of an event, browser or gateway, with the notice as it was ranked; nil for
	// nobody. What a person had read meanwhile, and what their quiet kept back, is no attempt. It must not block.
	Came func(u id.User, ev *room.Event, n Notice, o Outcome)
	// Log gets what goes wrong with gateways; nil for nothing.
	Log *slog.Logger

	bell   stream.Bell // rung when there may be something to judge
	due    stream.Bell // rung when there may be something to push
	queue  queue
	queued atomic.Int64 // how many pushers there are: none, and nobody looks at events

	mu        sync.Mutex // guards the rest
	delivered bool       // something was pushed, or failed, since the places were saved
	changes   int64      // how often rules were changed
	programs  map[id.User]*program
	tallies   map[place]*tally
	pushers   map[id.User][]*pusher
	ready     map[*pusher]bool // those that have something to push
	judged    int64            // everything up to here was judged for everybody
}

// maxRemembered bounds the programs and the tallies in memory; past it all are dropped and made again.
const maxRemembered = 20_000

// New returns the service.
func New(d *db.DB, accounts *account.Service, rooms *room.Service) *Service {
	return &Service{db: d, rooms: rooms, accounts: accounts, ReadTo: func(*room.Feed, id.User) room.Read { return room.Read{} },
		programs: map[id.User]*program{}, tallies: map[place]*tally{}, pushers: map[id.User][]*pusher{}, ready: map[*pusher]bool{}}
}

// Rules returns a user's rules.
func (s *Service) Rules(ctx context.Context, u id.User) (*Ruleset, error) {
	set, _, err := s.rules(ctx, s.db, u)
	return set, err
}

// rules reads a user's rules; own says whether they differ from everybody's.
func (s *Service) rules(ctx context.Context, q db.Querier, u id.User) (set *Ruleset, own bool, err error) {
	d, err := s.accounts.Data(ctx, q, u, "", Data)
	if fault.Is(err, fault.NotFound) {
		return Defaults(u), false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var stored struct {
		Global Ruleset `json:"global"`
	}
	if err := json.Unmarshal(d.Content, &stored); err != nil {
		return nil, false, err
	}
	return merge(u, &stored.Global), true, nil
}

// Content returns a user's rules as the content of m.push_rules has them.
// spec: client-server-api#mpush_rules
func (s *Service) Content(ctx context.Context, u id.User) (json.RawMessage, error) {
	set, err := s.Rules(ctx, u)
	if err != nil {
		return nil, err
	}
	return content(set)
}

func content(set *Ruleset) (json.RawMessage, error) {
	return json.Marshal(map[string]*Ruleset{"global": set})
}

// Change changes a user's rules as one act and tells the user's devices.
func (s *Service) Change(ctx context.Context, u id.User, change func(*Ruleset) error) error {
	return s.db.Write(ctx, "push.rules", func(ctx context.Context, tx *db.Tx) error { return s.ChangeIn(ctx, tx, u, change) })
}

// ChangeIn is Change inside an open act.
func (s *Service) ChangeIn(ctx context.Context, tx *db.Tx, u id.User, change func(*Ruleset) error) error {
	set, _, err := s.rules(ctx, tx, u)
	if err != nil {
		return err
	}
	before, err := content(set)
	if err != nil {
		return err
	}
	if err := change(set); err != nil {
		return err
	}
	raw, err := content(set)
	if err != nil || string(raw) == string(before) {
		return err
	}
	if len(raw) > maxSetSize {
		return fault.New(fault.TooLarge, "M_TOO_LARGE", "The push rules together are too large.")
	}
	tx.OnCommit(func() { s.Forget(u) })
	return s.accounts.SetDataIn(ctx, tx, u, "", Data, raw)
}

// Forget drops what was compiled of a user's rules, after they, or whom the user ignores, have changed.
func (s *Service) Forget(u id.User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	delete(s.programs, u)
}

// program returns a user's compiled rules, nil for the defaults, whose judgement every event carries already.
func (s *Service) program(ctx context.Context, u id.User) (*program, error) {
	s.mu.Lock()
	p, ok := s.programs[u]
	at := s.changes
	s.mu.Unlock()
	if ok {
		return p, nil
	}
	set, own, err := s.rules(ctx, s.db, u)
	if err != nil {
		return nil, err
	}
	ignored, err := s.accounts.Ignored(ctx, s.db, u)
	if err != nil {
		return nil, err
	}
	if own || len(ignored) > 0 {
		p = compile(u, set)
		p.ignored = ignored
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes != at {
		return p, nil // these may be yesterday's; the next to ask reads them again
	}
	if len(s.programs) >= maxRemembered {
		clear(s.programs)
	}
	s.programs[u] = p
	return p, nil
}

// judge says what an event means to one user: the actions of the rule that fits.
func (s *Service) judge(ctx context.Context, u id.User, f *room.Feed, ev *room.Event) (step, bool, error) {
	p, err := s.program(ctx, u)
	if err != nil || ev.Sender == u {
		return step{}, false, err
	}
	if p == nil {
		if !ev.Notify && ev.Type != event.TypeMember {
			return step{}, false, nil // judged already when it was written
		}
		p = everybodys()
	}
	st, fits := p.judge(u, f, ev)
	return st, fits && st.notify, nil
}

// everybodys is the program of the default rules, made once for all who have them: what differs is asked of the user who looks.
var everybodys = sync.OnceValue(func() *program {
	set := Defaults("")
	p := compile("", set)
	i := 0
	for _, kind := range Kinds {
		for _, r := range *set.kind(kind) {
			if !r.Enabled {
				continue
			}
			switch r.ID {
			case ".m.rule.invite_for_me":
				p.rules[i].conditions[2] = func(v *view) bool { return v.ev.StateKey != nil && *v.ev.StateKey == string(v.user) }
			case ".m.rule.is_user_mention":
				p.rules[i].conditions[0] = func(v *view) bool { return slices.Contains(v.ev.Mentions, v.user) }
			}
			i++
		}
	}
	return p
})
