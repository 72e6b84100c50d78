package audit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
)

var tamper = db.SQL("audit_test.tamper", `UPDATE audit_entry SET object = $2 WHERE seq = $1`)
var remove = db.SQL("audit_test.remove", `DELETE FROM audit_entry WHERE seq = $1`)

func TestVerify(t *testing.T) {
	fill := func(t *testing.T, d *db.DB) {
		for i := range 5 {
			err := d.Write(t.Context(), "fill", func(ctx context.Context, tx *db.Tx) error {
				return audit.Append(ctx, tx, audit.Entry{At: time.Now(), Actor: "@a:x", Action: "test", Object: fmt.Sprint("o", i), Detail: map[string]string{"n": "1"}})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	spoil := func(t *testing.T, d *db.DB, s *db.Statement, args ...any) {
		err := d.Write(t.Context(), "spoil", func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, s, args...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		fill(t, d)
		if n, err := audit.Verify(t.Context(), d); n != 5 || err != nil {
			t.Fatalf("got %d, %v", n, err)
		}
		got, err := audit.ForObject(t.Context(), d, "o3", 10)
		if err != nil || len(got) != 1 || got[0].Detail["n"] != "1" {
			t.Errorf("for object: %v %v", got, err)
		}
		spoil(t, d, tamper, 3, "other")
		if _, err := audit.Verify(t.Context(), d); err == nil || !strings.Contains(err.Error(), "entry 3 was altered") {
			t.Errorf("got %v", err)
		}
		spoil(t, d, remove, 2)
		if _, err := audit.Verify(t.Context(), d); err == nil || !strings.Contains(err.Error(), "entry 2 is missing") {
			t.Errorf("got %v", err)
		}
	}, audit.Migrations())
}
