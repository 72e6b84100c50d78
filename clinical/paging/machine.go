package paging

import (
	"context"

	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/matrix/id"
)

// sender is who a page is from: somebody of the directory, or the trust's service account under the name of what speaks through it.
func (s *Service) sender(ctx context.Context, q db.Querier, by id.User, n NewPage) (Sender, error) {
	if by != s.Steward {
		p, err := directory.FindPerson(ctx, q, by)
		return Sender{User: by, Name: p.Name, Role: p.Detail()}, err
	}
	from := n.As
	if from.User = by; from.Name == "" {
		from.Name = "Wardline"
	}
	return from, nil
}
