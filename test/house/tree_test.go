package house

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "wardline"

// source is one Go file of the project.
type source struct {
	path  string // from the root, with slashes
	dir   string
	test  bool
	text  []byte
	lines int
	file  *ast.File
}

// pkg is the files of one folder.
type pkg struct {
	dir   string // "matrix/room"
	files []*source
}

func (p *pkg) name() string { return path.Base(p.dir) }

var fset = token.NewFileSet()

func root() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return filepath.Dir(filepath.Dir(dir))
}

// skipped are folders without our own source.
var skipped = map[string]bool{".git": true, "node_modules": true, "dist": true, "bin": true, "testdata": true, ".cache": true, "results": true}

// walk calls fn for every file of the project that a person wrote.
func walk(fn func(name string, text []byte) error) error {
	top := root()
	return filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skipped[d.Name()] {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(top, p)
		if err != nil {
			return err
		}
		switch filepath.Ext(p) {
		case ".go", ".sql", ".ts", ".svelte", ".mjs", ".js", ".css", ".sh", ".md", "":
		default:
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		return fn(filepath.ToSlash(rel), text)
	})
}

// tree parses every Go file once for all tests.
var tree = sync.OnceValues(func() ([]*source, error) {
	var all []*source
	err := walk(func(name string, text []byte) error {
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, &source{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), text: text, lines: bytes.Count(text, []byte("\n")), file: f})
		return nil
	})
	return all, err
})

func sources(t *testing.T) []*source {
	t.Helper()
	all, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func packages(t *testing.T) []*pkg {
	t.Helper()
	byDir := map[string]*pkg{}
	var all []*pkg
	for _, s := range sources(t) {
		p := byDir[s.dir]
		if p == nil {
			p = &pkg{dir: s.dir}
			byDir[s.dir] = p
			all = append(all, p)
		}
		p.files = append(p.files, s)
	}
	return all
}

// at is where a node stands, for a failure's first words.
func at(n ast.Node) string {
	p := fset.Position(n.Pos())
	return p.Filename + ":" + strconv.Itoa(p.Line)
}

// imports returns the paths that a file imports.
func (s *source) imports() map[string]*ast.ImportSpec {
	all := map[string]*ast.ImportSpec{}
	for _, spec := range s.file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			all[name] = spec
		}
	}
	return all
}

// text returns the value of a string literal or of literals joined by +.
func text(e ast.Expr) (string, bool) { return textWith(e, nil) }

// textWith is text where names may stand for the texts in known.
func textWith(e ast.Expr, known map[string]ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		a, ok := textWith(e.X, known)
		b, ok2 := textWith(e.Y, known)
		return a + b, ok && ok2 && e.Op == token.ADD
	case *ast.ParenExpr:
		return textWith(e.X, known)
	case *ast.Ident:
		if v := known[e.Name]; v != nil {
			return textWith(v, known)
		}
	}
	return "", false
}

// constants returns the constants of each folder, by folder and name.
func constants(all []*source) map[string]map[string]ast.Expr {
	byDir := map[string]map[string]ast.Expr{}
	for _, s := range all {
		if byDir[s.dir] == nil {
			byDir[s.dir] = map[string]ast.Expr{}
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				for i, name := range v.Names {
					if i < len(v.Values) {
						byDir[s.dir][name.Name] = v.Values[i]
					}
				}
			}
		}
	}
	return byDir
}

// called returns "pkg.Func" of a call, "" when it is none of that form.
func called(c *ast.CallExpr) string {
	if s, ok := c.Fun.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok {
			return x.Name + "." + s.Sel.Name
		}
	}
	return ""
}
