package push

import "unicode"

// glob is a pattern in lower case, in which star stands for any text and one for any character.
// spec: appendices#glob-style-matching
type glob []rune

// Signs outside of Unicode, so that a text which holds * can be looked for as it is.
const (
	star = rune(-1)
	one  = rune(-2)
)

func lower(s string) []rune {
	r := []rune(s)
	for i := range r {
		r[i] = unicode.ToLower(r[i])
	}
	return r
}

func literal(s string) glob { return lower(s) }

func parseGlob(s string) glob {
	var g glob
	for _, c := range lower(s) {
		switch c {
		case '*':
			if len(g) > 0 && g[len(g)-1] == star {
				continue
			}
			c = star
		case '?':
			c = one
		}
		g = append(g, c)
	}
	return g
}

// match tries the pattern on text from place at, and says where it may end with ends. It goes back only to the newest star, so its
// cost is at most the product of both lengths.
func (g glob) match(text []rune, at int, ends func(int) bool) bool {
	p, i := 0, at
	starP, starI := -1, 0
	for {
		switch {
		case p == len(g) && ends(i):
			return true
		case p < len(g) && g[p] == star:
			starP, starI = p, i
			p++
			continue
		case p < len(g) && i < len(text) && (g[p] == one || g[p] == text[i]):
			p++
			i++
			continue
		}
		if starP < 0 || starI >= len(text) {
			return false
		}
		starI++
		p, i = starP+1, starI
	}
}

// whole says whether the pattern is the whole text.
func (g glob) whole(text []rune) bool {
	return g.match(text, 0, func(i int) bool { return i == len(text) })
}

// within says whether the pattern is a part of the text that begins and ends at the border of a word.
// spec: client-server-api#conditions-1
func (g glob) within(text []rune) bool {
	begins := func(i int) bool { return i == 0 || !wordly(text[i-1]) }
	ends := func(i int) bool { return i == len(text) || !wordly(text[i]) }
	lead := len(g) // what stands before the first star
	for i, c := range g {
		if c == star {
			lead = i
			break
		}
	}
	for at := 0; at <= len(text); at++ {
		if !begins(at) || !g[:lead].match(text, at, func(i int) bool { return true }) {
			continue
		}
		if g.match(text, at, ends) {
			return true
		}
		if lead < len(g) {
			return false // the rest was looked for in all that follows; a later beginning finds no more
		}
	}
	return false
}

func wordly(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}
