package kernel

import (
	"cmp"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wardline/edge/admin"
	"wardline/edge/client"
	"wardline/edge/httpx"
	"wardline/edge/server"
	"wardline/test/spec"
)

var update = flag.Bool("update", false, "rewrite docs/matrix.md; needs the whole of this package's tests")

const documentFile = "../../docs/matrix.md"

// refused are the operations that never succeed here, each with why.
var refused = map[string]string{
	"inviteBy3PID":                      "no identity server is trusted to know whom an address belongs to",
	"bind3PID":                          "no identity server is trusted with who has which address",
	"requestTokenTo3PIDMSISDN":          noText,
	"requestTokenToResetPasswordMSISDN": noText,
	"requestTokenToRegisterMSISDN":      noText,
	"getContent":                        frozen,
	"getContentOverrideName":            frozen,
	"getContentThumbnail":               frozen,
	"getWellknownPolicy":                "this server is no policy server, which the specification answers with 404",
}

const (
	noText = "the server sends no text messages"
	frozen = "files are for those who are signed in; the specification freezes this path, and nothing here is older than that"
)

// unserved are the operations without a route, each with why.
var unserved = map[string]string{}

// ours are routes that the specification's data does not have: the beginning of the path, and whose they are. The first that fits counts.
var ours = []struct{ prefix, whose string }{
	{"/_matrix/client/v3/rooms/{roomId}/state/{eventType}", "the specification's prose: an empty state key may be left out, with its slash"},
	{"/_matrix/client/v3/pushrules", "the same path without its last slash, as several clients send it"},
	{"/_matrix/client/v3/auth/{authType}/fallback/web", "the specification's prose: user-interactive authentication's fallback"},
	{"/_matrix/client/v4/sync", "MSC4186, accepted: sliding sync"},
	{"/_matrix/client/unstable/org.matrix.simplified_msc3575/sync", "MSC4186 under its unstable name, which clients of today send"},
	{"/_matrix/client/unstable/im.nheko.summary/", "MSC3266 under its unstable name: room summary"},
	{"/_matrix/client/unstable/org.matrix.msc2965/", "MSC2965 under its unstable name: OAuth's metadata"},
	{"/_matrix/client/unstable/org.matrix.msc4143/", "MSC4143: where calls of many go"},
	{"/_matrix/client/unstable/org.matrix.msc4140/", "MSC4140: delayed events"},
	{"/_matrix/federation/", "the server-server API"},
	{"/_matrix/key/", "the server-server API"},
	{"/_oauth/", "OAuth 2.0; the paths are named by auth_metadata"},
	{"/_synapse/admin/", "Synapse's administration API, for the tools that speak it"},
	{"/_wardline/", "ours: pages and calls of the web app"},
}

// operationLine finds the operation and the proof in a line of the page.
var operationLine = regexp.MustCompile("(?m)^\\| \\[`([^`]+)`\\].* \\| (\\S+) \\|$")

// document is docs/matrix.md, and what is wrong with what it would say. Seen says which test got a success of an operation; nil leaves
// that out.
func document(seen map[string][]string) (text string, wrong []string) {
	mux := http.NewServeMux()
	routes := slices.Concat((&client.API{}).Routes(), (&admin.API{}).Routes(), (&client.Cookies{}).Routes(), (&server.API{}).Routes())
	(&httpx.Server{}).Mount(mux, routes)
	tried := map[string][]string{}
	for _, table := range tables {
		for _, r := range table.rows {
			method, path, _ := strings.Cut(r.route, " ")
			for name, v := range r.vars {
				path = strings.ReplaceAll(path, "{"+name+"}", v)
			}
			op := spec.Find(method, strings.TrimSuffix(path, "{$}"))
			if op != nil && r.want < 400 && !slices.Contains(tried[op.ID], table.file) {
				tried[op.ID] = append(tried[op.ID], table.file)
			}
		}
	}
	written := map[string]string{}
	was, _ := os.ReadFile(documentFile) // when there is none, nothing is kept
	for _, m := range operationLine.FindAllStringSubmatch(string(was), -1) {
		written[m[1]] = m[2]
	}
	var b strings.Builder
	served, refusals, absent := 0, 0, 0
	known := map[string]bool{}
	subject := ""
	var table strings.Builder
	ops := slices.Clone(spec.Operations())
	slices.SortStableFunc(ops, func(x, y *spec.Operation) int { return cmp.Compare(x.File, y.File) })
	for _, op := range ops {
		_, pattern := mux.Handler(httptest.NewRequest(op.Method, braces.ReplaceAllString(op.Path, "x"), nil))
		known[pattern] = true
		state, proof := "served", strings.Join(tried[op.ID], ", ")
		if proof == "" && len(seen[op.ID]) > 0 {
			proof = seen[op.ID][0]
			if is := written[op.Method+" "+op.Path]; slices.Contains(seen[op.ID], is) {
				proof = is // a new test beside it does not make the page stale
			}
		}
		if op.Variant && refused[op.ID] == "" {
			proof = "TestPeek" // which names the room
		}
		switch {
		case refused[op.ID] != "":
			state = "refused: " + refused[op.ID]
			refusals++
			if proof != "" {
				wrong = append(wrong, fmt.Sprintf("%s is called refused and succeeds in %s", op.ID, proof))
			}
		case pattern == "" && unserved[op.ID] != "":
			state = "not served: " + unserved[op.ID]
			absent++
		case pattern == "":
			wrong = append(wrong, fmt.Sprintf("%s %s (%s) is neither served nor listed with a reason", op.Method, op.Path, op.ID))
		default:
			served++
			if seen != nil && proof == "" && !op.Variant {
				wrong = append(wrong, fmt.Sprintf("%s %s (%s) never succeeds in these tests, and is not listed as refused", op.Method, op.Path, op.ID))
			}
		}
		if op.File != subject {
			subject = op.File
			fmt.Fprintf(&table, "\n## %s\n\n| operation | here | tried by |\n| --- | --- | --- |\n", strings.TrimSuffix(subject, ".yaml"))
		}
		notes := ""
		if op.Deprecated {
			notes += ", deprecated"
		}
		if op.Variant {
			notes += ", second form"
		}
		if _, path, _ := strings.Cut(strings.TrimSuffix(pattern, "{$}"), " "); path != op.Path && pattern != "" {
			notes += ", by `" + path + "`"
		}
		fmt.Fprintf(&table, "| [`%s %s`](https://spec.matrix.org/%s/client-server-api/#%s) | %s%s | %s |\n", op.Method, op.Path, spec.Version, op.Anchor(), state, notes, proof)
	}
	fmt.Fprintf(&b, `# The Matrix client-server API, operation by operation

Generated by %s; a test keeps it true. Matrix %s has %d operations: %d are served, %d are refused with a reason, %d are not served.

"Tried by" names the tables of requests in test/kernel that want it to succeed, or else one story there in which it does. The same tables
are asked as nobody, as a stranger, with a token that has ended, with what is no JSON, with another method and with what is too large. Each
answer in those tests is held to the specification's schemas (test/spec), but for these:

`, "`go test ./test/kernel -update`", spec.Version, len(spec.Operations()), served, refusals, absent)
	for _, d := range spec.Departures {
		fmt.Fprintf(&b, "- %s: %s\n", cmp.Or(d.ID, "any call with "+d.When), d.Reason)
	}
	b.WriteString("\nPaths under `/_matrix/client/v3/` also answer under `/_matrix/client/r0/`, as older clients ask.\n")
	b.WriteString(table.String())
	b.WriteString("\n## What the specification's data does not have\n\n| route | whose |\n| --- | --- |\n")
	for _, r := range routes {
		if known[r.Pattern] {
			continue
		}
		_, path, _ := strings.Cut(r.Pattern, " ")
		whose := ""
		for _, o := range ours {
			if whose == "" && strings.HasPrefix(path, o.prefix) {
				whose = o.whose
			}
		}
		if whose == "" {
			wrong = append(wrong, r.Pattern+" is in no specification: say in ours whose it is")
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.Pattern, whose)
	}
	return b.String(), wrong
}

// TestDocument_Routes: each operation has a route or a reason, and each route is somebody's.
func TestDocument_Routes(t *testing.T) {
	_, wrong := document(nil)
	for _, w := range wrong {
		t.Error(w)
	}
}

// TestMain compares docs/matrix.md with what the tests saw, once all of them have run.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	whole := true
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz", "test.bench"} {
		whole = whole && flag.Lookup(name).Value.String() == ""
	}
	if code == 0 && whole {
		if err := compare(); err != nil {
			fmt.Fprintln(os.Stderr, "docs/matrix.md:", err)
			code = 1
		}
	}
	os.Exit(code)
}

func compare() error {
	text, wrong := document(spec.Seen())
	if wrong != nil {
		return fmt.Errorf("it would be wrong:\n  %s", strings.Join(wrong, "\n  "))
	}
	if *update {
		return os.WriteFile(documentFile, []byte(text), 0o644)
	}
	if was, err := os.ReadFile(documentFile); err != nil || string(was) != text {
		return fmt.Errorf("it is not what is served: go test ./test/kernel -update (%v)", err)
	}
	return nil
}
