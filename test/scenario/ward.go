package scenario

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wardline/clinical/alarm"
	"wardline/clinical/ask"
	"wardline/clinical/conversation"
	"wardline/clinical/demo"
	"wardline/clinical/directory"
	"wardline/clinical/emergency"
	"wardline/clinical/inbound"
	"wardline/clinical/measure"
	"wardline/clinical/paging"
	"wardline/clinical/patient"
	"wardline/clinical/reach"
	"wardline/clinical/record"
	"wardline/clinical/record/fhirdouble"
	"wardline/clinical/remind"
	"wardline/clinical/rota"
	"wardline/clinical/staff"
	"wardline/clinical/status"
	"wardline/clinical/switchboard"
	"wardline/clinical/testpage"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/run"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/factor"
	"wardline/matrix/id"
	"wardline/matrix/inbox"
	"wardline/matrix/keys"
	"wardline/matrix/media"
	"wardline/matrix/passkey"
	"wardline/matrix/push"
	"wardline/matrix/room"
	"wardline/matrix/timeline"
)

// Ward is a trust with the demo's people, posts and patients, inside a bubble of testing/synctest: its time is time.Now, and passes
// only by Pass.
type Ward struct {
	T             testing.TB
	DB            *db.DB
	Accounts      *account.Service
	Rooms         *room.Service
	Timeline      *timeline.Service
	Directory     *directory.Service
	Patients      *patient.Service
	Conversations *conversation.Service
	Rota          *rota.Service
	Staff         *staff.Service
	Push          *push.Service
	Reminders     *remind.Service
	Status        *status.Service
	Asks          *ask.Service
	Paging        *paging.Service
	Record        *record.Service
	Reach         *reach.Service
	Emergency     *emergency.Service
	Inbound       *inbound.Service
	Ledger        *measure.Ledger
	Alarm         *alarm.Service
	Policy        paging.Policy               // the demo's until a scenario sets another and restarts
	Carriers      reach.Config                // none until a scenario sets them and restarts
	Pushes        func(id.User) push.Standing // nil, as where nothing is pushed, until a scenario sets it and restarts
	Switchboard   *switchboard.Service
	Tests         *testpage.Service
	Browsers      *browsers // whom Web Push reaches in a test page
	EPR           *fhirdouble.Server
	Log           *Log

	store  store
	clocks []string // the clocks that run; nil is all
	log    *slog.Logger
	group  *run.Group
	ahead  atomic.Int64                            // how far the machine's clock was set, in nanoseconds
	seam   atomic.Pointer[func(point, act string)] // what Crash waits for
}

// Log keeps everything that was logged, so that a scenario can look for what must not be there.
type Log struct {
	mu  sync.Mutex // guards all
	all []byte
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, p...)
	return len(p), nil
}

// String returns everything logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.all)
}

// Migrations are the tables that a ward needs.
func Migrations() []db.Migrations {
	return []db.Migrations{audit.Migrations(), stream.Migrations(), account.Migrations(), factor.Migrations(), passkey.Migrations(), room.Migrations(), keys.Migrations(), inbox.Migrations(), media.Migrations(), push.Migrations(), timeline.Migrations(),
		directory.Migrations(), patient.Migrations(), rota.Migrations(), staff.Migrations(), status.Migrations(), conversation.Migrations(), remind.Migrations(), ask.Migrations(), paging.Migrations(), reach.Migrations(), emergency.Migrations(), inbound.Migrations(), measure.Migrations(), switchboard.Migrations(), testpage.Migrations(), alarm.Migrations(), record.Migrations()}
}

// New returns a ward on SQLite with its people on duty, no conversations, and its clocks running; the test ends it.
func New(t testing.TB) *Ward {
	t.Helper()
	return newWard(t, &liteStore{dir: t.TempDir()})
}

func newWard(t testing.TB, s store) *Ward {
	t.Helper()
	w := &Ward{T: t, store: s, Log: &Log{}, Browsers: &browsers{}}
	w.log = slog.New(slog.NewTextHandler(w.Log, nil))
	epr, err := fhirdouble.New("")
	if err != nil {
		t.Fatal(err)
	}
	w.EPR = epr
	s.fill(t)
	w.open()
	t.Cleanup(func() {
		w.close()
		w.store.drop()
	})
	return w
}

func (w *Ward) seed() demo.Deps {
	return demo.Deps{DB: w.DB, Accounts: w.Accounts, Rooms: w.Rooms, Record: w.Record, Steward: w.Rooms.Steward, MarkRead: w.Timeline.ReadIn}
}

// Steward is the trust's service account.
const Steward = id.User("@wardline:st-elsewhere")

// open builds everything on what the ward has stored, in the order of app, and lets its clocks run.
func (w *Ward) open() {
	w.T.Helper()
	w.build()
	w.run()
}

func (w *Ward) build() {
	w.T.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, w.store.source())
	if err != nil {
		w.T.Fatalf("open: %v", err)
	}
	w.DB = d
	d.OnSeam(func(point, act string) {
		if fn := w.seam.Load(); fn != nil {
			(*fn)(point, act)
		}
	})
	if err := d.Migrate(ctx, Migrations()...); err != nil {
		w.T.Fatalf("migrate: %v", err)
	}
	w.Accounts = account.New(d, "st-elsewhere")
	w.Rooms = room.New(d, w.Accounts)
	w.Rooms.Steward = Steward
	w.Timeline = timeline.New(d, w.Rooms, w.Accounts, keys.New(d, w.Accounts), inbox.New(d, w.Accounts))
	if err := w.Accounts.CreateAll(ctx, []account.NewUser{{User: Steward, DisplayName: "Wardline"}}); err != nil {
		w.T.Fatalf("steward: %v", err)
	}
	w.Directory, w.Patients = directory.New(d), patient.New(d, time.Now)
	w.Conversations = conversation.New(conversation.Deps{DB: d, Rooms: w.Rooms, Steward: Steward, Now: time.Now, Timeline: w.Timeline, Log: w.log})
	w.Push = push.New(d, w.Accounts, w.Rooms)
	w.Reminders = remind.New(remind.Deps{DB: d, Rooms: w.Rooms, Accounts: w.Accounts, Push: w.Push, Now: w.now, Log: w.log})
	w.Status = status.New(status.Deps{DB: d, Now: w.now, Note: w.Timeline.SetStanding})
	w.Asks = ask.New(ask.Deps{DB: d, Rooms: w.Rooms, Conversations: w.Conversations, Steward: Steward, Policy: ask.DefaultPolicy(), Now: w.now, Log: w.log})
	w.Paging = paging.New(paging.Deps{DB: d, Rooms: w.Rooms, Conversations: w.Conversations, Steward: Steward, Policy: paging.DemoPolicy(), Now: w.now, Log: w.log, Busy: status.Protected})
	w.Reach = reach.New(reach.Deps{DB: d, Paging: w.Paging, Config: w.Carriers, Push: w.Pushes, Public: "https://st-elsewhere", Now: w.now, Log: w.log})
	w.Inbound = inbound.New(inbound.Deps{DB: d, Paging: w.Paging, Steward: Steward, Now: w.now, Log: w.log})
	w.Ledger = measure.NewLedger(d, w.now)
	w.Emergency = emergency.New(emergency.Deps{DB: d, Rooms: w.Rooms, Conversations: w.Conversations, Paging: w.Paging, Steward: Steward, Now: w.now, Log: w.log})
	w.Tests = testpage.New(testpage.Deps{DB: d, Accounts: w.Accounts, Conversations: w.Conversations, Reach: w.Reach, Push: w.Browsers.check, Now: w.now, Log: w.log})
	w.Reach.Trials = w.Tests.Heard
	w.Alarm = alarm.New(alarm.Deps{Paging: w.Paging, Steward: Steward, Log: w.log})
	if w.Policy.Urgent > 0 {
		w.Paging.Policy = w.Policy
	}
	w.Paging.OnStep = func(ctx context.Context, tx *db.Tx, p paging.Snapshot) error {
		return errors.Join(w.Reach.Plan(ctx, tx, p), w.Emergency.OnPage(ctx, tx, p), w.Alarm.Step(ctx, tx, p))
	}
	w.Rota = rota.New(rota.Deps{DB: d, Now: w.now, Log: w.log, Tell: w.Conversations.Tell, Alarm: w.Alarm.Ring,
		Hands: []func(context.Context, *db.Tx, directory.PostID, []id.User, []id.User) error{w.Conversations.FollowPost, w.Paging.Follow, w.Asks.Follow, w.Tests.Follow}})
	w.Alarm.Rota = w.Rota
	w.Switchboard = switchboard.New(switchboard.Deps{DB: d, Rota: w.Rota, Paging: w.Paging, Reach: w.Reach, Emergency: w.Emergency, Now: w.now})
	w.Staff = staff.New(staff.Deps{DB: d, Accounts: w.Accounts, Rota: w.Rota, Now: w.now})
	w.Record = record.New(record.Deps{DB: d, Rooms: w.Rooms, Conversations: w.Conversations, Steward: Steward, Retry: record.Retry{First: time.Second, Max: time.Minute},
		Organisation: record.Organisation{ODS: "RXX01", Name: "St Elsewhere", Server: "st-elsewhere"}, Now: time.Now, Log: w.log,
		Client: &record.Client{Base: "http://epr/fhir", HTTP: &http.Client{Transport: wire{w.EPR}}}})
	w.Rooms.Guard(w.Conversations.Guard)
	w.Rooms.Guard(w.Asks.Guard)
	w.Rooms.Guard(w.Paging.Guard)
	w.Rooms.Guard(w.Emergency.Guard)
	w.Rooms.Guard(w.Record.Guard)
	w.Timeline.OnDelivered = w.Paging.Delivered
}

func (w *Ward) run() {
	w.group = run.NewGroup(w.log)
	for _, c := range []struct {
		name string
		fn   func(context.Context) error
	}{{"rota.clock", w.Rota.Run}, {"conversation.follow", w.Conversations.Run}, {"remind.clock", w.Reminders.Run}, {"status.clock", w.Status.Run}, {"ask.clock", w.Asks.Run},
		{"paging.scheduler", w.Paging.Run}, {"reach.carriers", w.Reach.Run}, {"reach.pushes", w.Reach.Record}, {"emergency.clock", w.Emergency.Run}, {"testpage.clock", w.Tests.Run}, {"record.worker", w.Record.Run}} {
		if w.clocks == nil || slices.Contains(w.clocks, c.name) {
			w.group.Go(c.name, c.fn)
		}
	}
}

// Only lets none but the named clocks run from now on, also after a crash. Each clock looks up every half minute whether the machine's was
// set, so a scenario of days would spend most of its time on clocks that have nothing to do in it.
func (w *Ward) Only(clocks ...string) {
	w.T.Helper()
	if err := w.group.Stop(context.Background()); err != nil {
		w.T.Errorf("stop: %v", err)
	}
	w.clocks = clocks
	w.run()
	synctest.Wait()
}

func (w *Ward) close() {
	if err := w.group.Stop(context.Background()); err != nil {
		w.T.Errorf("stop: %v", err)
	}
	w.shut()
}

func (w *Ward) shut() {
	w.Timeline.Stop()
	if err := w.DB.Close(); err != nil {
		w.T.Errorf("close: %v", err)
	}
}

// now is the time that the machine's clock shows.
func (w *Ward) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// SetClock moves the machine's clock, as an operator or a time server does, without any time passing. Pages live by that clock; what
// waits goes on waiting for real time.
func (w *Ward) SetClock(by time.Duration) { w.ahead.Add(int64(by)) }

// Pass lets time pass, and everything that is due happen.
func (w *Ward) Pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// Restart stops the ward and opens it again on the same files after a pause.
func (w *Ward) Restart(pause time.Duration) {
	w.T.Helper()
	w.close()
	<-time.After(pause)
	w.open()
	synctest.Wait()
}

// Crash does fn, and then goes on from what was on the disk at the seam of the named act, as if the process had been killed there:
// nothing that happened later is known to anybody but the record system, which is another machine. Seams are "before-commit",
// "before-wake" and "before-ack".
func (w *Ward) Crash(seam, act string, fn func()) {
	w.T.Helper()
	var copied store
	watch := func(point, name string) {
		if point == seam && name == act && copied == nil {
			copied = w.store.copy(w.T)
		}
	}
	w.seam.Store(&watch)
	fn()
	synctest.Wait()
	w.seam.Store(nil)
	if copied == nil {
		w.T.Fatalf("no act %q came to the seam %q", act, seam)
	}
	w.close()
	w.store.drop()
	w.store = copied
	w.open()
	synctest.Wait()
}

// wire carries requests to the record double without a network, because a network is outside of the bubble's time.
type wire struct{ h http.Handler }

// RoundTrip implements http.RoundTripper.
func (t wire) RoundTrip(r *http.Request) (res *http.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			res, err = nil, errors.New("the connection broke")
		}
	}()
	w := httptest.NewRecorder()
	t.h.ServeHTTP(w, r)
	return w.Result(), nil
}

// closePost closes a post under whoever holds it, as no screen lets anybody do.
func (w *Ward) closePost(post directory.PostID) func(context.Context, *db.Tx) error {
	return func(ctx context.Context, tx *db.Tx) error {
		p, err := directory.FindPost(ctx, tx, post)
		if err != nil {
			return err
		}
		p.Closed, p.Pageable = true, false
		return directory.SavePost(ctx, tx, p)
	}
}

// browsers are who can be told by Web Push in a scenario; the real ones are in matrix/timeline.
type browsers struct {
	mu   sync.Mutex
	of   map[id.User]int
	fail error
	told []id.User
}

func (b *browsers) check(_ context.Context, u id.User, _ string, _ time.Duration) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, u)
	if b.fail != nil {
		return 0, b.fail
	}
	return b.of[u], nil
}
