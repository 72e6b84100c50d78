package reach

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/id"
	"wardline/matrix/push"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "reach", FS: schemaFS} }

// Deps is what the service needs; all are required.
type Deps struct {
	DB     *db.DB
	Paging *paging.Service
	Config Config
	Push   func(u id.User) push.Standing // how somebody can be told by push; nil where nothing is pushed, and then no page says so
	Public string                        // where the app is, for the link in a text; "" for none
	Now    func() time.Time
	Log    *slog.Logger
}

// Service tells people in other ways than the app.
type Service struct {
	Deps
	// Trials hears of receipts that are of no page, by the name that Trial was given; nil for nobody. Set before use.
	Trials func(ctx context.Context, tx *db.Tx, ref string, arrived bool, why string) error

	bells map[Way]chan struct{} // capacity 1 each, coalesce: something is due earlier than its worker thought
	heard chan struct{}         // capacity 1, coalesces: there is news

	mu   sync.Mutex // guards news
	news map[told]finding
}

// New returns the service; Run must be running for anything to leave.
func New(d Deps) *Service {
	s := &Service{Deps: d, bells: map[Way]chan struct{}{}, heard: make(chan struct{}, 1), news: map[told]finding{}}
	for w := range d.Config.Carriers {
		s.bells[w] = make(chan struct{}, 1)
	}
	return s
}

// Owner is whose number it is: a person's, or a post's, which has one pager whoever holds it.
type Owner string

// Person is a person as an owner.
func Person(u id.User) Owner { return Owner(u) }

// Post is a post as an owner. A person's id begins with @, a post's never.
func Post(p directory.PostID) Owner { return Owner(p) }

// Contact is one way in which an owner can be reached. Address is "" while there is none; Offered says whether this trust has a carrier;
// Test is the newest test of the last day.
type Contact struct {
	Way     Way
	Address obs.Hidden
	Offered bool
	Test    Test
}

var (
	contactsOf    = db.SQL("reach.contacts", `SELECT way, address FROM reach_contact WHERE owner = $1 LIMIT 10`)
	saveContact   = db.SQL("reach.save_contact", `INSERT INTO reach_contact (owner, way, address, updated_at) VALUES ($1, $2, $3, $4) ON CONFLICT (owner, way) DO UPDATE SET address = excluded.address, updated_at = excluded.updated_at`)
	deleteContact = db.SQL("reach.delete_contact", `DELETE FROM reach_contact WHERE owner = $1 AND way = $2`)
)

// Contacts lists the ways of an owner, all that there are, in the order of Ways. It is for the owner, and for whoever keeps a post.
func (s *Service) Contacts(ctx context.Context, o Owner) ([]Contact, error) {
	have, err := contacts(ctx, s.DB, o)
	if err != nil {
		return nil, err
	}
	list := make([]Contact, 0, len(Ways))
	for _, w := range Ways {
		c := Contact{Way: w, Address: obs.Hidden(have[w]), Offered: s.Config.Carriers[w] != nil}
		if c.Test, err = s.testOf(ctx, s.DB, o, w); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

func contacts(ctx context.Context, q db.Querier, o Owner) (map[Way]string, error) {
	type row struct{ way, address string }
	rows, err := db.Collect(ctx, q, contactsOf, func(r db.Row) (x row, err error) { return x, r.Scan(&x.way, &x.address) }, string(o))
	have := map[Way]string{}
	for _, x := range rows {
		have[Way(x.way)] = x.address
	}
	return have, err
}

// SetContact keeps an owner's number or address, "" for none any more. One that its carrier could not use is Invalid, with a sentence;
// so is a way that this trust has no carrier for. What waits to be sent goes to the new one; a first one counts from the next step of a page.
func (s *Service) SetContact(ctx context.Context, by id.User, o Owner, w Way, address obs.Hidden) error {
	c := s.Config.Carriers[w]
	if c == nil {
		return errNoCarrier
	}
	kept := ""
	if strings.TrimSpace(string(address)) != "" {
		var err error
		if kept, err = c.Check(string(address)); err != nil {
			return err
		}
	}
	return s.DB.Write(ctx, "reach.contact", func(ctx context.Context, tx *db.Tx) error {
		var err error
		if kept == "" {
			_, err = tx.Exec(ctx, deleteContact, string(o), string(w))
		} else {
			_, err = tx.Exec(ctx, saveContact, string(o), string(w), kept, s.Now().UnixMilli())
		}
		if err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: "reach.contact", Object: string(o), Detail: map[string]string{"way": string(w)}})
	})
}

var errNoCarrier = fault.New(fault.Invalid, "M_INVALID_PARAM", "This trust does not reach people in that way.")

// address is where a holder is reached in a way. A pager belongs to the post, everything else to the person first.
func (s *Service) address(ctx context.Context, q db.Querier, w Way, holder id.User, post directory.PostID) (string, error) {
	order := []Owner{Person(holder), Post(post)}
	if w == Pager {
		order = []Owner{Post(post), Person(holder)}
	}
	for _, o := range order {
		if o == "" {
			continue
		}
		have, err := contacts(ctx, q, o)
		if err != nil || have[w] != "" {
			return have[w], err
		}
	}
	return "", nil
}

// Reachable says in which ways whoever holds a post would be told of a page, besides the app, and when.
func (s *Service) Reachable(ctx context.Context, post directory.PostID, holder id.User, u paging.Urgency) ([]paging.Way, error) {
	var list []paging.Way
	for _, w := range s.Config.plan(u) {
		at, err := s.address(ctx, s.DB, w.Way, holder, post)
		if err != nil {
			return nil, err
		}
		if at == "" {
			continue
		}
		detail := w.Way.words() + " at once"
		if w.After > 0 {
			detail = w.Way.words() + " after " + spell(w.After)
		}
		list = append(list, paging.Way{Via: string(w.Way), Detail: detail, Code: "after", MS: w.After.Milliseconds()})
	}
	return list, nil
}

func spell(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}
