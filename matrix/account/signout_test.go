package account

import (
	"context"
	"fmt"
	"testing"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
)

// Whoever makes themselves a thousand devices keeps none when they are shut out.
func TestDeactivate_EndsEveryDevice(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := New(d, "hs1")
		if err := s.Create(t.Context(), NewUser{User: "@asha:hs1"}); err != nil {
			t.Fatal(err)
		}
		err := d.Write(t.Context(), "test.devices", func(ctx context.Context, tx *db.Tx) error {
			for i := range 2001 {
				if _, err := tx.Exec(ctx, makeDevice, "@asha:hs1", fmt.Sprintf("D%05d", i), "", int64(i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ses, err := s.Open(t.Context(), "@asha:hs1", SignIn{Device: "THE_LAST", Refresh: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Deactivate(t.Context(), "@admin:hs1", "@asha:hs1", false); err != nil {
			t.Fatal(err)
		}
		if a, err := s.Authenticate(t.Context(), ses.Access); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("after the account has ended its token gives %v, %v", a, err)
		}
		if _, err := s.Refresh(t.Context(), ses.Refresh, ""); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("after the account has ended its refresh token gives %v", err)
		}
	}, audit.Migrations(), Migrations())
}
