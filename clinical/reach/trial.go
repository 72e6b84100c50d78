package reach

import (
	"context"
	"errors"

	"wardline/clinical/carrier"
	"wardline/clinical/directory"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Addressed says whether this trust can try to reach the holder of a post in a way: there is a carrier, and a number or address.
func (s *Service) Addressed(ctx context.Context, q db.Querier, w Way, holder id.User, post directory.PostID) (bool, error) {
	if s.Config.Carriers[w] == nil {
		return false, nil
	}
	at, err := s.address(ctx, q, w, holder, post)
	return at != "", err
}

// Trial sends a text that is plainly a test to the holder of a post, at once and once, over the carrier that a page would take. It
// belongs to no page. What the carrier will never take, and a number that has gone meanwhile, is fault.Invalid; any other error is worth
// another attempt. What the carrier tells of it later comes by Trials under the same ref.
//
// hazard: H11 alert fatigue hides a real alert
func (s *Service) Trial(ctx context.Context, w Way, ref string, holder id.User, post directory.PostID, name string) error {
	c := s.Config.Carriers[w]
	if c == nil {
		return errNoCarrier
	}
	to, err := s.address(ctx, s.DB, w, holder, post)
	if err != nil {
		return err
	}
	if to == "" {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "There is no number or address.")
	}
	_, err = c.Send(ctx, carrier.Message{Ref: ref, To: to, Text: trialText(name, w)})
	if errors.Is(err, carrier.ErrRefused) {
		return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The carrier refuses.", err)
	}
	return err
}

// trialText begins and ends with what it is, so that half of it on a small display is no page either.
func trialText(post string, w Way) string {
	text := "TEST for " + post + ". Nobody needs you. Open Wardline and press Received"
	if w == Pager || w == Voice {
		text += ", or ring the switchboard"
	}
	return text + ". TEST."
}
