package staff

import (
	"context"
	"fmt"
	"strings"

	"wardline/clinical/directory"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Options say how a file is imported.
type Options struct {
	Mapping map[string]string // field → header, where the file has its own words
	Source  string            // who keeps these entries: "esr"
	Dry     bool              // only say what would be done
	// Missing lets those leave who came from this source before and are not in the file. More than a tenth of them is refused: it is a
	// file that was cut off, not a tenth of a hospital that left.
	Missing bool
	// Loose leaves a ward as it is here when the record calls it by a name that nobody knows: a directory of the whole trust has many
	// departments, and none of them is a reason to keep somebody out.
	Loose bool
	// Progress is told how far it is; nil for nobody.
	Progress func(done, of int)
}

// Report says what an import did, or would do.
type Report struct {
	Columns   map[string]string `json:"columns"` // field → header
	Ignored   []string          `json:"ignored"` // columns that nobody wants
	Rows      int               `json:"rows"`
	New       []Line            `json:"new"`
	Changed   []Line            `json:"changed"`
	Unchanged int               `json:"unchanged"`
	Leaving   []Line            `json:"leaving"`
	Missing   []Line            `json:"missing"` // in the directory from this source, and not in the file
	Problems  []Problem         `json:"problems"`
	Dry       bool              `json:"dry"`
}

// Line is one person of a report.
type Line struct {
	User   id.User  `json:"user,omitempty"`
	Name   string   `json:"name"`
	Number string   `json:"number"`
	What   []string `json:"what,omitempty"`
}

// batch is how many people one act takes: a page that is raised meanwhile waits no longer than for one of them.
const batch = 100

// plan is what an import would do to one person.
type plan struct {
	entry Entry
	line  int
	user  id.User // "" for somebody new
	left  bool
}

// Import reads a CSV file of the staff record and brings the directory in line with it, a hundred people an act. A line that cannot be used
// is left out and named; so is everybody who is in the file twice. A file whose columns are not understood is fault.Invalid and changes
// nothing.
func (s *Service) Import(ctx context.Context, by id.User, file []byte, o Options) (Report, error) {
	t, err := read(file, o.Mapping, s.Now())
	if err != nil {
		return Report{}, err
	}
	if o.Source == "" {
		o.Source = "esr"
	}
	return s.bring(ctx, by, t, o)
}

// bring makes the directory what a table says.
func (s *Service) bring(ctx context.Context, by id.User, t *table, o Options) (Report, error) {
	rep := Report{Columns: t.columns, Ignored: t.ignored, Rows: len(t.entries) + len(t.problems), Problems: t.problems, Dry: o.Dry}
	plans, err := s.compare(ctx, t, o, &rep)
	if err != nil {
		return rep, err
	}
	rep.Problems = notNil(rep.Problems)
	rep.New, rep.Changed, rep.Leaving, rep.Missing, rep.Ignored = notNil(rep.New), notNil(rep.Changed), notNil(rep.Leaving), notNil(rep.Missing), notNil(rep.Ignored)
	if o.Missing && !o.Dry && len(rep.Missing) > max(5, (rep.Rows+len(rep.Missing))/10) {
		return rep, fault.New(fault.Conflict, "UK_WARDLINE_TOO_MANY_LEAVE", fmt.Sprintf("%d people would leave because they are not in the file. It may have been cut off; nothing was changed.", len(rep.Missing)))
	}
	if o.Dry {
		return rep, nil
	}
	return rep, s.apply(ctx, by, plans, o, &rep)
}

func notNil[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// compare finds out whom each line is about and what it would change.
func (s *Service) compare(ctx context.Context, t *table, o Options, rep *Report) ([]plan, error) {
	people, err := directory.People(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	wards, err := directory.Wards(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	wardOf := map[string]directory.WardID{"": ""}
	for _, w := range wards {
		wardOf[strings.ToLower(w.Name)], wardOf[strings.ToLower(string(w.ID))] = w.ID, w.ID
	}
	byNumber, byEmail := map[string][]directory.Person{}, map[string][]directory.Person{}
	for _, p := range people {
		if p.Number != "" {
			byNumber[p.Number] = append(byNumber[p.Number], p)
		}
		if p.Email != "" {
			byEmail[p.Email] = append(byEmail[p.Email], p)
		}
	}
	numbers, emails := map[string]int{}, map[string]int{}
	for _, e := range t.entries {
		numbers[e.Number]++
		if e.Email != "" {
			emails[e.Email]++
		}
	}
	seen := map[id.User]bool{}
	var plans []plan
	for i, e := range t.entries {
		bad := func(why string) { rep.Problems = append(rep.Problems, Problem{t.lines[i], e.Name, why}) }
		found := byNumber[e.Number]
		if len(found) == 0 && e.Email != "" {
			for _, p := range byEmail[e.Email] {
				if p.Number == "" || p.Number == e.Number {
					found = append(found, p)
				}
			}
			if len(found) == 0 && len(byEmail[e.Email]) > 0 {
				bad("Somebody with another staff number has this e-mail address.")
				continue
			}
		}
		ward, known := wardOf[strings.ToLower(e.Ward)]
		if !known && o.Loose {
			if known, e.Ward = true, ""; len(found) == 1 {
				ward, e.Ward = found[0].Ward, string(found[0].Ward)
			}
		}
		switch {
		case numbers[e.Number] > 1:
			bad(fmt.Sprintf("The staff number is in the file %d times. None of these lines was used.", numbers[e.Number]))
			for _, p := range found {
				seen[p.User] = true
			}
			continue
		case e.Email != "" && emails[e.Email] > 1:
			bad("The e-mail address is in the file more than once. None of these lines was used.")
			for _, p := range found {
				seen[p.User] = true
			}
			continue
		case len(found) > 1:
			bad("Two people in the directory have this staff number or e-mail address.")
			continue
		case !known:
			bad("There is no ward or place called " + e.Ward + ".")
			for _, p := range found {
				seen[p.User] = true
			}
			continue
		case len(found) == 0 && e.Leaves:
			rep.Unchanged++ // has left, and was never here
			continue
		case len(found) == 0:
			rep.New = append(rep.New, Line{Name: e.Name, Number: e.Number})
			plans = append(plans, plan{entry: e, line: t.lines[i]})
			continue
		}
		was := found[0]
		seen[was.User] = true
		now := was
		now.Name, now.Role, now.Grade, now.Profession, now.Ward, now.Registration, now.Email, now.Number = e.Name, e.Role, e.Grade, e.Profession, ward, e.Registration, e.Email, e.Number
		if now.Languages = e.Languages; t.columns["languages"] == "" {
			now.Languages, e.Languages = was.Languages, was.Languages
		}
		what := changed(was, now)
		switch {
		case e.Leaves && !was.Left():
			rep.Leaving = append(rep.Leaving, Line{User: was.User, Name: was.Name, Number: e.Number})
		case e.Leaves || len(what) == 0 && !was.Left():
			rep.Unchanged++
			continue
		case was.Left():
			rep.Changed = append(rep.Changed, Line{was.User, e.Name, e.Number, append([]string{"works here again"}, what...)})
		default:
			rep.Changed = append(rep.Changed, Line{was.User, e.Name, e.Number, what})
		}
		plans = append(plans, plan{e, t.lines[i], was.User, was.Left()})
	}
	for _, p := range people {
		if p.Source == o.Source && !p.Left() && !seen[p.User] {
			rep.Missing = append(rep.Missing, Line{User: p.User, Name: p.Name, Number: p.Number})
		}
	}
	return plans, nil
}

// apply makes the plans true. What cannot be done of one person is named and harms no other.
func (s *Service) apply(ctx context.Context, by id.User, plans []plan, o Options, rep *Report) error {
	if o.Missing {
		for _, l := range rep.Missing {
			plans = append(plans, plan{entry: Entry{Name: l.Name, Number: l.Number, Leaves: true}, user: l.User})
		}
	}
	for done := 0; done < len(plans); done += batch {
		part := plans[done:min(done+batch, len(plans))]
		err := s.DB.WriteLast(ctx, "staff.import", func(ctx context.Context, tx *db.Tx) error {
			for _, p := range part {
				if err := s.one(ctx, tx, by, o.Source, p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil && fault.KindOf(err) == fault.Internal {
			return err
		}
		if err != nil { // one of them: each alone, so that the others go on
			for _, p := range part {
				err := s.DB.WriteLast(ctx, "staff.import", func(ctx context.Context, tx *db.Tx) error { return s.one(ctx, tx, by, o.Source, p) })
				if f := fault.As(err); f != nil {
					rep.Problems = append(rep.Problems, Problem{p.line, p.entry.Name, f.Public})
				} else if err != nil {
					return err
				}
			}
		}
		if o.Progress != nil {
			o.Progress(min(done+batch, len(plans)), len(plans))
		}
	}
	detail := map[string]string{"source": o.Source, "new": fmt.Sprint(len(rep.New)), "changed": fmt.Sprint(len(rep.Changed)), "leaving": fmt.Sprint(len(rep.Leaving)), "problems": fmt.Sprint(len(rep.Problems))}
	return s.DB.Write(ctx, "staff.imported", func(ctx context.Context, tx *db.Tx) error {
		return audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: "staff.import", Object: o.Source, Detail: detail})
	})
}

func (s *Service) one(ctx context.Context, tx *db.Tx, by id.User, source string, p plan) error {
	switch {
	case p.user == "":
		_, err := s.JoinIn(ctx, tx, by, source, p.entry)
		return err
	case p.entry.Leaves:
		if p.user == by {
			return fault.New(fault.Conflict, "", "You cannot let yourself leave.")
		}
		return s.LeaveIn(ctx, tx, by, p.user)
	case p.left:
		if err := s.ReturnIn(ctx, tx, by, p.user); err != nil {
			return err
		}
	}
	_, err := s.ChangeIn(ctx, tx, by, p.user, p.entry)
	return err
}
