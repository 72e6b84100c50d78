package push

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// happened is an event as a rule sees it; what a condition asks of the room is tried with a real one elsewhere.
func happened(typ, content string) *view {
	canonical, err := event.Canonical(nil, []byte(content))
	if err != nil {
		panic(err)
	}
	ev := &room.Event{Event: &event.Event{Type: typ, Sender: "@bob:hs1", Content: canonical}}
	return &view{ev: ev, feed: &room.Feed{ID: "!r"}, user: "@alice:hs1"}
}

func TestConditions(t *testing.T) {
	message := `{"body":"Lunch at the café, Max_1 said \"a.b\"","msgtype":"m.text","n":5,"deep":{"a.b":"x","null":null,"list":["a",1,true,[],"b"]},"m.mentions":{"user_ids":["@alice:hs1"],"room":true}}`
	for _, c := range []struct {
		name, condition string
		want            bool
	}{
		{"Whole", `{"kind":"event_match","key":"content.msgtype","pattern":"M.TEXT"}`, true},
		{"NotAPart", `{"kind":"event_match","key":"content.msgtype","pattern":"m.tex"}`, false},
		{"Star", `{"kind":"event_match","key":"content.msgtype","pattern":"m.*"}`, true},
		{"One", `{"kind":"event_match","key":"content.msgtype","pattern":"m?text"}`, true},
		{"Absent", `{"kind":"event_match","key":"content.none","pattern":"*"}`, false},
		{"NotText", `{"kind":"event_match","key":"content.n","pattern":"*"}`, false},
		{"BodyWord", `{"kind":"event_match","key":"content.body","pattern":"lunch"}`, true},
		{"BodyPartOfWord", `{"kind":"event_match","key":"content.body","pattern":"lunc"}`, false},
		{"BodyUnderscoreIsWord", `{"kind":"event_match","key":"content.body","pattern":"max"}`, false},
		{"BodySpans", `{"kind":"event_match","key":"content.body","pattern":"at*said"}`, true},
		{"BodyAccent", `{"kind":"event_match","key":"content.body","pattern":"CAFÉ"}`, true},
		{"Type", `{"kind":"event_match","key":"type","pattern":"m.room.*"}`, true},
		{"Sender", `{"kind":"event_match","key":"sender","pattern":"@bob:hs1"}`, true},
		{"NoStateKey", `{"kind":"event_match","key":"state_key","pattern":"*"}`, false},
		{"DottedName", `{"kind":"event_match","key":"content.deep.a\\.b","pattern":"x"}`, true},
		{"UndottedName", `{"kind":"event_match","key":"content.deep.a.b","pattern":"x"}`, false},
		{"Is", `{"kind":"event_property_is","key":"content.n","value":5}`, true},
		{"IsNoCast", `{"kind":"event_property_is","key":"content.n","value":"5"}`, false},
		{"IsNull", `{"kind":"event_property_is","key":"content.deep.null","value":null}`, true},
		{"IsAbsentNotNull", `{"kind":"event_property_is","key":"content.none","value":null}`, false},
		{"IsTrue", `{"kind":"event_property_is","key":"content.m\\.mentions.room","value":true}`, true},
		{"IsObject", `{"kind":"event_property_is","key":"content.deep","value":{}}`, false},
		{"IsWithoutValue", `{"kind":"event_property_is","key":"content.n"}`, false},
		{"Contains", `{"kind":"event_property_contains","key":"content.m\\.mentions.user_ids","value":"@alice:hs1"}`, true},
		{"ContainsNumber", `{"kind":"event_property_contains","key":"content.deep.list","value":1}`, true},
		{"ContainsAfterArray", `{"kind":"event_property_contains","key":"content.deep.list","value":"b"}`, true},
		{"ContainsNoArray", `{"kind":"event_property_contains","key":"content.body","value":"Lunch"}`, false},
		{"Count", `{"kind":"room_member_count","is":"0"}`, true},
		{"CountLess", `{"kind":"room_member_count","is":"<1"}`, true},
		{"CountMore", `{"kind":"room_member_count","is":">=1"}`, false},
		{"CountNonsense", `{"kind":"room_member_count","is":"=!2"}`, false},
		{"CountEmpty", `{"kind":"room_member_count","is":""}`, false},
		{"Unknown", `{"kind":"org.example.moon"}`, false},
		{"NoObject", `[]`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := parseCondition(json.RawMessage(c.condition))(happened("m.room.message", message)); got != c.want {
				t.Errorf("%s: got %v, want %v", c.condition, got, c.want)
			}
		})
	}
}

// expression is a pattern as a regular expression: slower, and plainly right.
func expression(pattern string, within bool) *regexp.Regexp {
	var b strings.Builder
	for _, c := range pattern {
		switch c {
		case '*':
			b.WriteString(`(?s:.*)`)
		case '?':
			b.WriteString(`(?s:.)`)
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	if within {
		return regexp.MustCompile(`(?:^|[^A-Za-z0-9_])` + b.String() + `(?:$|[^A-Za-z0-9_])`)
	}
	return regexp.MustCompile(`^` + b.String() + `$`)
}

func FuzzGlob(f *testing.F) {
	for _, c := range [][2]string{{"a*b", "xx a b"}, {"*", ""}, {"", "a"}, {"ex*ple", "An exciting triple-whammy"}, {"a?*c*", "abcabc"}, {"-b", "a-b"}, {"**a", "ba"}} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 200 || len(text) > 2000 {
			return
		}
		pattern, text = string(lower(pattern)), string(lower(text))
		g := parseGlob(pattern)
		if got, want := g.whole(lower(text)), expression(pattern, false).MatchString(text); got != want {
			t.Errorf("%q as the whole of %q: got %v, want %v", pattern, text, got, want)
		}
		if got, want := g.within(lower(text)), expression(pattern, true).MatchString(text); got != want {
			t.Errorf("%q within %q: got %v, want %v", pattern, text, got, want)
		}
	})
}

func FuzzRule(f *testing.F) {
	f.Add(`{"kind":"event_match","key":"content.body","pattern":"a*"}`, `{"body":"a"}`)
	f.Add(`{"kind":"event_property_contains","key":"content.\\..a","value":-1}`, `{".":{"a":[-1]}}`)
	f.Add(`{"kind":"room_member_count","is":"<=2"}`, `{}`)
	f.Fuzz(func(t *testing.T, condition, content string) {
		canonical, err := event.Canonical(nil, []byte(content))
		if err != nil || !event.IsObject(canonical) {
			return
		}
		parseCondition(json.RawMessage(condition))(happened("m.room.message", content)) // must come back, whatever it says
	})
}

func ruleNames(list []Rule) string {
	var names []string
	for _, r := range list {
		if !r.Default {
			names = append(names, r.ID)
		}
	}
	return strings.Join(names, " ")
}

func TestRuleset_PutsRulesInOrder(t *testing.T) {
	set := Defaults("@alice:hs1")
	put := func(name, before, after string) {
		t.Helper()
		if err := set.Put(Change{Kind: "override", ID: name, Before: before, After: after, Actions: []json.RawMessage{}}); err != nil {
			t.Fatal(err)
		}
	}
	put("a", "", "")
	put("b", "", "")
	put("c", "", "b")
	put("d", "a", "")
	put("e", "c", "a")
	if got, want := ruleNames(set.Override), "b e c d a"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	put("a", "b", "")
	put("c", "", "")
	if got, want := ruleNames(set.Override), "a b e c d"; got != want {
		t.Errorf("after moving: got %q, want %q", got, want)
	}
	if set.Override[0].ID != ".m.rule.master" {
		t.Errorf("the first is %s; the master rule stands above all", set.Override[0].ID)
	}
	if err := set.Put(Change{Kind: "override", ID: "x", After: ".m.rule.reaction", Actions: []json.RawMessage{}}); err == nil {
		t.Error("a rule was put after one of the server's own")
	}
	raw, err := content(set)
	if err != nil {
		t.Fatal(err)
	}
	var stored struct{ Global Ruleset }
	if err := json.Unmarshal(raw, &stored); err != nil {
		t.Fatal(err)
	}
	if again, err := content(merge(id.User("@alice:hs1"), &stored.Global)); err != nil || string(again) != string(raw) {
		t.Errorf("kept and read again: %v\n%s\nwant\n%s", err, again, raw)
	}
}
