package rota

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// OnHoliday says what a pattern does on a bank holiday.
type OnHoliday string

// The ways: as on any day, nothing at all, or what the cycle has on its Sundays.
const (
	AsUsual  OnHoliday = "as-usual"
	NoDuty   OnHoliday = "none"
	AsSunday OnHoliday = "as-sunday"
)

// Line is one duty of a pattern's cycle. Start and End are minutes after midnight of its day; End may lie beyond it.
type Line struct {
	Day   int     `json:"day"` // of the cycle, from 0
	Start int     `json:"start"`
	End   int     `json:"end"`
	User  id.User `json:"user"` // "" for a duty that nobody has yet
}

// Exception is one day on which a pattern is different: its lines are left out, and these stand in their place. Day is not used in them.
type Exception struct {
	Date  string `json:"date"`
	Lines []Line `json:"lines"`
}

// Pattern is a rota that repeats: a cycle of days with duties, from a day on. Days are those on the walls, so a duty at 08:00 is at 08:00
// in winter and in summer.
type Pattern struct {
	ID         string           `json:"id"`
	Post       directory.PostID `json:"post"`
	Name       string           `json:"name"`
	Starts     string           `json:"starts"` // the first day of the first cycle
	Ends       string           `json:"ends"`   // the last day, "" for none
	Cycle      int              `json:"cycle"`  // days
	Holidays   OnHoliday        `json:"holidays"`
	Division   Division         `json:"division"`
	Lines      []Line           `json:"lines"`
	Exceptions []Exception      `json:"exceptions"`
}

// Limits of a pattern.
const (
	maxCycle      = 366
	maxLines      = 400
	maxExceptions = 400
	maxFill       = 400 // days that are filled at once
)

// Check returns what is wrong with a pattern as fault.Invalid, or nil.
func (p Pattern) Check() error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", fmt.Sprintf(format, args...))
	}
	if p.Name = strings.TrimSpace(p.Name); p.Name == "" || len(p.Name) > 120 {
		return bad("Give the pattern a name of at most 120 letters.")
	}
	starts, err := ParseDate(p.Starts)
	if err != nil {
		return bad("The first day is no date: write it as 2026-11-24.")
	}
	if p.Ends != "" {
		if ends, err := ParseDate(p.Ends); err != nil || ends.Before(starts) {
			return bad("The last day is no date, or lies before the first.")
		}
	}
	switch {
	case p.Cycle < 1 || p.Cycle > maxCycle:
		return bad("A cycle has 1 to %d days.", maxCycle)
	case len(p.Lines) > maxLines || len(p.Exceptions) > maxExceptions:
		return bad("A pattern has at most %d duties and %d exceptions.", maxLines, maxExceptions)
	case p.Holidays != AsUsual && p.Holidays != NoDuty && p.Holidays != AsSunday:
		return bad("Say what happens on bank holidays: as-usual, none or as-sunday.")
	case p.Division != England && p.Division != Scotland && p.Division != NorthernIreland:
		return bad("Say whose bank holidays count: england-and-wales, scotland or northern-ireland.")
	}
	lines := slices.Clone(p.Lines)
	seen := map[string]bool{}
	for _, x := range p.Exceptions {
		if _, err := ParseDate(x.Date); err != nil || seen[x.Date] {
			return bad("An exception has no date, or two have the same one.")
		}
		seen[x.Date] = true
		for _, l := range x.Lines {
			l.Day = 0
			lines = append(lines, l)
		}
	}
	for _, l := range lines {
		switch {
		case l.Day < 0 || l.Day >= p.Cycle:
			return bad("A duty lies on day %d of a cycle of %d.", l.Day+1, p.Cycle)
		case l.Start < 0 || l.Start >= 24*60:
			return bad("A duty begins at a time of its own day.")
		case l.End <= l.Start || l.End-l.Start > int(longest.Minutes()):
			return bad("A duty ends after it begins, and lasts eight days at most.")
		}
	}
	return nil
}

// lines returns what the pattern has on a day.
func (p Pattern) lines(on Date, starts Date, holidays map[Date]string) []Line {
	if i := slices.IndexFunc(p.Exceptions, func(x Exception) bool { return x.Date == on.String() }); i >= 0 {
		return p.Exceptions[i].Lines
	}
	day := on
	if holidays[on] != "" {
		switch p.Holidays {
		case NoDuty:
			return nil
		case AsSunday: // the Sunday that ends the same week, and so lies in the same or the next cycle
			for day.Weekday() != time.Sunday {
				day = day.Add(1)
			}
		}
	}
	at := day.Days(starts) % p.Cycle
	if at < 0 {
		return nil
	}
	var all []Line
	for _, l := range p.Lines {
		if l.Day == at {
			all = append(all, l)
		}
	}
	return all
}

// Expand returns the duties that a pattern makes on the days from from up to and with until. A line without a person makes one too: it
// is a gap that somebody must fill. Its ids are the same each time.
//
// hazard: H7 rota feed stale or wrong time zone or clock change
func (p Pattern) Expand(from, until Date) ([]Duty, error) {
	starts, err := ParseDate(p.Starts)
	if err != nil {
		return nil, err
	}
	if from.Before(starts) {
		from = starts
	}
	if ends, err := ParseDate(p.Ends); err == nil && ends.Before(until) {
		until = ends
	}
	holidays, year := map[Date]string{}, 0
	var all []Duty
	for on := from; !until.Before(on); on = on.Add(1) {
		if on.Year != year {
			year = on.Year
			holidays = Holidays(year, p.Division)
		}
		for i, l := range p.lines(on, starts, holidays) {
			all = append(all, Duty{ID: DutyID(fmt.Sprintf("du_%s_%s_%d", p.ID, on, i)), Post: p.Post, User: l.User, From: on.At(l.Start), Until: on.At(l.End),
				Draft: true, Source: "pattern:" + p.ID})
		}
	}
	return all, nil
}

var (
	savePattern   = db.SQL("rota.save_pattern", `INSERT INTO rota_pattern (id, post, made_at, body) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET post = excluded.post, body = excluded.body`)
	patternsOf    = db.SQL("rota.patterns", `SELECT body FROM rota_pattern WHERE post = $1 ORDER BY made_at, id LIMIT 100`)
	patternByID   = db.SQL("rota.pattern", `SELECT body FROM rota_pattern WHERE id = $1 LIMIT 1`)
	deletePattern = db.SQL("rota.delete_pattern", `DELETE FROM rota_pattern WHERE id = $1`)
	dropDrafts    = db.SQL("rota.drop_drafts", `DELETE FROM rota_duty WHERE source = $1 AND status = 'draft' AND from_at >= $2 AND from_at < $3`)
)

func scanPattern(r db.Row) (p Pattern, err error) {
	var raw []byte
	if err := r.Scan(&raw); err != nil {
		return p, err
	}
	return p, json.Unmarshal(raw, &p)
}

// Patterns returns the patterns of a post.
func Patterns(ctx context.Context, q db.Querier, post directory.PostID) ([]Pattern, error) {
	return db.Collect(ctx, q, patternsOf, scanPattern, string(post))
}

// SavePattern adds a pattern, or changes the one of its id. Duties change only when it is filled in.
func (s *Service) SavePattern(ctx context.Context, by directory.By, p Pattern) (Pattern, error) {
	if err := p.Check(); err != nil {
		return p, err
	}
	err := s.DB.Write(ctx, "rota.pattern", func(ctx context.Context, tx *db.Tx) error {
		if err := s.keeps(ctx, tx, by, p.Post); err != nil {
			return err
		}
		if p.ID == "" {
			p.ID = "rp_" + id.NewOpaque(9)
		} else if was, err := db.One(ctx, tx, patternByID, scanPattern, p.ID); err != nil {
			return err
		} else if was.Post != p.Post {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "A pattern stays with its post. Make a new one for another.")
		}
		for _, l := range p.everybody() {
			if err := s.staff(ctx, tx, l); err != nil {
				return err
			}
		}
		raw, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, savePattern, p.ID, string(p.Post), s.Now().UnixMilli(), raw); err != nil {
			return err
		}
		return s.note(ctx, tx, by.User, "rota.pattern", string(p.Post), map[string]string{"pattern": p.ID})
	})
	return p, err
}

// everybody returns who is named in the pattern, each once.
func (p Pattern) everybody() []id.User {
	var all []id.User
	add := func(lines []Line) {
		for _, l := range lines {
			if l.User != "" {
				all = append(all, l.User)
			}
		}
	}
	add(p.Lines)
	for _, x := range p.Exceptions {
		add(x.Lines)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// DeletePattern removes a pattern and the drafts that came from it; what was published stays.
func (s *Service) DeletePattern(ctx context.Context, by directory.By, pattern string) error {
	return s.DB.Write(ctx, "rota.pattern", func(ctx context.Context, tx *db.Tx) error {
		p, err := db.One(ctx, tx, patternByID, scanPattern, pattern)
		if err != nil {
			return err
		}
		if err := s.keeps(ctx, tx, by, p.Post); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, deletePattern, pattern); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropDrafts, "pattern:"+pattern, int64(0), int64(1)<<62); err != nil {
			return err
		}
		return s.note(ctx, tx, by.User, "rota.pattern_end", string(p.Post), map[string]string{"pattern": p.ID})
	})
}

// Fill writes a pattern's duties of some days into the rota as drafts, in the place of the drafts that it made there before. What is
// published already, and what somebody has changed by hand, stays. It says how many duties are new.
func (s *Service) Fill(ctx context.Context, by directory.By, pattern string, from, until Date) (int, error) {
	if until.Before(from) || until.Days(from) > maxFill {
		return 0, fault.New(fault.Invalid, "M_INVALID_PARAM", "Choose a first and a last day, at most 400 days apart.")
	}
	n := 0
	err := s.DB.Write(ctx, "rota.fill", func(ctx context.Context, tx *db.Tx) error {
		p, err := db.One(ctx, tx, patternByID, scanPattern, pattern)
		if err != nil {
			return err
		}
		if err := s.keeps(ctx, tx, by, p.Post); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropDrafts, "pattern:"+pattern, from.At(0).UnixMilli(), until.Add(1).At(0).UnixMilli()); err != nil {
			return err
		}
		duties, err := p.Expand(from, until)
		if err != nil {
			return err
		}
		for _, d := range duties {
			_, err := db.One(ctx, tx, dutyByID, scan, string(d.ID))
			if err == nil {
				continue // published, or changed by hand
			}
			if !fault.Is(err, fault.NotFound) {
				return err
			}
			if err := saveQuiet(ctx, tx, d); err != nil {
				return err
			}
			n++
		}
		return s.note(ctx, tx, by.User, "rota.fill", string(p.Post), map[string]string{"pattern": p.ID, "from": from.String(), "until": until.String()})
	})
	return n, err
}

// keeps refuses somebody who does not keep the rota of a post.
func (s *Service) keeps(ctx context.Context, q db.Querier, by directory.By, post directory.PostID) error {
	p, err := directory.FindPost(ctx, q, post)
	if err != nil {
		return err
	}
	return directory.MayKeep(ctx, q, by, p.Service)
}

// staff refuses a person who is not in the directory, or has left.
func (s *Service) staff(ctx context.Context, q db.Querier, u id.User) error {
	p, err := directory.FindPerson(ctx, q, u)
	if fault.Is(err, fault.NotFound) || err == nil && p.Left() {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "One of these people is not in the directory.")
	}
	return err
}

func (s *Service) note(ctx context.Context, tx *db.Tx, by id.User, action, object string, detail map[string]string) error {
	return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: action, Object: object, Detail: detail})
}
