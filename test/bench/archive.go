package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"wardline/app"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

func queryEscape(s string) string { return url.QueryEscape(s) }

// groupArchive is what starting, reading and sending cost as rooms and history grow, up to a million messages: each size is a trust of
// its own, whose one reader is in all rooms and has read nothing.
func groupArchive(ctx context.Context, o *options, t *table) error {
	sizes := []struct{ rooms, messages int }{{20, 100}, {200, 100}, {2000, 100}, {200, 1000}, {200, 5000}}
	if o.quick {
		sizes = []struct{ rooms, messages int }{{30, 30}}
	}
	for _, size := range sizes {
		if err := archive(ctx, o, t, size.rooms, size.messages); err != nil {
			return fmt.Errorf("%d rooms of %d messages: %w", size.rooms, size.messages, err)
		}
	}
	return nil
}

func archive(ctx context.Context, o *options, t *table, rooms, messages int) error {
	var users []*user
	var names []string
	fill := func(ctx context.Context, a *app.App) (err error) {
		if users, err = accounts(ctx, a, "reader", 13); err == nil {
			names, err = talk(ctx, a, users, rooms, messages)
		}
		return err
	}
	return with(ctx, o, fill, func(ctx context.Context, s *target) error {
		for _, u := range users {
			u.s = s
		}
		of := fmt.Sprintf("%d rooms × %d: ", rooms, messages)
		t.add(Line{Scenario: of + "start to first answer", P50ms: float64(s.ready.Microseconds()) / 1000, RSSMB: s.rss()})
		const sync = "/_matrix/client/v3/sync?timeout=0&filter="
		lazy := sync + queryEscape(`{"room":{"state":{"lazy_load_members":true},"timeline":{"limit":10}}}`)
		top := map[string]any{"conn_id": "c", "lists": map[string]any{"all": map[string]any{"range": []int{0, 19}, "timeline_limit": 1,
			"required_state": map[string]any{"include": []any{map[string]string{"type": "m.room.name"}, map[string]string{"type": "m.room.avatar"}}, "lazy_members": true}}}}
		type ask struct {
			name, method, path string
			body               any
			right              func(raw []byte) bool
		}
		joins := func(raw []byte) bool {
			var a struct {
				Rooms struct{ Join map[string]json.RawMessage }
			}
			return json.Unmarshal(raw, &a) == nil && len(a.Rooms.Join) == rooms
		}
		for _, k := range []ask{
			{"sliding, first 20 rooms, cold", "POST", "/_matrix/client/v4/sync", top, func(raw []byte) bool {
				var a struct{ Rooms map[string]json.RawMessage }
				return json.Unmarshal(raw, &a) == nil && len(a.Rooms) == min(20, rooms)
			}},
			{"initial sync, cold", "GET", lazy, nil, joins},
			{"initial sync", "GET", lazy, nil, joins},
			{"sliding, first 20 rooms", "POST", "/_matrix/client/v4/sync", top, nil},
			{"a page of 50", "GET", "/_matrix/client/v3/rooms/" + names[0] + "/messages?dir=b&limit=50", nil, func(raw []byte) bool {
				var a struct{ Chunk []json.RawMessage }
				return json.Unmarshal(raw, &a) == nil && len(a.Chunk) == 50 || len(a.Chunk) > messages
			}},
		} {
			l := Line{Scenario: of + k.name}
			var took []time.Duration
			cpu, began := s.cpu(), time.Now()
			times := o.pick(3, 30)
			if k.name == "sliding, first 20 rooms, cold" || k.name == "initial sync, cold" {
				times = 1
			}
			for range times {
				var raw json.RawMessage
				at := time.Now()
				if err := users[0].call(ctx, k.method, k.path, k.body, &raw); err != nil {
					return fmt.Errorf("%s: %w", k.name, err)
				}
				took = append(took, time.Since(at))
				l.AnswerKB = float64(len(raw)) / 1024
				if k.right != nil && !k.right(raw) {
					l.Errors++
				}
			}
			figures(&l, took, time.Since(began), s.cpu()-cpu)
			l.RSSMB = s.rss()
			t.add(l)
		}
		l, err := sendAmong(ctx, s, users, names, o)
		l.Scenario = of + l.Scenario
		t.add(l)
		return err
	})
}

// sendAmong has the thirteen send into rooms that were there before, to show what history costs a sender.
func sendAmong(ctx context.Context, s *target, users []*user, rooms []string, o *options) (Line, error) {
	line := Line{Scenario: "send", Senders: len(users)}
	took := make([][]time.Duration, len(users))
	cpu, began := s.cpu(), time.Now()
	err := parallel(ctx, len(users), len(users), func(ctx context.Context, i int) error {
		for k := 0; time.Since(began) < o.d; k++ {
			t := time.Now()
			if _, err := users[i].send(ctx, rooms[(i*31+k)%len(rooms)], words); err != nil {
				return err
			}
			took[i] = append(took[i], time.Since(t))
		}
		return nil
	})
	var all []time.Duration
	for _, t := range took {
		all = append(all, t...)
	}
	figures(&line, all, time.Since(began), s.cpu()-cpu)
	line.RSSMB = s.rss()
	return line, err
}

// talk makes rooms that all the users are in, and what was said there.
func talk(ctx context.Context, a *app.App, users []*user, rooms, messages int) ([]string, error) {
	names := make([]string, rooms)
	var people []id.User
	for _, u := range users {
		people = append(people, id.User(u.id))
	}
	began := time.Now().Add(-24 * time.Hour)
	for k := range names {
		r, err := a.Rooms.Create(ctx, room.CreateSpec{Creator: people[0], Preset: "private_chat", Name: fmt.Sprintf("Room %d", k), Join: people[1:]})
		if err != nil {
			return nil, err
		}
		names[k] = string(r)
		for from := 0; from < messages; from += 500 {
			err := a.Rooms.Do(ctx, r, func(ctx context.Context, act *room.Act) error {
				for i := from; i < min(messages, from+500); i++ {
					at := began.Add(time.Duration(k*messages+i) * time.Millisecond)
					if _, err := act.SendAt(ctx, people[i%len(people)], "m.room.message", map[string]string{"msgtype": "m.text", "body": words}, at); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return names, nil
}
