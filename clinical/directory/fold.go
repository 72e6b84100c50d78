package directory

import "strings"

// plain maps letters with marks, as they occur in names here, to what a keyboard without them would type.
var plain = foldTable(map[string]string{
	"a": "àáâãäåāăą", "ae": "æ", "c": "çćĉċč", "d": "ďđð", "e": "èéêëēĕėęě", "g": "ĝğġģ", "h": "ĥħ", "i": "ìíîïĩīĭįı", "j": "ĵ",
	"k": "ķ", "l": "ĺļľŀł", "n": "ñńņňŉ", "o": "òóôõöøōŏő", "oe": "œ", "r": "ŕŗř", "s": "śŝşšș", "ss": "ß", "t": "ţťŧț", "th": "þ",
	"u": "ùúûüũūŭůűų", "w": "ŵẁẃẅ", "y": "ýÿŷỳ", "z": "źżž",
})

func foldTable(m map[string]string) map[rune]string {
	table := map[rune]string{}
	for to, from := range m {
		for _, r := range from {
			table[r] = to
		}
	}
	return table
}

// Fold cuts text into lower-case words without accents. Apostrophes vanish (O'Brien is obrien); every other sign separates words,
// and so does the border between letters and digits only where the text has a space ("B4" stays one word).
func Fold(text string) []string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			b.WriteRune(r)
		case r == '\'' || r == '’':
		case 0x300 <= r && r <= 0x36f: // combining marks of decomposed text
		default:
			if s, ok := plain[r]; ok {
				b.WriteString(s)
			} else if r > 0x17f && !isPunctuation(r) {
				b.WriteRune(r) // another script: kept as it is
			} else {
				b.WriteByte(' ')
			}
		}
	}
	return strings.Fields(b.String())
}

func isPunctuation(r rune) bool { return 0x2000 <= r && r <= 0x206f || r == 0x3000 }
