package search

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Limits of what is looked at in a text. A longer word is nobody's.
const (
	maxWord  = 60 // bytes
	maxWords = 4000
)

// Words cuts a text into the words by which it is found: in lower case, without the marks on letters, the same on both engines.
// Scripts that put no spaces between words are cut into their signs.
func Words(text string) []string {
	var all []string
	var b strings.Builder
	end := func() {
		if b.Len() > 0 && b.Len() <= maxWord {
			all = append(all, b.String())
		}
		b.Reset()
	}
	for _, r := range norm.NFKD.String(text) {
		switch {
		case len(all) >= maxWords:
			return all
		case unicode.Is(unicode.M, r):
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer):
			end()
			b.WriteRune(r)
			end()
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			b.WriteRune(unicode.ToLower(r))
		default:
			end()
		}
	}
	end()
	return all
}

// Rank says how well a text answers the wanted words, all of which it has: the more often they come, and the less there is beside
// them, the better. It lies between 0 and 1.
func Rank(wanted []string, text string) float64 {
	words := Words(text)
	if len(words) == 0 || len(wanted) == 0 {
		return 0
	}
	sum := 0.0
	for _, w := range wanted {
		n := 0.0
		for _, have := range words {
			if have == w {
				n++
			}
		}
		// A word that comes twice says more than one that comes once, but not twice as much, and less so in a long text.
		sum += n / (n + 0.5 + float64(len(words))/40)
	}
	return sum / float64(len(wanted))
}

// distinct returns the words once each, at most n.
func distinct(words []string, n int) []string {
	words = slices.Clone(words)
	slices.Sort(words)
	words = slices.Compact(words)
	return words[:min(len(words), n)]
}
