package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"wardline/app"
	"wardline/clinical/directory"
	"wardline/clinical/emergency"
	"wardline/clinical/rota"
	"wardline/ground/db"
	"wardline/ground/run"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// teamSize is how many seats the team has; each of its members has two devices open.
const teamSize = 6

// groupEmergency is a hospital at work, in which one emergency call after another is raised.
func groupEmergency(ctx context.Context, o *options, t *table) error {
	var h *hospital
	var second []*user
	fill := func(ctx context.Context, a *app.App) (err error) {
		if h, err = found(ctx, a, "arrest", o.pick(100, 1000)); err != nil {
			return err
		}
		if err := a.DB.Write(ctx, "bench.team", func(ctx context.Context, tx *db.Tx) error { return team(ctx, tx, h.users) }); err != nil {
			return err
		}
		for _, u := range h.users[:teamSize] {
			session, err := a.Accounts.Open(ctx, id.User(u.id), account.SignIn{Name: "ward computer"})
			if err != nil {
				return err
			}
			second = append(second, &user{id: u.id, token: session.Access})
		}
		return nil
	}
	return with(ctx, o, fill, func(ctx context.Context, s *target) error {
		for _, u := range append(slices.Clone(h.users), second...) {
			u.s = s
		}
		l, err := scenarioEmergency(ctx, s, h, second, o.pick(10, 50), o.pick(5, 100))
		t.add(l)
		return err
	})
}

// team puts everybody into the directory, and the first of them on the posts of a team.
func team(ctx context.Context, tx *db.Tx, users []*user) error {
	for i, u := range users {
		if err := directory.SavePerson(ctx, tx, directory.Person{User: id.User(u.id), Name: fmt.Sprintf("Person %d", i), Role: "Nurse"}); err != nil {
			return err
		}
	}
	now, made := time.Now(), emergency.Team{ID: "et_bench", Name: "Adult cardiac arrest"}
	for i := range teamSize + 1 {
		post := directory.Post{ID: directory.PostID(fmt.Sprintf("po_%d", i)), Name: fmt.Sprintf("Post %d", i), Service: "Bench", Critical: true, Pageable: true, Switchboard: i == teamSize}
		if err := directory.SavePost(ctx, tx, post); err != nil {
			return err
		}
		if err := rota.Save(ctx, tx, rota.Duty{ID: rota.DutyID(fmt.Sprintf("du_%d", i)), Post: post.ID, User: id.User(users[i].id), From: now.Add(-time.Hour), Until: now.Add(12 * time.Hour)}); err != nil {
			return err
		}
		if !post.Switchboard {
			made.Seats = append(made.Seats, emergency.Seat{Post: post.ID, Required: true})
			if err := directory.SaveLadder(ctx, tx, post.ID, directory.PostID(fmt.Sprintf("po_%d", (i+1)%teamSize))); err != nil {
				return err
			}
		}
	}
	return emergency.SaveTeam(ctx, tx, made, now.UnixMilli())
}

// alarms is what the team's devices hear of the call that is measured.
type alarms struct {
	mu    sync.Mutex // guards the rest
	began time.Time
	heard map[string]bool // by token: each device once
	took  []time.Duration
	twice int
	done  chan struct{}
}

// begin starts the clock of the next call.
func (a *alarms) begin() chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.began, a.heard, a.done = time.Now(), map[string]bool{}, make(chan struct{})
	return a.done
}

func (a *alarms) ring(token string, want int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.heard == nil || a.heard[token] {
		a.twice++
		return
	}
	a.heard[token] = true
	a.took = append(a.took, time.Since(a.began))
	if len(a.heard) == want {
		close(a.done)
	}
}

// scenarioEmergency raises calls one after another while everybody is online and messages go on at a fixed rate, and measures from the press
// until the page is in the sync answer of each device of each member of the team.
func scenarioEmergency(ctx context.Context, s *target, h *hospital, second []*user, rate, calls int) (Line, error) {
	line := Line{Scenario: fmt.Sprintf("%d online, %d messages a second, emergency calls", len(h.users), rate), Senders: 1, Receivers: 2 * teamSize}
	a, devices := &alarms{}, append(slices.Clone(h.users), second...)
	listening, stop := context.WithCancel(ctx)
	defer stop()
	var ready sync.WaitGroup
	ready.Add(len(devices))
	fns := make([]func(context.Context) error, 0, len(devices)+2)
	for _, u := range devices {
		fns = append(fns, func(context.Context) error { return u.await(listening, &ready, func() { a.ring(u.token, 2*teamSize) }) })
	}
	fns = append(fns, func(context.Context) error { // what goes on meanwhile
		ready.Wait()
		for k := 0; listening.Err() == nil; k++ {
			room := h.rooms[k%len(h.rooms)]
			sender := h.users[h.members[room][0]]
			if _, err := (&user{s: s, token: sender.token, txn: 2_000_000 + k}).send(listening, room, words); err != nil && listening.Err() == nil {
				return err
			}
			pause(listening, time.Second/time.Duration(rate))
		}
		return nil
	}, func(ctx context.Context) error {
		defer stop()
		ready.Wait()
		began, cpu := time.Now(), s.cpu()
		for k := range calls {
			if err := h.users[teamSize+1+k%(len(h.users)-teamSize-1)].calls(ctx, a, k); err != nil {
				return err
			}
		}
		figures(&line, a.took, time.Since(began), s.cpu()-cpu)
		return nil
	})
	err := run.All(ctx, fns...)
	line.RSSMB = s.rss()
	line.Errors += a.twice + 2*teamSize*calls - len(a.took)
	return line, err
}

// calls raises one call, waits until the whole team has it, and stands it down.
func (u *user) calls(ctx context.Context, a *alarms, k int) error {
	done := a.begin()
	var made struct{ ID string }
	body := map[string]any{"txn": fmt.Sprintf("call%d", k), "team": "et_bench", "place": "Ward 7, Bed 4", "what": "No pulse", "patient": "", "drill": false}
	if err := u.call(ctx, "POST", "/_wardline/v1/emergencies", body, &made); err != nil {
		return err
	}
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Second):
		return errors.New("an emergency call did not reach every device within 20 s")
	}
	return u.call(ctx, "POST", "/_wardline/v1/emergencies/"+made.ID+"/stand-down", map[string]any{"reason": "measured"}, nil)
}

// await syncs as a client does, and rings for each page that names this person.
func (u *user) await(ctx context.Context, ready *sync.WaitGroup, ring func()) error {
	since := ""
	for {
		var answer struct {
			Next  string `json:"next_batch"`
			Rooms struct {
				Join map[string]struct {
					Timeline struct {
						Events []struct {
							Content struct {
								Page     json.RawMessage `json:"uk.wardline.page"`
								Step     json.RawMessage `json:"uk.wardline.page.step"`
								Mentions struct {
									Users []string `json:"user_ids"`
								} `json:"m.mentions"`
							}
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
		}
		for _, r := range answer.Rooms.Join {
			for _, ev := range r.Timeline.Events {
				if c := ev.Content; since != "" && c.Page != nil && c.Step == nil && slices.Contains(c.Mentions.Users, u.id) {
					ring()
				}
			}
		}
		since = answer.Next
	}
}
