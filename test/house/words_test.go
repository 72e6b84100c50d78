package house

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// clinicalWords are words of the ward. They are looked for as whole words after names were cut at their capitals.
var clinicalWords = regexp.MustCompile(`(?i)\b(patients?|wards?|nurses?|bleeps?|paging|pagers?|handovers?|rotas?|clinical|clinicians?|clinic|doctors?|hospitals?|` +
	`registrars?|matrons?|porters?|escalat\w*|nhs|fhir|switchboard|on-call)\b`)

var capital = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// cut puts spaces where a name's words meet, so that wardRoom and ward_room are two words and Wardline stays one.
func cut(s string) string {
	return strings.ReplaceAll(capital.ReplaceAllString(s, "$1 $2"), "_", " ")
}

// TestKernelWords looks at the kernel's names, texts and comments, and at the ground's names and texts: the ground's comments may
// say what a rule protects.
func TestKernelWords(t *testing.T) {
	const why = "matrix/ and ground/ know nothing clinical, by import or by word: the day a rule of a ward hides in the kernel, neither can be changed alone (STYLE 1)"
	look := func(where, s string) {
		if w := clinicalWords.FindString(cut(s)); w != "" {
			t.Errorf("%s: the word %q: %s", where, w, why)
		}
	}
	for _, s := range sources(t) {
		kernel := strings.HasPrefix(s.dir, "matrix/")
		if !kernel && !strings.HasPrefix(s.dir, "ground/") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.Ident:
				look(at(n), n.Name)
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					look(at(n), n.Value)
				}
			}
			return true
		})
		if kernel {
			for _, c := range s.file.Comments {
				look(at(c), c.Text())
			}
		}
	}
	err := walk(func(name string, text []byte) error {
		if strings.HasSuffix(name, ".sql") && (strings.HasPrefix(name, "matrix/") || strings.HasPrefix(name, "ground/")) {
			look(name, string(text))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tellingKeys are attributes under which content would reach a log.
var tellingKeys = regexp.MustCompile(`(?i)^(body|content|message|text|subject|patient|title|password|secret|token|bundle|question|note|nhs.*|name|search|term|event_json)$`)

// tellingFields are fields that hold content.
var tellingFields = map[string]bool{"Body": true, "Content": true, "Password": true, "Token": true, "Secret": true, "JSON": true, "Text": true}

func TestLogsTellNothing(t *testing.T) {
	const why = "logs are read by people who may not read messages, and are kept where nobody erases a patient (STYLE 9)"
	levels := map[string]bool{"Debug": true, "Info": true, "Warn": true, "Error": true, "DebugContext": true, "InfoContext": true, "WarnContext": true, "ErrorContext": true}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !levels[sel.Sel.Name] || !isLogger(sel.X) {
				return true
			}
			args := call.Args
			if strings.HasSuffix(sel.Sel.Name, "Context") {
				args = args[1:]
			}
			if msg, ok := text(args[0]); !ok || msg == "" || msg != strings.ToLower(msg[:1])+msg[1:] {
				t.Errorf("%s: the message of a log line is a constant sentence in lower case; facts are attributes: %s", at(call), why)
			}
			for i, arg := range args[1:] {
				if key, ok := text(arg); ok && i%2 == 0 && tellingKeys.MatchString(key) {
					t.Errorf("%s: the attribute %q may carry content: %s", at(arg), key, why)
				}
				if f, ok := arg.(*ast.SelectorExpr); ok && tellingFields[f.Sel.Name] {
					t.Errorf("%s: %s goes to the log: %s", at(arg), f.Sel.Name, why)
				}
			}
			return true
		})
	}
}

// isLogger guesses from its name whether a value is a logger: log, Log, slog, x.log, x.Log.
func isLogger(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "slog" || e.Name == "log" || e.Name == "logger"
	case *ast.SelectorExpr:
		return strings.EqualFold(e.Sel.Name, "log") || strings.EqualFold(e.Sel.Name, "logger")
	}
	return false
}
