package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
)

// maxEntry bounds what a restore holds of one entry of rows. A chunk is about a megabyte and at most one row more.
const maxEntry = 64 << 20

var errNoBackup = fault.New(fault.Invalid, "", "The file is not a wardline backup, or it is cut off or damaged.")

func damaged(err error) error { return fault.Wrap(errNoBackup.Kind, "", errNoBackup.Public, err) }

// Restore makes an empty folder and an empty database into what the backup holds, and returns what that is, once every sum, every
// count and the audit's chain have been compared and all of it is on the disk. A folder or database that is not empty is Conflict.
// A file that is damaged is Invalid, and so is one that the identities do not open. Whatever goes wrong, nothing is left that a
// server would start on: the folder and the database are emptied again, and until the last commit they carry a mark that survives
// even the end of the process.
func Restore(ctx context.Context, from string, t Trust, identities ...age.Identity) (m Manifest, err error) {
	began := time.Now()
	file, err := os.Open(from)
	if err != nil {
		return m, fmt.Errorf("open backup: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	body, err := unseal(file, identities)
	if err != nil {
		return m, err
	}
	packed, err := gzip.NewReader(body)
	if err != nil {
		return m, damaged(err)
	}
	r := &reader{Trust: t, packed: packed, tar: tar.NewReader(packed)}
	if err := r.head(); err != nil {
		return m, err
	}
	if err := emptyDir(t.Dir); err != nil {
		return m, err
	}
	d, err := db.Open(ctx, t.Database)
	if err != nil {
		return m, errors.Join(err, t.clear())
	}
	err = d.Fill(ctx, t.Migrations, r.header.Migrations, func(ctx context.Context, f *db.Filling) error { return r.all(ctx, f) })
	if err = errors.Join(err, d.Close()); err != nil {
		return m, errors.Join(err, t.clear())
	}
	m = r.manifest
	m.Took = time.Since(began)
	return m, nil
}

// unseal takes the encryption off, if there is any.
func unseal(file io.ReadSeeker, identities []age.Identity) (io.Reader, error) {
	magic := make([]byte, len("age-encryption.org/"))
	if _, err := io.ReadFull(file, magic); err != nil {
		return nil, damaged(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read backup: %w", err)
	}
	if string(magic) != "age-encryption.org/" {
		return file, nil
	}
	if len(identities) == 0 {
		return nil, fault.New(fault.Invalid, "", "The backup is encrypted. Say how to open it, with -identity or -passphrase-file.")
	}
	body, err := age.Decrypt(file, identities...)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "", "The backup cannot be opened with this key.", err)
	}
	return body, nil
}

// emptyDir makes the folder, or checks that there is nothing in it.
func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if len(entries) > 0 {
		return fault.New(fault.Conflict, "", "The folder to restore into is not empty.")
	}
	return nil
}

// clear empties the folder, which was empty when the restore began.
func (t Trust) clear() error {
	entries, err := os.ReadDir(t.Dir)
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, os.RemoveAll(filepath.Join(t.Dir, e.Name())))
	}
	return errors.Join(errs...)
}

// reader is one backup being read.
type reader struct {
	Trust
	packed   io.Reader
	tar      *tar.Reader
	header   header
	manifest Manifest
	files    []FileSum
	blobs    map[string]bool
	bytes    int64
	rows     int64
}

func (r *reader) head() error {
	e, err := r.tar.Next()
	if err != nil || e.Name != "header.json" {
		return damaged(err)
	}
	if err := r.object(e, &r.header); err != nil {
		return err
	}
	if r.header.Format < 1 || r.header.Format > format {
		return fault.New(fault.Unavailable, "", "The backup was made by a newer wardline. Use that version.")
	}
	return nil
}

func (r *reader) read(e *tar.Header) ([]byte, error) {
	if e.Size > maxEntry {
		return nil, damaged(fmt.Errorf("entry %s has %d bytes", e.Name, e.Size))
	}
	raw, err := io.ReadAll(r.tar)
	if err != nil {
		return nil, damaged(err)
	}
	return raw, nil
}

func (r *reader) object(e *tar.Header, into any) error {
	raw, err := r.read(e)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return damaged(err)
	}
	return nil
}

func (r *reader) all(ctx context.Context, f *db.Filling) error {
	tables, err := r.tables(ctx, f)
	if err != nil {
		return err
	}
	r.blobs = map[string]bool{}
	for {
		e, err := r.tar.Next()
		if err != nil { // also at the end: the manifest has not come
			return damaged(err)
		}
		kind, name, _ := strings.Cut(e.Name, "/")
		switch {
		case e.Name == "manifest.json":
			if err := r.object(e, &r.manifest); err != nil {
				return err
			}
			if _, err := r.tar.Next(); err != io.EOF {
				return damaged(err)
			}
			if _, err := io.Copy(io.Discard, r.packed); err != nil { // to the very end, where gzip and age keep their last sums
				return damaged(err)
			}
			return r.compare(ctx, f)
		case kind == "table":
			name, _, _ = strings.Cut(name, "/")
			t, ok := tables[name]
			if !ok {
				return damaged(fmt.Errorf("there is no table %q", name))
			}
			err = r.chunk(ctx, f, e, t)
		case kind == "file":
			err = r.file(e, name)
		case kind == "blob":
			err = r.blob(e, name)
		default:
			err = damaged(fmt.Errorf("entry %q", e.Name))
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
}

// tables returns the tables by name, after comparing those of the header with those that its migrations have made here.
func (r *reader) tables(ctx context.Context, f *db.Filling) (map[string]db.Table, error) {
	here, err := f.Tables(ctx)
	if err != nil {
		return nil, err
	}
	same := func(a, b db.Table) bool { return a.Name == b.Name && slices.Equal(a.Columns, b.Columns) }
	if !slices.EqualFunc(here, r.header.Tables, same) {
		return nil, damaged(errors.New("its tables are not those that its migrations make"))
	}
	byName := map[string]db.Table{}
	for _, t := range here {
		byName[t.Name] = t
	}
	return byName, nil
}

func (r *reader) chunk(ctx context.Context, f *db.Filling, e *tar.Header, t db.Table) error {
	raw, err := r.read(e)
	if err != nil {
		return err
	}
	var rows [][]any
	for line := range bytes.Lines(raw) {
		row, err := parseRow(line, t)
		if err != nil {
			return damaged(fmt.Errorf("table %s: %w", t.Name, err))
		}
		rows = append(rows, row)
	}
	r.rows += int64(len(rows))
	r.progress("rows", r.rows, 0)
	if err := f.Insert(ctx, t, rows); fault.Is(err, fault.Invalid) {
		return damaged(err)
	} else if err != nil {
		return err
	}
	return nil
}

func (r *reader) file(e *tar.Header, name string) error {
	if !slices.Contains(r.Files, name) {
		return damaged(fmt.Errorf("file %q does not belong to a trust", name))
	}
	sum, n, err := r.put(filepath.Join(r.Dir, name))
	r.files = append(r.files, FileSum{Name: name, SizeBytes: n, SHA256: sum})
	return err
}

var sha256Name = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (r *reader) blob(e *tar.Header, name string) error {
	if !sha256Name.MatchString(name) || r.blobs[name] {
		return damaged(fmt.Errorf("uploaded file %q", name))
	}
	path := filepath.Join(r.Dir, r.Blob(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("restore uploaded file: %w", err)
	}
	sum, n, err := r.put(path)
	if err != nil {
		return err
	}
	if sum != name {
		return damaged(fmt.Errorf("uploaded file %s has become %s", name, sum))
	}
	r.blobs[name] = true
	r.bytes += n
	r.progress("files", int64(len(r.blobs)), 0)
	return nil
}

// put writes the current entry to a new file, durably, and returns its SHA-256 and length.
func (r *reader) put(path string) (sum string, n int64, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", 0, fmt.Errorf("restore file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	if n, err = io.Copy(io.MultiWriter(f, h), r.tar); err != nil {
		return "", n, fmt.Errorf("restore file: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), n, f.Sync()
}

// compare holds what is there now against the manifest. It reads back every row.
func (r *reader) compare(ctx context.Context, f *db.Filling) error {
	m := r.manifest
	sums, err := sumsOf(ctx, f, r.header.Tables, func(done int64) { r.progress("rows compared", done, r.rows) })
	if err != nil {
		return err
	}
	if err := differ(m.Tables, sums); err != nil {
		return damaged(err)
	}
	if !slices.Equal(m.Files, r.files) || len(r.files) != len(r.Files) {
		return damaged(errors.New("the files of the data folder are not those of the manifest"))
	}
	if m.Blobs != int64(len(r.blobs)) || m.BlobBytes != r.bytes {
		return damaged(fmt.Errorf("%d uploaded files of %d bytes, want %d of %d", len(r.blobs), r.bytes, m.Blobs, m.BlobBytes))
	}
	err = r.Blobs(ctx, f, func(sum string) error {
		if !r.blobs[sum] {
			return damaged(fmt.Errorf("uploaded file %s is not in the backup", sum))
		}
		return nil
	})
	if err != nil {
		return err
	}
	n, err := audit.Verify(ctx, f)
	if err != nil {
		return err
	}
	if n != m.Audit {
		return damaged(fmt.Errorf("the audit has %d entries, want %d", n, m.Audit))
	}
	return syncTree(r.Dir)
}

func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return syncDir(path)
	})
}

func sumsOf(ctx context.Context, f *db.Filling, tables []db.Table, progress func(done int64)) ([]TableSum, error) {
	var all []TableSum
	var before int64
	for _, t := range tables {
		sum, err := sumOf(ctx, f, t, func(rows int64, _ []any, _ []byte) error {
			if rows%1000 == 0 {
				progress(before + rows)
			}
			return ctx.Err()
		})
		if err != nil {
			return nil, err
		}
		before += sum.Rows
		all = append(all, sum)
	}
	return all, nil
}

// differ names the first table that is not as it should be.
func differ(want, got []TableSum) error {
	if len(want) != len(got) {
		return fmt.Errorf("%d tables, want %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i] != w {
			return fmt.Errorf("table %s has %d rows with sum %s, want %s with %d rows and sum %s", got[i].Name, got[i].Rows, got[i].Sum, w.Name, w.Rows, w.Sum)
		}
	}
	return nil
}
