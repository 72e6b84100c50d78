package conversation

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/patient"
	"wardline/clinical/rota"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/id"
	"wardline/matrix/room"
	"wardline/matrix/timeline"
)

// Deps is what the service needs; all but MarkDirect, Timeline and Log are required.
type Deps struct {
	DB      *db.DB
	Rooms   *room.Service
	Steward id.User // the trust's service account, which creates the rooms
	Now     func() time.Time
	// Encrypted are the classes of rooms in which people may turn on end-to-end encryption.
	Encrypted map[Class]bool
	// Copy are the classes of rooms in which the app lets people copy what is said. It deters; a determined reader can type.
	Copy map[Class]bool
	// MarkDirect writes into a user's settings that the room is the direct chat with the other; nil where nobody keeps settings.
	MarkDirect func(ctx context.Context, tx *db.Tx, user, other id.User, room id.Room) error
	// Timeline knows what has reached whom, for Info; nil where nobody asks.
	Timeline *timeline.Service
	// Log is told when a group cannot follow its posts; nil for nobody.
	Log *slog.Logger
}

// Service makes rooms.
type Service struct {
	Deps
	bell chan struct{} // wakes Run
}

// New returns the service. It starts nothing.
func New(d Deps) *Service { return &Service{Deps: d, bell: make(chan struct{}, 1)} }

var (
	errNoRoom   = fault.New(fault.Hidden, "M_NOT_FOUND", "There is no such conversation.")
	errNoPerson = fault.New(fault.Invalid, "M_INVALID_PARAM", "One of these people is not in the directory.")
)

// Group makes a group and returns its room; everybody named, and whoever holds the posts now, is in at once. A name that is missing
// or too long, an unknown person, post or patient is fault.Invalid. The room that a patient already has is used again.
func (s *Service) Group(ctx context.Context, by id.User, g Group) (id.Room, error) {
	g.Name = obs.Hidden(strings.TrimSpace(string(g.Name)))
	switch {
	case g.Patient == "" && (g.Name == "" || len(g.Name) > maxName):
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "Give the group a name of at most 120 letters.")
	case g.Class == "" || !g.Class.Known():
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "Say what the group is for: clinical, team, social, patient-contact or incident.")
	case len(g.People)+len(g.Posts) > maxInvited:
		return "", fault.New(fault.TooLarge, "M_TOO_LARGE", "A group starts with at most 200 people.")
	case len(g.About) > maxAbout:
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "Keep the description under 500 letters.")
	case len(g.Txn) > maxName:
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "The transaction id is too long.")
	}
	var made id.Room
	err := s.DB.Write(ctx, "conversation.group", func(ctx context.Context, tx *db.Tx) (err error) {
		if g.Txn != "" {
			if made, err = found(ctx, tx, byTxn, string(by), g.Txn); err != nil || made != "" {
				return err
			}
		}
		a, err := s.GroupIn(ctx, tx, by, g)
		if err != nil {
			return err
		}
		if made = a.Room(); g.Txn == "" {
			return nil
		}
		_, err = tx.Exec(ctx, saveTxn, string(by), g.Txn, string(made))
		return err
	})
	return made, err
}

// GroupIn is Group inside an open transaction, without the checks of what a person may ask for and without the transaction id.
func (s *Service) GroupIn(ctx context.Context, tx *db.Tx, by id.User, g Group) (*room.Act, error) {
	a, err := s.open(ctx, tx, by, g)
	if err != nil {
		return nil, err
	}
	if _, err := s.bring(ctx, a, by, g.People, g.Posts); err != nil || len(g.Follow.Posts)+len(g.Follow.Teams) == 0 {
		return a, err
	}
	if g.Patient != "" {
		return nil, errNotGroup
	}
	return a, s.followIn(ctx, a, by, g.Follow)
}

func (s *Service) open(ctx context.Context, tx *db.Tx, by id.User, g Group) (*room.Act, error) {
	if g.Patient != "" {
		return s.PatientRoom(ctx, tx, by, g.Patient)
	}
	a, err := s.create(ctx, tx, by, string(g.Name), g.Class, nil)
	if err != nil {
		return nil, err
	}
	if g.About != "" {
		if _, err := a.SetState(ctx, by, "m.room.topic", "", map[string]string{"topic": string(g.About)}); err != nil {
			return nil, err
		}
	}
	return a, s.note(ctx, tx, by, "conversation.group", a.Room())
}

func (s *Service) create(ctx context.Context, tx *db.Tx, by id.User, name string, class Class, about *patient.Patient) (*room.Act, error) {
	state, err := stateEvent(StateType, classContent{class})
	if err != nil {
		return nil, err
	}
	spec := room.CreateSpec{Creator: s.Steward, Preset: "private_chat", Name: name, Join: []id.User{by},
		State: []room.StateEvent{state}, Power: power(string(by)), CreatedAt: s.Now()}
	if by == s.Steward { // it made the room, and is in it
		spec.Join, spec.Power = nil, power("")
	}
	if about != nil {
		link, err := stateEvent(patient.StateType, about.Link())
		if err != nil {
			return nil, err
		}
		spec.State, spec.Power = append(spec.State, link), power("")
	}
	return s.Rooms.CreateIn(ctx, tx, spec)
}

func (s *Service) note(ctx context.Context, tx *db.Tx, by id.User, action string, room id.Room) error {
	return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: action, Object: string(room)})
}

// PatientRoom returns an act on the room about a patient, made when there is none yet, with by in it. An unknown patient is
// fault.Invalid. Coming into a patient's room is audited.
//
// hazard: H5 wrong patient attached
func (s *Service) PatientRoom(ctx context.Context, tx *db.Tx, by id.User, about patient.ID) (*room.Act, error) {
	p, err := patient.Find(ctx, tx, about)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no such patient.")
	}
	if err != nil {
		return nil, err
	}
	if p.Room == "" {
		a, err := s.create(ctx, tx, by, p.Name(), Clinical, &p)
		if err != nil {
			return nil, err
		}
		if err := patient.SetRoom(ctx, tx, p.ID, a.Room()); err != nil {
			return nil, err
		}
		return a, s.note(ctx, tx, by, "conversation.patient_room", a.Room())
	}
	a, err := s.Rooms.In(ctx, tx, p.Room)
	if err != nil {
		return nil, err
	}
	if a.Membership(by) == "join" {
		return a, nil
	}
	if err := a.Join(ctx, s.Steward, by); err != nil {
		return nil, err
	}
	return a, s.note(ctx, tx, by, "conversation.enter", a.Room())
}

// PageRoom makes a clinical room for a page that is about no patient and belongs to no conversation.
func (s *Service) PageRoom(ctx context.Context, tx *db.Tx, by id.User, name string) (*room.Act, error) {
	return s.create(ctx, tx, by, name, Clinical, nil)
}

// Joined returns an act on a room that the user is in. Any other room, and one that does not exist, is fault.Hidden.
func (s *Service) Joined(ctx context.Context, tx *db.Tx, user id.User, in id.Room) (*room.Act, error) {
	a, err := s.Rooms.In(ctx, tx, in)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Hidden) {
		return nil, errNoRoom
	}
	if err != nil {
		return nil, err
	}
	if a.Membership(user) != "join" {
		return nil, errNoRoom
	}
	return a, nil
}

// Add brings people, and the present holders of posts, into a group that by is in, and returns who is new. Whoever brings them is in
// the audit.
func (s *Service) Add(ctx context.Context, by id.User, in id.Room, people []id.User, posts []directory.PostID) ([]id.User, error) {
	if len(people)+len(posts) > maxInvited {
		return nil, fault.New(fault.TooLarge, "M_TOO_LARGE", "Add at most 200 people at once.")
	}
	var added []id.User
	err := s.DB.Write(ctx, "conversation.add", func(ctx context.Context, tx *db.Tx) error {
		a, err := s.Joined(ctx, tx, by, in)
		if err != nil {
			return err
		}
		if added, err = s.bring(ctx, a, by, people, posts); err != nil || len(added) == 0 {
			return err
		}
		return s.note(ctx, tx, by, "conversation.add", in)
	})
	return added, err
}

// AddIn is Add for people, inside an open act on a room that by is in.
func (s *Service) AddIn(ctx context.Context, a *room.Act, by id.User, people []id.User) ([]id.User, error) {
	added, err := s.bring(ctx, a, by, people, nil)
	if err != nil || len(added) == 0 {
		return added, err
	}
	return added, s.note(ctx, a.Tx(), by, "conversation.add", a.Room())
}

// bring lets people and holders join. They are invited by the service account if it is in the room, otherwise by whoever asks.
func (s *Service) bring(ctx context.Context, a *room.Act, by id.User, people []id.User, posts []directory.PostID) ([]id.User, error) {
	who := slices.Clone(people)
	for _, p := range posts {
		d, err := rota.Holder(ctx, a.Tx(), p, s.Now())
		switch {
		case err == nil:
			who = append(who, d.User)
		case !fault.Is(err, fault.NotFound):
			return nil, err
		}
		if _, err := directory.FindPost(ctx, a.Tx(), p); fault.Is(err, fault.NotFound) {
			return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "One of these posts is not in the directory.")
		} else if err != nil {
			return nil, err
		}
	}
	host := s.host(a, by)
	added := []id.User{}
	for _, u := range who {
		if a.Membership(u) == "join" {
			continue
		}
		if _, err := directory.FindPerson(ctx, a.Tx(), u); fault.Is(err, fault.NotFound) {
			return nil, errNoPerson
		} else if err != nil {
			return nil, err
		}
		if err := a.Join(ctx, host, u); err != nil {
			return nil, err
		}
		added = append(added, u)
	}
	return added, nil
}

// Direct returns the one room of two people, made when there is none yet; somebody who has left it comes back in. An unknown
// person, or oneself, is fault.Invalid.
func (s *Service) Direct(ctx context.Context, by, other id.User) (id.Room, error) {
	if by == other {
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "Choose somebody else.")
	}
	var made id.Room
	err := s.DB.Write(ctx, "conversation.direct", func(ctx context.Context, tx *db.Tx) error {
		a, err := s.DirectIn(ctx, tx, by, other)
		if err == nil {
			made = a.Room()
		}
		return err
	})
	return made, err
}

// DirectIn is Direct inside an open transaction.
func (s *Service) DirectIn(ctx context.Context, tx *db.Tx, by, other id.User) (*room.Act, error) {
	if _, err := directory.FindPerson(ctx, tx, other); fault.Is(err, fault.NotFound) {
		return nil, errNoPerson
	} else if err != nil {
		return nil, err
	}
	known, err := found(ctx, tx, direct, string(min(by, other)), string(max(by, other)))
	if err != nil {
		return nil, err
	}
	if known != "" {
		a, err := s.reunite(ctx, tx, known, by, other)
		if a != nil || err != nil {
			return a, err
		}
	}
	return s.pair(ctx, tx, by, other)
}

// reunite brings whichever of the two has left the room back in, by the other; it returns nothing when both are gone.
func (s *Service) reunite(ctx context.Context, tx *db.Tx, in id.Room, by, other id.User) (*room.Act, error) {
	a, err := s.Rooms.In(ctx, tx, in)
	if err != nil {
		return nil, err
	}
	switch {
	case a.Membership(by) == "join":
		return a, a.Join(ctx, by, other)
	case a.Membership(other) == "join":
		return a, a.Join(ctx, other, by)
	}
	return nil, nil
}

// pair makes a direct room. The service account makes it and leaves it again, so that every client sees two people.
func (s *Service) pair(ctx context.Context, tx *db.Tx, by, other id.User) (*room.Act, error) {
	state, err := stateEvent(StateType, classContent{Team})
	if err != nil {
		return nil, err
	}
	a, err := s.Rooms.CreateIn(ctx, tx, room.CreateSpec{Creator: s.Steward, Preset: "private_chat", IsDirect: true,
		Join: []id.User{by, other}, State: []room.StateEvent{state}, Power: power(""), CreatedAt: s.Now()})
	if err != nil {
		return nil, err
	}
	if err := a.Leave(ctx, s.Steward, s.Steward, ""); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, saveDirect, string(min(by, other)), string(max(by, other)), string(a.Room())); err != nil {
		return nil, err
	}
	if s.MarkDirect != nil {
		for _, p := range [][2]id.User{{by, other}, {other, by}} {
			if err := s.MarkDirect(ctx, tx, p[0], p[1], a.Room()); err != nil {
				return nil, err
			}
		}
	}
	return a, s.note(ctx, tx, by, "conversation.direct", a.Room())
}
