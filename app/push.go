package app

import (
	"context"
	"strings"

	"wardline/matrix/push"
	"wardline/matrix/room"
)

// push builds what tells people's phones, and hangs it on the kernel: behind what wakes those who wait already.
func (a *App) push(ctx context.Context) error {
	a.Push = push.New(a.DB, a.Accounts, a.Rooms)
	a.Push.Log = a.Log
	a.Push.Gateways = push.Gateways{Only: words(a.Config.PushGateways), Private: a.Config.AllowPrivateNetworks}
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
