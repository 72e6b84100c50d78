package staff

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"wardline/ground/fault"
)

// fields are what an import understands, each with the headers that staff records give it.
var fields = []struct {
	name    string
	must    bool
	headers []string
}{
	{"number", true, []string{"employee number", "employee no", "staff number", "assignment number", "payroll number", "esr number", "number"}},
	{"first", false, []string{"first name", "forename", "given name", "preferred name", "known as"}},
	{"last", false, []string{"last name", "surname", "family name"}},
	{"name", false, []string{"full name", "display name", "name", "employee name"}},
	{"role", false, []string{"position title", "job title", "role", "position", "occupation"}},
	{"grade", false, []string{"grade", "pay band", "pay scale", "band", "agenda for change band"}},
	{"profession", false, []string{"staff group", "profession", "staff category"}},
	{"ward", false, []string{"department", "ward", "location", "organisation", "org l5", "cost centre name"}},
	{"body", false, []string{"registration body", "professional body", "professional registration body"}},
	{"registration", false, []string{"registration number", "professional registration number", "pin", "registration"}},
	{"email", false, []string{"email address", "email", "e-mail", "work email", "office email address"}},
	{"languages", false, []string{"languages", "languages spoken"}},
	{"login", false, []string{"user name", "username", "login", "network account"}},
	{"leaving", false, []string{"leaving date", "termination date", "end date", "date left", "last working day"}},
	{"status", false, []string{"assignment status", "employment status", "status"}},
}

// Fields returns the names of what an import understands.
func Fields() []string {
	var all []string
	for _, f := range fields {
		all = append(all, f.name)
	}
	return all
}

// Problem is a line of a file that cannot be used, and why.
type Problem struct {
	Line int    `json:"line"`
	Who  string `json:"who,omitempty"`
	Why  string `json:"why"`
}

// table is a file as it was understood.
type table struct {
	entries  []Entry
	lines    []int
	headers  []string
	columns  map[string]string // field → header
	ignored  []string          // headers that nobody wants
	problems []Problem
}

// maxRows bounds a file.
const maxRows = 100_000

// read understands a CSV file with a header line. mapping says which header is which field where the file has its own words; the rest is
// found by the usual ones. A file without a column that must be there is fault.Invalid, with the headers that it has.
func read(file []byte, mapping map[string]string, now time.Time) (*table, error) {
	text, err := decode(file)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes, r.TrimLeadingSpace = separator(text), -1, true, true
	head, err := r.Read()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The file is empty, or no CSV file.", err)
	}
	t := &table{columns: map[string]string{}}
	at := map[string]int{}
	for i, h := range head {
		h = strings.TrimSpace(h)
		t.headers = append(t.headers, h)
		name := fieldOf(h, mapping)
		switch _, twice := at[name]; {
		case name == "":
			t.ignored = append(t.ignored, h)
		case twice && mapping[name] != h: // two columns could be it: the first counts
			t.ignored = append(t.ignored, h)
		default:
			at[name], t.columns[name] = i, h
		}
	}
	for name, h := range mapping {
		if h != "" && t.columns[name] != h {
			return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", fmt.Sprintf("The file has no column %q. It has: %s.", h, strings.Join(t.headers, ", ")))
		}
	}
	_, number := at["number"]
	_, first := at["first"]
	_, last := at["last"]
	_, name := at["name"]
	if !number || !name && (!first || !last) {
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", fmt.Sprintf("The file needs a staff number, and a name or a first and a last name. Its columns are: %s. Say which is which.", strings.Join(t.headers, ", ")))
	}
	return t, t.rows(r, at, len(head), now)
}

func (t *table) rows(r *csv.Reader, at map[string]int, width int, now time.Time) error {
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			var p *csv.ParseError
			if errors.As(err, &p) {
				t.problems = append(t.problems, Problem{Line: p.Line, Why: "This line cannot be read: its quotes do not match."})
				continue
			}
			return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The file cannot be read to its end.", err)
		}
		line, _ := r.FieldPos(0)
		if len(t.entries)+len(t.problems) >= maxRows {
			return fault.New(fault.TooLarge, "M_TOO_LARGE", fmt.Sprintf("The file has more than %d lines.", maxRows))
		}
		if !slices.ContainsFunc(row, func(s string) bool { return strings.TrimSpace(s) != "" }) {
			continue
		}
		get := func(name string) string {
			if i, ok := at[name]; ok && i < len(row) {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		e := entryOf(get)
		if len(row) != width {
			t.problems = append(t.problems, Problem{line, e.Name, fmt.Sprintf("This line has %d columns, the header %d.", len(row), width)})
			continue
		}
		if e.Leaves, err = leaves(get("leaving"), get("status"), now); err == nil {
			e, err = e.clean()
		}
		if err == nil && e.Number == "" {
			err = fault.New(fault.Invalid, "", "The staff number is missing.")
		}
		if f := fault.As(err); f != nil {
			t.problems = append(t.problems, Problem{line, e.Name, f.Public})
			continue
		}
		t.entries, t.lines = append(t.entries, e), append(t.lines, line)
	}
}

func entryOf(get func(string) string) Entry {
	e := Entry{Number: get("number"), Login: get("login"), Name: get("name"), Role: get("role"), Grade: get("grade"), Profession: get("profession"), Ward: get("ward"),
		Registration: get("registration"), Email: get("email")}
	if e.Name == "" {
		e.Name = strings.TrimSpace(proper(get("first")) + " " + proper(get("last")))
	}
	if body := get("body"); body != "" && e.Registration != "" {
		e.Registration = short(body) + " " + e.Registration
	}
	for l := range strings.FieldsFuncSeq(get("languages"), func(r rune) bool { return r == ',' || r == ';' }) {
		e.Languages = append(e.Languages, strings.TrimSpace(l))
	}
	return e
}

// short is what a regulator is called here.
func short(body string) string {
	for _, b := range []struct{ word, name string }{{"medical", "GMC"}, {"nursing", "NMC"}, {"health and care", "HCPC"}, {"health & care", "HCPC"}, {"pharmaceutical", "GPhC"}, {"dental", "GDC"}} {
		if strings.Contains(strings.ToLower(body), b.word) {
			return b.name
		}
	}
	return body
}

// proper writes a name that is all in capitals as people write it: O'BRIEN is O'Brien. Any other stays as it is.
func proper(s string) string {
	if s != strings.ToUpper(s) || len([]rune(s)) < 3 {
		return s
	}
	start := true
	return strings.Map(func(r rune) rune {
		defer func() { start = r == ' ' || r == '-' || r == '\'' || r == '’' }()
		if start {
			return r
		}
		return []rune(strings.ToLower(string(r)))[0]
	}, s)
}

func leaves(date, status string, now time.Time) (bool, error) {
	switch strings.ToLower(status) {
	case "terminated", "ended", "leaver", "left", "inactive":
		return true, nil
	}
	if date == "" {
		return false, nil
	}
	for _, form := range []string{time.DateOnly, "02/01/2006", "02-Jan-2006", "2 Jan 2006", "02.01.2006"} {
		if at, err := time.Parse(form, date); err == nil {
			return !at.AddDate(0, 0, 1).After(now), nil // they work until the end of that day
		}
	}
	return false, fault.New(fault.Invalid, "", "The leaving date is no date: write it as 2026-11-24.")
}

func fieldOf(header string, mapping map[string]string) string {
	for name, h := range mapping {
		if h == header {
			return name
		}
	}
	h := strings.ToLower(strings.Join(strings.Fields(strings.NewReplacer("_", " ", ".", " ").Replace(header)), " "))
	for _, f := range fields {
		if mapping[f.name] == "" && slices.Contains(f.headers, h) {
			return f.name
		}
	}
	return ""
}

// decode reads UTF-8, with or without its mark, UTF-16 with its mark, and what Windows calls 1252.
func decode(file []byte) (string, error) {
	switch {
	case bytes.HasPrefix(file, []byte{0xef, 0xbb, 0xbf}):
		file = file[3:]
	case bytes.HasPrefix(file, []byte{0xff, 0xfe}) && len(file)%2 == 0:
		units := make([]uint16, 0, len(file)/2)
		for i := 2; i+1 < len(file); i += 2 {
			units = append(units, uint16(file[i])|uint16(file[i+1])<<8)
		}
		return string(utf16.Decode(units)), nil
	}
	if bytes.IndexByte(file, 0) >= 0 {
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "This is no CSV file. Save the sheet as CSV first.")
	}
	if utf8.Valid(file) {
		return string(file), nil
	}
	var b strings.Builder
	for _, c := range file {
		if c == 0x92 {
			b.WriteRune('’')
		} else {
			b.WriteRune(rune(c))
		}
	}
	return b.String(), nil
}

func separator(text string) rune {
	head, _, _ := strings.Cut(text, "\n")
	best, n := ',', strings.Count(head, ",")
	for _, c := range []rune{';', '\t', '|'} {
		if k := strings.Count(head, string(c)); k > n {
			best, n = c, k
		}
	}
	return best
}
