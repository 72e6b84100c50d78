package auth

import (
	"testing"

	"wardline/matrix/event"
	"wardline/matrix/id"
)

func TestAsk(t *testing.T) {
	r := newRoom(t, "12", "").standard()
	r.with(is(eve, "join"))
	bad := func(err error) bool { return err != nil }
	own, others := r.line(joe+" m.room.message - {}"), r.line(mod+" m.room.message - {}")
	redaction := func(sender string, target id.Event) *event.Event {
		return r.build(event.Draft{Sender: id.User(sender), Type: event.TypeRedaction, Redacts: target})
	}
	rows := []struct {
		name      string
		got, want bool // refused
	}{
		{"joe sends", bad(CanSend(r.v, r, joe, "m.room.message", false)), false},
		{"joe names", bad(CanSend(r.v, r, joe, "m.room.name", true)), true},
		{"stranger sends", bad(CanSend(r.v, r, "@x:y", "m.room.message", false)), true},
		{"joe invites", bad(CanInvite(r.v, r, joe)), false},
		{"stranger invites", bad(CanInvite(r.v, r, "@x:y")), true},
		{"mod kicks joe", bad(CanKick(r.v, r, mod, joe)), false},
		{"joe kicks mod", bad(CanKick(r.v, r, joe, mod)), true},
		{"mod bans boss", bad(CanBan(r.v, r, mod, boss)), true},
		{"mod bans joe", bad(CanBan(r.v, r, mod, joe)), false},
		{"joe redacts own", bad(CanRedact(r.v, r, joe, own)), false},
		{"joe redacts mod's", bad(CanRedact(r.v, r, joe, others)), true},
		{"mod redacts joe's", bad(CanRedact(r.v, r, mod, own)), false},
		{"same server applies", bad(Applies(r.v, r, redaction(joe, others.ID), others)), false},
		{"other server applies", bad(Applies(r.v, r, redaction(eve, own.ID), own)), true},
		{"other event applies", bad(Applies(r.v, r, redaction(mod, own.ID), others)), true},
	}
	for _, row := range rows {
		if row.got != row.want {
			t.Errorf("%s: refused %v, want %v", row.name, row.got, row.want)
		}
	}
	if got := EventPower(r.v, r, "m.room.name", true); got != 40 {
		t.Errorf("EventPower: got %d", got)
	}
	if got := NotifyPower(r.v, r, "room"); got != 50 {
		t.Errorf("NotifyPower: got %d", got)
	}
}
