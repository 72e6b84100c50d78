package conversation

import (
	"context"

	"wardline/ground/db"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// IncidentRoom makes a room of the class incident that only the server keeps: whoever asked for it is in it, and nobody can rename it or take
// others out of it. Anybody in it may bring others in.
func (s *Service) IncidentRoom(ctx context.Context, tx *db.Tx, by id.User, name string) (*room.Act, error) {
	a, err := s.kept(ctx, tx, by, name, Incident, false)
	if err != nil {
		return nil, err
	}
	return a, s.note(ctx, tx, by, "conversation.incident", a.Room())
}
