package testpage

import (
	"slices"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/reach"
	"wardline/clinical/rota"
	"wardline/clinical/status"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/id"
)

// RunID names a run: one test of some posts.
type RunID string

// TestID names the test of one post in one run.
type TestID string

// Type is the account data in which a person's devices find the tests that they are to answer.
const Type = "uk.wardline.tests"

// Rules are what a trust says of its test page. They are stored, and travel, as this JSON.
type Rules struct {
	On      bool               `json:"on"`
	At      string             `json:"at"`      // by the clock on the wall: "07:30"
	Days    []time.Weekday     `json:"days"`    // 0 is Sunday
	Minutes int                `json:"minutes"` // within how many it must be answered
	In      []directory.PostID `json:"in"`      // besides every critical post and every post of an emergency team
	Out     []directory.PostID `json:"out"`     // and without these
	Ways    []reach.Way        `json:"ways"`    // carriers that are tried beside the app and Web Push
}

// Version is one state of the rules; the newest counts, and none is taken away. Version 0 is none yet.
type Version struct {
	Version int64
	At      time.Time
	By      id.User
	Note    string
	Rules   Rules
}

// standard are the rules until a trust has its own: off, and ready to be switched on. A text message costs money, a pager's does not.
func standard() Rules {
	return Rules{At: "07:30", Days: []time.Weekday{1, 2, 3, 4, 5, 6, 0}, Minutes: 5, In: []directory.PostID{}, Out: []directory.PostID{}, Ways: []reach.Way{reach.Pager}}
}

// Bounds of the rules.
const (
	maxMinutes = 30
	maxPosts   = 2000
	maxNote    = 200
)

// minute is the time of day in minutes after midnight.
func (r Rules) minute() (int, bool) {
	t, err := time.Parse("15:04", r.At)
	return t.Hour()*60 + t.Minute(), err == nil && len(r.At) == 5
}

// check refuses rules that cannot work, in a sentence, and brings the others into one form.
func (r Rules) check() (Rules, error) {
	bad := func(text string) (Rules, error) { return r, fault.New(fault.Invalid, "M_INVALID_PARAM", text) }
	if _, ok := r.minute(); !ok {
		return bad("Write the time of the test as 07:30.")
	}
	if r.Minutes < 1 || r.Minutes > maxMinutes {
		return bad("A test must be answered within 1 to 30 minutes.")
	}
	r.Days = append([]time.Weekday{}, r.Days...)
	slices.Sort(r.Days)
	r.Days = slices.Compact(r.Days)
	if len(r.Days) > 0 && (r.Days[0] < time.Sunday || r.Days[len(r.Days)-1] > time.Saturday) {
		return bad("The days are 0, Sunday, to 6, Saturday.")
	}
	if r.On && len(r.Days) == 0 {
		return bad("Choose at least one day of the week, or switch the test off.")
	}
	if len(r.In)+len(r.Out) > maxPosts {
		return bad("These are too many posts.")
	}
	for _, w := range r.Ways {
		if !slices.Contains(reach.Ways, w) {
			return bad("The ways are voice, sms, pager and email.")
		}
	}
	r.In, r.Out, r.Ways = sorted(r.In), sorted(r.Out), sorted(r.Ways)
	if i := slices.IndexFunc(r.In, func(p directory.PostID) bool { return slices.Contains(r.Out, p) }); i >= 0 {
		return bad("A post is either tested or left out.")
	}
	return r, nil
}

func sorted[T ~string](all []T) []T {
	out := append([]T{}, all...)
	slices.Sort(out)
	return slices.Compact(out)
}

// Kind is why a run was.
type Kind string

// The kinds of runs.
const (
	Daily Kind = "daily" // at its time
	All   Kind = "all"   // every post, because an operator asked
	Some  Kind = "some"  // single posts, because an operator asked
)

// RunState is how far a run is.
type RunState string

// The states of a run.
const (
	Running RunState = "running"
	Done    RunState = "done"
	NotRun  RunState = "not_run" // the server was down at its time and for too long after
	Void    RunState = "void"    // begun by a clock that was wrong; it counts for nothing
)

// Run is one test of some posts. Instants are milliseconds since 1970 UTC, 0 for not yet.
type Run struct {
	ID        RunID       `json:"id"`
	Day       string      `json:"day"` // on the trust's walls
	Kind      Kind        `json:"kind"`
	By        id.User     `json:"by"` // "" for the clock
	PlannedAt int64       `json:"planned_at"`
	StartedAt int64       `json:"started_at"`
	EndedAt   int64       `json:"ended_at"`
	Minutes   int64       `json:"minutes"`
	Ways      []reach.Way `json:"ways"`
	State     RunState    `json:"state"`
}

func (r Run) within() time.Duration { return time.Duration(r.Minutes) * time.Minute }

// State is how far the test of one post is, or what came of it.
type State string

// The states of a test. All but the first two are ends; Late and a telephone call may still come to the four that failed.
const (
	Planned    State = "planned" // nobody was told yet
	Waiting    State = "waiting"
	Received   State = "received"
	Late       State = "late"       // received, after the time
	Unanswered State = "unanswered" // a device or a carrier had it, and nobody pressed
	Unreached  State = "unreached"  // no device had it and nobody took it
	Nobody     State = "nobody"     // nobody holds the post
	Protected  State = "protected"  // the holder is not to be disturbed now
)

// Failed says whether the way to the post did not hold. A protected holder is no failure and no pass.
func (s State) Failed() bool {
	return s == Late || s == Unanswered || s == Unreached || s == Nobody
}

// Test is the test of one post.
type Test struct {
	ID         TestID           `json:"id"`
	Run        RunID            `json:"run"`
	Post       directory.PostID `json:"post"`
	Name       string           `json:"name"` // the post's
	User       id.User          `json:"user"`
	UserName   string           `json:"user_name"`
	State      State            `json:"state"`
	Why        string           `json:"why"` // of Protected: "is on protected rest"; of a change of holder: who had it
	Reason     Reason           `json:"reason,omitzero"`
	ToldAt     int64            `json:"told_at"`
	DueAt      int64            `json:"due_at"`
	ShownUntil int64            `json:"-"` // until when the holder's devices show it; 0: not any more
	EndedAt    int64            `json:"ended_at"`
	AnsweredAt int64            `json:"answered_at"`
	Moved      int64            `json:"moved"` // how often it went to a new holder
	PhoneAt    int64            `json:"phone_at"`
	PhoneBy    id.User          `json:"phone_by"`
	PhoneNote  obs.Hidden       `json:"phone_note"`
}

// Reason is what Why says as a code with its fact, for an app that says it in its reader's language. New codes may come.
type Reason struct {
	Code string `json:"code"`           // a protected status.Kind, or Moved
	Name string `json:"name,omitempty"` // of Moved: who had it
}

// Moved is the code of a test that came from another holder.
const Moved = "moved"

// String is the sentence of a reason, "" for none.
func (r Reason) String() string {
	if r.Code == Moved {
		return "was with " + r.Name
	}
	return status.Kind(r.Code).Is()
}

// because notes a reason, with its sentence.
func (t *Test) because(r Reason) { t.Reason, t.Why = r, r.String() }

// after is how long the answer took.
func (t Test) after() time.Duration { return time.Duration(t.AnsweredAt-t.ToldAt) * time.Millisecond }

// The ways besides the carriers of package reach.
const (
	App  = "app"
	Push = "push"
)

// WayState is how far a test came in one way.
type WayState string

// The states of a way. OnDevice is the only proof; Taken and Arrived are what others say.
const (
	Offered  WayState = "offered" // for the app: there as soon as it is open
	Due      WayState = "due"
	Taken    WayState = "taken"
	Arrived  WayState = "arrived"
	OnDevice WayState = "device"
	Failed   WayState = "failed"
	NoWay    WayState = "none"    // no device allows notifications
	Dropped  WayState = "dropped" // it was answered before this was needed
)

// Way is one way in which a holder was told.
type Way struct {
	Way      string   `json:"way"`
	State    WayState `json:"state"`
	At       int64    `json:"at"`
	DeviceAt int64    `json:"device_at"`
	Note     string   `json:"note"`
}

// judge says what a test came to that nobody answered in time.
//
// hazard: H1 urgent message not delivered
func judge(ways []Way) State {
	for _, w := range ways {
		if w.DeviceAt > 0 || w.State == Taken || w.State == Arrived || w.State == OnDevice {
			return Unanswered
		}
	}
	return Unreached
}

// firstWay says in which way somebody who answered first had the test: "app", or "push" when a closed app was woken. "" is not known.
func firstWay(ways []Way) string {
	first, at := "", int64(0)
	for _, w := range ways {
		if w.DeviceAt > 0 && (at == 0 || w.DeviceAt < at) {
			first, at = w.Way, w.DeviceAt
		}
	}
	return first
}

// Day is a day's run as Plan finds it.
type Day struct {
	Date rota.Date
	At   time.Time
	Run  bool // false: its time has passed too long ago
}

const (
	tolerance = 2 * time.Hour // so late a run still says something about the day
	lookBack  = 30            // days; a server that was down for longer says nothing of the days before
)

// Plan says what is to be done now by rules that are in force since an instant: the days whose time has come and that have nothing yet,
// the earliest first, and when the next one's time comes, zero for never. Had says whether a day has its run, or the line that there was
// none. At the changes of the clocks a time that is missing is an hour later, and one that comes twice is the first.
//
// hazard: H7 rota feed stale or wrong time zone or clock change
func Plan(r Rules, since, now time.Time, had func(rota.Date) bool) (due []Day, next time.Time) {
	minute, ok := r.minute()
	if !r.On || !ok {
		return nil, time.Time{}
	}
	today := rota.DateOf(now)
	for d := today.Add(-lookBack); !today.Add(8).Before(d); d = d.Add(1) {
		at := d.At(minute)
		if !slices.Contains(r.Days, d.Weekday()) || !at.After(since) || had(d) {
			continue
		}
		if at.After(now) {
			return due, at
		}
		due = append(due, Day{Date: d, At: at, Run: now.Sub(at) <= tolerance})
	}
	return due, time.Time{}
}

// clean brings a note into one line.
func clean(note obs.Hidden) (obs.Hidden, error) {
	n := strings.Join(strings.Fields(string(note)), " ")
	if len([]rune(n)) > maxNote {
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "Keep the note under 200 letters.")
	}
	return obs.Hidden(n), nil
}
