package app

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"wardline/clinical/demo"
	"wardline/clinical/directory"
	"wardline/clinical/record/fhirdouble"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/media"
)

// DemoRecord is the demo's own patient record: a small FHIR server on a loopback port, which can be switched off to see what
// happens then.
type DemoRecord struct {
	URL    string
	server *fhirdouble.Server
	ln     net.Listener
}

// NewDemoRecord opens the record's port; it answers once the demo is seeded. What it is given is kept in file.
func NewDemoRecord(file string) (*DemoRecord, error) {
	server, err := fhirdouble.New(file)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the demo's record: %w", err)
	}
	return &DemoRecord{URL: "http://" + ln.Addr().String(), server: server, ln: ln}, nil
}

// StartDemo fills an empty trust with St Elsewhere, puts today's people on duty, and opens the doors that only a demo has. record
// may be nil when another FHIR server is used.
func (a *App) StartDemo(ctx context.Context, record *DemoRecord) error {
	a.Demo = true
	if record != nil {
		a.Group.Go("demo.record", func(ctx context.Context) error { return record.server.Serve(ctx, record.ln) })
	}
	people, err := directory.People(ctx, a.DB)
	if err != nil {
		return err
	}
	if len(people) == 0 {
		_, err = demo.Seed(ctx, demo.Deps{DB: a.DB, Accounts: a.Accounts, Rooms: a.Rooms, Record: a.Clinic.Record, Steward: a.Steward,
			Upload: a.keepPicture, MarkRead: a.Timeline.ReadIn, MarkDirect: a.Accounts.MarkDirect}, time.Now())
	} else {
		err = demo.Duties(ctx, a.DB, a.Accounts.Server(), time.Now())
	}
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	a.HTTP.Mount(a.Mux, []httpx.Route{
		{Pattern: "GET /demo/as/{login}", Handle: a.walkIn},
		{Pattern: "POST /_wardline/demo/fhir", Handle: record.switchIt},
	})
	return nil
}

// keepPicture puts a drawn picture where uploads go.
func (a *App) keepPicture(ctx context.Context, by id.User, file, mime string, data []byte) (string, error) {
	f, err := a.Media.Upload(ctx, media.Upload{Owner: by, Body: bytes.NewReader(data), SizeBytes: int64(len(data)), Type: mime, Name: file})
	if err != nil {
		return "", err
	}
	return a.Media.URI(f.ID), nil
}

// walkIn signs a visitor in as one of the demo's people and shows them the app.
func (a *App) walkIn(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	login := r.PathValue("login")
	for _, g := range demo.Guests {
		if g.Login != login {
			continue
		}
		u, err := id.NewUser(login, a.Accounts.Server())
		if err != nil {
			return err
		}
		ses, err := a.Accounts.Open(r.Context(), u, account.SignIn{Name: "Demo browser"})
		if err != nil {
			return err
		}
		a.Cookies.Set(w, ses.Access)
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	return fault.New(fault.NotFound, "M_NOT_FOUND", "Nobody of that name opens a door here.")
}

// switchIt turns the demo's record off and on, to see decisions wait and then be filed.
func (d *DemoRecord) switchIt(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if d == nil {
		return fault.New(fault.NotFound, "M_NOT_FOUND", "This demo files to another server.")
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && !strings.HasPrefix(site, "same-") {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "The request came from another site.")
	}
	var b struct {
		Up bool `json:"up"`
	}
	if err := httpx.Decode(r, &b, 1<<10); err != nil {
		return err
	}
	d.server.SetDown(!b.Up)
	return httpx.JSON(w, http.StatusOK, map[string]bool{"up": b.Up})
}
