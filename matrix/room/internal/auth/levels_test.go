package auth

import (
	"strings"
	"testing"
)

// A change of power levels, by whom, from the given levels.
func TestCheck_PowerLevels(t *testing.T) {
	all, ints, text := "6 7 8 9 10 11 12", "10 11 12", "6 7 8 9"
	old := `{"users":{"@mod:a":50,"@m2:a":50,"@joe:a":10},"events":{"a":50,"b":60},"notifications":{"n":60},"state_default":10,"kick":60}`
	rows := []struct{ versions, sender, old, new, want string }{
		{all, mod, old, old, "ok"},
		{all, joe, old, old, "ok"},
		{all, mod, old, strings.Replace(old, `"@joe:a":10`, `"@joe:a":50`, 1), "ok"},
		{all, mod, old, strings.Replace(old, `"@joe:a":10`, `"@joe:a":51`, 1), "10.10.1"},
		{all, mod, old, strings.Replace(old, `,"@joe:a":10`, ``, 1), "ok"},
		{all, mod, old, strings.Replace(old, `"@m2:a":50`, `"@m2:a":49`, 1), "10.9.1"},
		{all, mod, old, strings.Replace(old, `"@m2:a":50,`, ``, 1), "10.9.1"},
		{all, mod, old, strings.Replace(old, `"@mod:a":50`, `"@mod:a":49`, 1), "ok"},
		{all, mod, old, strings.Replace(old, `"@mod:a":50,`, ``, 1), "ok"},
		{all, mod, old, strings.Replace(old, `"@mod:a":50`, `"@mod:a":51`, 1), "10.10.1"},
		{all, mod, old, strings.Replace(old, `"a":50`, `"a":0`, 1), "ok"},
		{all, mod, old, strings.Replace(old, `"a":50`, `"a":51`, 1), "10.8.1"},
		{all, mod, old, strings.Replace(old, `"a":50`, `"c":51`, 1), "10.8.1"},
		{all, mod, old, strings.Replace(old, `"b":60`, `"b":50`, 1), "10.7.1"},
		{all, mod, old, strings.Replace(old, `,"b":60`, ``, 1), "10.7.1"},
		{all, mod, old, strings.Replace(old, `"n":60`, `"n":0`, 1), "10.7.1"},
		{all, mod, old, strings.Replace(old, `"n":60`, `"n":60,"m":61`, 1), "10.8.1"},
		{all, mod, old, strings.Replace(old, `"kick":60`, `"kick":50`, 1), "10.6.1"},
		{all, mod, old, strings.Replace(old, `,"kick":60`, ``, 1), "10.6.1"},
		{all, mod, old, strings.Replace(old, `"state_default":10`, `"state_default":51`, 1), "10.6.2"},
		{all, mod, old, strings.Replace(old, `{"users"`, `{"ban":50,"users"`, 1), "ok"},
		{all, mod, old, strings.Replace(old, `{"users"`, `{"ban":51,"users"`, 1), "10.6.2"},
		{all, mod, old, `{}`, "10.6.1"},
		{all, mod, `{"state_default":0}`, `{}`, "ok"},
		{all, mod, old, strings.Replace(old, `"@joe:a"`, `"joe"`, 1), "10.3"},
		{all, mod, old, strings.Replace(old, `"@joe:a":10`, `"@joe:a":null`, 1), "10.3"},
		{all, mod, old, `{"users":[]}`, "10.3"},
		{ints, mod, old, strings.Replace(old, `"@joe:a":10`, `"@joe:a":"10"`, 1), "10.3"},
		{ints, mod, old, strings.Replace(old, `"a":50`, `"a":"50"`, 1), "10.2"},
		{ints, mod, old, `{"events":[]}`, "10.2"},
		{ints, mod, old, `{"notifications":{"n":null}}`, "10.2"},
		{ints, mod, old, strings.Replace(old, `"kick":60`, `"kick":"60"`, 1), "10.1"},
		{text, mod, old, strings.Replace(old, `"@joe:a":10`, `"@joe:a":" 10 "`, 1), "ok"},
		{text, mod, old, strings.Replace(old, `"@joe:a":10`, `"@joe:a":"ten"`, 1), "10.3"},
		{text, mod, old, strings.Replace(old, `"@joe:a":10`, `"@joe:a":"51"`, 1), "10.10.1"},
		{text, mod, old, strings.Replace(old, `"kick":60`, `"kick":"60"`, 1), "ok"},
		{text, boss, ``, `{"users":{"@boss:a":"100"}}`, "ok"},
		{all, boss, ``, `{"users":{"@joe:a":100}}`, "ok"},
		{all, joe, ``, `{}`, "8"},
		{"12", boss, old, `{"users":{"@boss:a":100}}`, "10.4"},
		{"12", boss, old, `{"users":{"@joe:a":9007199254740991}}`, "ok"},
	}
	for _, row := range rows {
		for version := range strings.FieldsSeq(row.versions) {
			t.Run(version+"/"+row.sender+"/"+row.new, func(t *testing.T) {
				r := newRoom(t, version, "").with(is(boss, "join"), is(mod, "join"), is(joe, "join"))
				if row.old != "" {
					r.with(boss + " m.room.power_levels '' " + row.old)
				}
				if got := verdict(t, r, r.line(row.sender+" m.room.power_levels '' "+row.new)); got != row.want {
					t.Errorf("room version %s, %s changes %s to %s: got %s, want %s", version, row.sender, row.old, row.new, got, row.want)
				}
			})
		}
	}
}

// Creators of version 12 stand above all levels, and all of them are equal.
func TestCheck_Creators(t *testing.T) {
	const two = `,"additional_creators":["@two:a"]`
	top := boss + ` m.room.power_levels '' {"users":{"@joe:a":9007199254740991},"state_default":9007199254740991,"ban":0,"kick":0}`
	rows := []struct{ event, want string }{
		{"@two:a x '' {}", "ok"},
		{joe + ` m.room.member @two:a {"membership":"leave"}`, "5.5.5"},
		{joe + ` m.room.member @boss:a {"membership":"ban"}`, "5.6.3"},
		{`@two:a m.room.member @boss:a {"membership":"ban"}`, "5.6.3"},
		{boss + ` m.room.member @two:a {"membership":"leave"}`, "5.5.5"},
		{`@two:a m.room.member @joe:a {"membership":"ban"}`, "ok"},
		{`@two:a m.room.power_levels '' {"users":{"@joe:a":0}}`, "ok"},
		{`@two:a m.room.power_levels '' {"users":{"@two:a":0}}`, "10.4"},
		{joe + ` m.room.power_levels '' {"users":{"@two:a":0}}`, "10.4"},
	}
	r := newRoom(t, "12", two).with(is(boss, "join"), is("@two:a", "join"), is(joe, "join"), top)
	for _, row := range rows {
		if got := verdict(t, r, r.line(row.event)); got != row.want {
			t.Errorf("%s: got %s, want %s", row.event, got, row.want)
		}
	}
	if got := Power(r.v, r, "@two:a"); got != Infinite {
		t.Errorf("Power of an additional creator: got %d", got)
	}
	old := newRoom(t, "11", two).with(is(boss, "join"), is("@two:a", "join"))
	if got := Power(old.v, old, "@two:a"); got != 0 {
		t.Errorf("Power of an additional creator in version 11: got %d", got)
	}
	if got := Power(old.v, old, boss); got != 100 {
		t.Errorf("Power of the creator without levels: got %d", got)
	}
	old.with(boss + ` m.room.power_levels '' {"users_default":7}`)
	if got := Power(old.v, old, boss); got != 7 {
		t.Errorf("Power of a creator whom the levels do not name: got %d", got)
	}
}
