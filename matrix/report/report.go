// Package report keeps what people tell the administrators about rooms, about what was said in them, and about each other.
//
// It promises that a report is kept when it was acknowledged, and that whoever reports learns nothing by it: not whether a room or a
// person exists that they could not know of already. It refuses to judge. Look first at Service.Event.
package report

import (
	"context"
	"embed"
	"time"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of reports.
func Migrations() db.Migrations { return db.Migrations{Package: "report", FS: schema} }

// Report is one report. Event is "" for one about a room, Room is "" for one about a person.
type Report struct {
	ID       int64
	At       time.Time
	Reporter id.User
	Room     id.Room
	Event    id.Event
	About    id.User // whom it concerns, the sender of a reported event
	Reason   string
	Score    int64
}

// Service takes and lists reports.
type Service struct {
	db       *db.DB
	accounts *account.Service
	rooms    *room.Service
}

// New returns the service.
func New(d *db.DB, accounts *account.Service, rooms *room.Service) *Service {
	return &Service{db: d, accounts: accounts, rooms: rooms}
}

var (
	insertReport = db.SQL("report.insert", `INSERT INTO report_report (id, at, reporter, room, event, about, reason, score) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
	lastReport   = db.SQL("report.last", `SELECT coalesce(max(id), 0) FROM report_report`)
	readReport   = db.SQL("report.read", `SELECT id, at, reporter, room, event, about, reason, score FROM report_report WHERE id = $1`)
	deleteReport = db.SQL("report.delete", `DELETE FROM report_report WHERE id = $1`)
	listReports  = db.SQL("report.list", `SELECT id, at, reporter, room, event, about, reason, score FROM report_report
		WHERE ($1 = '' OR reporter = $1) AND ($2 = '' OR room = $2) AND ($3 OR event <> '') ORDER BY id DESC LIMIT $4 OFFSET $5`)
	listOldest = db.SQL("report.list_oldest", `SELECT id, at, reporter, room, event, about, reason, score FROM report_report
		WHERE ($1 = '' OR reporter = $1) AND ($2 = '' OR room = $2) AND ($3 OR event <> '') ORDER BY id LIMIT $4 OFFSET $5`)
	countReports = db.SQL("report.count", `SELECT count(*) FROM report_report WHERE ($1 = '' OR reporter = $1) AND ($2 = '' OR room = $2) AND ($3 OR event <> '')`)
)

func scan(r db.Row) (p Report, err error) {
	var at int64
	err = r.Scan(&p.ID, &at, &p.Reporter, &p.Room, &p.Event, &p.About, &p.Reason, &p.Score)
	p.At = time.UnixMilli(at)
	return p, err
}

// maxReason bounds what somebody writes.
const maxReason = 4096

func (s *Service) save(ctx context.Context, p Report) error {
	if len(p.Reason) > maxReason {
		return fault.New(fault.TooLarge, "M_TOO_LARGE", "The reason is too long.")
	}
	now := time.Now()
	return s.db.Write(ctx, "report.save", func(ctx context.Context, tx *db.Tx) error {
		last, err := db.One(ctx, tx, lastReport, db.Scalar[int64])
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertReport, last+1, now.UnixMilli(), string(p.Reporter), string(p.Room), string(p.Event), string(p.About), p.Reason, p.Score); err != nil {
			return err
		}
		object := string(p.Event)
		if object == "" {
			object = string(p.Room) + string(p.About)
		}
		return audit.Append(ctx, tx, audit.Entry{At: now, Actor: string(p.Reporter), Action: "report", Object: object})
	})
}

// Event takes a report about something that the reporter can see in a room that they are in. Anything else is NotFound.
// spec: client-server-api#post_matrixclientv3roomsroomidreporteventid
func (s *Service) Event(ctx context.Context, by id.User, in id.Room, e id.Event, reason string, score int64) error {
	hidden := func(err error) error {
		return fault.Hide(err, "M_NOT_FOUND", "There is no such event, or you are not in the room.")
	}
	f, err := s.rooms.Feed(ctx, in)
	if err != nil {
		return hidden(err)
	}
	if f.Membership(by) != "join" {
		return hidden(fault.New(fault.Hidden, "", "Not in the room."))
	}
	ev, _, err := s.rooms.Find(ctx, f, by, e)
	if err != nil {
		return hidden(err)
	}
	return s.save(ctx, Report{Reporter: by, Room: in, Event: e, About: ev.Sender, Reason: reason, Score: score})
}

// Room takes a report about a room, whether the reporter is in it or not. About one that does not exist nothing is kept, and the
// answer is the same.
// spec: client-server-api#post_matrixclientv3roomsroomidreport
func (s *Service) Room(ctx context.Context, by id.User, in id.Room, reason string) error {
	_, err := s.rooms.Feed(ctx, in)
	if fault.Is(err, fault.Hidden) || fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.save(ctx, Report{Reporter: by, Room: in, Reason: reason})
}

// User takes a report about a person. About one who does not exist nothing is kept, and the answer is the same.
// spec: client-server-api#post_matrixclientv3usersuseridreport
func (s *Service) User(ctx context.Context, by, about id.User, reason string) error {
	if s.accounts.Local(about) {
		err := s.accounts.Active(ctx, about)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return s.save(ctx, Report{Reporter: by, About: about, Reason: reason})
}

// Filter chooses reports.
type Filter struct {
	Reporter id.User // "" for everybody's
	Room     id.Room // "" for all
	All      bool    // also those about rooms and people, which tools for events do not expect
	Oldest   bool    // first
}

// List pages through the reports and says how many there are.
func (s *Service) List(ctx context.Context, f Filter, from, limit int) ([]Report, int64, error) {
	total, err := db.One(ctx, s.db, countReports, db.Scalar[int64], string(f.Reporter), string(f.Room), f.All)
	if err != nil {
		return nil, 0, err
	}
	q := listReports
	if f.Oldest {
		q = listOldest
	}
	list, err := db.Collect(ctx, s.db, q, scan, string(f.Reporter), string(f.Room), f.All, limit, from)
	return list, total, err
}

// Find returns one report.
func (s *Service) Find(ctx context.Context, n int64) (Report, error) {
	return db.One(ctx, s.db, readReport, scan, n)
}

// Delete removes one report. That it was made stays in the audit.
func (s *Service) Delete(ctx context.Context, by id.User, n int64) error {
	return s.db.Write(ctx, "report.delete", func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Exec(ctx, deleteReport, n)
		if err != nil {
			return err
		}
		if rows == 0 {
			return fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such report.")
		}
		return audit.Append(ctx, tx, audit.Entry{At: time.Now(), Actor: string(by), Action: "report.delete"})
	})
}
