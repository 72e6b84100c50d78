package directory

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"Asha Patel", "asha patel"}, {"O'Brien", "obrien"}, {"O’Brien", "obrien"}, {"Siân Llŷr", "sian llyr"}, {"VAN DER BERG, Wilhelmina", "van der berg wilhelmina"},
		{"Jose\u0301 Núñez-Øster", "jose nunez oster"}, {"  B4 ", "b4"}, {"Łukasz Straße", "lukasz strasse"}, {"", ""}, {"李 明", "李 明"},
	} {
		if got := strings.Join(Fold(tt.in), " "); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestScore_Order(t *testing.T) {
	entries := []struct{ name, detail string }{
		{"Medical registrar on call", "Medicine SpR med reg"}, {"Surgical registrar on call", "Surgery SpR"}, {"Asha Patel", "Staff nurse, Ward 7"},
		{"Ash Allen", "Porter"}, {"Patrick Shaw", "FY1, Ward 3"}, {"Ward 7 nurse in charge", "Medicine NIC"}, {"Stroke registrar", "Stroke SpR"},
	}
	for _, tt := range []struct{ q, want string }{
		{"asha", "Asha Patel"}, {"ash", "Ash Allen,Asha Patel"}, {"ASHA pat", "Asha Patel"}, {"patel asha", "Asha Patel"}, {"ap", "Asha Patel"},
		{"med reg", "Medical registrar on call"}, {"spr", "Stroke registrar,Medical registrar on call,Surgical registrar on call"},
		{"ward 7", "Ward 7 nurse in charge,Asha Patel"}, {"stroke", "Stroke registrar"}, {"zzz", ""}, {"asha zzz", ""},
	} {
		q := NewQuery(tt.q)
		type hit struct {
			name  string
			score int
		}
		var hits []hit
		for _, e := range entries {
			if s := q.Score(NewText(e.name, e.detail)); s > 0 {
				hits = append(hits, hit{e.name, s})
			}
		}
		slices.SortStableFunc(hits, func(a, b hit) int { return b.score - a.score })
		var names []string
		for _, h := range hits {
			names = append(names, h.name)
		}
		if got := strings.Join(names, ","); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.q, got, tt.want)
		}
	}
}

// TestScore_Prefix: whoever types the beginnings of the words of a name, in any order and case, finds the name.
func TestScore_Prefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[A-Za-zéøŵ]{1,8}`), 1, 4).Draw(t, "name")
		var typed []string
		for _, w := range rapid.Permutation(words).Draw(t, "order") {
			r := []rune(w)
			typed = append(typed, strings.ToUpper(string(r[:rapid.IntRange(1, len(r)).Draw(t, "cut")])))
		}
		if NewQuery(strings.Join(typed, " ")).Score(NewText(strings.Join(words, " "))) == 0 {
			t.Fatalf("%v does not find %v", typed, words)
		}
	})
}
