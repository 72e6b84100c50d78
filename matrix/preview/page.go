package preview

import (
	"html"
	"strings"
	"unicode/utf8"
)

// Limits of what is kept of a page.
const (
	maxNames = 40
	maxValue = 1000 // bytes
	maxTags  = 5000
)

// readPage reads what a page says of itself: its OpenGraph properties, and its title and description where those do not say so. It
// never fails: what cannot be read is not there.
func readPage(body []byte, charset string) map[string]string {
	text := string(body)
	if !utf8.ValidString(text) {
		text = latin(body, charset)
	}
	p := page{text: text, found: map[string]string{}}
	p.read()
	for to, from := range map[string]string{"og:title": "title", "og:description": "description"} {
		if p.found[to] == "" && p.found[from] != "" {
			p.found[to] = p.found[from]
		}
	}
	delete(p.found, "title")
	delete(p.found, "description")
	return p.found
}

// latin reads bytes that are no UTF-8 as the older encoding of western Europe; other encodings lose the letters that differ.
func latin(body []byte, charset string) string {
	if c := strings.ToLower(charset); c == "utf-8" || c == "utf8" {
		return strings.ToValidUTF8(string(body), "\uFFFD")
	}
	out := make([]rune, len(body))
	for i, b := range body {
		out[i] = rune(b)
	}
	return string(out)
}

type page struct {
	text  string
	i     int
	found map[string]string
}

// read goes through the tags until the body begins.
func (p *page) read() {
	for range maxTags {
		at := strings.IndexByte(p.text[p.i:], '<')
		if at < 0 {
			return
		}
		p.i += at + 1
		if strings.HasPrefix(p.text[p.i:], "!--") {
			if !p.past("-->") {
				return
			}
			continue
		}
		switch name := strings.ToLower(p.name()); name {
		case "body":
			return
		case "script", "style", "noscript", "template":
			if !p.past("</" + name) {
				return
			}
		case "title":
			p.attributes()
			end := strings.IndexByte(p.text[p.i:], '<')
			if end < 0 {
				return
			}
			p.keep("title", p.text[p.i:p.i+end])
			p.i += end
		case "meta":
			a := p.attributes()
			name := strings.ToLower(a["property"])
			if name == "" {
				name = strings.ToLower(a["name"])
			}
			if strings.HasPrefix(name, "og:") || name == "description" {
				p.keep(name, a["content"])
			}
		}
	}
}

// past moves behind the next occurrence of s, in either case.
func (p *page) past(s string) bool {
	at := indexFold(p.text[p.i:], s)
	if at < 0 {
		return false
	}
	p.i += at + len(s)
	return true
}

// indexFold is strings.Index for ASCII in either case.
func indexFold(text, s string) int {
	for i := 0; i+len(s) <= len(text); i++ {
		if strings.EqualFold(text[i:i+len(s)], s) {
			return i
		}
	}
	return -1
}

func (p *page) name() string {
	from := p.i
	for p.i < len(p.text) && (p.text[p.i] >= 'a' && p.text[p.i] <= 'z' || p.text[p.i] >= 'A' && p.text[p.i] <= 'Z' || p.text[p.i] >= '0' && p.text[p.i] <= '9') {
		p.i++
	}
	return p.text[from:p.i]
}

// attributes reads a tag to its end.
func (p *page) attributes() map[string]string {
	all := map[string]string{}
	for p.i < len(p.text) {
		switch c := p.text[p.i]; {
		case c == '>':
			p.i++
			return all
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '/' || c == '=':
			p.i++
			continue
		}
		from := p.i
		for p.i < len(p.text) && !strings.ContainsRune(" \t\r\n=>/", rune(p.text[p.i])) {
			p.i++
		}
		name := strings.ToLower(p.text[from:p.i])
		for p.i < len(p.text) && strings.ContainsRune(" \t\r\n", rune(p.text[p.i])) {
			p.i++
		}
		if p.i >= len(p.text) || p.text[p.i] != '=' {
			continue
		}
		p.i++
		if len(all) < maxNames {
			all[name] = p.value()
		} else {
			p.value()
		}
	}
	return all
}

func (p *page) value() string {
	for p.i < len(p.text) && strings.ContainsRune(" \t\r\n", rune(p.text[p.i])) {
		p.i++
	}
	if p.i >= len(p.text) {
		return ""
	}
	if quote := p.text[p.i]; quote == '"' || quote == '\'' {
		p.i++
		end := strings.IndexByte(p.text[p.i:], quote)
		if end < 0 {
			end = len(p.text) - p.i
		}
		v := p.text[p.i : p.i+end]
		p.i = min(p.i+end+1, len(p.text))
		return v
	}
	from := p.i
	for p.i < len(p.text) && !strings.ContainsRune(" \t\r\n>", rune(p.text[p.i])) {
		p.i++
	}
	return p.text[from:p.i]
}

// keep notes a value, the first of its name.
func (p *page) keep(name, value string) {
	value = strings.Join(strings.Fields(html.UnescapeString(value)), " ")
	if len(value) > maxValue {
		value = strings.ToValidUTF8(value[:maxValue], "")
	}
	if _, have := p.found[name]; value != "" && len(name) <= 60 && !have && len(p.found) < maxNames {
		p.found[name] = value
	}
}
