package directory

import (
	"slices"
	"strings"
)

// index finds entries by the beginning of their words. It is built once and then only read.
type index struct {
	entries []entry
	at      map[string][]int32 // word → entries, in order, while it is built and after
	words   []string           // sorted
}

func (ix *index) add(e entry) {
	if ix.at == nil {
		ix.at = map[string][]int32{}
	}
	n := int32(len(ix.entries))
	ix.entries = append(ix.entries, e)
	put := func(w string) {
		if list := ix.at[w]; len(list) == 0 || list[len(list)-1] != n {
			ix.at[w] = append(list, n)
		}
	}
	for _, w := range e.text.name {
		put(w)
	}
	for _, w := range e.text.detail {
		put(w)
	}
	if len(e.text.initials) > 1 {
		put(e.text.initials)
	}
}

func (ix *index) sort() {
	ix.words = make([]string, 0, len(ix.at))
	for w := range ix.at {
		ix.words = append(ix.words, w)
	}
	slices.Sort(ix.words)
}

// like returns the entries that have a word beginning with each word of the query, in order. It may return some that Score refuses.
func (ix *index) like(q Query) []int32 {
	var all []int32
	for n, w := range q.words {
		var found []int32
		i, _ := slices.BinarySearch(ix.words, w)
		for ; i < len(ix.words) && strings.HasPrefix(ix.words[i], w); i++ {
			found = append(found, ix.at[ix.words[i]]...)
		}
		slices.Sort(found)
		found = slices.Compact(found)
		if n == 0 {
			all = found
		} else {
			all = intersect(all, found)
		}
		if len(all) == 0 {
			return nil
		}
	}
	return all
}

func intersect(a, b []int32) []int32 {
	out := a[:0:0]
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			out = append(out, a[i])
			i++
			j++
		}
	}
	return out
}

// slips returns the entries that have a word like each word of the query but for one slip (two in a long word), with what they score.
func (ix *index) slips(q Query) map[int32]int {
	var all map[int32]int
	for n, w := range q.words {
		found := map[int32]int{}
		for _, word := range ix.words {
			score := 0
			if strings.HasPrefix(word, w) {
				score = 30
			} else if d := slip(w, word); d > 0 {
				score = 20 - 5*d
			}
			if score == 0 {
				continue
			}
			for _, e := range ix.at[word] {
				if slices.Contains(ix.entries[e].text.name, word) {
					found[e] = max(found[e], 2*score)
				} else {
					found[e] = max(found[e], score)
				}
			}
		}
		if n == 0 {
			all = found
			continue
		}
		for e, s := range all {
			if more, ok := found[e]; ok {
				all[e] = s + more
			} else {
				delete(all, e)
			}
		}
	}
	for e := range all {
		all[e] = all[e]*100 - min(len(ix.entries[e].text.whole), 90)
	}
	return all
}

// slip returns how many slips of the finger lie between what was typed and the beginning of a word: a letter too few, too many, another or
// two changed about. Words under four letters allow none, under eight one, longer ones two. 0 is more than that, or none at all.
func slip(typed, word string) int {
	allowed := 0
	switch n := len(typed); {
	case n >= 8:
		allowed = 2
	case n >= 4:
		allowed = 1
	}
	if allowed == 0 || len(word) < len(typed)-allowed {
		return 0
	}
	if len(word) > len(typed)+allowed {
		word = word[:len(typed)+allowed]
	}
	const most = 24
	if len(typed) > most {
		return 0
	}
	var rows [3][most + 8]int
	before, last, now := &rows[0], &rows[1], &rows[2]
	for j := 0; j <= len(word); j++ {
		last[j] = j
	}
	for i := 1; i <= len(typed); i++ {
		now[0] = i
		least := i
		for j := 1; j <= len(word); j++ {
			cost := 1
			if typed[i-1] == word[j-1] {
				cost = 0
			}
			d := min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && typed[i-1] == word[j-2] && typed[i-2] == word[j-1] {
				d = min(d, before[j-2]+1)
			}
			now[j] = d
			least = min(least, d)
		}
		if least > allowed {
			return 0
		}
		before, last, now = last, now, before
	}
	best := allowed + 1
	for j := max(len(typed)-allowed, 0); j <= len(word); j++ {
		best = min(best, last[j])
	}
	if best > allowed {
		return 0
	}
	return best
}
