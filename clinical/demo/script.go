package demo

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

//go:embed dialogue.txt
var dialogue string

// say is one message of the past.
type say struct {
	who    string // login
	text   string
	at     time.Time
	answer bool   // answers the one before it
	liked  string // who reacts, "" for nobody
	with   string // and how
	photo  string // name of a picture that the text goes with
	decide string // login of whoever marks it as a decision, "" for nobody
	page   bool   // it is a page to the medical registrar, seen after a minute and accepted a little later
}

// voices says who speaks for each letter of the script; they take turns.
var voices = map[string][]string{
	"N": {"asha", "daniel", "eilidh"}, "M": {"daniel", "eilidh", "asha"}, "I": {"priya", "asha"}, "D": {"tom"}, "S": {"grace"}, "R": {"liam", "hana"},
	"C": {"ruth"}, "P": {"yusuf"}, "T": {"kate"}, "H": {"marek"}, "K": {"bronwen"},
}

var beds = []string{"2", "3", "4", "6", "7", "9A", "9B", "11", "12", "C1", "C2", "C4", "D1", "D3"}

var reactions = []string{"👍", "🙏", "✅", "❤️"}

type line struct {
	who, text string
}

// exchanges cuts the script into blocks.
func exchanges(text string) [][]line {
	var all [][]line
	var block []line
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		switch {
		case strings.HasPrefix(l, "#"):
		case l == "":
			if len(block) > 0 {
				all = append(all, block)
				block = nil
			}
		default:
			who, words, ok := strings.Cut(l, ": ")
			if !ok {
				who, words = strings.TrimSuffix(l, ":"), ""
			}
			block = append(block, line{who, words})
		}
	}
	if len(block) > 0 {
		all = append(all, block)
	}
	return all
}

// wardTalk returns at least n messages of Ward 7, oldest first, the last a few minutes before now. The same now gives the same talk.
func wardTalk(now time.Time, n int) []say {
	r := rand.New(rand.NewPCG(7, 1867))
	blocks := exchanges(dialogue)
	var talk [][]say
	total := 0
	for round := 0; total < n; round++ {
		for _, i := range r.Perm(len(blocks)) {
			if spoken := speak(r, blocks[i], round); len(spoken) > 0 && total < n {
				talk = append(talk, spoken)
				total += len(spoken)
			}
		}
	}
	at := now.Add(-4 * time.Minute)
	for i := len(talk) - 1; i >= 0; i-- {
		for j := len(talk[i]) - 1; j >= 0; j-- {
			talk[i][j].at = at
			at = at.Add(-time.Duration(30+r.IntN(240)) * time.Second)
		}
		pause := time.Duration(6+r.IntN(50)) * time.Minute
		if h := at.Hour(); h < 6 || h >= 23 {
			pause += time.Duration(40+r.IntN(60)) * time.Minute // nights are quieter
		}
		at = at.Add(-pause)
	}
	var all []say
	for _, t := range talk {
		all = append(all, t...)
	}
	return all
}

// speak gives the lines of an exchange to people and fills in the beds. Each round uses the next variant of a line.
func speak(r *rand.Rand, block []line, round int) []say {
	bed, bed2 := beds[r.IntN(len(beds))], beds[r.IntN(len(beds))]
	shift := r.IntN(6)
	fill := strings.NewReplacer("{bed}", bed, "{bed2}", bed2)
	var out []say
	for _, l := range block {
		variants := strings.Split(l.text, "|")
		answer := strings.HasPrefix(variants[0], "^")
		text := strings.TrimPrefix(variants[round%len(variants)], "^")
		liked := strings.HasSuffix(text, "(+)")
		text = strings.TrimSpace(fill.Replace(strings.TrimSuffix(text, "(+)")))
		if text == "" {
			continue
		}
		who := voices[l.who]
		s := say{who: who[shift%len(who)], text: text, answer: answer && len(out) > 0}
		if liked && len(out) > 0 {
			s.liked, s.with = out[0].who, reactions[r.IntN(len(reactions))]
		}
		out = append(out, s)
	}
	return out
}

// ago is a line of a short conversation written by hand.
func ago(now time.Time, minutes int, who, format string, args ...any) say {
	return say{who: who, text: fmt.Sprintf(format, args...), at: now.Add(-time.Duration(minutes) * time.Minute)}
}
