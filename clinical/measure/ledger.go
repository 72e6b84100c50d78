package measure

import (
	"context"
	"embed"
	"slices"
	"sync"
	"time"

	"wardline/clinical/ask"
	"wardline/clinical/directory"
	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/ground/run"
	"wardline/matrix/id"
	"wardline/matrix/push"
	"wardline/matrix/room"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "measure", FS: schemaFS} }

// Kind is what interrupted somebody.
type Kind string

// The kinds.
const (
	Emergency Kind = "emergency"
	Urgent    Kind = "urgent"
	Asked     Kind = "ask"     // a question or a request, or a reminder of one
	Mention   Kind = "mention" // of a person, or of a post of theirs
	Message   Kind = "message" // between two, or in a conversation that is set to sound
)

// Kinds are all of them, the loudest first.
var Kinds = []Kind{Emergency, Urgent, Asked, Mention, Message}

const (
	keepFor = 100 * 24 * time.Hour
	flush   = 20 * time.Second
	bunch   = 500
)

// Ledger is who was interrupted by what: a notice that sounded on a device of theirs. One event is one interruption, on however many devices.
//
// hazard: H11 alert fatigue hides a real alert
type Ledger struct {
	DB  *db.DB
	Now func() time.Time

	mu   sync.Mutex // guards told
	told map[key]entry
	bell chan struct{}
}

type key struct {
	user  id.User
	event id.Event
}

type entry struct {
	kind Kind
	at   int64
}

// NewLedger returns an empty ledger; Run must be running for anything to be kept.
func NewLedger(d *db.DB, now func() time.Time) *Ledger {
	return &Ledger{DB: d, Now: now, told: map[key]entry{}, bell: make(chan struct{}, 1)}
}

// Told notes that a notice left for a device of somebody. Quiet ones are no interruption. It suits push.Service.Told, is quick and never
// blocks; what a crash takes with it is a few seconds of a statistic.
func (l *Ledger) Told(u id.User, ev *room.Event, n push.Notice) {
	if n.Silent || n.Level < push.Direct {
		return
	}
	k := Message
	switch {
	case n.Level == push.Alarm:
		k = Emergency
	case n.Level == push.Urgent:
		k = Urgent
	case ev.Type == ask.NudgeType:
		k = Asked
	case slices.Contains(ev.Mentions, u):
		k = Mention
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.told[key{u, ev.ID}]; !known {
		l.told[key{u, ev.ID}] = entry{k, l.Now().UnixMilli()}
	}
	if len(l.told) >= bunch {
		select {
		case l.bell <- struct{}{}:
		default:
		}
	}
}

var (
	addTold = db.SQL("measure.told", `INSERT INTO measure_told (user_id, event, kind, at) VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, event) DO NOTHING`)
	oldTold = db.SQL("measure.old", `DELETE FROM measure_told WHERE at < $1`)
	ofUser  = db.SQL("measure.of_user", `SELECT kind, at FROM measure_told WHERE user_id = $1 AND at >= $2 ORDER BY at LIMIT 100000`)
	howMany = db.SQL("measure.how_many", `SELECT count(*) FROM measure_told WHERE user_id = $1 AND at >= $2`)
)

// Run keeps what was told, in bunches, until ctx ends.
func (l *Ledger) Run(ctx context.Context) error {
	for run.Wait(ctx, flush, l.bell) {
		if err := l.keep(ctx); err != nil {
			return err
		}
	}
	return l.keep(context.WithoutCancel(ctx))
}

func (l *Ledger) keep(ctx context.Context) error {
	l.mu.Lock()
	told := l.told
	l.told = map[key]entry{}
	l.mu.Unlock()
	if len(told) == 0 {
		return nil
	}
	err := l.DB.Write(ctx, "measure.told", func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, oldTold, l.Now().Add(-keepFor).UnixMilli()); err != nil {
			return err
		}
		for k, e := range told {
			if _, err := tx.Exec(ctx, addTold, string(k.user), string(k.event), string(e.kind), e.at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil { // they are kept by the next try
		l.mu.Lock()
		defer l.mu.Unlock()
		for k, e := range told {
			if _, newer := l.told[k]; !newer && len(l.told) < 100*bunch {
				l.told[k] = e
			}
		}
	}
	return err
}

// Day is one day of somebody's interruptions.
type Day struct {
	Day   string       `json:"day"` // on the trust's walls
	Kinds map[Kind]int `json:"kinds"`
	Hours [24]int      `json:"hours"`
}

// Mine returns one's own interruptions of the last days, today last, every day of them; between 1 and 100 days.
func (l *Ledger) Mine(ctx context.Context, u id.User, days int) ([]Day, error) {
	days = min(max(days, 1), 100)
	if err := l.keep(ctx); err != nil {
		return nil, err
	}
	first := rota.DateOf(l.Now()).Add(1 - days)
	list, at := make([]Day, 0, days), map[string]int{}
	for i := range days {
		d := first.Add(i).String()
		at[d] = i
		list = append(list, Day{Day: d, Kinds: map[Kind]int{}})
	}
	rows, err := db.Collect(ctx, l.DB, ofUser, func(r db.Row) (e entry, err error) { return e, r.Scan(&e.kind, &e.at) }, string(u), first.At(0).UnixMilli())
	for _, e := range rows {
		t := time.UnixMilli(e.at)
		if i, ok := at[rota.DateOf(t).String()]; ok {
			list[i].Kinds[e.kind]++
			list[i].Hours[rota.Local(t).Hour()]++
		}
	}
	return list, err
}

// Team is how often the people of a team are interrupted: the median of a person a day, -1 when fewer than five people were.
type Team struct {
	ID     directory.TeamID `json:"id"`
	Name   string           `json:"name"`
	People int              `json:"people"`
	Median float64          `json:"median"`
}

// Teams returns the figures of one's own teams over the last days.
func (l *Ledger) Teams(ctx context.Context, u id.User, days int) ([]Team, error) {
	days = min(max(days, 1), 100)
	mine, err := directory.TeamsOf(ctx, l.DB, u)
	if err != nil {
		return nil, err
	}
	since := rota.DateOf(l.Now()).Add(1 - days).At(0).UnixMilli()
	list := []Team{}
	for _, t := range mine {
		full, err := directory.FindTeam(ctx, l.DB, t.ID)
		if err != nil {
			return nil, err
		}
		var counts []int64
		for _, m := range full.Members {
			n, err := db.One(ctx, l.DB, howMany, db.Scalar[int64], string(m), since)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				counts = append(counts, n)
			}
		}
		v := Team{ID: t.ID, Name: t.Name, People: len(full.Members), Median: -1}
		if s := spread(counts); s.Half >= 0 {
			v.Median = float64(s.Half) / float64(days)
		}
		list = append(list, v)
	}
	return list, nil
}
