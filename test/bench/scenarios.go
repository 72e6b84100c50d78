package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"wardline/ground/run"
)

// figures fills in what follows from a list of latencies.
func figures(l *Line, took []time.Duration, elapsed, cpu time.Duration) {
	if len(took) == 0 {
		l.Errors++ // nothing was measured
		return
	}
	slices.Sort(took)
	at := func(p float64) float64 {
		return float64(took[min(len(took)-1, int(p*float64(len(took))))].Microseconds()) / 1000
	}
	l.Count, l.P50ms, l.P99ms, l.MaxMs = len(took), at(0.50), at(0.99), at(1)
	l.PerSecond = float64(len(took)) / elapsed.Seconds()
	l.CPUPerItemMs = float64(cpu.Microseconds()) / 1000 / float64(len(took))
}

func groupSend(ctx context.Context, o *options, t *table) error {
	return with(ctx, o, nil, func(ctx context.Context, s *target) error {
		t.add(Line{Scenario: "start to first answer", P50ms: float64(s.ready.Microseconds()) / 1000, RSSMB: s.rss()})
		for _, n := range []int{1, 16, 64} {
			l, err := scenarioSend(ctx, s, n, 0, o.d)
			if err != nil {
				return fmt.Errorf("%d senders: %w", n, err)
			}
			t.add(l)
		}
		paced, err := scenarioSend(ctx, s, 64, o.pick(500, 5000), o.d)
		if err != nil {
			return fmt.Errorf("paced: %w", err)
		}
		t.add(paced)
		l, err := scenarioHot(ctx, s, 16, o.d)
		t.add(l)
		return err
	})
}

func groupDeliver(ctx context.Context, o *options, t *table) error {
	return with(ctx, o, nil, func(ctx context.Context, s *target) error {
		l, err := scenarioDeliver(ctx, s, o.pick(50, 250), 50, o.d)
		t.add(l)
		return err
	})
}

const words = "Obs stable overnight, potassium repeat sent at six, lab says twenty minutes. Please review the drug chart when you can."

// scenarioSend has n senders say as much as they can over 100 rooms, or so many a second in all, each waiting for its acknowledgement,
// and then checks that every acknowledged message can be read. At a rate, latency counts from when a message was due.
func scenarioSend(ctx context.Context, s *target, n, rate int, d time.Duration) (Line, error) {
	line := Line{Scenario: "send over 100 rooms, each waits for its answer", Senders: n}
	if rate > 0 {
		line.Scenario = fmt.Sprintf("send over 100 rooms, %d a second in all", rate)
	}
	users := make([]*user, n)
	rooms := make([][]string, n)
	for i := range users {
		u, err := s.register(ctx, fmt.Sprintf("send%d_%d_%d", n, rate, i))
		if err != nil {
			return line, err
		}
		users[i] = u
		for len(rooms[i]) < max(1, 100/n) {
			r, err := u.room(ctx, "bench")
			if err != nil {
				return line, err
			}
			rooms[i] = append(rooms[i], r)
		}
	}
	var mu sync.Mutex
	var all []time.Duration
	sent := map[string]int{}
	cpu, began, kept, written := s.cpu(), time.Now(), s.kept(), s.written()
	fns := make([]func(context.Context) error, n)
	for i, u := range users {
		fns[i] = func(ctx context.Context) error {
			var took []time.Duration
			count := map[string]int{}
			for k := 0; time.Since(began) < d; k++ {
				room := rooms[i][k%len(rooms[i])]
				t := time.Now()
				if rate > 0 {
					t = began.Add(time.Duration(k*n+i) * time.Second / time.Duration(rate))
					pause(ctx, time.Until(t))
				}
				if _, err := u.send(ctx, room, words); err != nil {
					return err
				}
				took = append(took, time.Since(t))
				count[room]++
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			for r, c := range count {
				sent[r] += c
			}
			return nil
		}
	}
	if err := run.All(ctx, fns...); err != nil {
		return line, err
	}
	figures(&line, all, time.Since(began), s.cpu()-cpu)
	line.RSSMB = s.rss()
	line.KeptBytes = float64(s.kept()-kept) / float64(len(all))
	line.WrittenBytes = float64(s.written()-written) / float64(len(all))
	for i, u := range users {
		for _, r := range rooms[i] {
			got, err := u.history(ctx, r)
			if err != nil {
				return line, err
			}
			if len(got) != sent[r] {
				line.Errors++
			}
		}
	}
	return line, nil
}

// history reads all messages of a room, newest first, by their ids.
func (u *user) history(ctx context.Context, room string) ([]string, error) {
	var all []string
	from := ""
	for {
		var page struct {
			Chunk []struct {
				ID   string `json:"event_id"`
				Type string
			}
			End string
		}
		path := "/_matrix/client/v3/rooms/" + room + "/messages?dir=b&limit=1000"
		if from != "" {
			path += "&from=" + from
		}
		if err := u.call(ctx, "GET", path, nil, &page); err != nil {
			return nil, err
		}
		for _, ev := range page.Chunk {
			if ev.Type == "m.room.message" {
				all = append(all, ev.ID)
			}
		}
		if page.End == "" {
			return all, nil
		}
		from = page.End
	}
}

// delivery gathers what every receiver heard.
type delivery struct {
	mu    sync.Mutex // guards the rest
	at    map[string]time.Time
	order map[string][]string // room → event ids as accepted
	heard map[string][]string // user and room → event ids as delivered
	took  []time.Duration
	count int
	early map[string][]time.Time // delivered before the sender's acknowledgement came back
}

func newDelivery() *delivery {
	return &delivery{at: map[string]time.Time{}, order: map[string][]string{}, heard: map[string][]string{}, early: map[string][]time.Time{}}
}

// scenarioDeliver has users wait in rooms of 25 while messages come at a fixed rate, and checks that each reaches every member once
// and in one order.
func scenarioDeliver(ctx context.Context, s *target, online, rate int, d time.Duration) (Line, error) {
	line := Line{Scenario: fmt.Sprintf("deliver, %d messages a second", rate), Senders: max(1, online/25), Receivers: online}
	users := make([]*user, online)
	var rooms []string
	for i := range users {
		u, err := s.register(ctx, fmt.Sprintf("recv%d", i))
		if err != nil {
			return line, err
		}
		users[i] = u
		if i%25 == 0 {
			r, err := u.room(ctx, "ward")
			if err != nil {
				return line, err
			}
			rooms = append(rooms, r)
		} else if err := u.call(ctx, "POST", "/_matrix/client/v3/join/"+rooms[len(rooms)-1], map[string]any{}, nil); err != nil {
			return line, err
		}
	}
	got := newDelivery()
	listening, stop := context.WithCancel(ctx)
	defer stop()
	var ready sync.WaitGroup
	ready.Add(online)
	total := rate * int(d.Seconds())
	done := make(chan struct{})
	var fns []func(context.Context) error
	for _, u := range users {
		fns = append(fns, func(context.Context) error { return u.listen(listening, got, &ready, total*25, done) })
	}
	var cpu time.Duration
	var began time.Time
	fns = append(fns, func(ctx context.Context) error {
		defer stop()
		ready.Wait()
		cpu, began = s.cpu(), time.Now()
		senders := make([]*user, len(rooms))
		for r := range rooms {
			senders[r] = users[r*25]
		}
		if err := pour(ctx, senders, rooms, rate, total, got); err != nil {
			return err
		}
		select {
		case <-done:
		case <-time.After(10 * time.Second):
		}
		cpu = s.cpu() - cpu
		return nil
	})
	if err := run.All(ctx, fns...); err != nil {
		return line, err
	}
	figures(&line, got.took, time.Since(began), cpu)
	line.RSSMB = s.rss()
	line.Errors = got.check(users, rooms)
	return line, nil
}

// pour sends at a fixed rate, whatever the answers take.
func pour(ctx context.Context, senders []*user, rooms []string, rate, total int, got *delivery) error {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	txns := int(time.Now().UnixMilli()%1_000_000_000) * 1000 // no earlier run has used these
	queue := make([]chan int, len(rooms))
	var fns []func(context.Context) error
	for r := range rooms {
		queue[r] = make(chan int, total)
		fns = append(fns, func(ctx context.Context) error {
			for base := range queue[r] {
				id, err := (&user{s: senders[r].s, token: senders[r].token, txn: base}).send(ctx, rooms[r], words)
				if err != nil {
					return err
				}
				got.accepted(rooms[r], id)
			}
			return nil
		})
	}
	fns = append(fns, func(context.Context) error {
		for i := range total {
			<-tick.C
			queue[i%len(rooms)] <- txns + i
		}
		for _, q := range queue {
			close(q)
		}
		return nil
	})
	return run.All(ctx, fns...)
}

func (g *delivery) accepted(room, id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.at[id] = now
	g.order[room] = append(g.order[room], id)
	for range g.early[id] {
		g.took = append(g.took, 0) // heard before the acknowledgement was
	}
	delete(g.early, id)
}

func (g *delivery) delivered(u *user, room, id string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if at, ok := g.at[id]; ok {
		g.took = append(g.took, now.Sub(at))
	} else {
		g.early[id] = append(g.early[id], now)
	}
	key := u.id + " " + room
	g.heard[key] = append(g.heard[key], id)
	g.count++
	return g.count
}

// check counts members who heard anything but exactly what was accepted, in its order.
func (g *delivery) check(users []*user, rooms []string) int {
	wrong := 0
	for i, u := range users {
		if r := rooms[i/25]; !slices.Equal(g.heard[u.id+" "+r], g.order[r]) {
			wrong++
		}
	}
	return wrong
}

// listen syncs until it is told to stop, noting every message.
func (u *user) listen(ctx context.Context, got *delivery, ready *sync.WaitGroup, want int, done chan struct{}) error {
	since := ""
	for {
		var answer struct {
			Next  string `json:"next_batch"`
			Rooms struct {
				Join map[string]struct {
					Timeline struct {
						Events []struct {
							ID   string `json:"event_id"`
							Type string
						}
					}
				}
			}
		}
		path := "/_matrix/client/v3/sync?timeout=30000"
		if since != "" {
			path += "&since=" + since
		}
		err := u.call(ctx, "GET", path, nil, &answer)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if since == "" {
			ready.Done()
		} else {
			for room, r := range answer.Rooms.Join {
				for _, ev := range r.Timeline.Events {
					if ev.Type == "m.room.message" && got.delivered(u, room, ev.ID) == want {
						close(done)
					}
				}
			}
		}
		since = answer.Next
	}
}
