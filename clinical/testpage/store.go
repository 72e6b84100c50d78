package testpage

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"wardline/clinical/reach"
	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Migrations returns the tables of this package.
func Migrations() db.Migrations { return db.Migrations{Package: "testpage", FS: schemaFS} }

const runColumns = `id, day, kind, by_user, planned_at, started_at, ended_at, minutes, ways, state`
const testColumns = `id, run, post, name, user_id, user_name, state, why, why_code, why_name, told_at, due_at, shown_until, ended_at, answered_at, moved, phone_at, phone_by, phone_note`

var (
	newestRules = db.SQL("testpage.newest_rules", `SELECT version, at, by_user, note, rules FROM testpage_rules ORDER BY version DESC LIMIT 1`)
	allRules    = db.SQL("testpage.rules", `SELECT version, at, by_user, note, rules FROM testpage_rules ORDER BY version DESC LIMIT 100`)
	addRules    = db.SQL("testpage.add_rules", `INSERT INTO testpage_rules (version, at, by_user, note, rules) VALUES ($1, $2, $3, $4, $5)`)

	addRun     = db.SQL("testpage.add_run", `INSERT INTO testpage_run (id, slot, day, kind, by_user, planned_at, started_at, ended_at, minutes, ways, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (slot) DO NOTHING`)
	oneRun     = db.SQL("testpage.run", `SELECT `+runColumns+` FROM testpage_run WHERE id = $1 LIMIT 1`)
	runOfSlot  = db.SQL("testpage.run_of_slot", `SELECT `+runColumns+` FROM testpage_run WHERE slot = $1 LIMIT 1`)
	daysHad    = db.SQL("testpage.days", `SELECT day FROM testpage_run WHERE kind = 'daily' AND planned_at >= $1 AND state <> 'void' ORDER BY planned_at LIMIT 1000`)
	aheadRuns  = db.SQL("testpage.ahead", `SELECT `+runColumns+` FROM testpage_run WHERE started_at > $1 AND state <> 'void' ORDER BY started_at LIMIT 100`)
	voidRun    = db.SQL("testpage.void_run", `UPDATE testpage_run SET slot = $2, state = 'void', ended_at = $3 WHERE id = $1`)
	endRun     = db.SQL("testpage.end_run", `UPDATE testpage_run SET state = 'done', ended_at = $2 WHERE id = $1 AND state = 'running'`)
	recentRuns = db.SQL("testpage.recent", `SELECT `+runColumns+` FROM testpage_run WHERE (started_at >= $1 OR state = 'running') AND state <> 'void' ORDER BY started_at DESC, id LIMIT 200`)
	wholeRuns  = db.SQL("testpage.whole", `SELECT `+runColumns+` FROM testpage_run WHERE kind <> 'some' AND state <> 'void' ORDER BY planned_at DESC, id LIMIT $1`)

	oldRuns = db.SQL("testpage.old", `SELECT id FROM testpage_run WHERE started_at < $1 AND state <> 'running' ORDER BY started_at, id LIMIT 10`)
	dropRun = db.SQL("testpage.drop_run", `DELETE FROM testpage_run WHERE id = $1`)

	addTest    = db.SQL("testpage.add_test", `INSERT INTO testpage_test (id, run, post, name, user_id, user_name, state, why, told_at, due_at, shown_until, ended_at, answered_at, moved, phone_at, phone_by, phone_note) VALUES ($1, $2, $3, $4, '', '', 'planned', '', 0, 0, 0, 0, 0, 0, 0, '', '')`)
	saveTest   = db.SQL("testpage.save_test", `UPDATE testpage_test SET user_id = $2, user_name = $3, state = $4, why = $5, told_at = $6, due_at = $7, shown_until = $8, ended_at = $9, answered_at = $10, moved = $11, phone_at = $12, phone_by = $13, phone_note = $14, why_code = $15, why_name = $16 WHERE id = $1`)
	voidTests  = db.SQL("testpage.void_tests", `UPDATE testpage_test SET state = 'void', shown_until = 0 WHERE run = $1`)
	oneTest    = db.SQL("testpage.test", `SELECT `+testColumns+` FROM testpage_test WHERE id = $1 LIMIT 1`)
	testsOf    = db.SQL("testpage.tests_of", `SELECT `+testColumns+` FROM testpage_test WHERE run = $1 ORDER BY name, id LIMIT 2000`)
	theirsIn   = db.SQL("testpage.theirs_in", `SELECT `+testColumns+` FROM testpage_test WHERE run = $1 AND user_id = $2 ORDER BY name, id LIMIT 200`)
	shownTo    = db.SQL("testpage.shown_to", `SELECT `+testColumns+` FROM testpage_test WHERE user_id = $1 AND shown_until > 0 ORDER BY told_at, name, id LIMIT 200`)
	inState    = db.SQL("testpage.in_state", `SELECT `+testColumns+` FROM testpage_test WHERE state = $1 ORDER BY due_at, id LIMIT 64`)
	overTests  = db.SQL("testpage.over", `SELECT `+testColumns+` FROM testpage_test WHERE shown_until > 0 AND state <> 'waiting' ORDER BY shown_until LIMIT 64`)
	waitingAt  = db.SQL("testpage.waiting_at", `SELECT `+testColumns+` FROM testpage_test WHERE post = $1 AND state = 'waiting' ORDER BY id LIMIT 50`)
	openAt     = db.SQL("testpage.open_at", `SELECT count(*) FROM testpage_test WHERE post = $1 AND state IN ('planned', 'waiting')`)
	openIn     = db.SQL("testpage.open_in", `SELECT count(*) FROM testpage_test WHERE run = $1 AND state IN ('planned', 'waiting')`)
	endedSince = db.SQL("testpage.ended_since", `SELECT post, state FROM testpage_test WHERE ended_at >= $1 AND state <> 'void' ORDER BY ended_at DESC, id LIMIT 20000`)

	dropTests = db.SQL("testpage.drop_tests", `DELETE FROM testpage_test WHERE run = $1`)

	addWay    = db.SQL("testpage.add_way", `INSERT INTO testpage_way (id, run, user_id, test, way, state, next_at, attempts, at, device_at, note) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $7, 0, '') ON CONFLICT (run, user_id, test, way) DO NOTHING`)
	waysOf    = db.SQL("testpage.ways_of", `SELECT way, state, at, device_at, note FROM testpage_way WHERE run = $1 AND user_id = $2 AND test IN ('', $3) ORDER BY way LIMIT 20`)
	runWays   = db.SQL("testpage.run_ways", `SELECT user_id, test, way, state, at, device_at, note FROM testpage_way WHERE run = $1 ORDER BY way LIMIT 20000`)
	onDevice  = db.SQL("testpage.on_device", `UPDATE testpage_way SET state = 'device', device_at = $4 WHERE run = $1 AND user_id = $2 AND way = $3 AND device_at = 0`)
	dueWays   = db.SQL("testpage.due_ways", `SELECT id, run, user_id, test, way, state, next_at, attempts FROM testpage_way WHERE way = $1 AND state = 'due' ORDER BY next_at, id LIMIT $2`)
	oneWay    = db.SQL("testpage.way", `SELECT id, run, user_id, test, way, state, next_at, attempts FROM testpage_way WHERE id = $1 LIMIT 1`)
	beginWay  = db.SQL("testpage.begin_way", `UPDATE testpage_way SET attempts = $2, next_at = $3, at = $4 WHERE id = $1 AND state = 'due'`)
	laterWay  = db.SQL("testpage.later_way", `UPDATE testpage_way SET next_at = $2 WHERE id = $1 AND state = 'due'`)
	endWay    = db.SQL("testpage.end_way", `UPDATE testpage_way SET state = $2, note = $3, at = $4 WHERE id = $1 AND state IN ('due', 'taken')`)
	resumeWay = db.SQL("testpage.resume_ways", `UPDATE testpage_way SET next_at = $1 WHERE state = 'due' AND attempts > 0 AND next_at > $1`)
	forgetWay = db.SQL("testpage.forget_ways", `DELETE FROM testpage_way WHERE run = $1`)
	dropWays  = db.SQL("testpage.drop_ways", `UPDATE testpage_way SET state = 'dropped' WHERE run = $1 AND state = 'due'`)
)

func scanVersion(r db.Row) (v Version, err error) {
	var at int64
	var raw []byte
	if err := r.Scan(&v.Version, &at, &v.By, &v.Note, &raw); err != nil {
		return v, err
	}
	v.At = time.UnixMilli(at)
	if err := json.Unmarshal(raw, &v.Rules); err != nil {
		return v, fmt.Errorf("test page rules %d: %w", v.Version, err)
	}
	return v, nil
}

// newest are the rules in force; version 0 are the ones that a trust begins with.
func newest(ctx context.Context, q db.Querier) (Version, error) {
	v, err := db.One(ctx, q, newestRules, scanVersion)
	if fault.Is(err, fault.NotFound) {
		return Version{Rules: standard()}, nil
	}
	return v, err
}

func scanRun(r db.Row) (x Run, err error) {
	var ways string
	err = r.Scan(&x.ID, &x.Day, &x.Kind, &x.By, &x.PlannedAt, &x.StartedAt, &x.EndedAt, &x.Minutes, &ways, &x.State)
	x.Ways = []reach.Way{}
	for _, w := range strings.Fields(ways) {
		x.Ways = append(x.Ways, reach.Way(w))
	}
	return x, err
}

// dailySlot is the slot of a day.
func dailySlot(d rota.Date) string { return "daily:" + d.String() }

func (x Run) save(ctx context.Context, tx *db.Tx, slot string) (bool, error) {
	ways := make([]string, 0, len(x.Ways))
	for _, w := range x.Ways {
		ways = append(ways, string(w))
	}
	n, err := tx.Exec(ctx, addRun, string(x.ID), slot, x.Day, string(x.Kind), string(x.By), x.PlannedAt, x.StartedAt, x.EndedAt, x.Minutes, strings.Join(ways, " "), string(x.State))
	return n > 0, err
}

func scanTest(r db.Row) (t Test, err error) {
	return t, r.Scan(&t.ID, &t.Run, &t.Post, &t.Name, &t.User, &t.UserName, &t.State, &t.Why, &t.Reason.Code, &t.Reason.Name, &t.ToldAt, &t.DueAt, &t.ShownUntil, &t.EndedAt, &t.AnsweredAt, &t.Moved, &t.PhoneAt, &t.PhoneBy, &t.PhoneNote)
}

func (t Test) save(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, saveTest, string(t.ID), string(t.User), t.UserName, string(t.State), t.Why, t.ToldAt, t.DueAt, t.ShownUntil, t.EndedAt, t.AnsweredAt, t.Moved, t.PhoneAt, string(t.PhoneBy), string(t.PhoneNote), t.Reason.Code, t.Reason.Name)
	return err
}

func scanWay(r db.Row) (w Way, err error) {
	return w, r.Scan(&w.Way, &w.State, &w.At, &w.DeviceAt, &w.Note)
}

// owned is a way with whose it is.
type owned struct {
	user id.User
	test TestID
	Way
}

func scanOwned(r db.Row) (o owned, err error) {
	return o, r.Scan(&o.user, &o.test, &o.Way.Way, &o.State, &o.At, &o.DeviceAt, &o.Note)
}

// errand is something that is to be sent.
type errand struct {
	id       string
	run      RunID
	user     id.User
	test     TestID // "" for Web Push, which goes once for all posts of a person
	way      string
	state    WayState
	nextAt   int64
	attempts int64
}

func scanErrand(r db.Row) (e errand, err error) {
	return e, r.Scan(&e.id, &e.run, &e.user, &e.test, &e.way, &e.state, &e.nextAt, &e.attempts)
}
