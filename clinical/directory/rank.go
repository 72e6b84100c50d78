package directory

import "strings"

// Text is what a search looks at in one entry, folded once.
type Text struct {
	whole    string   // the name in one piece
	name     []string // words of the name
	detail   []string // words of everything else
	initials string
}

// NewText folds a name and the details beside it.
func NewText(name string, details ...string) Text {
	t := Text{name: Fold(name)}
	t.whole = strings.Join(t.name, " ")
	for _, w := range t.name {
		t.initials += string([]rune(w)[:1])
	}
	for _, d := range details {
		t.detail = append(t.detail, Fold(d)...)
	}
	return t
}

// Query is a folded search text.
type Query struct {
	whole string
	words []string
}

// NewQuery folds what somebody typed. More than eight words are ignored.
func NewQuery(q string) Query {
	words := Fold(q)
	words = words[:min(len(words), 8)]
	return Query{whole: strings.Join(words, " "), words: words}
}

// Empty says whether there is nothing to search for.
func (q Query) Empty() bool { return len(q.words) == 0 }

// Score says how well an entry answers the query: 0 is not at all, more is better. Every word of the query must be the beginning
// of a word of the entry, or its initials; a match in the name counts more than one in the details, a whole word more than a half.
func (q Query) Score(t Text) int {
	if q.Empty() {
		return 1
	}
	total := 0
	for _, w := range q.words {
		s := q.word(w, t)
		if s == 0 {
			return 0
		}
		total += s
	}
	switch {
	case t.whole == q.whole:
		total += 1000
	case strings.HasPrefix(t.whole, q.whole):
		total += 500
	}
	return total*100 - min(len(t.whole), 90) // among equals the shorter name
}

func (q Query) word(w string, t Text) int {
	best := 0
	for i, n := range t.name {
		switch {
		case n == w:
			best = max(best, 100)
		case strings.HasPrefix(n, w) && i == 0:
			best = max(best, 80)
		case strings.HasPrefix(n, w):
			best = max(best, 70)
		}
	}
	if len(w) > 1 && len(q.words) == 1 && strings.HasPrefix(t.initials, w) {
		best = max(best, 50)
	}
	for _, d := range t.detail {
		switch {
		case d == w:
			best = max(best, 30)
		case strings.HasPrefix(d, w):
			best = max(best, 20)
		}
	}
	return best
}
