package demo

import (
	"context"
	"fmt"
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/emergency"
	"wardline/clinical/paging"
	"wardline/clinical/patient"
	"wardline/clinical/record"
	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// Deps is what the seed needs. Upload and MarkRead may be nil: then there are no pictures, or nobody has read anything.
type Deps struct {
	DB       *db.DB
	Accounts *account.Service
	Rooms    *room.Service
	Record   *record.Service
	Steward  id.User
	// Upload keeps a picture and returns its mxc:// address. It is called before the seed's transaction.
	Upload func(ctx context.Context, by id.User, file, mime string, data []byte) (string, error)
	// MarkRead notes that a user has read a room up to an event.
	MarkRead func(ctx context.Context, a *room.Act, user id.User, ev *room.Event, at time.Time) error
	// MarkDirect is conversation.Deps.MarkDirect.
	MarkDirect func(ctx context.Context, tx *db.Tx, user, other id.User, room id.Room) error
}

// Seed fills an empty trust, as of now, and says how many messages it wrote. A directory with people in it is fault.Conflict. The
// accounts are made first, then the staff and their patients, then all conversations in one transaction.
func Seed(ctx context.Context, d Deps, now time.Time) (int, error) {
	s, err := staff(ctx, d, now)
	if err != nil {
		return 0, err
	}
	if err := s.upload(ctx); err != nil {
		return 0, err
	}
	err = d.DB.Write(ctx, "demo.seed", s.rooms)
	return s.written, err
}

// Staff is the first half of Seed: people, posts, duties and patients, and no conversations.
func Staff(ctx context.Context, d Deps, now time.Time) error {
	_, err := staff(ctx, d, now)
	return err
}

func staff(ctx context.Context, d Deps, now time.Time) (*seeder, error) {
	there, err := directory.People(ctx, d.DB)
	if err != nil {
		return nil, err
	}
	if len(there) > 0 {
		return nil, fault.New(fault.Conflict, "", "The demo can only be put into an empty data folder.")
	}
	s := &seeder{Deps: d, now: now, pictures: map[string]map[string]any{}}
	if err := s.accounts(ctx); err != nil {
		return nil, err
	}
	return s, d.DB.Write(ctx, "demo.staff", func(ctx context.Context, tx *db.Tx) error {
		for _, step := range []func(context.Context, *db.Tx) error{s.directory, s.duties, s.patients} {
			if err := step(ctx, tx); err != nil {
				return err
			}
		}
		// Nobody holds SHO 2, so that the board has an alarm; the site lead sees to it, so that it rings with nobody at once.
		quiet := rota.New(rota.Deps{DB: d.DB, Now: func() time.Time { return now }})
		if err := quiet.Tick(ctx, tx, "po_med_sho2"); err != nil {
			return err
		}
		return quiet.See(ctx, tx, "po_med_sho2", s.user("maya"))
	})
}

// Duties puts the people of the story on duty around now. Seed does it; a demo that starts again on old data calls it again, so
// that the registrar is on call whenever somebody looks.
func Duties(ctx context.Context, d *db.DB, server id.Server, now time.Time) error {
	s := &seeder{now: now, server: server}
	return d.Write(ctx, "demo.duties", s.duties)
}

type seeder struct {
	Deps
	now      time.Time
	server   id.Server
	pictures map[string]map[string]any // the image message's members, by name
	written  int
}

func (s *seeder) user(login string) id.User {
	server := s.server
	if server == "" {
		server = s.Accounts.Server()
	}
	return id.User("@" + login + ":" + string(server))
}

func (s *seeder) accounts(ctx context.Context) error {
	all := make([]account.NewUser, 0, len(people))
	for _, p := range people {
		all = append(all, account.NewUser{User: s.user(p.login), Password: Password, DisplayName: p.name})
	}
	return s.Accounts.CreateAll(ctx, all)
}

func (s *seeder) upload(ctx context.Context) error {
	if s.Upload == nil {
		return nil
	}
	all, err := photos()
	if err != nil {
		return err
	}
	for name, p := range all {
		uri, err := s.Upload(ctx, s.user("asha"), p.file, p.mime, p.data)
		if err != nil {
			return fmt.Errorf("keep picture %s: %w", name, err)
		}
		s.pictures[name] = map[string]any{"url": uri, "filename": p.file,
			"info": map[string]any{"mimetype": p.mime, "w": p.w, "h": p.h, "size": len(p.data)}}
	}
	return nil
}

func (s *seeder) directory(ctx context.Context, tx *db.Tx) error {
	for _, w := range wards {
		if err := directory.SaveWard(ctx, tx, w); err != nil {
			return err
		}
	}
	for _, p := range people {
		if err := directory.SavePerson(ctx, tx, directory.Person{User: s.user(p.login), Name: p.name, Role: p.role, Profession: p.profession, Ward: p.ward}); err != nil {
			return err
		}
	}
	for _, p := range posts {
		if err := directory.SavePost(ctx, tx, p.Post); err != nil {
			return err
		}
		if err := directory.SaveLadder(ctx, tx, p.ID, p.ladder...); err != nil {
			return err
		}
	}
	for _, t := range teams {
		team := directory.Team{ID: directory.TeamID(t.id), Name: t.name, Detail: t.detail}
		for _, m := range t.members {
			team.Members = append(team.Members, s.user(m))
		}
		if err := directory.SaveTeam(ctx, tx, team); err != nil {
			return err
		}
	}
	for _, t := range calls {
		if err := emergency.SaveTeam(ctx, tx, t, s.now.UnixMilli()); err != nil {
			return err
		}
	}
	for login, services := range keepers {
		for _, service := range services {
			if err := directory.SetKeeper(ctx, tx, s.user(login), service, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// shift returns the shift that the story plays in: the one that is running, or the next when the running one ends within two hours.
func shift(now time.Time) (from, until time.Time) {
	local := rota.Local(now)
	from = time.Date(local.Year(), local.Month(), local.Day(), 8, 0, 0, 0, local.Location())
	if local.Hour() < 8 {
		from = from.AddDate(0, 0, -1).Add(12 * time.Hour)
	} else if local.Hour() >= 20 {
		from = from.Add(12 * time.Hour)
	}
	until = from.Add(12 * time.Hour)
	if until.Sub(now) < 2*time.Hour {
		until = until.Add(12 * time.Hour)
	}
	return from, until
}

// duties puts the story's people on now, whatever the hour, and their colleagues before and after, a week in each direction.
func (s *seeder) duties(ctx context.Context, tx *db.Tx) error {
	from, until := shift(s.now)
	for _, p := range posts {
		for i := -14; i <= 14; i++ {
			who, begin, end := p.day, from.Add(time.Duration(i)*12*time.Hour), from.Add(time.Duration(i+1)*12*time.Hour)
			if i%2 != 0 {
				who = p.night
			}
			if i == 0 { // from early enough that the page in the story's past was theirs
				begin, end = minTime(begin, s.now.Add(-2*time.Hour)), until
			} else if i > 0 {
				begin, end = begin.Add(until.Sub(from)-12*time.Hour), end.Add(until.Sub(from)-12*time.Hour)
			}
			if who == "" {
				continue
			}
			d := rota.Duty{ID: rota.DutyID(fmt.Sprintf("du_%s_%d", p.ID, i)), Post: p.ID, User: s.user(who), From: begin, Until: end}
			if err := rota.Save(ctx, tx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (s *seeder) patients(ctx context.Context, tx *db.Tx) error {
	for _, p := range patients {
		if err := patient.Save(ctx, tx, p); err != nil {
			return err
		}
	}
	return nil
}

// rooms makes every room and lets people say their lines in it.
func (s *seeder) rooms(ctx context.Context, tx *db.Tx) error {
	for _, sc := range scenes(s.now) {
		a, err := s.room(ctx, tx, sc)
		if err != nil {
			return fmt.Errorf("room %q: %w", sc.name, err)
		}
		events, err := s.talk(ctx, a, sc)
		if err != nil {
			return fmt.Errorf("talk in %q: %w", sc.name, err)
		}
		if err := s.read(ctx, a, sc, events); err != nil {
			return fmt.Errorf("read %q: %w", sc.name, err)
		}
	}
	return nil
}

func (s *seeder) room(ctx context.Context, tx *db.Tx, sc scene) (*room.Act, error) {
	began := sc.says[0].at.Add(-time.Minute)
	c := conversation.New(conversation.Deps{DB: s.DB, Rooms: s.Rooms, Steward: s.Steward, MarkDirect: s.MarkDirect,
		Now: func() time.Time { return began }})
	if sc.direct {
		return c.DirectIn(ctx, tx, s.user(sc.people[0]), s.user(sc.people[1]))
	}
	g := conversation.Group{Name: obs.Hidden(sc.name), Class: sc.class, Patient: sc.patient}
	for _, p := range sc.people[1:] {
		g.People = append(g.People, s.user(p))
	}
	return c.GroupIn(ctx, tx, s.user(sc.people[0]), g)
}

func (s *seeder) talk(ctx context.Context, a *room.Act, sc scene) ([]*room.Event, error) {
	var events []*room.Event
	for i, say := range sc.says {
		if say.page {
			ev, err := s.page(ctx, a, say)
			if err != nil {
				return nil, err
			}
			events = append(events, ev)
			continue
		}
		content := map[string]any{"msgtype": "m.text", "body": say.text}
		if p, ok := s.pictures[say.photo]; ok {
			content = map[string]any{"msgtype": "m.image", "body": say.text, "url": p["url"], "filename": p["filename"], "info": p["info"]}
		}
		if say.answer && i > 0 {
			content["m.relates_to"] = map[string]any{"m.in_reply_to": map[string]any{"event_id": events[i-1].ID}}
		}
		ev, err := a.SendAt(ctx, s.user(say.who), "m.room.message", content, say.at)
		if err != nil {
			return nil, err
		}
		events = append(events, ev)
		s.written++
		if say.liked != "" {
			like := map[string]any{"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": ev.ID, "key": say.with}}
			if _, err := a.SendAt(ctx, s.user(say.liked), "m.reaction", like, say.at.Add(20*time.Second)); err != nil {
				return nil, err
			}
		}
		if say.decide != "" {
			if _, _, err := s.Record.DecideIn(ctx, a, s.user(say.decide), ev, say.text, sc.patient, say.at.Add(time.Minute)); err != nil {
				return nil, err
			}
		}
	}
	return events, nil
}

// page lets a page of the past happen, by the same verbs as any other, with the clock of then.
func (s *seeder) page(ctx context.Context, a *room.Act, say say) (*room.Event, error) {
	at := say.at
	now := func() time.Time { return at }
	pages := paging.New(paging.Deps{DB: s.DB, Rooms: s.Rooms, Steward: s.Steward, Policy: paging.DefaultPolicy(), Now: now, Log: obs.Discard(),
		Conversations: conversation.New(conversation.Deps{DB: s.DB, Rooms: s.Rooms, Steward: s.Steward, Now: now})})
	p, err := pages.RaiseIn(ctx, a.Tx(), s.user(say.who), paging.NewPage{Txn: "demo", To: paging.Target{Post: "po_med_spr"}, Urgency: paging.Urgent, Room: a.Room(),
		Where: "Ward 7, Bed 4", What: obs.Hidden(say.text), Need: "attend", Callback: "4417"})
	if err != nil {
		return nil, err
	}
	for _, step := range []struct {
		after time.Duration
		verb  paging.Verb
	}{{time.Second, paging.Reach}, {52 * time.Second, paging.See}, {20 * time.Second, paging.Accept}} {
		at = at.Add(step.after)
		if _, err := pages.ActIn(ctx, a.Tx(), p.ID, paging.Input{Verb: step.verb, User: p.Current.User, ETAMinutes: 4}); err != nil {
			return nil, err
		}
	}
	return a.Event(ctx, p.EventID)
}

func (s *seeder) read(ctx context.Context, a *room.Act, sc scene, events []*room.Event) error {
	if s.MarkRead == nil {
		return nil
	}
	for _, login := range sc.people {
		last := len(events) - 1 - sc.read[login]
		if last < 0 {
			continue
		}
		at := sc.says[last].at.Add(time.Minute)
		if at.After(s.now) {
			at = s.now
		}
		if err := s.MarkRead(ctx, a, s.user(login), events[last], at); err != nil {
			return err
		}
	}
	return nil
}
