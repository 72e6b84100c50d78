package reach

import (
	"context"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Test is the newest test of a number: when it was sent, and what has become of it. At is zero when there was none.
type Test struct {
	At    time.Time
	State string // trying, taken, arrived or failed
	Why   string // of failed
}

// testRef begins the names of tests, so that their receipts are told from those of pages.
const testRef = "num_"

// How often a number is tested, and how often one person tests any: each costs money and rings somewhere.
const (
	testEvery  = time.Minute
	testsADay  = 20
	testsShown = 24 * time.Hour
)

var (
	insertTest = db.SQL("reach.insert_number_test", `INSERT INTO reach_number_test (id, owner, way, sent_by, sent_at, state, why, updated_at) VALUES ($1, $2, $3, $4, $5, 'due', '', $5)`)
	endTest    = db.SQL("reach.end_number_test", `UPDATE reach_number_test SET state = $2, why = $3, updated_at = $4 WHERE id = $1`)
	stateTest  = db.SQL("reach.number_test", `SELECT state FROM reach_number_test WHERE id = $1 AND way = $2 LIMIT 1`)
	lastTest   = db.SQL("reach.last_number_test", `SELECT sent_at, state, why FROM reach_number_test WHERE owner = $1 AND way = $2 ORDER BY sent_at DESC LIMIT 1`)
	countTests = db.SQL("reach.count_number_tests", `SELECT count(*) FROM reach_number_test WHERE sent_by = $1 AND sent_at > $2`)
	oldTests   = db.SQL("reach.old_number_tests", `DELETE FROM reach_number_test WHERE sent_at < $1`)
)

func scanTest(r db.Row) (t Test, err error) {
	var at int64
	if err = r.Scan(&at, &t.State, &t.Why); err != nil {
		return t, err
	}
	t.At = time.UnixMilli(at)
	if t.State == due {
		t.State = "trying"
	}
	return t, nil
}

// testOf is the newest test of a number in the last day.
func (s *Service) testOf(ctx context.Context, q db.Querier, o Owner, w Way) (Test, error) {
	t, err := db.One(ctx, q, lastTest, scanTest, string(o), string(w))
	if fault.Is(err, fault.NotFound) || err == nil && s.Now().Sub(t.At) > testsShown {
		return Test{}, nil
	}
	return t, err
}

var (
	errNoNumber = fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no number or address here to try. Keep one first.")
	errSoon     = fault.New(fault.Limited, "M_LIMIT_EXCEEDED", "A test went there less than a minute ago.")
	errMany     = fault.New(fault.Limited, "M_LIMIT_EXCEEDED", "You have sent twenty tests today. Try again tomorrow, or ask IT.")
)

// Try sends a test to an owner's number by its carrier, and returns the owner's ways with what has become of it so far. It says that it is
// a test. What the carrier says is no error of Try: it is the test's state, and is kept. Without a number it is Invalid, too often Limited.
// It does not ask whether by may.
func (s *Service) Try(ctx context.Context, by id.User, o Owner, w Way) ([]Contact, error) {
	if s.Config.Carriers[w] == nil {
		return nil, errNoCarrier
	}
	ref, to, of := testRef+id.NewOpaque(16), "", ""
	err := s.DB.Write(ctx, "reach.number", func(ctx context.Context, tx *db.Tx) (err error) {
		to, of, err = s.beginTest(ctx, tx, ref, by, o, w)
		return err
	})
	if err != nil {
		return nil, err
	}
	out, cancel := context.WithTimeout(ctx, attempt)
	sent := s.sendTest(out, w, ref, to, of, "")
	cancel()
	state, why := taken, ""
	switch {
	case fault.Is(sent, fault.Invalid):
		state, why = failed, "refused"
		s.Log.Warn("a carrier refuses a test", "way", w, "err", sent)
	case sent != nil:
		state, why = failed, "the carrier cannot be reached"
		s.Log.Info("a carrier does not take a test", "way", w, "err", sent)
	}
	// What happened is kept even if whoever pressed the button is gone.
	err = s.DB.Write(context.WithoutCancel(ctx), "reach.number_came", func(ctx context.Context, tx *db.Tx) error {
		return s.settleTest(ctx, tx, ref, w, state, why, due)
	})
	if err != nil {
		return nil, err
	}
	return s.Contacts(ctx, o)
}

// beginTest looks whether a test may go, where to, and of what it is one, and writes down that it goes before anything leaves.
func (s *Service) beginTest(ctx context.Context, tx *db.Tx, ref string, by id.User, o Owner, w Way) (to, of string, err error) {
	have, err := contacts(ctx, tx, o)
	if err != nil {
		return "", "", err
	}
	if to = have[w]; to == "" {
		return "", "", errNoNumber
	}
	last, err := s.testOf(ctx, tx, o, w)
	if err != nil {
		return "", "", err
	}
	now := s.Now()
	if !last.At.IsZero() && now.Sub(last.At) < testEvery && !last.At.After(now) {
		return "", "", errSoon
	}
	n, err := db.One(ctx, tx, countTests, db.Scalar[int64], string(by), now.Add(-testsShown).UnixMilli())
	if err != nil {
		return "", "", err
	}
	if n >= testsADay {
		return "", "", errMany
	}
	if of, err = testOfWhat(ctx, tx, o); err != nil {
		return "", "", err
	}
	if _, err := tx.Exec(ctx, insertTest, ref, string(o), string(w), string(by), now.UnixMilli()); err != nil {
		return "", "", err
	}
	return to, of, audit.Append(ctx, tx, audit.Entry{At: now, Actor: string(by), Action: "reach.test", Object: string(o), Detail: map[string]string{"way": string(w)}})
}

// testOfWhat is what a test names: us, and of a post for which.
func testOfWhat(ctx context.Context, q db.Querier, o Owner) (string, error) {
	if strings.HasPrefix(string(o), "@") {
		return "of Wardline", nil
	}
	p, err := directory.FindPost(ctx, q, directory.PostID(o))
	return "of Wardline for " + p.Name, err
}

// settleTest writes down what became of a test, when it is in one of the states.
func (s *Service) settleTest(ctx context.Context, tx *db.Tx, ref string, w Way, state, why string, from ...string) error {
	is, err := db.One(ctx, tx, stateTest, db.Scalar[string], ref, string(w))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range from {
		if is == f {
			_, err = tx.Exec(ctx, endTest, ref, state, why, s.Now().UnixMilli())
		}
	}
	return err
}
