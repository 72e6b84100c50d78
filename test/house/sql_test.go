package house

import (
	"context"
	"go/ast"
	"path"
	"regexp"
	"strings"
	"testing"

	"wardline/app"
	"wardline/ground/db"
	"wardline/ground/dbtest"
)

// TestStatements prepares every statement of the program on every engine at hand.
func TestStatements(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if n := len(db.Statements()); n < 50 {
			t.Fatalf("only %d statements are declared; the test does not see the program", n)
		}
		if err := d.CheckStatements(context.Background()); err != nil {
			t.Errorf("one text must do for SQLite and PostgreSQL, because a trust may move from one to the other (STYLE 6):\n%v", err)
		}
	}, app.Migrations()...)
}

// statement is a call of db.SQL in the source.
type statement struct {
	pkg, name, text string
	where           string
}

func statements(t *testing.T) []statement {
	t.Helper()
	var all []statement
	known := constants(sources(t))
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			bare, _ := call.Fun.(*ast.Ident)
			if called(call) != "db.SQL" && !(s.dir == "ground/db" && bare != nil && bare.Name == "SQL") || len(call.Args) != 2 {
				return true
			}
			name, ok := text(call.Args[0])
			sql, ok2 := textWith(call.Args[1], known[s.dir])
			if !ok || !ok2 {
				t.Errorf("%s: a statement is written out or put together from constants: what is checked must be what runs (STYLE 6)", at(call))
			}
			all = append(all, statement{s.dir, name, sql, at(call)})
			return true
		})
	}
	return all
}

var (
	tables   = regexp.MustCompile(`(?i)\b(?:FROM|JOIN|INTO|UPDATE|TABLE(?: IF NOT EXISTS)?|ON)\s+([a-z_][a-z0-9_]*)`)
	withName = regexp.MustCompile(`(?i)(?:\bWITH(?:\s+RECURSIVE)?|,)\s+([a-z_]+)(?:\s*\([^)]*\))?\s+AS\s*\(`)
	notTable = map[string]bool{"set": true, "conflict": true, "select": true, "lateral": true}
)

// TestTables checks that a package's SQL names only its own tables.
func TestTables(t *testing.T) {
	const why = "a table has one owner, whose name it starts with: whoever changes it must find every statement about it in one folder (STYLE 6)"
	for _, s := range statements(t) {
		chapter, _ := place(s.pkg)
		if chapter < 0 || chapters[chapter].name == "edge" {
			t.Errorf("%s: SQL outside ground/, matrix/ and clinical/: the edge asks verbs, it does not read rows (STYLE 5)", s.where)
		}
		owner := path.Base(s.pkg)
		if !strings.HasPrefix(s.name, owner+".") {
			t.Errorf("%s: statement %q: its name starts with its package, %s., so that a slow query in a log leads home (STYLE 6)", s.where, s.name, owner)
		}
		local := map[string]bool{}
		for _, m := range withName.FindAllStringSubmatch(s.text, -1) {
			local[strings.ToLower(m[1])] = true
		}
		for _, m := range tables.FindAllStringSubmatch(s.text, -1) {
			name := strings.ToLower(m[1])
			if strings.HasPrefix(strings.ToUpper(m[0]), "ON") || notTable[name] || local[name] {
				continue
			}
			if !strings.HasPrefix(name, owner+"_") {
				t.Errorf("%s: statement %q names table %s: %s", s.where, s.name, name, why)
			}
		}
	}
	eachSchema(t, func(file, sql string) {
		owner := path.Base(path.Dir(path.Dir(file)))
		for _, m := range regexp.MustCompile(`(?i)CREATE TABLE (?:IF NOT EXISTS )?(\w+)`).FindAllStringSubmatch(sql, -1) {
			if !strings.HasPrefix(m[1], owner+"_") {
				t.Errorf("%s: table %s: %s", file, m[1], why)
			}
		}
	})
}

func eachSchema(t *testing.T, fn func(file, sql string)) {
	t.Helper()
	err := walk(func(name string, text []byte) error {
		if strings.HasSuffix(name, ".sql") && path.Base(path.Dir(name)) == "schema" {
			var b strings.Builder
			for line := range strings.Lines(string(text)) {
				code, _, _ := strings.Cut(line, "--")
				b.WriteString(strings.TrimRight(code, "\n") + "\n")
			}
			fn(name, b.String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// traps are what the two engines read differently, or only one reads at all.
var traps = []struct {
	find *regexp.Regexp
	why  string
}{
	{regexp.MustCompile(`->|(?i)\bjsonb?_\w+\(`), "SQLite answers NULL where PostgreSQL answers JSON, silently"},
	{regexp.MustCompile(`(?i)AUTOINCREMENT|\bSERIAL\b|GENERATED`), "positions and numbers are drawn by the writer, in commit order"},
	{regexp.MustCompile(`(?i)\bnow\(\)|CURRENT_TIMESTAMP|CURRENT_DATE|strftime|datetime\(`), "an instant is an argument in ms UTC, so that a test can choose it"},
	{regexp.MustCompile(`(?i)FOR (UPDATE|SHARE)`), "there is one writer; a lock here would hide that"},
	{regexp.MustCompile(`"`), "double quotes are names in one engine and texts in the other"},
	{regexp.MustCompile(`(?i)\bILIKE\b|\bGLOB\b|\bREGEXP\b|SIMILAR TO`), "only one engine knows it"},
	{regexp.MustCompile(`(?i)INSERT OR |REPLACE INTO`), "only SQLite knows it; write ON CONFLICT"},
	{regexp.MustCompile(`(?i)\browid\b|\bctid\b|\bPRAGMA\b`), "it belongs to one engine"},
	{regexp.MustCompile(`\?`), "placeholders are $1, $2"},
	{regexp.MustCompile(`\b(INT|INTEGER|REAL|FLOAT|DOUBLE|NUMERIC|VARCHAR|CHAR|BLOB|TIMESTAMP|DATE|DATETIME|JSON|JSONB|UUID)\b`), "columns are BIGINT, TEXT, BYTEA or BOOLEAN"},
}

// TestForks holds statements with a text for each engine to the one package that needs them.
func TestForks(t *testing.T) {
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && called(call) == "db.Fork" && s.dir != "matrix/search" {
				t.Errorf("%s: db.Fork outside matrix/search: one text must do for both engines, because a trust may move from one to the other (STYLE 6)", at(call))
			}
			return true
		})
	}
}

var like = regexp.MustCompile(`(?i)(\S+)\s+(?:NOT\s+)?LIKE\s+(\S+)`)

func TestSubset(t *testing.T) {
	check := func(where, sql string) {
		for _, trap := range traps {
			if m := trap.find.FindString(sql); m != "" {
				t.Errorf("%s: %q is outside our SQL: %s (STYLE 6)", where, m, trap.why)
			}
		}
		for _, m := range like.FindAllStringSubmatch(sql, -1) {
			if !strings.Contains(strings.ToLower(m[1]), "lower(") || !strings.HasPrefix(strings.ToLower(m[2]), "lower(") {
				t.Errorf("%s: %q: LIKE looks at case in PostgreSQL and not in SQLite; say lower() on both sides (STYLE 6)", where, m[0])
			}
		}
	}
	for _, s := range statements(t) {
		check(s.where, s.text)
	}
	eachSchema(t, check)
}

// madeUp are the files whose SQL may be put together at run time, by what they do.
var madeUp = map[string]string{
	"ground/db/snapshot.go": "reads tables it has never heard of, for a backup",
	"ground/db/fill.go":     "writes them",
	"ground/db/schema.go":   "makes schemas for tests",
}

// TestStatementsAreWrittenOut checks that a text which reaches the engine was written by a person: a literal, or a declared statement.
func TestStatementsAreWrittenOut(t *testing.T) {
	verbs := map[string]bool{"ExecContext": true, "QueryContext": true, "QueryRowContext": true, "PrepareContext": true}
	for _, s := range sources(t) {
		if s.test || s.dir != "ground/db" || madeUp[s.path] != "" {
			continue // outside ground/db there is no way to the engine but db.SQL
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !verbs[sel.Sel.Name] {
				return true
			}
			ast.Inspect(call.Args[1], func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BinaryExpr:
					t.Errorf("%s: SQL that is put together at run time was checked by nobody (STYLE 6)", at(n))
				case *ast.CallExpr:
					if called(n) == "fmt.Sprintf" {
						t.Errorf("%s: SQL that is put together at run time was checked by nobody (STYLE 6)", at(n))
					}
				}
				return true
			})
			return true
		})
	}
}
