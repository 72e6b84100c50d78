package archive_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"filippo.io/age"

	"wardline/ground/archive"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
)

var note = db.Migrations{Package: "note", FS: fstest.MapFS{"schema/0001_note.sql": {Data: []byte(`
CREATE TABLE note (zeta BIGINT PRIMARY KEY, body TEXT, raw BYTEA NOT NULL, yes BOOLEAN NOT NULL);
CREATE TABLE note_version (id BIGINT PRIMARY KEY, n BIGINT NOT NULL);
INSERT INTO note_version (id, n) VALUES (0, 0);`)}}}

var noteLater = db.Migrations{Package: "note", FS: fstest.MapFS{
	"schema/0001_note.sql":  note.FS.(fstest.MapFS)["schema/0001_note.sql"],
	"schema/0002_later.sql": {Data: []byte(`ALTER TABLE note ADD COLUMN later BIGINT NOT NULL DEFAULT 7;`)}}}

var (
	addNote  = db.SQL("archive_test.add", `INSERT INTO note (zeta, body, raw, yes) VALUES ($1, $2, $3, $4)`)
	setN     = db.SQL("archive_test.set", `UPDATE note_version SET n = $1`)
	tamper   = db.SQL("archive_test.tamper", `UPDATE audit_entry SET object = $1 WHERE seq = 3`)
	bodies   = db.SQL("archive_test.bodies", `SELECT body FROM note WHERE body IS NOT NULL ORDER BY zeta`)
	versionN = db.SQL("archive_test.n", `SELECT n FROM note_version`)
)

// blob is what the one uploaded file of these trusts holds.
var blob = []byte("a picture")

func sumOf(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

// trust describes a folder and a database of these tests' packages.
func trust(dir, source string, all ...db.Migrations) archive.Trust {
	return archive.Trust{Dir: dir, Database: source, Version: "test", Migrations: append([]db.Migrations{audit.Migrations()}, all...),
		Files: []string{"signing.key"}, Blob: func(sum string) string { return filepath.Join("blob", sum) },
		Blobs: func(_ context.Context, _ db.Querier, fn func(string) error) error { return fn(sumOf(blob)) }}
}

// sources returns how to name a fresh database of each engine at hand.
func sources(t *testing.T) map[string]func(t *testing.T) string {
	all := map[string]func(t *testing.T) string{"sqlite": func(t *testing.T) string { return filepath.Join(t.TempDir(), "wardline.db") }}
	if base := os.Getenv(dbtest.Env); base != "" {
		all["postgres"] = func(t *testing.T) string {
			schema := fmt.Sprint("a_", time.Now().UnixNano())
			if err := db.PostgresSchema(context.Background(), base, schema, true); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := db.PostgresSchema(context.Background(), base, schema, false); err != nil {
					t.Error(err)
				}
			})
			u, err := url.Parse(base)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			q.Set("search_path", schema)
			u.RawQuery = q.Encode()
			return u.String()
		}
	}
	return all
}

// fill makes a trust of 1000 rows with everything that two engines could see differently, and keeps it open as a server would.
func fill(t *testing.T, source string) (archive.Trust, *db.DB) {
	t.Helper()
	tr := trust(t.TempDir(), source, note)
	for name, body := range map[string][]byte{"signing.key": []byte("ed25519 a b\n"), tr.Blob(sumOf(blob)): blob} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(tr.Dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tr.Dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := open(t, source, tr.Migrations)
	write(t, d, func(ctx context.Context, tx *db.Tx) error {
		for i := range int64(1000) {
			body, raw := any(fmt.Sprintf("n %d <&> \" \\ \u2028 é 🙂\n", i)), bytes.Repeat([]byte{byte(i), 0}, int(i%50))
			if i%7 == 0 {
				body = nil
			}
			if _, err := tx.Exec(ctx, addNote, i+math.MaxInt64-1000, body, raw, i%2 == 0); err != nil {
				return err
			}
			tx.Position()
		}
		if _, err := tx.Exec(ctx, setN, 42); err != nil {
			return err
		}
		for range 5 {
			if err := audit.Append(ctx, tx, audit.Entry{At: time.Now(), Actor: "@a:x", Action: "test", Object: "o"}); err != nil {
				return err
			}
		}
		return nil
	})
	return tr, d
}

func open(t *testing.T, source string, all []db.Migrations) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.Migrate(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	return d
}

func write(t *testing.T, d *db.DB, fn func(ctx context.Context, tx *db.Tx) error) {
	t.Helper()
	if err := d.Write(t.Context(), "test", fn); err != nil {
		t.Fatal(err)
	}
}

// same checks that a trust was copied to source whole.
func same(t *testing.T, source string, was *db.DB, all []db.Migrations) {
	t.Helper()
	is := open(t, source, all)
	want, err := db.Collect(t.Context(), was, bodies, db.Scalar[string])
	if err != nil {
		t.Fatal(err)
	}
	got, err := db.Collect(t.Context(), is, bodies, db.Scalar[string])
	if err != nil || len(want) != 857 || strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %d texts, %v; want %d", len(got), err, len(want))
	}
	if n, err := db.One(t.Context(), is, versionN, db.Scalar[int64]); n != 42 || err != nil {
		t.Errorf("a row that the migration made: got %d, %v; want 42", n, err)
	}
	if n, err := audit.Verify(t.Context(), is); n != 5 || err != nil || is.Position() != 1000 {
		t.Errorf("got %d entries, %v, position %d", n, err, is.Position())
	}
}

// flip returns the backup with one bit turned, at the place or the first after it where that changes what the backup holds. Between
// two of its blocks a compressed file has bits that mean nothing: turned, they harm nothing, and the backup is still whole.
func flip(t *testing.T, whole []byte, at int) []byte {
	t.Helper()
	holds := func(raw []byte) ([]byte, error) {
		packed, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(packed)
	}
	want, err := holds(whole)
	if err != nil {
		t.Fatal(err)
	}
	for ; at < len(whole); at++ {
		raw := bytes.Clone(whole)
		raw[at] ^= 0x10
		if got, err := holds(raw); err != nil || !bytes.Equal(got, want) {
			return raw
		}
	}
	t.Fatal("no bit of the backup means anything")
	return nil
}

func kind(t *testing.T, err error, want fault.Kind) {
	t.Helper()
	if !fault.Is(err, want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestBackup(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for from, source := range sources(t) {
		for to, target := range sources(t) {
			t.Run("OK from "+from+" to "+to+" while the first is open", func(t *testing.T) {
				tr, d := fill(t, source(t))
				file := filepath.Join(t.TempDir(), "backup")
				m, err := archive.Backup(t.Context(), tr, file, key.Recipient())
				if err != nil {
					t.Fatal(err)
				}
				write(t, d, func(ctx context.Context, tx *db.Tx) error { _, err := tx.Exec(ctx, setN, 42); return err })
				again := trust(filepath.Join(t.TempDir(), "new"), target(t), note)
				got, err := archive.Restore(t.Context(), file, again, key)
				if err != nil {
					t.Fatal(err)
				}
				if got.Rows() != m.Rows() || got.Audit != 5 || got.Blobs != 1 || m.Rows() != 1008 {
					t.Errorf("restored %+v of %+v", got, m)
				}
				same(t, again.Database, d, tr.Migrations)
				for _, name := range []string{"signing.key", tr.Blob(sumOf(blob))} {
					want, _ := os.ReadFile(filepath.Join(tr.Dir, name))
					if got, err := os.ReadFile(filepath.Join(again.Dir, name)); err != nil || !bytes.Equal(got, want) {
						t.Errorf("%s: %q, %v", name, got, err)
					}
				}
				_, err = archive.Restore(t.Context(), file, again, key)
				kind(t, err, fault.Conflict)
			})
			t.Run("OK migrate from "+from+" to "+to, func(t *testing.T) {
				tr, d := fill(t, source(t))
				there := target(t)
				m, err := archive.Migrate(t.Context(), tr, there)
				if err != nil || m.Rows() != 1008 {
					t.Fatal(m, err)
				}
				_, err = archive.Migrate(t.Context(), tr, there)
				kind(t, err, fault.Conflict)
				same(t, there, d, tr.Migrations)
			})
		}
	}
}

func TestBackup_Refuses(t *testing.T) {
	to := func(t *testing.T) string { return filepath.Join(t.TempDir(), "backup") }
	nothing := func(t *testing.T, file string) {
		t.Helper()
		if left, _ := filepath.Glob(file + "*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	t.Run("a file that exists", func(t *testing.T) {
		tr, _ := fill(t, sources(t)["sqlite"](t))
		file := to(t)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := archive.Backup(t.Context(), tr, file)
		kind(t, err, fault.Conflict)
	})
	t.Run("no database", func(t *testing.T) {
		file := to(t)
		_, err := archive.Backup(t.Context(), trust(t.TempDir(), filepath.Join(t.TempDir(), "none")), file)
		kind(t, err, fault.NotFound)
		nothing(t, file)
	})
	for name, spoil := range map[string]func(t *testing.T, tr archive.Trust, d *db.DB) error{
		"a blob that is missing": func(_ *testing.T, tr archive.Trust, _ *db.DB) error {
			return os.Remove(filepath.Join(tr.Dir, tr.Blob(sumOf(blob))))
		},
		"a blob that was altered": func(_ *testing.T, tr archive.Trust, _ *db.DB) error {
			return os.WriteFile(filepath.Join(tr.Dir, tr.Blob(sumOf(blob))), []byte("another"), 0o600)
		},
		"an audit that was altered": func(t *testing.T, _ archive.Trust, d *db.DB) error {
			return d.Write(t.Context(), "x", func(ctx context.Context, tx *db.Tx) error { _, err := tx.Exec(ctx, tamper, "p"); return err })
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr, d := fill(t, sources(t)["sqlite"](t))
			if err := spoil(t, tr, d); err != nil {
				t.Fatal(err)
			}
			file := to(t)
			if _, err := archive.Backup(t.Context(), tr, file); err == nil {
				t.Error("a backup was made")
			}
			nothing(t, file)
		})
	}
}

func TestRestore(t *testing.T) {
	words := filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(words, []byte("four words of passphrase\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for engine, source := range sources(t) {
		tr, d := fill(t, source(t))
		file := filepath.Join(t.TempDir(), "backup")
		if _, err := archive.Backup(t.Context(), tr, file); err != nil {
			t.Fatal(err)
		}
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run("OK into a newer program on "+engine, func(t *testing.T) {
			again := trust(filepath.Join(t.TempDir(), "new"), source(t), noteLater)
			if _, err := archive.Restore(t.Context(), file, again); err != nil {
				t.Fatal(err)
			}
			same(t, again.Database, d, again.Migrations)
		})
		t.Run("ErrUnavailable into an older program on "+engine, func(t *testing.T) {
			_, err := archive.Restore(t.Context(), file, trust(filepath.Join(t.TempDir(), "new"), source(t)))
			kind(t, err, fault.Unavailable)
		})
		for i := range 12 {
			t.Run(fmt.Sprintf("ErrInvalid for damage %d on %s", i, engine), func(t *testing.T) {
				raw := whole[:len(whole)*i/12]
				if i%2 == 1 {
					raw = flip(t, whole, len(whole)*i/12)
				}
				bad := filepath.Join(t.TempDir(), "bad")
				if err := os.WriteFile(bad, raw, 0o600); err != nil {
					t.Fatal(err)
				}
				again := trust(filepath.Join(t.TempDir(), "new"), source(t), note)
				_, err := archive.Restore(t.Context(), bad, again)
				kind(t, err, fault.Invalid)
				if left, _ := os.ReadDir(again.Dir); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
				if _, err := archive.Restore(t.Context(), file, again); err != nil {
					t.Errorf("after that the whole backup is refused: %v", err)
				}
			})
		}
	}
	t.Run("OK with a passphrase, and not with another", func(t *testing.T) {
		tr, _ := fill(t, sources(t)["sqlite"](t))
		file := filepath.Join(t.TempDir(), "backup")
		to, err := archive.Recipients("", words)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Backup(t.Context(), tr, file, to...); err != nil {
			t.Fatal(err)
		}
		if raw, _ := os.ReadFile(file); bytes.Contains(raw, []byte("note")) || !bytes.HasPrefix(raw, []byte("age-encryption.org/")) {
			t.Error("the file is not encrypted")
		}
		dir := filepath.Join(t.TempDir(), "new")
		again := trust(dir, filepath.Join(dir, "wardline.db"), note)
		_, err = archive.Restore(t.Context(), file, again)
		kind(t, err, fault.Invalid)
		key, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		_, err = archive.Restore(t.Context(), file, again, key)
		kind(t, err, fault.Invalid)
		with, err := archive.Identities("", words)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Restore(t.Context(), file, again, with...); err != nil {
			t.Fatal(err)
		}
	})
}
