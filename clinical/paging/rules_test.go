package paging

import (
	"testing"
	"time"

	"wardline/clinical/directory"
	"wardline/ground/fault"
)

func TestRules_Check(t *testing.T) {
	first := Stage{Posts: []directory.PostID{"spr"}}
	hours := &Hours{From: "08:00", Until: "18:00", Days: []time.Weekday{1}}
	many := Stage{}
	for range maxPosts + 1 {
		many.Posts = append(many.Posts, "x")
	}
	for name, try := range map[string]struct {
		post directory.PostID
		u    Urgency
		r    Rules
		ok   bool
	}{
		"OK nothing":                 {"spr", Urgent, Rules{}, true},
		"OK steps and hours":         {"spr", Urgent, Rules{Stages: []Stage{first, {Posts: []directory.PostID{"sho"}, When: In, Seconds: 600}}, Hours: hours, Quorum: 2}, true},
		"OK until midnight":          {"spr", Urgent, Rules{Hours: &Hours{From: "08:00", Until: "24:00", Days: []time.Weekday{0}}}, true},
		"OK an hour":                 {"spr", Urgent, Rules{Seconds: 3600}, true},
		"Err an hour of emergency":   {"spr", Emergency, Rules{Seconds: 3600}, false},
		"Err a storm":                {"spr", Urgent, Rules{Seconds: 1}, false},
		"Err a storm in a step":      {"spr", Urgent, Rules{Stages: []Stage{{Posts: first.Posts, Seconds: 3}}}, false},
		"Err less than nothing":      {"spr", Urgent, Rules{Seconds: -5}, false},
		"Err quorum":                 {"spr", Urgent, Rules{Quorum: 7}, false},
		"Err first step elsewhere":   {"spr", Urgent, Rules{Stages: []Stage{{Posts: []directory.PostID{"sho"}}}}, false},
		"Err first step at times":    {"spr", Urgent, Rules{Stages: []Stage{{Posts: first.Posts, When: In}}, Hours: hours}, false},
		"Err hours that nobody said": {"spr", Urgent, Rules{Stages: []Stage{first, {Posts: first.Posts, When: Out}}}, false},
		"Err an empty step":          {"spr", Urgent, Rules{Stages: []Stage{first, {}}}, false},
		"Err too many posts":         {"spr", Urgent, Rules{Stages: []Stage{first, many}}, false},
		"Err too many steps":         {"spr", Urgent, Rules{Stages: []Stage{first, first, first, first, first, first, first, first, first}}, false},
		"Err steps for every post":   {anyPost, Urgent, Rules{Stages: []Stage{first}}, false},
		"Err when":                   {"spr", Urgent, Rules{Stages: []Stage{first, {Posts: first.Posts, When: "tuesdays"}}, Hours: hours}, false},
		"Err hours backwards":        {"spr", Urgent, Rules{Hours: &Hours{From: "18:00", Until: "08:00", Days: []time.Weekday{1}}}, false},
		"Err hours unreadable":       {"spr", Urgent, Rules{Hours: &Hours{From: "8", Until: "18:00", Days: []time.Weekday{1}}}, false},
		"Err no day":                 {"spr", Urgent, Rules{Hours: &Hours{From: "08:00", Until: "18:00"}}, false},
		"Err an eighth day":          {"spr", Urgent, Rules{Hours: &Hours{From: "08:00", Until: "18:00", Days: []time.Weekday{7}}}, false},
	} {
		if err := try.r.check(try.post, try.u); (err == nil) != try.ok || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
