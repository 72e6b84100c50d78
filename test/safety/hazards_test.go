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

func read(t *testing.T) map[string]Hazard {
	t.Helper()
	all, err := Read(root + "docs/safety/hazards.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestHazards_ControlsHaveTests(t *testing.T) {
	for id, h := range read(t) {
		if h.Title == "" || h.Control == "" || len(h.Tests) == 0 {
			t.Errorf("%s lacks a title, a control or a test", id)
		}
		for _, test := range h.Tests {
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
