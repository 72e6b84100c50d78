package reach

import (
	"strings"

	"wardline/clinical/paging"
)

// text is what leaves the trust of a page: how urgent it is, for which post, and an extension to ring. It says neither who nor what it is
// about, because it passes through companies and lies on locked screens.
func text(p paging.Snapshot, w Way, public string) string {
	var b strings.Builder
	if p.Urgency == paging.Emergency {
		b.WriteString("EMERGENCY page")
	} else {
		b.WriteString("Urgent page")
	}
	b.WriteString(" for " + p.Post.Name)
	if p.Current.Post.ID != p.Post.ID {
		b.WriteString(", passed to " + p.Current.Post.Name)
	}
	b.WriteByte('.')
	if n := extension(p.Callback); n != "" {
		b.WriteString(" Ring " + n + ".")
	}
	switch {
	case w == Pager:
	case w == Voice || public == "":
		b.WriteString(" Open Wardline to answer.")
	default:
		b.WriteString(" Answer: " + strings.TrimSuffix(public, "/") + "/#/pages/" + string(p.ID))
	}
	return b.String()
}

// extension takes a number inside the house out of what the sender wrote: 3 to 8 digits and nothing longer, which could be a patient's.
func extension(callback string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, callback)
	if len(digits) < 3 || len(digits) > 8 {
		return ""
	}
	return digits
}
