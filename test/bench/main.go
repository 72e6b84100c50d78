// Command bench measures a Wardline server from outside, as clients meet it, and checks while it measures that nothing that was
// accepted is lost, doubled or out of order.
//
// Each group of scenarios starts a server of its own on a loopback port and a temporary folder, drives it over HTTP for a bounded time
// and stops it. What would take minutes to make over HTTP (ten thousand accounts, a million messages) is made in this process before
// the server starts, through the same packages. -quick is every group at a size that shows only whether it is right; it fails when
// anything is. Look first at groups and scenarioSend.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	binary   string
	database string
	d        time.Duration // how long each measurement runs
	quick    bool
	long     bool
	only     string
	asJSON   bool
}

// pick is the size of a scenario: a small one that only shows that it is right, or the goal's.
func (o *options) pick(quick, full int) int {
	if o.quick {
		return quick
	}
	return full
}

func main() {
	var o options
	seconds := flag.Float64("seconds", 5, "how long each measurement runs")
	flag.StringVar(&o.binary, "binary", "bin/wardline", "the server to measure")
	flag.StringVar(&o.database, "database", "", "postgres:// URL of an empty schema to measure on instead of SQLite; one group at a time")
	flag.BoolVar(&o.quick, "quick", false, "all groups, small and short: are the answers right?")
	flag.BoolVar(&o.long, "long", false, "all groups at full size, about ten minutes")
	flag.StringVar(&o.only, "only", "", "the groups to run, such as send,ward")
	flag.BoolVar(&o.asJSON, "json", false, "print JSON instead of a table")
	flag.Parse()
	o.d = time.Duration(*seconds * float64(time.Second))
	if o.quick {
		o.d = min(o.d, time.Second)
	}
	if err := measure(context.Background(), &o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// Line is one measurement.
type Line struct {
	Scenario     string  `json:"scenario"`
	Senders      int     `json:"senders,omitempty"`
	Receivers    int     `json:"receivers,omitempty"`
	Count        int     `json:"count"`
	PerSecond    float64 `json:"per_second"`
	P50ms        float64 `json:"p50_ms"`
	P99ms        float64 `json:"p99_ms"`
	MaxMs        float64 `json:"max_ms"`
	CPUPerItemMs float64 `json:"server_cpu_ms_each"`
	RSSMB        float64 `json:"server_rss_mb"`
	KeptBytes    float64 `json:"disk_kept_bytes_each,omitempty"`
	WrittenBytes float64 `json:"disk_written_bytes_each,omitempty"`
	HeldKB       float64 `json:"memory_kb_each,omitempty"`
	AnswerKB     float64 `json:"answer_kb,omitempty"`
	Errors       int     `json:"errors"`
}

// group is scenarios that share a server.
type group struct {
	name  string
	usual bool // runs when nothing is chosen
	run   func(ctx context.Context, o *options, t *table) error
}

var groups = []group{
	{"send", true, groupSend},            // how fast messages are accepted
	{"deliver", true, groupDeliver},      // how soon 250 people have them
	{"ward", false, groupWard},           // a hospital of 1,000 people online, and its return after a night
	{"emergency", false, groupEmergency}, // 1,000 online, and one emergency call after another
	{"pages", false, groupPages},         // 10,000 open pages and their clocks
	{"crowd", false, groupCrowd},         // 10,000 waiting, and a room of 5,000
	{"archive", false, groupArchive},
}

func measure(ctx context.Context, o *options) error {
	t := &table{asJSON: o.asJSON}
	var chosen []group
	for _, g := range groups {
		named := strings.Contains(","+o.only+",", ","+g.name+",")
		if named || o.only == "" && (g.usual || o.long || o.quick) {
			chosen = append(chosen, g)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("there is no group %q", o.only)
	}
	if o.database != "" && len(chosen) > 1 {
		return errors.New("a database is measured one group at a time: add -only send, and empty its schema before the next")
	}
	for _, g := range chosen {
		if err := g.run(ctx, o, t); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	return t.end()
}

// table prints each measurement when it is made.
type table struct {
	asJSON bool
	lines  []Line
	wrong  int
}

func (t *table) add(l Line) {
	t.wrong += l.Errors
	t.lines = append(t.lines, l)
	if t.asJSON {
		return
	}
	const form = "%-46s %7s %7s %7s %8s %8s %8s %8s %8s %7s %7s %8s %7s %7s %6s\n"
	if len(t.lines) == 1 {
		fmt.Printf(form, "scenario", "senders", "receiv.", "count", "a second", "p50 ms", "p99 ms", "max ms", "cpu ms", "rss MB", "kept B", "writ. B", "held kB", "answ.kB", "errors")
	}
	num := func(format string, v float64) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprintf(format, v)
	}
	fmt.Printf(form, l.Scenario, num("%.0f", float64(l.Senders)), num("%.0f", float64(l.Receivers)), num("%.0f", float64(l.Count)), num("%.0f", l.PerSecond),
		num("%.2f", l.P50ms), num("%.2f", l.P99ms), num("%.2f", l.MaxMs), num("%.3f", l.CPUPerItemMs), num("%.0f", l.RSSMB), num("%.0f", l.KeptBytes),
		num("%.0f", l.WrittenBytes), num("%.1f", l.HeldKB), num("%.1f", l.AnswerKB), fmt.Sprint(l.Errors))
}

func (t *table) end() error {
	if t.asJSON {
		if err := json.NewEncoder(os.Stdout).Encode(t.lines); err != nil {
			return err
		}
	}
	if t.wrong > 0 {
		return fmt.Errorf("%d measurements found answers that were lost, doubled or out of order", t.wrong)
	}
	return nil
}
