package house

import (
	"bytes"
	"debug/elf"
	"go/ast"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	maxFile, worryFile = 900, 450
	maxFunc            = 120
	maxPackage         = 6000
)

func TestSizes(t *testing.T) {
	for _, p := range packages(t) {
		sum := 0
		for _, s := range p.files {
			if !s.test {
				sum += s.lines
			}
			for _, d := range s.file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1; n > maxFunc {
					t.Errorf("%s: %s has %d lines, at most %d: what does not fit on two screens is not reviewed (STYLE 1)", at(f), f.Name.Name, n, maxFunc)
				}
			}
		}
		if sum > maxPackage {
			t.Errorf("%s: %d lines, at most %d: a newcomer must be able to hold a package in mind (STYLE 1)", p.dir, sum, maxPackage)
		}
	}
	err := walk(func(name string, text []byte) error {
		if path.Ext(name) == ".md" {
			return nil
		}
		switch n := bytes.Count(text, []byte("\n")); {
		case n > maxFile:
			t.Errorf("%s: %d lines, at most %d: one subject a file (STYLE 1)", name, n, maxFile)
		case n > worryFile:
			t.Logf("worry: %s has %d lines", name, n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestGoroutinesHaveAHome(t *testing.T) {
	const why = "a goroutine that nobody named is one that nobody stops; use run.Group.Go, or run.All for short work (STYLE 8)"
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok && s.dir != "ground/run" {
				t.Errorf("%s: the go statement outside ground/run: %s", at(g), why)
			}
			return true
		})
	}
}

func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: func init: what happens at start is told in app.Open, in order (STYLE 8)", at(f))
			}
		}
	}
}

func TestNobodySleeps(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test && !strings.HasPrefix(s.dir, "test/") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok && called(c) == "time.Sleep" {
				t.Errorf("%s: a test that sleeps is slow on a good day and wrong on a bad one; wait for the event, or use testing/synctest (STYLE 7)", at(c))
			}
			return true
		})
	}
}

func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		want, found := "Package "+p.name()+" ", false
		for _, s := range p.files {
			if s.file.Name.Name == "main" {
				want = "Command "
			}
			found = found || s.file.Doc != nil && strings.HasPrefix(s.file.Doc.Text(), want)
		}
		if !found {
			t.Errorf("%s: no comment that starts with %q: say what it is for, what it promises, what it refuses, and what to look at first (STYLE 3)", p.dir, strings.TrimSpace(want))
		}
	}
}

func TestExportedNamesAreExplained(t *testing.T) {
	const why = "a contract that is not written is guessed (STYLE 3)"
	starts := func(c *ast.CommentGroup, name string) bool {
		return c != nil && (strings.HasPrefix(c.Text(), name+" ") || strings.HasPrefix(c.Text(), name+",") || strings.HasPrefix(c.Text(), name+"\n"))
	}
	for _, s := range sources(t) {
		if s.test || s.file.Name.Name == "main" || strings.HasPrefix(s.dir, "test/") {
			continue
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && !onHidden(d) && !starts(d.Doc, d.Name.Name) {
					t.Errorf("%s: %s has no comment that starts with its name: %s", at(d), d.Name.Name, why)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if doc := first(spec.Doc, d.Doc); spec.Name.IsExported() && !starts(doc, spec.Name.Name) {
							t.Errorf("%s: %s has no comment that starts with its name: %s", at(spec), spec.Name.Name, why)
						}
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							if name.IsExported() && spec.Doc == nil && spec.Comment == nil && d.Doc == nil {
								t.Errorf("%s: %s has no comment, nor has its group: %s", at(name), name.Name, why)
							}
						}
					}
				}
			}
		}
	}
}

func first(all ...*ast.CommentGroup) *ast.CommentGroup {
	for _, c := range all {
		if c != nil {
			return c
		}
	}
	return nil
}

// onHidden reports whether a method hangs on a type that nobody outside can name.
func onHidden(f *ast.FuncDecl) bool {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return false
	}
	e := f.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.Ident:
			return !x.IsExported()
		default:
			return false
		}
	}
}

var (
	later    = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)
	numbered = regexp.MustCompile(`#\d+`)
)

func TestNothingIsPutOffWithoutANumber(t *testing.T) {
	err := walk(func(name string, text []byte) error {
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			if path.Ext(name) != ".md" && later.MatchString(line) && !numbered.MatchString(line) {
				t.Errorf("%s:%d: %q: what is put off has an issue, #n, or nobody will come back (STYLE 3)", name, n, strings.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBinaryIsStatic(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	bin := filepath.Join(t.TempDir(), "wardline")
	build := exec.Command("go", "build", "-trimpath", "-o", bin, module+"/cmd/wardline")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	f, err := elf.Open(bin)
	if err != nil {
		t.Skipf("not an ELF file: %v", err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program needs a loader (%s): it must be one file that runs anywhere (STYLE 11)", p.Type)
		}
	}
}

// TestDependencies counts what our own packages import, because go.mod's word for it is a comment.
func TestDependencies(t *testing.T) {
	const limit = 20
	mod, err := os.ReadFile(filepath.Join(root(), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var required []string
	for _, m := range regexp.MustCompile(`(?m)^(?:require)?\s+(\S+\.\S+/?\S*) v\S+`).FindAllStringSubmatch(string(mod), -1) {
		required = append(required, m[1])
	}
	direct := map[string]token.Pos{}
	for _, s := range sources(t) {
		if strings.HasPrefix(s.dir, "test/oracle") || s.dir == "test/dex" {
			continue // modules of their own
		}
		for name, spec := range s.imports() {
			if host, _, _ := strings.Cut(name, "/"); !strings.Contains(host, ".") {
				continue
			}
			i := slices.IndexFunc(required, func(m string) bool { return name == m || strings.HasPrefix(name, m+"/") })
			if i < 0 {
				t.Errorf("%s: %s is in no module of go.mod", at(spec), name)
				continue
			}
			direct[required[i]] = spec.Pos()
		}
	}
	if len(direct) > limit {
		t.Errorf("%d direct dependencies, at most %d: each is somebody we must trust and follow (STYLE 11)", len(direct), limit)
	}
	notes := ""
	err = walk(func(name string, text []byte) error {
		if strings.HasPrefix(name, "docs/decisions/") {
			notes += string(text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, pos := range direct {
		if !strings.Contains(notes, name) {
			t.Errorf("%s: %s is in no note of docs/decisions: write what it saves, who keeps it, its licence and how we would leave (STYLE 11)", fset.Position(pos), name)
		}
	}
}
