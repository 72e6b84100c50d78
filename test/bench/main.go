// Command bench measures a Wardline server from outside, as clients meet it, and checks while it measures that nothing that was
// accepted is lost, doubled or out of order.
//
// It starts a server of its own on a loopback port and a temporary folder, drives it over HTTP for a bounded time and stops it. Look
// first at scenarioSend and scenarioDeliver.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	binary := flag.String("binary", "bin/wardline", "the server to measure")
	seconds := flag.Int("seconds", 5, "how long each measurement runs")
	online := flag.Int("online", 250, "users who wait for messages in the delivery scenario")
	rate := flag.Int("rate", 50, "messages a second in the delivery scenario")
	asJSON := flag.Bool("json", false, "print JSON instead of a table")
	long := flag.Int("long", 0, "also the large scenarios, with this many users online (1000 is the goal's size)")
	database := flag.String("database", "", "postgres:// URL to measure on instead of SQLite")
	flag.Parse()
	if err := measure(*binary, *database, time.Duration(*seconds)*time.Second, *online, *rate, *long, *asJSON); err != nil {
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
	CPUPerItemMs float64 `json:"server_cpu_ms_each"`
	RSSMB        float64 `json:"server_rss_mb"`
	KeptBytes    float64 `json:"disk_kept_bytes_each,omitempty"`
	WrittenBytes float64 `json:"disk_written_bytes_each,omitempty"`
	Errors       int     `json:"errors"`
}

func measure(binary, database string, d time.Duration, online, rate, long int, asJSON bool) (err error) {
	ctx := context.Background()
	s, err := start(ctx, binary, database)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := s.stop(); err == nil {
			err = stopErr
		}
	}()
	lines := []Line{{Scenario: "start to first answer", P50ms: float64(s.ready.Microseconds()) / 1000, RSSMB: s.rss()}}
	for _, n := range []int{1, 16, 64} {
		l, err := scenarioSend(ctx, s, n, d)
		if err != nil {
			return fmt.Errorf("send with %d senders: %w", n, err)
		}
		lines = append(lines, l)
	}
	l, err := scenarioDeliver(ctx, s, online, rate, d)
	if err != nil {
		return fmt.Errorf("deliver to %d: %w", online, err)
	}
	lines = append(lines, l)
	if long > 0 {
		more, err := measureLong(ctx, s, long, d)
		if err != nil {
			return err
		}
		lines = append(lines, more...)
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(lines)
	}
	fmt.Printf("%-28s %8s %9s %8s %10s %9s %9s %12s %8s %9s %9s %7s\n", "scenario", "senders", "receivers", "count", "per second", "p50 ms", "p99 ms", "cpu ms each", "rss MB", "kept B", "written B", "errors")
	for _, l := range lines {
		fmt.Printf("%-28s %8d %9d %8d %10.0f %9.2f %9.2f %12.3f %8.0f %9.0f %9.0f %7d\n", l.Scenario, l.Senders, l.Receivers, l.Count, l.PerSecond, l.P50ms, l.P99ms, l.CPUPerItemMs, l.RSSMB, l.KeptBytes, l.WrittenBytes, l.Errors)
	}
	return nil
}

// measureLong runs the scenarios of a large hospital.
func measureLong(ctx context.Context, s *target, n int, d time.Duration) ([]Line, error) {
	var lines []Line
	hot, err := scenarioHot(ctx, s, 16, d)
	if err != nil {
		return nil, fmt.Errorf("hot room: %w", err)
	}
	h, err := found(ctx, s, "ward", n)
	if err != nil {
		return nil, fmt.Errorf("fill the hospital: %w", err)
	}
	lines = append(lines, hot)
	for _, rate := range []int{50, 200, 500} {
		l, err := scenarioWard(ctx, s, h, rate, d)
		if err != nil {
			return nil, fmt.Errorf("ward at %d: %w", rate, err)
		}
		lines = append(lines, l)
	}
	storm, err := scenarioStorm(ctx, s, h)
	if err != nil {
		return nil, fmt.Errorf("storm: %w", err)
	}
	return append(lines, storm), nil
}
