package archive

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
)

// chunkBytes is how much of a table an entry of the tar holds, about: an entry says its length before its bytes.
const chunkBytes = 1 << 20

// Backup writes everything of a trust, as it is at one instant, into a new file, and returns what that is. A server may be running;
// it is not slowed down but by the reading. The file appears under its name once it is whole and on the disk; otherwise there is
// none. It is encrypted to the recipients, or not at all when there are none. A file that exists is Conflict. A row or a blob that
// cannot be read as it was written, and an audit that is not whole, are errors: better no backup, noticed today.
func Backup(ctx context.Context, t Trust, to string, recipients ...age.Recipient) (m Manifest, err error) {
	began := time.Now()
	if _, err := os.Lstat(to); !errors.Is(err, os.ErrNotExist) {
		return m, errors.Join(fault.New(fault.Conflict, "", "The file to write the backup to exists already."), err)
	}
	snap, err := db.OpenSnapshot(ctx, t.Database)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	part, err := os.OpenFile(to+".part", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return m, fault.Wrap(fault.Conflict, "", "A backup to this file is being made, or one broke off: remove the file that ends in .part.", err)
	} else if err != nil {
		return m, fmt.Errorf("open backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part.Name()))
		}
	}()
	m, err = t.write(ctx, snap, part, recipients)
	if err := errors.Join(err, part.Sync(), part.Close()); err != nil {
		return m, err
	}
	if err := os.Rename(part.Name(), to); err != nil {
		return m, fmt.Errorf("name backup: %w", err)
	}
	m.Took = time.Since(began)
	return m, syncDir(filepath.Dir(to))
}

func (t Trust) write(ctx context.Context, snap *db.Snapshot, to io.Writer, recipients []age.Recipient) (m Manifest, err error) {
	sealed := nopCloser(to)
	if len(recipients) > 0 {
		if sealed, err = age.Encrypt(to, recipients...); err != nil {
			return m, fmt.Errorf("encrypt: %w", err)
		}
	}
	packed, err := gzip.NewWriterLevel(sealed, gzip.BestSpeed)
	if err != nil {
		return m, err
	}
	w := &writer{Trust: t, tar: tar.NewWriter(packed), at: time.Now().UTC().Truncate(time.Second)}
	if m, err = w.all(ctx, snap); err != nil {
		return m, err
	}
	return m, errors.Join(w.tar.Close(), packed.Close(), sealed.Close())
}

type nop struct{ io.Writer }

// Close implements io.Closer: what is below stays open.
func (nop) Close() error { return nil }

func nopCloser(w io.Writer) io.WriteCloser { return nop{w} }

// writer is one backup being written.
type writer struct {
	Trust
	tar *tar.Writer
	at  time.Time
}

func (w *writer) all(ctx context.Context, snap *db.Snapshot) (m Manifest, err error) {
	h := header{Format: format, Wardline: w.Version, At: w.at, Engine: "sqlite"}
	if snap.Postgres() {
		h.Engine = "postgres"
	}
	if h.Migrations, err = snap.Migrations(ctx); err != nil {
		return m, err
	}
	if h.Tables, err = snap.Tables(ctx); err != nil {
		return m, err
	}
	m = Manifest{At: h.At, Wardline: h.Wardline, Engine: h.Engine}
	if m.Audit, err = audit.Verify(ctx, snap); err != nil {
		return m, err
	}
	if err := w.object("header.json", h); err != nil {
		return m, err
	}
	for _, table := range h.Tables {
		sum, err := w.table(ctx, snap, table)
		if err != nil {
			return m, err
		}
		m.Tables = append(m.Tables, sum)
	}
	for _, name := range w.Files {
		sum, err := w.small(name)
		if err != nil {
			return m, err
		}
		m.Files = append(m.Files, sum)
	}
	// Blobs after the database: each was durable before a row named it, so what the snapshot names is there.
	err = w.Blobs(ctx, snap, func(sum string) error {
		n, err := w.blob(sum)
		m.Blobs, m.BlobBytes = m.Blobs+1, m.BlobBytes+n
		w.progress("files", m.Blobs, 0)
		return errors.Join(err, ctx.Err())
	})
	if err != nil {
		return m, err
	}
	return m, w.object("manifest.json", m)
}

func (w *writer) entry(name string, size int64) error {
	return w.tar.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o600, ModTime: w.at, Format: tar.FormatPAX})
}

func (w *writer) bytes(name string, raw []byte) error {
	if err := w.entry(name, int64(len(raw))); err != nil {
		return err
	}
	_, err := w.tar.Write(raw)
	return err
}

func (w *writer) object(name string, v any) error {
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return w.bytes(name, raw)
}

func (w *writer) table(ctx context.Context, snap *db.Snapshot, t db.Table) (TableSum, error) {
	total, err := snap.Count(ctx, t)
	if err != nil {
		return TableSum{}, err
	}
	var chunk []byte
	number := 0
	flush := func() error {
		if len(chunk) == 0 {
			return nil
		}
		number++
		err := w.bytes(fmt.Sprintf("table/%s/%06d", t.Name, number), chunk)
		chunk = chunk[:0]
		return err
	}
	sum, err := sumOf(ctx, snap, t, func(rows int64, _ []any, line []byte) error {
		chunk = append(chunk, line...)
		if len(chunk) < chunkBytes {
			return nil
		}
		w.progress(t.Name, rows, total)
		return flush()
	})
	if err != nil {
		return sum, err
	}
	w.progress(t.Name, total, total)
	return sum, flush()
}

// small writes a small file of the data folder.
func (w *writer) small(name string) (FileSum, error) {
	raw, err := os.ReadFile(filepath.Join(w.Dir, name))
	if err != nil {
		return FileSum{}, fmt.Errorf("back up %s: %w", name, err)
	}
	sum := sha256.Sum256(raw)
	return FileSum{Name: name, SizeBytes: int64(len(raw)), SHA256: hex.EncodeToString(sum[:])}, w.bytes("file/"+name, raw)
}

// blob writes an uploaded file and checks on the way that it still is what its name says.
func (w *writer) blob(sum string) (n int64, err error) {
	f, err := os.Open(filepath.Join(w.Dir, w.Blob(sum)))
	if err != nil {
		return 0, fmt.Errorf("an uploaded file that the database names is missing: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if err := w.entry("blob/"+sum, info.Size()); err != nil {
		return 0, err
	}
	h := sha256.New()
	if n, err = io.Copy(io.MultiWriter(w.tar, h), f); err != nil {
		return n, fmt.Errorf("back up uploaded file %s: %w", sum, err)
	}
	return n, matches(h, sum)
}

func matches(h hash.Hash, sum string) error {
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return fmt.Errorf("the uploaded file %s was altered on the disk: it now is %s", sum, got)
	}
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
