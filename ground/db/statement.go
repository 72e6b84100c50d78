package db

import (
	"fmt"
	"regexp"
	"slices"
	"sync"
)

// Statement is one SQL text with a name. It is declared once, at package level, above the function that uses it.
type Statement struct {
	Name string // "paging.claim": the owner package, a point, what it does
	Text string // with $1 placeholders, one text for both engines

	sqlite string // the same with ?1, which SQLite numbers by digit rather than by first appearance
}

var registry struct {
	sync.Mutex // guards byName
	byName     map[string]*Statement
}

var placeholder = regexp.MustCompile(`\$(\d+)`)

// SQL declares a statement and registers it, so that a test can prepare every statement of the program on both engines. It
// panics when the name is taken: that is a programmer's mistake.
func SQL(name, text string) *Statement { return declare(name, text, text) }

// Fork declares a statement that each engine reads in a text of its own, with the same placeholders and columns. Only full-text search
// may: there is no common way to ask for words.
func Fork(name, sqlite, postgres string) *Statement { return declare(name, sqlite, postgres) }

func declare(name, sqlite, postgres string) *Statement {
	s := &Statement{Name: name, Text: postgres, sqlite: placeholder.ReplaceAllString(sqlite, `?$1`)}
	registry.Lock()
	defer registry.Unlock()
	if registry.byName == nil {
		registry.byName = map[string]*Statement{}
	}
	if _, taken := registry.byName[name]; taken {
		panic(fmt.Sprintf("db: statement %q declared twice", name))
	}
	registry.byName[name] = s
	return s
}

// Statements returns every declared statement, by name.
func Statements() []*Statement {
	registry.Lock()
	defer registry.Unlock()
	all := make([]*Statement, 0, len(registry.byName))
	for _, s := range registry.byName {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *Statement) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all
}
