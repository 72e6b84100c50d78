package rota

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/matrix/id"
)

// Board is who holds every post at an instant: for lists and for the marks beside names. It is read-only.
type Board struct {
	At    time.Time
	Posts map[directory.PostID]*Place
	held  map[id.User][]directory.PostID

	rotaAt, directoryAt int64
	until               int64
}

// Place is one post on a board. Holders began last first; Next is the first duty to come within a day and a half, nil for none.
type Place struct {
	Post     directory.Post
	Holders  []Holding
	Expected []Duty
	Next     *Duty
	Offers   []Offer
	Alarm    *Alarm
	Must     int // how many must hold it
	Confirm  bool
}

// Held returns the posts that somebody holds.
func (b *Board) Held(user id.User) []directory.PostID { return b.held[user] }

var (
	boardDuties = db.SQL("rota.board_duties", `SELECT id, post, user_id, from_at, until_at, FALSE, source, ref FROM rota_duty
WHERE from_at > $1 AND from_at <= $2 AND until_at > $3 AND status = 'published' ORDER BY from_at DESC, id DESC LIMIT 200000`)
	boardBatons = db.SQL("rota.board_batons", `SELECT post, holders, confirm, state FROM rota_baton LIMIT 200000`)
	boardAway   = db.SQL("rota.board_away", `SELECT id, user_id, from_at, until_at, kind, by_user FROM rota_away WHERE until_at > $1 AND from_at <= $2 LIMIT 200000`)
)

// Board returns who holds every post now. It is kept in memory until the rota or the directory changes, in any process, or somebody's
// duty begins or ends; then it is read again.
func (s *Service) Board(ctx context.Context) (*Board, error) {
	now := s.Now()
	rotaAt, err := db.One(ctx, s.DB, version, db.Scalar[int64])
	if err != nil {
		return nil, err
	}
	directoryAt, err := directory.Version(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.board; b != nil && b.rotaAt == rotaAt && b.directoryAt == directoryAt && now.UnixMilli() < b.until && !now.Before(b.At) {
		return b, nil
	}
	b, err := readBoard(ctx, s.DB, now)
	if err != nil {
		return nil, err
	}
	b.rotaAt, b.directoryAt = rotaAt, directoryAt
	s.board = b
	return b, nil
}

func readBoard(ctx context.Context, q db.Querier, now time.Time) (*Board, error) {
	ms := now.UnixMilli()
	posts, err := directory.Posts(ctx, q)
	if err != nil {
		return nil, err
	}
	type kept struct {
		row
		post directory.PostID
	}
	batons, err := db.Collect(ctx, q, boardBatons, func(r db.Row) (k kept, err error) {
		var raw []byte
		if err := r.Scan(&k.post, &k.holders, &k.confirm, &raw); err != nil {
			return k, err
		}
		if err := json.Unmarshal(raw, &k.state); err != nil {
			return k, fmt.Errorf("stored baton: %w", err)
		}
		return k, nil
	})
	if err != nil {
		return nil, err
	}
	duties, err := db.Collect(ctx, q, boardDuties, scan, ms-longest.Milliseconds(), ms+ahead.Milliseconds(), ms-(overrun+early).Milliseconds())
	if err != nil {
		return nil, err
	}
	away, err := db.Collect(ctx, q, boardAway, scanAway, ms, ms+ahead.Milliseconds())
	if err != nil {
		return nil, err
	}
	absent := map[id.User][]Away{}
	for _, a := range away {
		absent[a.User] = append(absent[a.User], a)
	}
	byPost := map[directory.PostID][]Duty{}
	for _, d := range duties {
		byPost[d.Post] = append(byPost[d.Post], d)
	}
	rows := make(map[directory.PostID]row, len(batons))
	for _, k := range batons {
		rows[k.post] = k.row
	}
	b := &Board{At: now, Posts: make(map[directory.PostID]*Place, len(posts)), held: map[id.User][]directory.PostID{}, until: ms + lookAgain.Milliseconds()}
	for _, p := range posts {
		r, ok := rows[p.ID]
		if !ok {
			r = row{state: State{Post: p.ID}, holders: 1}
		}
		b.place(p, r, byPost[p.ID], absent, ms)
	}
	return b, nil
}

func (b *Board) place(p directory.Post, r row, duties []Duty, absent map[id.User][]Away, ms int64) {
	w := World{Holders: r.holders, Confirm: r.confirm, Critical: p.Critical && !p.Closed, Duties: duties}
	for _, d := range duties {
		w.Away = append(w.Away, absent[d.User]...)
	}
	for _, k := range r.state.Kept {
		w.Away = append(w.Away, absent[k.User]...)
	}
	l := r.state.look(w, ms)
	b.until = min(b.until, l.next)
	pl := &Place{Post: p, Holders: l.holders, Expected: l.expected, Must: r.holders, Confirm: r.confirm, Offers: r.state.Offers}
	if kind := l.alarm; kind != "" && w.Critical {
		// An alarm is shown from the instant at which it is due, whether or not the clock has written it down yet.
		if a := r.state.Alarm; a != nil && a.Kind == kind {
			pl.Alarm = a
		} else {
			pl.Alarm = &Alarm{Kind: kind, Since: ms}
		}
	}
	for i := range duties { // newest first
		if d := &duties[i]; d.From.UnixMilli() > ms && !w.away(d.User, d.From.UnixMilli()) && (pl.Next == nil || !d.From.After(pl.Next.From)) {
			pl.Next = d
		}
	}
	for _, h := range l.holders {
		b.held[h.User] = append(b.held[h.User], p.ID)
	}
	b.Posts[p.ID] = pl
}

// View is a post as a person sees it who may act on it.
type View struct {
	Place
	At time.Time
}

// View returns a post as it is now, or fault.NotFound.
func (s *Service) View(ctx context.Context, post directory.PostID) (View, error) {
	return s.viewIn(ctx, s.DB, post)
}

func (s *Service) viewIn(ctx context.Context, q db.Querier, post directory.PostID) (View, error) {
	p, err := directory.FindPost(ctx, q, post)
	if err != nil {
		return View{}, err
	}
	r, err := baton(ctx, q, post)
	if err != nil {
		return View{}, err
	}
	now := s.Now()
	w, err := world(ctx, q, r, now)
	if err != nil {
		return View{}, err
	}
	absent := map[id.User][]Away{}
	for _, a := range w.Away {
		absent[a.User] = append(absent[a.User], a)
	}
	b := &Board{At: now, Posts: map[directory.PostID]*Place{}, held: map[id.User][]directory.PostID{}}
	b.place(p, r, w.Duties, absent, now.UnixMilli())
	return View{Place: *b.Posts[post], At: now}, nil
}

// Planned returns whom the rota has on a post at an instant, those who began last first, without those who are away: for tonight, or any date.
func Planned(ctx context.Context, q db.Querier, post directory.PostID, at time.Time) ([]Duty, error) {
	r := row{state: State{Post: post}, holders: 9}
	w, err := world(ctx, q, r, at)
	if err != nil {
		return nil, err
	}
	var all []Duty
	for _, h := range r.state.look(w, at.UnixMilli()).holders {
		d, err := named(ctx, q, h.duty(post))
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// PlannedAll returns whom the rota has on every post at an instant, by post.
func PlannedAll(ctx context.Context, q db.Querier, at time.Time) (map[directory.PostID][]Duty, error) {
	ms := at.UnixMilli()
	duties, err := db.Collect(ctx, q, boardDuties, scan, ms-longest.Milliseconds(), ms, ms)
	if err != nil {
		return nil, err
	}
	away, err := db.Collect(ctx, q, boardAway, scanAway, ms, ms)
	if err != nil {
		return nil, err
	}
	byPost := map[directory.PostID][]Duty{}
	for _, d := range duties {
		if !slices.ContainsFunc(away, func(a Away) bool { return a.User == d.User }) {
			byPost[d.Post] = append(byPost[d.Post], d)
		}
	}
	return byPost, nil
}

// OpenAlarm is an alarm that has not ended, with its post.
type OpenAlarm struct {
	Alarm
	Post directory.PostID
}

var openAlarms = db.SQL("rota.open_alarms", `SELECT id, post, kind, opened_at, ack_by, ack_at FROM rota_alarm WHERE closed_at = 0 ORDER BY opened_at, id LIMIT 1000`)

// Alarms returns the alarms that the clock has written down and that have not ended, oldest first.
func (s *Service) Alarms(ctx context.Context) ([]OpenAlarm, error) {
	return db.Collect(ctx, s.DB, openAlarms, func(r db.Row) (a OpenAlarm, err error) {
		return a, r.Scan(&a.ID, &a.Post, &a.Kind, &a.Since, &a.By, &a.ByAt)
	})
}
