package auth

import (
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// checkMember is rule 5.
//
// spec: rooms/v12#authorisation-rules 5
func checkMember(v *event.Version, ev *event.Event, st State, create *Create) error {
	// spec: rooms/v12#authorisation-rules 5.1
	to, ok := event.Text(event.Field(ev.Content, "membership"))
	if !ok || ev.StateKey == nil {
		return refuse("5.1", "a member event has no state key or membership")
	}
	m := member{ev: ev, st: st, target: id.User(*ev.StateKey), office: officeWith(v, st, create)}
	switch {
	case to == "join":
		return m.join()
	case to == "invite":
		return m.invite()
	case to == "leave":
		return m.leave()
	case to == "ban":
		// spec: rooms/v12#authorisation-rules 5.6.1
		if !joined(st, ev.Sender) {
			return refuse("5.6.1", "the sender is not in the room")
		}
		// spec: rooms/v12#authorisation-rules 5.6.2
		return m.ban(ev.Sender, m.target)
	case to == "knock" && v.Knock:
		return m.knock()
	}
	// spec: rooms/v12#authorisation-rules 5.8
	return refuse("5.8", "there is no such membership")
}

// member is a change of membership under examination.
type member struct {
	office
	ev     *event.Event
	st     State
	target id.User
}

// joinRule returns the rule of the room. A room without one is by invitation,
// and so is one whose rule has no content: the specification leaves that open,
// and all servers must agree on it.
//
// spec: client-server-api#mroomjoin_rules
func (m *member) joinRule() string {
	ev := m.st.Get(event.TypeJoinRules, "")
	if ev == nil {
		return "invite"
	}
	raw := event.Field(ev.Content, "join_rule")
	if raw == nil {
		return "invite"
	}
	rule, _ := event.Text(raw)
	return rule
}

// spec: rooms/v12#authorisation-rules 5.3
func (m *member) join() error {
	ev := m.ev
	// spec: rooms/v12#authorisation-rules 5.3.1
	if len(ev.PrevEvents) == 1 && ev.PrevEvents[0] == m.create.ID && m.target == m.create.Creators[0] {
		return nil
	}
	// spec: rooms/v12#authorisation-rules 5.3.2
	if ev.Sender != m.target {
		return refuse("5.3.2", "nobody joins for another")
	}
	current := membership(m.st, m.target)
	// spec: rooms/v12#authorisation-rules 5.3.3
	if current == "ban" {
		return refuse("5.3.3", "the user is banned")
	}
	expected := current == "invite" || current == "join"
	switch rule := m.joinRule(); {
	// spec: rooms/v12#authorisation-rules 5.3.4
	case rule == "invite", rule == "knock" && m.v.Knock:
		if !expected {
			return refuse("5.3.4", "the user is not invited")
		}
		return nil
	// spec: rooms/v12#authorisation-rules 5.3.5
	case rule == "restricted" && m.v.Restricted, rule == "knock_restricted" && m.v.KnockRestricted:
		if expected {
			return nil
		}
		return m.restricted()
	// spec: rooms/v12#authorisation-rules 5.3.6
	case rule == "public":
		return nil
	}
	// spec: rooms/v12#authorisation-rules 5.3.7
	return refuse("5.3.7", "the join rule lets nobody in")
}

// restricted asks for a member who may invite and has let the user in. That
// the member's server signed for it is rule 5.2; see event.Signers.
//
// spec: rooms/v12#authorisation-rules 5.3.5.2
func (m *member) restricted() error {
	by, _ := event.Text(event.Field(m.ev.Content, "join_authorised_via_users_server"))
	if !joined(m.st, id.User(by)) || m.power(id.User(by)) < m.levels.Invite {
		return refuse("5.3.5.2", "no member who may invite has let the user in")
	}
	return nil
}

// spec: rooms/v12#authorisation-rules 5.4
func (m *member) invite() error {
	current := membership(m.st, m.target)
	if tpi := event.Field(m.ev.Content, "third_party_invite"); tpi != nil {
		return m.thirdParty(tpi, current)
	}
	// spec: rooms/v12#authorisation-rules 5.4.2
	if !joined(m.st, m.ev.Sender) {
		return refuse("5.4.2", "the sender is not in the room")
	}
	// spec: rooms/v12#authorisation-rules 5.4.3
	if current == "join" || current == "ban" {
		return refuse("5.4.3", "the user is in the room already, or banned")
	}
	// spec: rooms/v12#authorisation-rules 5.4.4
	if m.power(m.ev.Sender) < m.levels.Invite {
		return refuse("5.4.5", "the sender has too little power to invite")
	}
	return nil
}

// spec: rooms/v12#authorisation-rules 5.5
func (m *member) leave() error {
	sender := m.ev.Sender
	// spec: rooms/v12#authorisation-rules 5.5.1
	if sender == m.target {
		switch current := membership(m.st, sender); {
		case current == "invite", current == "join", current == "knock" && m.v.Knock:
			return nil
		}
		return refuse("5.5.1", "the user has nothing to leave")
	}
	// spec: rooms/v12#authorisation-rules 5.5.2
	if !joined(m.st, sender) {
		return refuse("5.5.2", "the sender is not in the room")
	}
	// spec: rooms/v12#authorisation-rules 5.5.3
	// spec: rooms/v12#authorisation-rules 5.5.4
	return m.kick(m.st, sender, m.target)
}

// spec: rooms/v12#authorisation-rules 5.7
func (m *member) knock() error {
	// spec: rooms/v12#authorisation-rules 5.7.1
	if rule := m.joinRule(); rule != "knock" && (rule != "knock_restricted" || !m.v.KnockRestricted) {
		return refuse("5.7.1", "the join rule lets nobody knock")
	}
	// spec: rooms/v12#authorisation-rules 5.7.2
	if m.ev.Sender != m.target {
		return refuse("5.7.2", "nobody knocks for another")
	}
	// spec: rooms/v12#authorisation-rules 5.7.3
	switch membership(m.st, m.target) {
	case "ban", "invite", "join":
		return refuse("5.7.4", "the user is in the room already, invited, or banned")
	}
	return nil
}
