package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"wardline/app"
	"wardline/clinical/demo"
	"wardline/ground/config"
	"wardline/ground/obs"
)

// demoConfig is what may be chosen about a demo. Everything else is fixed, so that every demo is the same hospital.
type demoConfig struct {
	Data     string        `name:"data" default:"demo-data" doc:"Folder for the demo's data. It stays there between starts."`
	Listen   string        `name:"listen" default:"127.0.0.1:8008" doc:"Address for browsers."`
	Fresh    bool          `name:"fresh" doc:"Throw the data of the last demo away and start over."`
	FHIR     string        `name:"fhir-url" doc:"Base URL of a FHIR R4 server to file to. Empty: the demo's own small one."`
	Rung     time.Duration `name:"urgent-rung" default:"20s" doc:"How long each holder has to answer an urgent page."`
	Push     string        `name:"push-services" doc:"Hosts of push services besides the known ones, as in serve."`
	Carriers string        `name:"carriers" doc:"File of carriers, as in serve."`
	Here     bool          `name:"presence" doc:"Show whether people are there, as in serve."`
	Free     bool          `name:"no-rate-limits" doc:"Do not slow down those who send too much. For tests only."`
	Log      string        `name:"log-level" default:"warn" doc:"debug, info, warn or error."`
	CrashAt  string        `name:"crash-at" doc:"For crash tests: as in serve."`
}

// marker is a file that says that a folder holds a demo and may be thrown away.
const marker = "this-is-a-demo"

func runDemo(args []string) (err error) {
	began := time.Now()
	var d demoConfig
	if rest, err := config.Load(&d, "wardline demo", args, os.Environ(), os.Stderr); err != nil {
		return err
	} else if len(rest) > 0 {
		return fmt.Errorf("demo: what is %q?", rest[0])
	}
	if err := prepare(d); err != nil {
		return err
	}
	var c app.Config
	if _, err := config.Load(&c, "wardline demo", nil, nil, io.Discard); err != nil {
		return err
	}
	c.ServerName, c.TrustName, c.ODS = "st-elsewhere", "St Elsewhere", "X99"
	c.Data, c.Listen, c.LogLevel, c.CrashAt = d.Data, d.Listen, d.Log, d.CrashAt
	c.PushServices, c.Presence, c.NoRateLimits, c.Carriers = d.Push, d.Here, d.Free, d.Carriers
	c.CopyRooms = "clinical,team,social,incident,other" // not where a patient reads, so that one sees what it does
	c.QuestionWithin, c.RequestWithin, c.AskRemind, c.AskEscalate = 10*time.Minute, 20*time.Minute, 2*time.Minute, time.Minute
	c.UrgentRung, c.AlarmRung, c.FHIR = d.Rung, d.Rung/2, d.FHIR
	log := obs.NewLogger(os.Stderr, d.Log, false)
	ctx, stop := untilSignal()
	defer stop()

	var record *app.DemoRecord
	if c.FHIR == "" {
		if record, err = app.NewDemoRecord(filepath.Join(d.Data, "fhir.json")); err != nil {
			return err
		}
		c.FHIR = record.URL
	}
	a, err := app.Open(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := a.StartDemo(ctx, record); err != nil {
		return err
	}
	if err := a.Listen(); err != nil {
		return err
	}
	greet(os.Stdout, a.Addr, d, time.Since(began))
	<-ctx.Done()
	fmt.Println("\nStopped. The data is in", d.Data)
	return nil
}

// prepare makes the folder, emptied first when asked to. Only a folder that a demo made is ever emptied.
func prepare(d demoConfig) error {
	_, err := os.Stat(filepath.Join(d.Data, marker))
	isDemo := err == nil
	entries, err := os.ReadDir(d.Data)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("demo folder: %w", err)
	}
	if len(entries) > 0 && !isDemo {
		return fmt.Errorf("%s holds something that is not a demo; name another folder with -data", d.Data)
	}
	if d.Fresh && isDemo {
		if err := os.RemoveAll(d.Data); err != nil {
			return fmt.Errorf("start over: %w", err)
		}
	}
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return fmt.Errorf("demo folder: %w", err)
	}
	return os.WriteFile(filepath.Join(d.Data, marker), []byte("Made by wardline demo. It may be deleted.\n"), 0o600)
}

// greet says where to go and as whom. Each person has a host name of their own, so that several can be signed in side by side in
// one browser: a cookie belongs to a host.
func greet(w io.Writer, addr net.Addr, d demoConfig, took time.Duration) {
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return
	}
	fmt.Fprintf(w, "\nSt Elsewhere is open (ready in %.1f s):  http://%s\n\n", took.Seconds(), addr)
	fmt.Fprintf(w, "Walk in as one of these. Each link signs you in; open several at once and watch them talk.\n\n")
	for _, g := range demo.Guests {
		link := fmt.Sprintf("http://%s.localhost:%s/demo/as/%s", g.Login, port, g.Login)
		fmt.Fprintf(w, "  %-14s %-58s %s\n", g.Name, link, g.Who)
	}
	fmt.Fprintf(w, "\nOr sign in at the first address with a name such as %s and the password %s.\n", demo.Guests[0].Login, demo.Password)
	fmt.Fprintf(w, "(If your browser does not know names that end in .localhost: http://%s/demo/as/%s)\n", addr, demo.Guests[0].Login)
	fmt.Fprintf(w, "Everything is kept in %s; --fresh starts over. Ctrl+C stops.\n\n", d.Data)
}
