package house

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// chapters are the layers from the lowest up, and the order inside each: a package may import what stands before it.
var chapters = []struct {
	name  string
	order []string
}{
	{"ground", []string{"fault", "outside", "obs", "config", "run", "heap", "db", "audit", "stream", "archive", "webpush", "webpush/double", "dbtest"}},
	{"matrix", []string{"id", "event", "account", "lock", "oauth", "sso", "sso/double", "factor", "passkey", "room/internal/auth", "room/internal/stateres", "room", "report", "delay", "search", "keys", "inbox", "push", "timeline", "bridge", "media", "preview"}},
	{"clinical", []string{"directory", "patient", "rota", "staff", "status", "quiet", "conversation", "remind", "ask", "paging", "inbound", "carrier", "reach", "emergency", "switchboard", "testpage", "alarm", "measure", "record/fhirdouble", "record", "demo"}},
	{"edge", []string{"httpx", "client", "admin", "server", "clinic", "scim", "fhir", "web"}},
}

// place finds a folder's chapter and its rank inside it; -1 for what is in none.
func place(dir string) (chapter, rank int) {
	top, rest, _ := strings.Cut(dir, "/")
	for i, c := range chapters {
		if c.name == top {
			return i, slices.Index(c.order, rest)
		}
	}
	return -1, -1
}

func TestImports(t *testing.T) {
	const why = "chapters are read downwards, edge → clinical → matrix → ground, and inside a chapter leftwards: whoever opens a package must not need what lies above it, and deleting clinical/ must leave a working homeserver (STYLE 1)"
	for _, s := range sources(t) {
		chapter, rank := place(s.dir)
		if chapter < 0 {
			continue // app, cmd, web and test see all others
		}
		if rank < 0 {
			t.Errorf("%s: the package is not in the order of chapter %s. Put it where it belongs in test/house/imports_test.go and ARCHITECTURE.md: %s", s.path, chapters[chapter].name, why)
			continue
		}
		for name, spec := range s.imports() {
			dir, ours := strings.CutPrefix(name, module+"/")
			if !ours || dir == s.dir {
				continue
			}
			to, toRank := place(dir)
			switch {
			case dir == "ground/dbtest" && s.test:
			case dir == "ground/dbtest":
				t.Errorf("%s: imports %s, which is for tests: a program that can make test databases can be told to", at(spec), dir)
			case to < 0:
				t.Errorf("%s: imports %s, which is above every chapter: %s", at(spec), dir, why)
			case to > chapter:
				t.Errorf("%s: imports %s, upwards from %s: %s", at(spec), dir, chapters[chapter].name, why)
			case to == chapter && toRank > rank:
				t.Errorf("%s: imports %s, to the right inside %s: %s", at(spec), dir, chapters[chapter].name, why)
			}
		}
	}
}

func TestKernelStandsAlone(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"/matrix/...", module+"/ground/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, module+"/clinical") || strings.HasPrefix(line, module+"/edge") {
			t.Errorf("the kernel needs %s: without clinical/ and edge/ it must still build, because others will judge it as a plain homeserver (STYLE 1)", strings.TrimSpace(line))
		}
	}
}

func TestOnlyTheDatabaseTalksSQL(t *testing.T) {
	for _, s := range sources(t) {
		for name, spec := range s.imports() {
			driver := strings.HasPrefix(name, "github.com/jackc/pgx") || strings.HasPrefix(name, "modernc.org/sqlite")
			if (name == "database/sql" || driver) && s.dir != "ground/db" && !strings.HasPrefix(s.dir, "test/") {
				t.Errorf("%s: imports %s outside ground/db: one place must know transactions, savepoints and the two engines, or the promise of one commit breaks somewhere unseen (STYLE 6)", at(spec), name)
			}
			if name == "C" {
				t.Errorf("%s: imports C: the program is one static file that runs on any hospital's machine (STYLE 11)", at(spec))
			}
		}
	}
}

func TestPackageNames(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "model", "models", "types", "misc", "shared"}, p.name()) {
			t.Errorf("%s: a package is a noun of the domain; %q is where things go that nobody placed (STYLE 1)", p.dir, p.name())
		}
	}
}
