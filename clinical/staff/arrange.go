package staff

import (
	"context"
	"slices"
	"strings"

	"wardline/clinical/directory"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// PostEntry is what whoever looks after the directory says of a post.
type PostEntry struct {
	Name, Service, Aliases string
	Place                  directory.WardID
	Critical, Pageable     bool
	Switchboard, Closed    bool
	Must                   int  // how many must hold it, 1 to 9
	Confirm                bool // a duty on it has to be taken by hand
	Ladder                 []directory.PostID
}

func (e PostEntry) clean() (PostEntry, error) {
	bad := func(text string) (PostEntry, error) { return e, fault.New(fault.Invalid, "M_INVALID_PARAM", text) }
	for _, s := range []*string{&e.Name, &e.Service, &e.Aliases} {
		*s = strings.Join(strings.Fields(*s), " ")
	}
	switch {
	case e.Name == "" || len(e.Name) > 120:
		return bad("Give the post a name of at most 120 letters.")
	case e.Service == "" || len(e.Service) > 120 || e.Service == directory.Everything:
		return bad("Say which service the post belongs to, such as Medicine.")
	case len(e.Aliases) > 300:
		return bad("The other words have more than 300 letters.")
	case len(e.Ladder) > 9:
		return bad("At most nine posts are asked after this one.")
	}
	return e, nil
}

// SavePost makes a post, or changes the one of its id: its name, whether it is critical, how many hold it, who is asked after it, and
// whether it is still filled. A post that somebody holds is not closed under them, and the last switchboard stays one: every page that
// nobody answers ends there.
//
// hazard: H6 role empty or stale holder
func (s *Service) SavePost(ctx context.Context, by id.User, post directory.PostID, e PostEntry) (directory.Post, error) {
	var p directory.Post
	e, err := e.clean()
	if err != nil {
		return p, err
	}
	err = s.DB.Write(ctx, "staff.post", func(ctx context.Context, tx *db.Tx) error {
		was := directory.Post{}
		if post == "" {
			p.ID = directory.PostID("po_" + id.NewOpaque(9))
		} else if was, err = directory.FindPost(ctx, tx, post); err != nil {
			return err
		} else {
			p.ID = was.ID
		}
		p.Name, p.Service, p.Aliases, p.Place, p.Critical, p.Pageable, p.Switchboard, p.Closed = e.Name, e.Service, e.Aliases, e.Place, e.Critical, e.Pageable, e.Switchboard, e.Closed
		if err := s.fits(ctx, tx, was, p, e); err != nil {
			return err
		}
		if err := directory.SavePost(ctx, tx, p); err != nil {
			return err
		}
		if err := directory.SaveLadder(ctx, tx, p.ID, e.Ladder...); err != nil {
			return err
		}
		if err := s.Rota.SetRule(ctx, tx, p.ID, e.Must, e.Confirm); err != nil {
			return err
		}
		detail := map[string]string{"name": p.Name}
		if p.Closed && !was.Closed {
			detail["closed"] = "yes"
		}
		return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: "staff.post", Object: string(p.ID), Detail: detail})
	})
	return p, err
}

// fits refuses what would leave people without somebody to reach.
func (s *Service) fits(ctx context.Context, tx *db.Tx, was, p directory.Post, e PostEntry) error {
	all, err := directory.Posts(ctx, tx)
	if err != nil {
		return err
	}
	known, boards := map[directory.PostID]directory.Post{}, 0
	for _, o := range all {
		known[o.ID] = o
		if o.ID == p.ID || o.Closed {
			continue
		}
		if o.Switchboard {
			boards++
		}
		if !p.Closed && strings.EqualFold(o.Name, p.Name) && strings.EqualFold(o.Service, p.Service) {
			return fault.New(fault.Conflict, "M_CONFLICT", "There is a post of that name in that service already. Nobody could tell them apart.")
		}
	}
	if boards == 0 && was.Switchboard && (!p.Switchboard || p.Closed) {
		return fault.New(fault.Conflict, "M_CONFLICT", "This is the last switchboard. Every page that nobody answers ends there; make another one first.")
	}
	if p.Place != "" {
		if _, err := directory.WardNamed(ctx, tx, string(p.Place)); fault.Is(err, fault.NotFound) {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no such ward or place.")
		} else if err != nil {
			return err
		}
	}
	for i, next := range e.Ladder {
		o, ok := known[next]
		if !ok || next == p.ID || o.Closed || slices.Contains(e.Ladder[:i], next) {
			return fault.New(fault.Invalid, "M_INVALID_PARAM", "Who is asked after this post must be other posts that are filled, each once.")
		}
	}
	if !p.Closed || was.Closed || was.ID == "" {
		return nil
	}
	v, err := s.Rota.View(ctx, p.ID)
	if err == nil && len(v.Holders) > 0 {
		err = fault.New(fault.Conflict, "M_CONFLICT", "Somebody holds this post now. It can be closed once nobody does.")
	}
	return err
}

// SaveTeam makes a team, or changes the one of its id. A member who is not in the directory is fault.Invalid.
func (s *Service) SaveTeam(ctx context.Context, by id.User, team directory.TeamID, name, detail string, members []id.User) (directory.Team, error) {
	all, err := directory.Teams(ctx, s.DB)
	if err != nil {
		return directory.Team{}, err
	}
	if slices.ContainsFunc(all, func(t directory.Team) bool {
		return t.ID != team && strings.EqualFold(t.Name, strings.Join(strings.Fields(name), " "))
	}) {
		return directory.Team{}, fault.New(fault.Conflict, "M_CONFLICT", "There is a team of that name already. Nobody could tell them apart.")
	}
	g, err := s.setGroup(ctx, by, team, func(g Group) (Group, error) {
		g.Name, g.Detail, g.Members = strings.Join(strings.Fields(name), " "), strings.Join(strings.Fields(detail), " "), slices.Clone(members)
		if len(g.Detail) > 300 {
			return g, fault.New(fault.Invalid, "M_INVALID_PARAM", "The description has more than 300 letters.")
		}
		return g, nil
	})
	return g.Team, err
}

// DropTeam removes a team; its members stay.
func (s *Service) DropTeam(ctx context.Context, by id.User, team directory.TeamID) error {
	return s.dropGroup(ctx, by, team, func(Group) error { return nil })
}

// SetKeeper lets somebody keep the rotas of a service, or takes that from them; directory.Everything is all of them, and the staff list.
func (s *Service) SetKeeper(ctx context.Context, by, user id.User, service string, on bool) error {
	return s.DB.Write(ctx, "staff.keeper", func(ctx context.Context, tx *db.Tx) error {
		p, err := directory.FindPerson(ctx, tx, user)
		if err != nil {
			return err
		}
		if on && p.Left() {
			return fault.New(fault.Conflict, "M_FORBIDDEN", "That person no longer works here.")
		}
		if on && service != directory.Everything {
			all, err := directory.Posts(ctx, tx)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(all, func(o directory.Post) bool { return o.Service == service }) {
				return fault.New(fault.Invalid, "M_INVALID_PARAM", "No post belongs to that service.")
			}
		}
		if !on && by == user && service == directory.Everything {
			return fault.New(fault.Conflict, "M_CONFLICT", "Let somebody else take that from you: otherwise nobody might be left who can.")
		}
		if err := directory.SetKeeper(ctx, tx, user, service, on); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: map[bool]string{true: "staff.keeper", false: "staff.keeper_end"}[on], Object: string(user), Detail: map[string]string{"service": service}})
	})
}
