package main

import (
	"strings"
	"testing"

	"wardline/test/safety"
)

func TestProve(t *testing.T) {
	const passes = `{"Action":"pass","Package":"wardline/clinical/paging","Test":"TestStep"}`
	const ends = `{"Action":"output","Package":"wardline/clinical/paging","Output":"ok  \twardline/clinical/paging\t1s\n"}
{"Action":"pass","Package":"wardline/clinical/paging"}`
	hazards := map[string]safety.Hazard{"H1": {ID: "H1", Title: "x", Tests: []string{"clinical/paging TestStep"}}}
	for name, try := range map[string]struct {
		in      string
		failed  bool
		missing int
		shows   string
	}{
		"OK passed":           {passes + "\n" + ends, false, 0, "ok  \twardline/clinical/paging"},
		"OK in a second run":  {`{"Action":"skip","Package":"wardline/clinical/paging","Test":"TestStep"}` + "\n" + ends + "\n" + passes, false, 0, ""},
		"Err skipped":         {`{"Action":"skip","Package":"wardline/clinical/paging","Test":"TestStep"}` + "\n" + ends, false, 1, ""},
		"Err elsewhere":       {`{"Action":"pass","Package":"wardline/clinical/ask","Test":"TestStep"}` + "\n" + ends, false, 1, ""},
		"Err nothing ran":     {"", false, 2, ""},
		"Err failed, and why": {`{"Action":"output","Package":"wardline/clinical/paging","Test":"TestStep","Output":"because\n"}` + "\n" + `{"Action":"fail","Package":"wardline/clinical/paging","Test":"TestStep"}`, true, 2, "because"},
		"Err does not build":  {`{"Action":"build-output","ImportPath":"x","Output":"undefined: y\n"}` + "\n" + `{"Action":"build-fail","ImportPath":"x"}` + "\n" + passes, true, 0, "undefined: y"},
		"OK words of others":  {"go: downloading x\n" + passes, false, 0, "go: downloading x"},
	} {
		r, out := newRun(), &strings.Builder{}
		if err := r.follow(strings.NewReader(try.in), out); err != nil {
			t.Fatal(err)
		}
		if got := r.judge(hazards); r.failed != try.failed || len(got) != try.missing || !strings.Contains(out.String(), try.shows) {
			t.Errorf("%s: failed %v, missing %q, shows %q", name, r.failed, got, out)
		}
	}
}
