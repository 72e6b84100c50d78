package room_test

import (
	"context"
	"testing"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

func rooms(d *db.DB) *room.Service {
	return room.New(d, account.New(d, "hs1"))
}

func TestCreate_TwoRoomsMadeAlikeInOneMillisecondAreTwo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := rooms(d)
		at := time.UnixMilli(1_795_334_460_000)
		made := map[id.Room]bool{}
		err := d.Write(t.Context(), "test", func(ctx context.Context, tx *db.Tx) error {
			for range 3 {
				a, err := s.CreateIn(ctx, tx, room.CreateSpec{Creator: "@a:hs1", CreatedAt: at})
				if err != nil {
					return err
				}
				made[a.Room()] = true
			}
			return nil
		})
		if err != nil || len(made) != 3 {
			t.Errorf("got %d rooms, %v", len(made), err)
		}
	}, audit.Migrations(), stream.Migrations(), account.Migrations(), room.Migrations())
}
