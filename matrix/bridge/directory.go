package bridge

import (
	"context"
	"strings"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

var (
	publish   = db.SQL("bridge.publish", `INSERT INTO bridge_published (service, network, room) VALUES ($1, $2, $3) ON CONFLICT (service, network, room) DO NOTHING`)
	unpublish = db.SQL("bridge.unpublish", `DELETE FROM bridge_published WHERE service = $1 AND network = $2 AND room = $3`)
	published = db.SQL("bridge.published", `SELECT room FROM bridge_published WHERE service = $1 AND network = $2 ORDER BY room LIMIT 10000`)
	everyRoom = db.SQL("bridge.all_published", `SELECT DISTINCT room FROM bridge_published ORDER BY room LIMIT 10000`)
)

// Publish lists a room in a service's directory of one of its networks, or takes it out. An unknown room is Hidden.
// spec: client-server-api#put_matrixclientv3directorylistappservicenetworkidroomid
func (s *Service) Publish(ctx context.Context, service, network string, r id.Room, on bool) error {
	if s.ByID(service) == nil {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "Only application services have directories of their own.")
	}
	if network == "" || len(network) > 255 {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The network's name is empty or too long.")
	}
	if _, err := s.rooms.Feed(ctx, r); err != nil {
		return err
	}
	q := unpublish
	if on {
		q = publish
	}
	return s.db.Write(ctx, "bridge.publish", func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, q, service, network, string(r))
		return err
	})
}

// Instance is the name by which clients ask for the directory of a service's network.
func Instance(service, network string) string { return service + "|" + network }

// Published returns the rooms of a network's directory; those of all networks for "".
func (s *Service) Published(ctx context.Context, instance string) ([]id.Room, error) {
	if s == nil {
		return nil, nil
	}
	var list []string
	var err error
	if instance == "" {
		list, err = db.Collect(ctx, s.db, everyRoom, db.Scalar[string])
	} else {
		service, network, _ := strings.Cut(instance, "|")
		list, err = db.Collect(ctx, s.db, published, db.Scalar[string], service, network)
	}
	out := make([]id.Room, len(list))
	for i, r := range list {
		out[i] = id.Room(r)
	}
	return out, err
}
