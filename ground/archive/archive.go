// Package archive copies a whole trust: into one file and back, and from one database engine to the other.
//
// It promises that a backup is what the trust was at one instant, taken while a server runs and without making it wait; that a
// backup which could not be whole is no file at all; that a restore has compared every row and file with what the backup says of
// them and has walked the audit; and that half a restore is nothing that a server starts on. It refuses to write over anything. It
// knows no table: it copies whatever the database has (see db.Snapshot), as rows, so that a backup belongs to no engine. Look first
// at Backup and Restore.
//
// The file is a tar, compressed by gzip, inside age. Its entries, in this order: header.json says how to read the rest;
// table/NAME/NUMBER holds rows, one JSON array a line; file/NAME is a small file of the data folder; blob/SHA256 an uploaded file;
// manifest.json, last, holds the counts and sums. A file without its end is therefore never taken for a backup.
package archive

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/bits"
	"strconv"
	"time"
	"unicode/utf8"

	"wardline/ground/db"
)

// Trust says where everything of one server is, and how to find what the database does not hold.
type Trust struct {
	Dir        string // the data folder
	Database   string // source as for db.Open
	Version    string // of this program
	Migrations []db.Migrations
	Files      []string // small files in Dir that belong to the trust and must be there
	// Blob says where in Dir the blob of this SHA-256 (64 hex digits) lies, as a relative path.
	Blob func(sum string) string
	// Blobs calls fn for every blob that rows name, once each. An error of fn ends it and is returned.
	Blobs func(ctx context.Context, q db.Querier, fn func(sum string) error) error
	// Progress hears how far things are, often; nil for nobody.
	Progress func(what string, done, total int64)
}

func (t Trust) progress(what string, done, total int64) {
	if t.Progress != nil {
		t.Progress(what, done, total)
	}
}

// format is the version of the file's form that is written; older ones can be read.
const format = 1

// header is what must be known before the first row.
type header struct {
	Format     int        `json:"format"`
	Wardline   string     `json:"wardline"`
	At         time.Time  `json:"at"`
	Engine     string     `json:"engine"`
	Migrations []string   `json:"migrations"`
	Tables     []db.Table `json:"tables"`
}

// Manifest says what a backup holds.
type Manifest struct {
	At        time.Time     `json:"at"`
	Wardline  string        `json:"wardline"`
	Engine    string        `json:"engine"` // where it was taken from
	Tables    []TableSum    `json:"tables"`
	Files     []FileSum     `json:"files"`
	Blobs     int64         `json:"blobs"`
	BlobBytes int64         `json:"blob_bytes"`
	Audit     int64         `json:"audit"` // entries of the audit, whose chain was whole
	Took      time.Duration `json:"-"`
}

// Rows is how many rows there are in all tables.
func (m Manifest) Rows() (n int64) {
	for _, t := range m.Tables {
		n += t.Rows
	}
	return n
}

// TableSum is what a table held: how many rows, and a sum over them that does not depend on their order.
type TableSum struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
	Sum  string `json:"sum"`
}

// FileSum is a small file of the data folder.
type FileSum struct {
	Name      string `json:"name"`
	SizeBytes int64  `json:"size_bytes"`
	SHA256    string `json:"sha256"`
}

// tally counts rows and adds up the SHA-256 of each, as numbers modulo 2^256. Two engines give rows in two orders; the sum is the
// same. It finds what was lost or altered by accident; against a forger there is the encryption.
type tally struct {
	rows int64
	sum  [4]uint64
}

func (t *tally) add(line []byte) {
	h := sha256.Sum256(line)
	t.rows++
	var carry uint64
	for i := 3; i >= 0; i-- {
		t.sum[i], carry = bits.Add64(t.sum[i], binary.BigEndian.Uint64(h[8*i:]), carry)
	}
}

func (t *tally) of(name string) TableSum {
	var raw []byte
	for _, n := range t.sum {
		raw = binary.BigEndian.AppendUint64(raw, n)
	}
	return TableSum{Name: name, Rows: t.rows, Sum: hex.EncodeToString(raw)}
}

// appendRow writes a row as one line: a JSON array in which bytes are base64.
func appendRow(line []byte, row []any) ([]byte, error) {
	sep := byte('[')
	for _, v := range row {
		line = append(line, sep)
		sep = ','
		switch v := v.(type) {
		case nil:
			line = append(line, "null"...)
		case int64:
			line = strconv.AppendInt(line, v, 10)
		case bool:
			line = strconv.AppendBool(line, v)
		case []byte:
			line = append(line, '"')
			line = base64.StdEncoding.AppendEncode(line, v)
			line = append(line, '"')
		case string:
			if !utf8.ValidString(v) {
				return nil, fmt.Errorf("a text is not UTF-8")
			}
			raw, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			line = append(line, raw...)
		default:
			return nil, fmt.Errorf("a value has type %T", v)
		}
	}
	return append(line, "]\n"...), nil
}

// parseRow reads a line that appendRow wrote.
func parseRow(line []byte, t db.Table) ([]any, error) {
	var cells []json.RawMessage
	if err := json.Unmarshal(line, &cells); err != nil {
		return nil, err
	}
	if len(cells) != len(t.Columns) {
		return nil, fmt.Errorf("%d values for %d columns", len(cells), len(t.Columns))
	}
	row := make([]any, len(cells))
	for i, cell := range cells {
		v, err := parseCell(cell, t.Columns[i].Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", t.Columns[i].Name, err)
		}
		row[i] = v
	}
	return row, nil
}

func parseCell(cell json.RawMessage, typ string) (any, error) {
	if string(cell) == "null" {
		return nil, nil
	}
	switch typ {
	case "BIGINT":
		return strconv.ParseInt(string(cell), 10, 64)
	case "BOOLEAN":
		return strconv.ParseBool(string(cell))
	case "TEXT":
		var s string
		err := json.Unmarshal(cell, &s)
		return s, err
	}
	b := []byte{}
	err := json.Unmarshal(cell, &b)
	return b, err
}

// sumOf adds up a table as it is in a database.
func sumOf(ctx context.Context, v interface {
	Rows(ctx context.Context, t db.Table, fn func(row []any) error) error
}, t db.Table, each func(rows int64, row []any, line []byte) error) (TableSum, error) {
	var sum tally
	var line []byte
	err := v.Rows(ctx, t, func(row []any) (err error) {
		if line, err = appendRow(line[:0], row); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
		sum.add(line)
		return each(sum.rows, row, line)
	})
	return sum.of(t.Name), err
}
