package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"wardline/ground/fault"
)

func TestHide_NeverTurnsTroubleIntoAbsence(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"hidden":                {fault.New(fault.Hidden, "M_FORBIDDEN", "Not yours."), fault.Hidden},
		"not found, wrapped":    {fmt.Errorf("read: %w", fault.New(fault.NotFound, "", "Nothing.")), fault.Hidden},
		"a database in trouble": {fault.New(fault.Unavailable, "", "Later."), fault.Unavailable},
		"a plain error":         {errors.New("disk"), fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fault.Hide(tc.err, "M_NOT_FOUND", "There is no such thing."); fault.KindOf(got) != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
	if fault.Hide(nil, "", "") != nil {
		t.Error("no error became one")
	}
}
