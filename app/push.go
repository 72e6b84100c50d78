package app

import (
	"context"
	"strings"

	"wardline/clinical/paging"
	"wardline/matrix/id"
	"wardline/matrix/push"
	"wardline/matrix/room"
)

// push builds what tells people's phones, and hangs it on the kernel: behind what wakes those who wait already.
func (a *App) push(ctx context.Context) error {
	a.Push = push.New(a.DB, a.Accounts, a.Rooms)
	a.Push.Log = a.Log
	a.Push.Gateways = push.Gateways{Only: words(a.Config.PushGateways), Private: a.Config.AllowPrivateNetworks}
	a.Push.Web = push.Web{Trusted: words(a.Config.PushServices), Contact: a.pushContact()}
	a.Timeline.UsePush(a.Push)
	if a.Config.Presence {
		a.Timeline.UsePresence()
	}
	a.Accounts.OnSignOut = append(a.Accounts.OnSignOut, a.Push.SignedOut)
	waiting := a.Rooms.OnCommit
	a.Rooms.OnCommit = func(f *room.Feed, ev *room.Event) {
		waiting(f, ev)
		a.Push.Committed(f, ev)
	}
	return a.Push.Load(ctx)
}

// words reads a list with commas.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// pushContact is whom the browsers' push services may write to about this server.
func (a *App) pushContact() string {
	c := a.Config
	switch {
	case c.PushContact != "":
		return c.PushContact
	case c.SupportEmail != "":
		return "mailto:" + c.SupportEmail
	case strings.HasPrefix(c.PublicURL, "https://"):
		return c.PublicURL
	}
	return "mailto:postmaster@" + c.ServerName
}

// rank lets a page be told whatever somebody's rules say: a muted conversation mutes no page.
//
// hazard: H1 urgent message not delivered
func (a *App) rank(u id.User, ev *room.Event) (push.Notice, bool) {
	page, urgency, yes := paging.Calls(u, ev)
	if !yes {
		return push.Notice{}, false
	}
	n := push.Notice{Level: push.Urgent, Ref: string(page)}
	if urgency == paging.Emergency {
		n.Level = push.Alarm
	}
	return n, true
}
