package rota

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "rota", FS: schemaFS} }

// longest bounds a duty, so that whoever holds a post is found among the duties that began since. Longer ones are entered in parts.
const longest = 8 * 24 * time.Hour

// ahead is how far a look reads the rota in advance.
const ahead = 36 * time.Hour

func scan(r db.Row) (Duty, error) {
	var d Duty
	var from, until int64
	err := r.Scan(&d.ID, &d.Post, &d.User, &from, &until, &d.Draft, &d.Source, &d.Ref)
	d.From, d.Until = time.UnixMilli(from), time.UnixMilli(until)
	return d, err
}

// named fills in who a duty belongs to. Names are the directory's to read, hence the second query.
func named(ctx context.Context, q db.Querier, d Duty) (Duty, error) {
	var err error
	d.Name, err = directory.NameOf(ctx, q, d.User)
	return d, err
}

var around = db.SQL("rota.around", `SELECT id, post, user_id, from_at, until_at, status = 'draft', source, ref FROM rota_duty
WHERE post = $1 AND from_at > $2 AND from_at <= $3 AND until_at > $4 AND status = 'published' ORDER BY from_at DESC, id DESC LIMIT 200`)

var awayOf = db.SQL("rota.away_of", `SELECT id, user_id, from_at, until_at, kind, by_user FROM rota_away WHERE user_id = $1 AND until_at > $2 ORDER BY from_at LIMIT 100`)

func scanAway(r db.Row) (a Away, err error) {
	var from, until int64
	err = r.Scan(&a.ID, &a.User, &from, &until, &a.Kind, &a.By)
	a.From, a.Until = time.UnixMilli(from), time.UnixMilli(until)
	return a, err
}

// row is a post's baton as it lies in the database.
type row struct {
	state   State
	holders int
	confirm bool
	there   bool
	alarmed bool    // its alarm has changed in this act
	late    *Effect // what is to be told of it and was not yet
}

func scanBaton(r db.Row) (b row, err error) {
	var raw []byte
	if err := r.Scan(&b.holders, &b.confirm, &raw); err != nil {
		return b, err
	}
	b.there = true
	if err := json.Unmarshal(raw, &b.state); err != nil {
		return b, fmt.Errorf("stored baton: %w", err)
	}
	return b, nil
}

var readBaton = db.SQL("rota.baton", `SELECT holders, confirm, state FROM rota_baton WHERE post = $1 LIMIT 1`)

// baton reads a post's baton; a post that nobody has looked after has one holder and needs no confirmation.
func baton(ctx context.Context, q db.Querier, post directory.PostID) (row, error) {
	b, err := db.One(ctx, q, readBaton, scanBaton, string(post))
	if fault.Is(err, fault.NotFound) {
		return row{state: State{Post: post}, holders: 1}, nil
	}
	return b, err
}

// world reads the rota around an instant, for everybody whom it or the baton names, and those who act.
func world(ctx context.Context, q db.Querier, b row, at time.Time, acting ...id.User) (World, error) {
	w := World{Holders: b.holders, Confirm: b.confirm}
	ms := at.UnixMilli()
	back := int64(0)
	if b.confirm {
		back = (overrun + early).Milliseconds() // an earlier duty says how long its person was meant to stay
	}
	var err error
	w.Duties, err = db.Collect(ctx, q, around, scan, string(b.state.Post), ms-longest.Milliseconds(), ms+ahead.Milliseconds(), ms-back)
	if err != nil {
		return w, err
	}
	asked := map[id.User]bool{}
	ask := func(u id.User) error {
		if asked[u] {
			return nil
		}
		asked[u] = true
		away, err := db.Collect(ctx, q, awayOf, scanAway, string(u), ms)
		w.Away = append(w.Away, away...)
		return err
	}
	for _, d := range w.Duties {
		if err := ask(d.User); err != nil {
			return w, err
		}
	}
	for _, k := range b.state.Kept {
		if err := ask(k.User); err != nil {
			return w, err
		}
	}
	for _, u := range acting { // whoever takes a post may be away soon, or now
		if err := ask(u); err != nil {
			return w, err
		}
	}
	for _, o := range b.state.Offers {
		if err := ask(o.To); err != nil {
			return w, err
		}
	}
	return w, nil
}

// Holders returns who holds a post at an instant, who began last first; none is an empty list.
//
// hazard: H6 role empty or stale holder
func Holders(ctx context.Context, q db.Querier, post directory.PostID, at time.Time) ([]Duty, error) {
	b, err := baton(ctx, q, post)
	if err != nil {
		return nil, err
	}
	w, err := world(ctx, q, b, at)
	if err != nil {
		return nil, err
	}
	var all []Duty
	for _, h := range b.state.look(w, at.UnixMilli()).holders {
		d, err := named(ctx, q, h.duty(post))
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// duty is a holding in the words of the rota.
func (h Holding) duty(post directory.PostID) Duty {
	return Duty{ID: h.Duty, Post: post, User: h.User, From: time.UnixMilli(h.From), Until: time.UnixMilli(h.Until), How: h.How}
}

// Holder returns the duty by which somebody holds the post at the instant, or fault.NotFound when nobody does. Of several holders it
// is the one who began last.
//
// hazard: H6 role empty or stale holder
func Holder(ctx context.Context, q db.Querier, post directory.PostID, at time.Time) (Duty, error) {
	all, err := Holders(ctx, q, post, at)
	if err != nil {
		return Duty{}, err
	}
	if len(all) == 0 {
		return Duty{}, fault.Wrap(fault.NotFound, "M_NOT_FOUND", "Not found.", fmt.Errorf("nobody holds %s", post))
	}
	return all[0], nil
}

var next = db.SQL("rota.next", `SELECT d.id, d.post, d.user_id, d.from_at, d.until_at, FALSE, d.source, d.ref FROM rota_duty d
WHERE d.post = $1 AND d.from_at > $2 AND d.status = 'published'
AND NOT EXISTS (SELECT 1 FROM rota_away a WHERE a.user_id = d.user_id AND a.from_at <= d.from_at AND a.until_at > d.from_at)
ORDER BY d.from_at, d.id DESC LIMIT 1`)

// Next returns the first duty on the post that begins after the instant and whose person is not away then, or fault.NotFound.
func Next(ctx context.Context, q db.Querier, post directory.PostID, at time.Time) (Duty, error) {
	d, err := db.One(ctx, q, next, scan, string(post), at.UnixMilli())
	if err != nil {
		return d, err
	}
	return named(ctx, q, d)
}

var dutyPosts = db.SQL("rota.duty_posts", `SELECT DISTINCT post FROM rota_duty WHERE user_id = $1 AND from_at > $2 AND from_at <= $3 AND status = 'published' LIMIT 50`)

var heldPosts = db.SQL("rota.held_posts", `SELECT DISTINCT post FROM rota_held WHERE user_id = $1 AND until_at = 0 LIMIT 50`)

// Held returns the duties by which the user holds posts at the instant.
func Held(ctx context.Context, q db.Querier, user id.User, at time.Time) ([]Duty, error) {
	posts, err := db.Collect(ctx, q, dutyPosts, db.Scalar[directory.PostID], string(user), at.Add(-longest).UnixMilli(), at.UnixMilli())
	if err != nil {
		return nil, err
	}
	more, err := db.Collect(ctx, q, heldPosts, db.Scalar[directory.PostID], string(user))
	if err != nil {
		return nil, err
	}
	seen := map[directory.PostID]bool{}
	var held []Duty
	for _, p := range append(posts, more...) {
		if seen[p] {
			continue
		}
		seen[p] = true
		all, err := Holders(ctx, q, p, at)
		if err != nil {
			return nil, err
		}
		for _, d := range all {
			if d.User == user {
				held = append(held, d)
			}
		}
	}
	return held, nil
}

var save = db.SQL("rota.save", `INSERT INTO rota_duty (id, post, user_id, from_at, until_at, status, source, ref) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET post = excluded.post, user_id = excluded.user_id, from_at = excluded.from_at, until_at = excluded.until_at,
status = excluded.status, source = excluded.source, ref = excluded.ref`)

// Save adds or changes a duty. One that does not end after it begins, or lasts longer than eight days, is fault.Invalid.
func Save(ctx context.Context, tx *db.Tx, d Duty) error {
	if err := saveQuiet(ctx, tx, d); err != nil {
		return err
	}
	return touch(ctx, tx, d.Post)
}

// saveQuiet is Save without waking the clock, for many at once.
func saveQuiet(ctx context.Context, tx *db.Tx, d Duty) error {
	switch {
	case !d.Until.After(d.From):
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "A duty must end after it begins.")
	case d.Until.Sub(d.From) > longest:
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "A duty lasts eight days at most. Enter a longer one in parts.")
	}
	status := "published"
	if d.Draft {
		status = "draft"
	}
	_, err := tx.Exec(ctx, save, string(d.ID), string(d.Post), string(d.User), d.From.UnixMilli(), d.Until.UnixMilli(), status, d.Source, d.Ref)
	return err
}

var dutyByID = db.SQL("rota.duty", `SELECT id, post, user_id, from_at, until_at, status = 'draft', source, ref FROM rota_duty WHERE id = $1 LIMIT 1`)

// Find returns a duty with its person's name, or fault.NotFound.
func Find(ctx context.Context, q db.Querier, duty DutyID) (Duty, error) {
	d, err := db.One(ctx, q, dutyByID, scan, string(duty))
	if err != nil {
		return d, err
	}
	return named(ctx, q, d)
}

var remove = db.SQL("rota.remove", `DELETE FROM rota_duty WHERE id = $1`)

// Remove takes a duty out of the rota.
func Remove(ctx context.Context, tx *db.Tx, d Duty) error {
	if _, err := tx.Exec(ctx, remove, string(d.ID)); err != nil {
		return err
	}
	return touch(ctx, tx, d.Post)
}

var between = db.SQL("rota.between", `SELECT id, post, user_id, from_at, until_at, status = 'draft', source, ref FROM rota_duty
WHERE post = $1 AND from_at > $2 AND from_at < $3 AND until_at > $4 ORDER BY from_at, id LIMIT 2000`)

// Between returns the duties of a post that overlap an interval, drafts too, in the order in which they begin. Names are not filled in.
func Between(ctx context.Context, q db.Querier, post directory.PostID, from, until time.Time) ([]Duty, error) {
	return db.Collect(ctx, q, between, scan, string(post), from.Add(-longest).UnixMilli(), until.UnixMilli(), from.UnixMilli())
}

var ofUser = db.SQL("rota.of_user", `SELECT id, post, user_id, from_at, until_at, status = 'draft', source, ref FROM rota_duty
WHERE user_id = $1 AND from_at > $2 AND from_at < $3 AND until_at > $4 AND (status = 'published' OR $5) ORDER BY from_at, id LIMIT 2000`)

// OfUser returns somebody's duties that overlap an interval, with drafts when asked for, in the order in which they begin.
func OfUser(ctx context.Context, q db.Querier, user id.User, from, until time.Time, drafts bool) ([]Duty, error) {
	return db.Collect(ctx, q, ofUser, scan, string(user), from.Add(-longest).UnixMilli(), until.UnixMilli(), from.UnixMilli(), drafts)
}

var bump = db.SQL("rota.bump", `UPDATE rota_version SET n = n + 1 WHERE id = 0`)

var version = db.SQL("rota.version", `SELECT n FROM rota_version WHERE id = 0 LIMIT 1`)

var wake = db.SQL("rota.wake", `UPDATE rota_baton SET wake_at = 0 WHERE post = $1`)

// touch notes that a post's rota has changed: what is held in memory is old, and the clock must look at the post again. The clock's
// own loop is woken by whoever has it (Service.Changed); otherwise it looks within half a minute.
func touch(ctx context.Context, tx *db.Tx, posts ...directory.PostID) error {
	for _, p := range posts {
		if _, err := tx.Exec(ctx, wake, string(p)); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, bump)
	return err
}

var saveBaton = db.SQL("rota.save_baton", `INSERT INTO rota_baton (post, holders, confirm, wake_at, state) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (post) DO UPDATE SET holders = excluded.holders, confirm = excluded.confirm, wake_at = excluded.wake_at, state = excluded.state`)

func (b row) save(ctx context.Context, tx *db.Tx) error {
	raw, err := json.Marshal(b.state)
	if err != nil {
		return fmt.Errorf("store baton of %s: %w", b.state.Post, err)
	}
	_, err = tx.Exec(ctx, saveBaton, string(b.state.Post), b.holders, b.confirm, b.state.WakeAt, raw)
	return err
}

var (
	beginHeld = db.SQL("rota.begin_held", `INSERT INTO rota_held (id, post, user_id, from_at, until_at, how, by_user, reason, ended) VALUES ($1, $2, $3, $4, 0, $5, $6, $7, '') ON CONFLICT (id) DO NOTHING`)
	endHeld   = db.SQL("rota.end_held", `UPDATE rota_held SET until_at = $2, ended = $3 WHERE id = $1`)
	openAlarm = db.SQL("rota.open_alarm", `INSERT INTO rota_alarm (id, post, kind, opened_at, closed_at, ack_by, ack_at) VALUES ($1, $2, $3, $4, 0, '', 0) ON CONFLICT (id) DO NOTHING`)
	endAlarm  = db.SQL("rota.end_alarm", `UPDATE rota_alarm SET closed_at = $2 WHERE id = $1`)
	ackAlarm  = db.SQL("rota.ack_alarm", `UPDATE rota_alarm SET ack_by = $2, ack_at = $3 WHERE id = $1`)
)

// note writes an effect into the history.
func (e Effect) note(ctx context.Context, tx *db.Tx, post directory.PostID, at int64) (err error) {
	switch h, a := e.Holding, e.Alarm; e.Kind {
	case Began:
		_, err = tx.Exec(ctx, beginHeld, h.ID, string(post), string(h.User), h.From, string(h.How), string(e.By), e.Why)
	case Ended:
		_, err = tx.Exec(ctx, endHeld, h.ID, at, e.Why)
	case AlarmOpened:
		_, err = tx.Exec(ctx, openAlarm, a.ID, string(post), string(a.Kind), a.Since)
	case AlarmClosed:
		_, err = tx.Exec(ctx, endAlarm, a.ID, at)
	case AlarmSeen:
		_, err = tx.Exec(ctx, ackAlarm, a.ID, string(a.By), a.ByAt)
	}
	return err
}

// Past is one line of a post's history.
type Past struct {
	User   id.User
	Name   string
	From   time.Time
	Until  time.Time // zero while they hold it
	How    How
	By     id.User
	Reason string
	Ended  string
}

var history = db.SQL("rota.history", `SELECT user_id, from_at, until_at, how, by_user, reason, ended FROM rota_held WHERE post = $1 ORDER BY from_at DESC, id DESC LIMIT $2`)

// History returns who has held a post, the newest first.
func History(ctx context.Context, q db.Querier, post directory.PostID, limit int) ([]Past, error) {
	all, err := db.Collect(ctx, q, history, func(r db.Row) (p Past, err error) {
		var from, until int64
		err = r.Scan(&p.User, &from, &until, &p.How, &p.By, &p.Reason, &p.Ended)
		if p.From = time.UnixMilli(from); until > 0 {
			p.Until = time.UnixMilli(until)
		}
		return p, err
	}, string(post), limit)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Name, err = directory.NameOf(ctx, q, all[i].User); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// SaveMany is Save of one of many duties, for seeding: nobody is woken by it. Call Service.Changed in the end.
func SaveMany(ctx context.Context, tx *db.Tx, d Duty) error { return saveQuiet(ctx, tx, d) }
