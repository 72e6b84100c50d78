package safety

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../../"

type hazard struct {
	id, title, control string
	tests              []string
}

// read understands the few forms that the hazard log uses, and no other YAML.
func read(t *testing.T) map[string]hazard {
	t.Helper()
	raw, err := os.ReadFile(root + "docs/safety/hazards.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]hazard{}
	var h hazard
	keep := func() {
		if h.id != "" {
			if _, twice := all[h.id]; twice {
				t.Errorf("%s is there twice", h.id)
			}
			all[h.id] = h
		}
	}
	for n, line := range strings.Split(string(raw), "\n") {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case key == "" || strings.HasPrefix(key, "#"):
		case key == "- id":
			keep()
			h = hazard{id: value}
		case key == "title":
			h.title = value
		case key == "control":
			h.control = value
		case key == "tests:":
		case strings.HasPrefix(line, "    - "):
			h.tests = append(h.tests, strings.TrimPrefix(key, "- "))
		default:
			t.Errorf("line %d is not understood: %s", n+1, line)
		}
	}
	keep()
	return all
}

func TestHazards_ControlsHaveTests(t *testing.T) {
	for id, h := range read(t) {
		if h.title == "" || h.control == "" || len(h.tests) == 0 {
			t.Errorf("%s lacks a title, a control or a test", id)
		}
		for _, test := range h.tests {
			folder, name, ok := strings.Cut(test, " ")
			if !ok || !exists(t, folder, name) {
				t.Errorf("%s: there is no test %s", id, test)
			}
		}
	}
}

func exists(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}

var cited = regexp.MustCompile(`// hazard: (H\d+)\b`)

func TestHazards_CitedInCode(t *testing.T) {
	log := read(t)
	seen := map[string]bool{}
	for _, chapter := range []string{"ground", "matrix", "clinical", "edge", "app"} {
		err := filepath.WalkDir(root+chapter, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range cited.FindAllStringSubmatch(string(raw), -1) {
				seen[m[1]] = true
				if _, known := log[m[1]]; !known {
					t.Errorf("%s cites %s, which is not in the hazard log", path, m[1])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for id := range log {
		if !seen[id] {
			t.Errorf("%s is cited nowhere in the code", id)
		}
	}
}
