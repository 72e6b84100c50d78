package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"wardline/app"
	"wardline/ground/run"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

func groupWard(ctx context.Context, o *options, t *table) error {
	var h *hospital
	fill := func(ctx context.Context, a *app.App) (err error) {
		h, err = found(ctx, a, "ward", o.pick(100, 1000))
		return err
	}
	return with(ctx, o, fill, func(ctx context.Context, s *target) error {
		for _, u := range h.users {
			u.s = s
		}
		rates := []int{50, 200, 500}
		if o.quick {
			rates = rates[:1]
		}
		for _, rate := range rates {
			l, err := scenarioWard(ctx, s, h, rate, o.d)
			if err != nil {
				return fmt.Errorf("%d a second: %w", rate, err)
			}
			t.add(l)
		}
		l, err := scenarioStorm(ctx, s, h)
		t.add(l)
		return err
	})
}

// hospital is the people and rooms that the larger scenarios share: each user is in ten rooms of 25.
type hospital struct {
	users   []*user
	rooms   []string
	members map[string][]int // room → indexes of users
}

const (
	roomSize     = 25
	roomsPerUser = 10
)

// found makes the users and their rooms in this process.
func found(ctx context.Context, a *app.App, prefix string, n int) (*hospital, error) {
	users, err := accounts(ctx, a, prefix, n)
	if err != nil {
		return nil, err
	}
	h := &hospital{users: users, members: map[string][]int{}, rooms: make([]string, n*roomsPerUser/roomSize)}
	for k := range h.rooms {
		// Neighbours share a room at each of ten strides, so that everybody's rooms hold other people.
		stride, block := k%roomsPerUser+1, k/roomsPerUser
		var who []int
		for j := range roomSize {
			who = append(who, (block*roomSize+j*stride)%n)
		}
		slices.Sort(who)
		who = slices.Compact(who)
		var people []id.User
		for _, i := range who {
			people = append(people, id.User(users[i].id))
		}
		made, err := a.Rooms.Create(ctx, room.CreateSpec{Creator: people[0], Preset: "private_chat", Name: "ward", Join: people[1:]})
		if err != nil {
			return nil, err
		}
		h.rooms[k], h.members[string(made)] = string(made), who
	}
	return h, nil
}

// parallel runs fn for every index, at most width at once.
func parallel(ctx context.Context, width, n int, fn func(ctx context.Context, i int) error) error {
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	fns := make([]func(context.Context) error, width)
	for w := range fns {
		fns[w] = func(ctx context.Context) error {
			for i := range next {
				if err := fn(ctx, i); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return run.All(ctx, fns...)
}

// scenarioWard has everybody online while messages come at a fixed rate, whatever the answers take.
func scenarioWard(ctx context.Context, s *target, h *hospital, rate int, d time.Duration) (Line, error) {
	line := Line{Scenario: fmt.Sprintf("all online, %d messages a second", rate), Senders: len(h.rooms), Receivers: len(h.users)}
	total := rate * int(d.Seconds())
	got := newDelivery()
	want := 0
	for i := range total {
		want += len(h.members[h.rooms[i%len(h.rooms)]])
	}
	listening, stop := context.WithCancel(ctx)
	defer stop()
	var ready sync.WaitGroup
	ready.Add(len(h.users))
	done := make(chan struct{})
	var fns []func(context.Context) error
	for _, u := range h.users {
		fns = append(fns, func(context.Context) error { return u.listen(listening, got, &ready, want, done) })
	}
	var cpu, elapsed time.Duration
	fns = append(fns, func(ctx context.Context) error {
		defer stop()
		ready.Wait()
		began := time.Now()
		cpu = s.cpu()
		senders := make([]*user, len(h.rooms))
		for k, room := range h.rooms {
			senders[k] = h.users[h.members[room][0]]
		}
		if err := pour(ctx, senders, h.rooms, rate, total, got); err != nil {
			return err
		}
		select {
		case <-done:
		case <-time.After(20 * time.Second):
		}
		cpu, elapsed = s.cpu()-cpu, time.Since(began)
		return nil
	})
	if err := run.All(ctx, fns...); err != nil {
		return line, err
	}
	figures(&line, got.took, elapsed, cpu)
	line.RSSMB = s.rss()
	for room, who := range h.members {
		for _, i := range who {
			if !slices.Equal(got.heard[h.users[i].id+" "+room], got.order[room]) {
				line.Errors++
			}
		}
	}
	return line, nil
}

// scenarioHot has n senders share one room, and checks that two members read the same order.
func scenarioHot(ctx context.Context, s *target, n int, d time.Duration) (Line, error) {
	line := Line{Scenario: "one hot room", Senders: n}
	users := make([]*user, n)
	room := ""
	for i := range users {
		u, err := s.register(ctx, fmt.Sprintf("hot%d", i))
		if err != nil {
			return line, err
		}
		users[i] = u
		if i == 0 {
			room, err = u.room(ctx, "hot")
		} else {
			err = u.call(ctx, "POST", "/_matrix/client/v3/join/"+room, map[string]any{}, nil)
		}
		if err != nil {
			return line, err
		}
	}
	var mu sync.Mutex
	var all []time.Duration
	cpu, began := s.cpu(), time.Now()
	err := parallel(ctx, n, n, func(ctx context.Context, i int) error {
		var took []time.Duration
		for time.Since(began) < d {
			t := time.Now()
			if _, err := users[i].send(ctx, room, words); err != nil {
				return err
			}
			took = append(took, time.Since(t))
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, took...)
		return nil
	})
	if err != nil {
		return line, err
	}
	figures(&line, all, time.Since(began), s.cpu()-cpu)
	line.RSSMB = s.rss()
	first, err := users[0].history(ctx, room)
	if err != nil {
		return line, err
	}
	last, err := users[n-1].history(ctx, room)
	if err != nil {
		return line, err
	}
	if !slices.Equal(first, last) || len(first) != len(all) {
		line.Errors++
	}
	return line, nil
}

// scenarioStorm has everybody come back at once after a night, and measures until the last has caught up.
func scenarioStorm(ctx context.Context, s *target, h *hospital) (Line, error) {
	line := Line{Scenario: "all return at once after a night", Receivers: len(h.users)}
	since := make([]string, len(h.users))
	err := parallel(ctx, 8, len(h.users), func(ctx context.Context, i int) (err error) {
		since[i], err = h.users[i].catchUp(ctx, "")
		return err
	})
	if err != nil {
		return line, err
	}
	err = parallel(ctx, 16, 10*len(h.rooms), func(ctx context.Context, k int) error {
		room := h.rooms[k%len(h.rooms)]
		_, err := (&user{s: s, token: h.users[h.members[room][0]].token, txn: 1_000_000 + k}).send(ctx, room, words)
		return err
	})
	if err != nil {
		return line, err
	}
	took := make([]time.Duration, len(h.users))
	cpu, began := s.cpu(), time.Now()
	err = parallel(ctx, len(h.users), len(h.users), func(ctx context.Context, i int) error {
		_, err := h.users[i].catchUp(ctx, since[i])
		took[i] = time.Since(began)
		return err
	})
	figures(&line, took, time.Since(began), s.cpu()-cpu)
	line.RSSMB = s.rss()
	return line, err
}

// catchUp asks once what is new and returns where to go on.
func (u *user) catchUp(ctx context.Context, since string) (string, error) {
	var answer struct {
		Next string `json:"next_batch"`
	}
	path := "/_matrix/client/v3/sync?timeout=0"
	if since != "" {
		path += "&since=" + since
	}
	err := u.call(ctx, "GET", path, nil, &answer)
	return answer.Next, err
}
