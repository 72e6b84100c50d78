package emergency

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

// maxSeats is how many posts a team has at most.
const maxSeats = 12

// May returns nil for whoever may say what the teams are: who looks after the whole directory. Others get fault.Forbidden.
func May(ctx context.Context, q db.Querier, by directory.By) error {
	if directory.MayKeep(ctx, q, by, directory.Everything) == nil {
		return nil
	}
	return fault.New(fault.Forbidden, "M_FORBIDDEN", "Only whoever looks after the directory may change the emergency teams.")
}

// SetTeam makes a team, or changes the one of its id, and returns it; calls that go on keep the seats they were raised with. A name that
// another team has, no seat, a post twice, or one that cannot be paged is Invalid or Conflict, in a sentence.
//
// hazard: H4 sent to wrong person or role
func (s *Service) SetTeam(ctx context.Context, by directory.By, t Team) (Team, error) {
	t.Name = strings.Join(strings.Fields(t.Name), " ")
	bad := func(text string) (Team, error) { return t, fault.New(fault.Invalid, "M_INVALID_PARAM", text) }
	switch {
	case t.Name == "" || len(t.Name) > 80:
		return bad("Give the team a name of at most 80 letters, such as Adult cardiac arrest.")
	case len(t.Seats) == 0:
		return bad("A team has at least one post.")
	case len(t.Seats) > maxSeats:
		return bad("A team has at most twelve posts.")
	case !slices.ContainsFunc(t.Seats, func(s Seat) bool { return s.Required }):
		return bad("Say which posts are required: at least one.")
	}
	err := s.DB.Write(ctx, "emergency.team", func(ctx context.Context, tx *db.Tx) error {
		if err := May(ctx, tx, by); err != nil {
			return err
		}
		all, err := Teams(ctx, tx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(o Team) bool { return o.ID != t.ID && strings.EqualFold(o.Name, t.Name) }) {
			return fault.New(fault.Conflict, "M_CONFLICT", "There is an emergency team of that name already.")
		}
		if t.ID == "" {
			t.ID = TeamID("et_" + id.NewOpaque(9))
		} else if !slices.ContainsFunc(all, func(o Team) bool { return o.ID == t.ID }) {
			return fault.New(fault.NotFound, "M_NOT_FOUND", "Not found.")
		}
		for i, seat := range t.Seats {
			p, err := directory.FindPost(ctx, tx, seat.Post)
			switch {
			case err != nil && !fault.Is(err, fault.NotFound):
				return err
			case err != nil, p.Closed, !p.Pageable, slices.ContainsFunc(t.Seats[:i], func(o Seat) bool { return o.Post == seat.Post }):
				return fault.New(fault.Invalid, "M_INVALID_PARAM", "The seats of a team are posts that can be paged, each once.")
			}
		}
		if err := SaveTeam(ctx, tx, t, s.Now().UnixMilli()); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by.User), Action: "emergency.team", Object: string(t.ID), Detail: map[string]string{"name": t.Name}})
	})
	return t, err
}

// DropTeam removes a team, so that it cannot be called any more; its past calls stay. An unknown one is fault.NotFound.
func (s *Service) DropTeam(ctx context.Context, by directory.By, team TeamID) error {
	return s.DB.Write(ctx, "emergency.drop_team", func(ctx context.Context, tx *db.Tx) error {
		if err := May(ctx, tx, by); err != nil {
			return err
		}
		if _, err := db.One(ctx, tx, oneTeam, scanTeam, string(team)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropTeam, string(team)); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by.User), Action: "emergency.drop_team", Object: string(team)})
	})
}
