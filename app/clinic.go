package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"wardline/clinical/alarm"
	"wardline/clinical/ask"
	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/emergency"
	"wardline/clinical/inbound"
	"wardline/clinical/measure"
	"wardline/clinical/paging"
	"wardline/clinical/patient"
	"wardline/clinical/quiet"
	"wardline/clinical/reach"
	"wardline/clinical/record"
	"wardline/clinical/remind"
	"wardline/clinical/rota"
	"wardline/clinical/staff"
	"wardline/clinical/status"
	"wardline/clinical/switchboard"
	"wardline/clinical/testpage"
	"wardline/edge/clinic"
	"wardline/edge/fhir"
	"wardline/edge/scim"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Clinic is what stands on the kernel: the ward's own work. Without it, what is left is a homeserver.
type Clinic struct {
	Directory     *directory.Service
	Patients      *patient.Service
	Rota          *rota.Service
	Staff         *staff.Service
	Status        *status.Service
	Conversations *conversation.Service
	Reminders     *remind.Service
	Asks          *ask.Service
	Paging        *paging.Service
	Record        *record.Service
	Reach         *reach.Service
	Emergency     *emergency.Service
	Ledger        *measure.Ledger
	Inbound       *inbound.Service
	Alarm         *alarm.Service
	Switchboard   *switchboard.Service
	Tests         *testpage.Service
}

// clinicMigrations are the schemas of the clinical chapter.
func clinicMigrations() []db.Migrations {
	return []db.Migrations{directory.Migrations(), patient.Migrations(), rota.Migrations(), staff.Migrations(), status.Migrations(), conversation.Migrations(), remind.Migrations(), ask.Migrations(), paging.Migrations(), inbound.Migrations(), reach.Migrations(), emergency.Migrations(), switchboard.Migrations(), testpage.Migrations(), alarm.Migrations(), measure.Migrations(), record.Migrations()}
}

// clinic builds the clinical chapter and hangs it on the kernel: guards in this order, then what goes on by itself, then its API.
func (a *App) clinic() error {
	c := &a.Clinic
	encrypted, err := conversation.ParseClasses(a.Config.EncryptedRooms)
	if err != nil {
		return fmt.Errorf("encrypted-rooms: %w", err)
	}
	copyable, err := conversation.ParseClasses(a.Config.CopyRooms)
	if err != nil {
		return fmt.Errorf("copy-rooms: %w", err)
	}
	a.API.Options.NoEncryption = !encrypted[""]
	c.Directory = directory.New(a.DB)
	c.Patients = patient.New(a.DB, time.Now)
	c.Conversations = conversation.New(conversation.Deps{DB: a.DB, Rooms: a.Rooms, Steward: a.Steward, Now: time.Now, Encrypted: encrypted, Copy: copyable,
		MarkDirect: a.Accounts.MarkDirect, Timeline: a.Timeline, Log: a.Log})
	c.Asks = ask.New(ask.Deps{DB: a.DB, Rooms: a.Rooms, Conversations: c.Conversations, Steward: a.Steward, Now: time.Now, Log: a.Log,
		Policy: ask.Policy{Question: a.Config.QuestionWithin, Request: a.Config.RequestWithin, Remind: a.Config.AskRemind, Escalate: a.Config.AskEscalate}})
	c.Paging = paging.New(paging.Deps{DB: a.DB, Rooms: a.Rooms, Conversations: c.Conversations, Steward: a.Steward, Now: time.Now, Log: a.Log,
		Policy: paging.Policy{Urgent: a.Config.UrgentRung, Emergency: a.Config.AlarmRung}, Reach: a.reach, Busy: status.Protected, Kind: a.kindOf})
	c.Inbound = inbound.New(inbound.Deps{DB: a.DB, Paging: c.Paging, Steward: a.Steward, Now: time.Now, Log: a.Log})
	if kept := a.Config.TestsKept; kept != 0 && kept < testpage.LeastKeep {
		return fmt.Errorf("test-pages-kept: %s is too short: keep them for %s at least, or 0 for ever", kept, testpage.LeastKeep)
	}
	carriers, err := a.carriers()
	if err != nil {
		return fmt.Errorf("carriers: %w", err)
	}
	c.Reach = reach.New(reach.Deps{DB: a.DB, Paging: c.Paging, Config: carriers, Push: a.Push.Standing, Public: a.Config.PublicURL, Now: time.Now, Log: a.Log})
	c.Emergency = emergency.New(emergency.Deps{DB: a.DB, Rooms: a.Rooms, Conversations: c.Conversations, Paging: c.Paging, Steward: a.Steward, Now: time.Now, Log: a.Log})
	c.Tests = testpage.New(testpage.Deps{DB: a.DB, Accounts: a.Accounts, Conversations: c.Conversations, Reach: c.Reach, Push: a.Push.Check, Keep: a.Config.TestsKept, Now: time.Now, Log: a.Log})
	c.Reach.Trials = c.Tests.Heard
	c.Alarm = alarm.New(alarm.Deps{Paging: c.Paging, Steward: a.Steward, Log: a.Log})
	c.Paging.OnStep = c.stepped
	c.Record = record.New(record.Deps{DB: a.DB, Rooms: a.Rooms, Conversations: c.Conversations, Steward: a.Steward, Client: a.recordClient(),
		Organisation: record.Organisation{ODS: a.Config.ODS, Name: a.Config.TrustName, Server: a.Accounts.Server()},
		Retry:        record.DefaultRetry(), Now: time.Now, Log: a.Log})

	// Whoever comes to a post finds its pages, questions and conversations; who must know of it is told in a room of their own.
	c.Rota = rota.New(rota.Deps{DB: a.DB, Now: time.Now, Log: a.Log, Tell: c.Conversations.Tell, Alarm: c.Alarm.Ring,
		Hands: []func(context.Context, *db.Tx, directory.PostID, []id.User, []id.User) error{c.Conversations.FollowPost, c.Paging.Follow, c.Asks.Follow, c.Tests.Follow}})
	c.Alarm.Rota = c.Rota

	c.Switchboard = switchboard.New(switchboard.Deps{DB: a.DB, Rota: c.Rota, Paging: c.Paging, Reach: c.Reach, Emergency: c.Emergency, Now: time.Now, Ways: a.reach})
	c.Staff = staff.New(staff.Deps{DB: a.DB, Accounts: a.Accounts, Rota: c.Rota, Now: time.Now})

	if a.SSO != nil { // who comes from elsewhere is somebody of the directory, or nobody
		a.SSO.Find, a.SSO.May, a.SSO.Create = c.Staff.Named, c.Staff.MayComeIn, c.Staff.Bring
	}

	c.Reminders = remind.New(remind.Deps{DB: a.DB, Rooms: a.Rooms, Accounts: a.Accounts, Push: a.Push, Now: time.Now, Log: a.Log})
	c.Status = status.New(status.Deps{DB: a.DB, Now: time.Now, Note: a.Timeline.SetStanding})

	c.Staff.Proofs = []func(context.Context, *db.Tx, id.User, id.User) error{a.Factors.ResetIn, a.Passkeys.ResetIn}

	a.Media.MayKeep = conversation.MayKeep
	// A room's class and patient first, because the others read them; then pages, then decisions.
	a.Rooms.Guard(c.Conversations.Guard)
	a.Rooms.Guard(c.Asks.Guard)
	a.Rooms.Guard(c.Paging.Guard)
	a.Rooms.Guard(c.Emergency.Guard)
	a.Rooms.Guard(c.Record.Guard)
	a.Timeline.OnDelivered = c.Paging.Delivered
	// hazard: H1 urgent message not delivered. Whom somebody ignores can still page them, and what was decided is shown to all.
	a.Timeline.Vital = func(ev *room.Event) bool { return bytes.Contains(ev.Event.Content, []byte(`"uk.wardline.`)) }

	a.Push.Rank = a.rank
	c.Ledger = measure.NewLedger(a.DB, time.Now)
	a.Push.Told, a.Push.Came = c.Ledger.Told, c.Reach.Pushed
	a.Push.Temper = (&quiet.Service{DB: a.DB, Accounts: a.Accounts, Now: time.Now}).Temper

	a.Group.Go("reach.pushes", c.Reach.Record) // before push, and so ended after it: what that learns last is written too
	a.Group.Go("push", a.Push.Run)             // after it is set what must be told to whom
	a.Group.Go("measure.ledger", c.Ledger.Run)
	a.Group.Go("rota.clock", c.Rota.Run)
	a.Group.Go("rota.feeds", c.Rota.RunFeeds)
	a.Group.Go("status.clock", c.Status.Run)
	a.Group.Go("remind.clock", c.Reminders.Run)
	a.Group.Go("conversation.follow", c.Conversations.Run)
	if err := a.importing(); err != nil {
		return err
	}
	a.Group.Go("ask.clock", c.Asks.Run)
	a.Group.Go("paging.scheduler", c.Paging.Run)
	a.Group.Go("reach.carriers", c.Reach.Run)
	a.Group.Go("emergency.clock", c.Emergency.Run)
	a.Group.Go("testpage.clock", c.Tests.Run)
	a.Group.Go("record.worker", c.Record.Run)

	a.Cookies.Describe = a.describe
	a.HTTP.Mount(a.Mux, fhir.Routes(fhir.Deps{DB: a.DB, Rota: c.Rota, Inbound: c.Inbound, Name: a.Config.TrustName, ODS: a.Config.ODS, Public: a.Config.PublicURL, Now: time.Now}))
	a.HTTP.Mount(a.Mux, scim.Routes(scim.Deps{Staff: c.Staff, Token: a.Config.SCIMToken}))
	a.HTTP.Mount(a.Mux, clinic.Routes(clinic.Deps{DB: a.DB, Directory: c.Directory, Rota: c.Rota, Staff: c.Staff, Status: c.Status, Accounts: a.Accounts, Patients: c.Patients, Conversations: c.Conversations, Reminders: c.Reminders, Asks: c.Asks,
		Paging: c.Paging, Record: c.Record, Reach: c.Reach, Emergency: c.Emergency, Ledger: c.Ledger, Inbound: c.Inbound, Switchboard: c.Switchboard, Tests: c.Tests, Locks: a.Locks, Passkeys: a.Passkeys, Origin: a.API.Base, Media: a.Media, TryPush: a.Push.Try, Now: time.Now, MaxPhotoPx: 2048, MaxPhotoBytes: int64(a.Config.MaxUpload)}))
	return nil
}

// stepped is what follows from a step of a page, in its transaction: how its holder is told besides the app, the board of the emergency
// call that it belongs to, and who sees to the alarm of a post.
func (c *Clinic) stepped(ctx context.Context, tx *db.Tx, p paging.Snapshot) error {
	if err := c.Reach.Plan(ctx, tx, p); err != nil {
		return err
	}
	if err := c.Emergency.OnPage(ctx, tx, p); err != nil {
		return err
	}
	return c.Alarm.Step(ctx, tx, p)
}

// recordClient is how the record is reached, nil when the trust has not said where it is.
func (a *App) recordClient() *record.Client {
	if a.Config.FHIR == "" {
		return nil
	}
	c := &record.Client{Base: strings.TrimSuffix(a.Config.FHIR, "/")}
	if token := a.Config.FHIRToken; token != "" {
		c.Header = func(h http.Header) error {
			h.Set("Authorization", "Bearer "+token)
			return nil
		}
	}
	return c
}

// carriers reads how people are told of pages besides the app. Whoever wrote the file is trusted to name addresses inside.
func (a *App) carriers() (reach.Config, error) {
	if a.Config.Carriers == "" {
		return reach.Config{}, nil
	}
	raw, err := os.ReadFile(a.Config.Carriers)
	if err != nil {
		return reach.Config{}, err
	}
	client := &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return reach.Parse(raw, reach.Outside{Client: client, Mail: a.Accounts.Mail, Now: time.Now, File: os.ReadFile})
}

// reach says how the holder of a post could be reached now.
func (a *App) reach(ctx context.Context, post directory.PostID, u id.User, urgency paging.Urgency) []paging.Way {
	seen, open := a.Timeline.Seen(u)
	ways := []paging.Way{{Via: "app", Code: "seen", Detail: "last open " + reach.Ago(time.Since(seen)) + " ago", MS: time.Since(seen).Milliseconds()}}
	switch {
	case open:
		ways[0] = paging.Way{Via: "app", Code: "open", Detail: "open now"}
	case seen.IsZero():
		ways[0] = paging.Way{Via: "app", Code: "closed", Detail: "not open"}
	}
	ways = append(ways, reach.PushOf(a.Push.Standing(u), time.Now()))
	more, err := a.Clinic.Reach.Reachable(ctx, post, u, urgency)
	if err != nil {
		a.Log.Warn("it is not known how somebody could be reached", "user", u, "err", err)
	}
	return append(ways, more...)
}

// kindOf is what kind of device a person's is, by what it calls itself.
func (a *App) kindOf(ctx context.Context, u id.User, d id.Device) string {
	all, err := a.Accounts.Sightings(ctx, u)
	if err != nil {
		a.Log.Warn("it is not known on what a page rang", "user", u, "err", err)
		return ""
	}
	for _, one := range all {
		if one.ID == d {
			return reach.Kind(one.Agent)
		}
	}
	return ""
}

// describe is what the app shows of who is signed in.
func (a *App) describe(ctx context.Context, u id.User) (map[string]any, error) {
	out := map[string]any{"posts": []any{}, "role": "", "demo": a.Demo}
	p, err := directory.FindPerson(ctx, a.DB, u)
	if fault.Is(err, fault.NotFound) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	out["name"], out["role"] = p.Name, p.Role
	duties, err := rota.Held(ctx, a.DB, u, time.Now())
	if err != nil {
		return nil, err
	}
	posts := []map[string]any{}
	for _, d := range duties {
		post, err := directory.FindPost(ctx, a.DB, d.Post)
		if err != nil {
			return nil, err
		}
		posts = append(posts, map[string]any{"id": d.Post, "name": post.Name, "until": d.Until.UnixMilli()})
	}
	out["posts"] = posts
	out["console"] = a.Clinic.Switchboard.May(ctx, directory.By{User: u}) == nil
	return out, nil
}
