// Command prove reads what go test -json says, shows it as go test does, and holds the hazard log to it: a control of which a test did not run, was
// skipped or failed ends it with an error, and so does any other failure.
//
//	go test -json ./... | go run ./test/safety/prove docs/safety/hazards.yaml
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"wardline/test/safety"
)

const module = "wardline/"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "go test -json ./... | prove HAZARDS")
		os.Exit(2)
	}
	hazards, err := safety.Read(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	r := newRun()
	if err := r.follow(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	missing := r.judge(hazards)
	for _, m := range missing {
		fmt.Println(m)
	}
	if r.failed || len(missing) > 0 {
		os.Exit(1)
	}
	fmt.Printf("every control of %d hazards has its tests, and they passed\n", len(hazards))
}

// line is one event of go test -json.
type line struct {
	Action, Package, Test, Output string
}

type run struct {
	passed map[string]bool     // "clinical/paging TestStep"
	said   map[string][]string // output of a test, or of a package, until it is known how it ended
	failed bool
	any    bool
}

func newRun() *run { return &run{passed: map[string]bool{}, said: map[string][]string{}} }

// follow shows what failed, and a line for each package.
func (r *run) follow(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var l line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			fmt.Fprintln(out, lines.Text()) // not of go test
			continue
		}
		r.take(l, out)
	}
	return lines.Err()
}

func (r *run) take(l line, out io.Writer) {
	key := l.Package + " " + l.Test
	switch l.Action {
	case "build-output":
		fmt.Fprint(out, l.Output)
	case "build-fail":
		r.failed = true
	case "output":
		r.said[key] = append(r.said[key], l.Output)
		if l.Test == "" && (strings.HasPrefix(l.Output, "ok ") || strings.HasPrefix(l.Output, "FAIL\t")) {
			fmt.Fprint(out, l.Output)
		}
	case "pass":
		r.any = true
		if l.Test != "" {
			r.passed[strings.TrimPrefix(l.Package, module)+" "+l.Test] = true
		}
		delete(r.said, key)
	case "skip":
		delete(r.said, key)
	case "fail":
		r.failed = true
		for _, s := range r.said[key] {
			fmt.Fprint(out, s)
		}
		delete(r.said, key)
	}
}

// judge says what is not proved.
func (r *run) judge(hazards map[string]safety.Hazard) []string {
	var missing []string
	if !r.any {
		missing = append(missing, "no test has run")
	}
	for id, h := range hazards {
		for _, t := range h.Tests {
			if !r.passed[t] {
				missing = append(missing, fmt.Sprintf("%s (%s): %s has not passed", id, h.Title, t))
			}
		}
	}
	slices.Sort(missing)
	return missing
}
