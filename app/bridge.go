package app

import (
	"context"
	"net/http"
	"strings"

	"wardline/edge/scim"
	"wardline/matrix/account"
	"wardline/matrix/bridge"
	"wardline/matrix/room"
)

// bridges builds what serves application services, when the operator has registered any, and hangs it on the kernel: behind what wakes
// those who wait already.
func (a *App) bridges(ctx context.Context) error {
	if a.Config.Appservices == "" {
		return nil
	}
	all, err := bridge.Load(a.Config.Appservices, a.Accounts.Server())
	if err != nil {
		return err
	}
	a.Bridges = bridge.New(a.DB, a.Accounts, a.Rooms, a.Timeline, all, a.Log)
	if err := a.Bridges.Start(ctx); err != nil {
		return err
	}
	a.Accounts.Reserved = a.Bridges.UserFree
	a.Rooms.OnUnknownAlias = a.Bridges.AskAlias
	before := a.Rooms.OnCommit
	a.Rooms.OnCommit = func(f *room.Feed, ev *room.Event) {
		before(f, ev)
		a.Bridges.Bell.Ring()
	}
	for name, run := range a.Bridges.Couriers() {
		a.Group.Go(name, run)
	}
	return nil
}

// admit holds to its rates whoever is no application service that is free of them.
func (a *App) admit(rates func(*http.Request, account.Actor) error) func(*http.Request, account.Actor) error {
	return func(r *http.Request, who account.Actor) error {
		if who.Service != "" && a.Bridges.Free(who) {
			return nil
		}
		// A service that makes its users or signs them in has proved who it is; nobody guesses passwords there.
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && who.User == "" && a.Bridges.ByToken(token) != nil {
			return nil
		}
		// So has the trust's directory, which brings thousands at once.
		if strings.HasPrefix(r.URL.Path, scim.Prefix) && scim.Holds(r, a.Config.SCIMToken) {
			return nil
		}
		return rates(r, who)
	}
}
