package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"wardline/app"
	"wardline/ground/run"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// groupCrowd is very many people who wait and say nothing, of whom half are in one room.
func groupCrowd(ctx context.Context, o *options, t *table) error {
	n := o.pick(200, 10_000)
	var users []*user
	fill := func(ctx context.Context, a *app.App) (err error) {
		users, err = accounts(ctx, a, "crowd", n)
		return err
	}
	return with(ctx, o, fill, func(ctx context.Context, s *target) error {
		for _, u := range users {
			u.s = s
		}
		members := users[:n/2]
		room, l, err := scenarioJoins(ctx, members)
		if err != nil {
			return fmt.Errorf("joins: %w", err)
		}
		l.RSSMB = s.rss()
		t.add(l)
		lines, err := scenarioIdle(ctx, s, users, len(members), room, o)
		for _, l := range lines {
			t.add(l)
		}
		return err
	})
}

// accounts makes signed-in users in this process: over HTTP each would cost a password's hash.
func accounts(ctx context.Context, a *app.App, prefix string, n int) ([]*user, error) {
	made := make([]account.NewUser, n)
	for i := range made {
		name, err := id.NewUser(fmt.Sprintf("%s%d", prefix, i), a.Accounts.Server())
		if err != nil {
			return nil, err
		}
		made[i] = account.NewUser{User: name}
	}
	for from := 0; from < n; from += 500 {
		if err := a.Accounts.CreateAll(ctx, made[from:min(n, from+500)]); err != nil {
			return nil, err
		}
	}
	users := make([]*user, n)
	err := parallel(ctx, 64, n, func(ctx context.Context, i int) error {
		session, err := a.Accounts.Open(ctx, made[i].User, account.SignIn{Name: "bench"})
		users[i] = &user{id: string(made[i].User), token: session.Access}
		return err
	})
	return users, err
}

// scenarioJoins has everybody join one announcement room, eight at a time.
func scenarioJoins(ctx context.Context, users []*user) (room string, line Line, err error) {
	s := users[0].s
	line = Line{Scenario: fmt.Sprintf("joins into a room of %d", len(users)), Senders: 8}
	if room, err = users[0].room(ctx, "announcements"); err != nil {
		return room, line, err
	}
	took := make([]time.Duration, len(users)-1)
	cpu, began := s.cpu(), time.Now()
	err = parallel(ctx, 8, len(took), func(ctx context.Context, i int) error {
		t := time.Now()
		err := users[i+1].call(ctx, "POST", "/_matrix/client/v3/join/"+room, map[string]any{}, nil)
		took[i] = time.Since(t)
		return err
	})
	figures(&line, took, time.Since(began), s.cpu()-cpu)
	return room, line, err
}

// idle is what the waiting have heard.
type idle struct {
	waiting chan struct{} // one for each user who has begun
	wrong   atomic.Int64
	mu      sync.Mutex // guards took, want and done
	took    map[string]time.Time
	want    int
	done    chan struct{}
}

// scenarioIdle has everybody wait, half by /v3/sync and half by /v4/sync, measures what a waiting request holds, and lets the room
// speak: to its members, and to nobody else.
func scenarioIdle(ctx context.Context, s *target, users []*user, members int, room string, o *options) ([]Line, error) {
	var lines []Line
	for _, way := range []struct {
		name   string
		listen func(u *user, ctx context.Context, g *idle) error
	}{{"v3", (*user).waitV3}, {"v4", (*user).waitV4}} {
		before := s.rss()
		g := &idle{waiting: make(chan struct{}, len(users))}
		listening, stop := context.WithCancel(ctx)
		fns := make([]func(context.Context) error, len(users), len(users)+1)
		for i, u := range users {
			fns[i] = func(context.Context) error {
				err := way.listen(u, listening, g)
				if listening.Err() != nil {
					return nil
				}
				stop() // one who cannot wait ends it for all
				return err
			}
		}
		var held, wake Line
		fns = append(fns, func(ctx context.Context) error {
			defer stop()
			if err := g.all(listening, len(users)); err != nil {
				return err
			}
			pause(ctx, time.Second) // the last of them are on their way
			cpu, began := s.cpu(), time.Now()
			pause(ctx, o.d)
			held = Line{Scenario: fmt.Sprintf("%d wait by /%s/sync and nothing happens", len(users), way.name), Receivers: len(users), RSSMB: s.rss(),
				HeldKB: max(0, s.rss()-before) * 1024 / float64(len(users))}
			held.CPUPerItemMs = float64((s.cpu() - cpu).Microseconds()) / 1000 / float64(len(users)) / time.Since(began).Seconds()
			var err error
			wake, err = scenarioWake(ctx, s, g, users, members, room, way.name)
			return err
		})
		if err := run.All(ctx, fns...); err != nil {
			stop()
			return lines, fmt.Errorf("%s: %w", way.name, err)
		}
		s.http.CloseIdleConnections()
		lines = append(lines, held, wake)
	}
	return lines, nil
}

// all waits until n users have begun to wait.
func (g *idle) all(ctx context.Context, n int) error {
	for range n {
		select {
		case <-g.waiting:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// scenarioWake has the room speak five times and measures until each member has it.
func scenarioWake(ctx context.Context, s *target, g *idle, users []*user, members int, room, way string) (Line, error) {
	const times = 5
	line := Line{Scenario: fmt.Sprintf("a room of %d speaks while %d wait by /%s/sync", members, len(users), way), Senders: 1, Receivers: members}
	var took []time.Duration
	last := 0.0
	cpu, began := s.cpu(), time.Now()
	for range times {
		g.mu.Lock()
		g.took, g.want, g.done = map[string]time.Time{}, members, make(chan struct{})
		g.mu.Unlock()
		at := time.Now()
		if _, err := users[0].send(ctx, room, words); err != nil {
			return line, err
		}
		select {
		case <-g.done:
		case <-time.After(20 * time.Second):
		}
		g.mu.Lock()
		line.Errors += members - len(g.took)
		for _, heard := range g.took {
			took = append(took, heard.Sub(at))
		}
		g.mu.Unlock()
		last = max(last, float64(time.Since(at).Microseconds())/1000)
		pause(ctx, time.Second)
	}
	figures(&line, took, time.Since(began)-times*time.Second, s.cpu()-cpu)
	line.RSSMB, line.MaxMs = s.rss(), last
	line.Errors += int(g.wrong.Load())
	return line, nil
}

// pause waits for a time that is itself what is measured.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// got notes that a user has a message.
func (g *idle) got(u *user) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, twice := g.took[u.id]; twice {
		g.wrong.Add(1)
	}
	g.took[u.id] = time.Now()
	if len(g.took) == g.want {
		close(g.done)
	}
}

func (u *user) waitV3(ctx context.Context, g *idle) error {
	filter := `{"room":{"state":{"lazy_load_members":true},"timeline":{"limit":20}}}`
	var answer struct {
		Next  string `json:"next_batch"`
		Rooms struct {
			Join map[string]struct {
				Timeline struct{ Events []json.RawMessage }
			}
		}
	}
	if err := u.call(ctx, "GET", "/_matrix/client/v3/sync?timeout=0&filter="+queryEscape(filter), nil, &answer); err != nil {
		return err
	}
	since := answer.Next
	g.waiting <- struct{}{}
	for {
		answer.Rooms.Join = nil
		if err := u.call(ctx, "GET", "/_matrix/client/v3/sync?timeout=90000&since="+since+"&filter="+queryEscape(filter), nil, &answer); err != nil {
			return err
		}
		since = answer.Next
		for _, r := range answer.Rooms.Join {
			for range r.Timeline.Events {
				g.got(u)
			}
		}
	}
}

func (u *user) waitV4(ctx context.Context, g *idle) error {
	ask := map[string]any{"conn_id": "bench", "timeout": 0, "lists": map[string]any{"all": map[string]any{"range": []int{0, 19}, "timeline_limit": 1,
		"required_state": map[string]any{"include": []any{map[string]string{"type": "m.room.name"}}}}}}
	var answer struct {
		Pos   string
		Rooms map[string]struct {
			Timeline []json.RawMessage `json:"timeline"`
		}
	}
	first := true
	for {
		answer.Rooms = nil
		if err := u.call(ctx, "POST", "/_matrix/client/v4/sync", ask, &answer); err != nil {
			return err
		}
		if first {
			g.waiting <- struct{}{}
		} else {
			for _, r := range answer.Rooms {
				for range r.Timeline {
					g.got(u)
				}
			}
		}
		first = false
		ask["pos"], ask["timeout"] = answer.Pos, 90_000
	}
}
