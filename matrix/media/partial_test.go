package media

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// torn is a body that ends with an error after some bytes, as a connection does.
type torn struct {
	io.Reader
	after error
}

// Read implements io.Reader.
func (t *torn) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if err == io.EOF {
		err = t.after
	}
	return n, err
}

func part(owner id.User, at int64, total int, body []byte) Part {
	return Part{Owner: owner, Offset: at, Total: int64(total), Body: bytes.NewReader(body), Type: "application/octet-stream"}
}

const asha, tom = id.User("@asha:hs1"), id.User("@tom:hs1")

// parts is a service with what the tests of files in parts share.
type parts struct {
	*Service
	d   *db.DB
	dir string
	all []byte
}

func eachParts(t *testing.T, fn func(t *testing.T, s parts)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		p := parts{d: d, dir: t.TempDir(), all: bytes.Repeat([]byte("0123456789abcdef"), 10_000)}
		p.Service = p.open(t)
		fn(t, p)
	}, Migrations())
}

// open is what a new process finds.
func (p parts) open(t *testing.T) *Service {
	t.Helper()
	s, err := Open(p.d, "hs1", p.dir, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func reserve(t *testing.T, s *Service, owner id.User) string {
	t.Helper()
	name, _, err := s.Reserve(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	return string(name)
}

func must(t *testing.T, s *Service, name string, p Part, want Received) {
	t.Helper()
	if got, err := s.Append(t.Context(), name, p); err != nil || got != want {
		t.Fatalf("Append at %d: got %+v, %v, want %+v", p.Offset, got, err, want)
	}
}

func TestAppend_GoesOnWhereItStopped(t *testing.T) {
	eachParts(t, func(t *testing.T, s parts) {
		ctx, all := t.Context(), s.all
		sum := sha256.Sum256(all)
		t.Run("OK in three parts, over a restart, and fetched whole", func(t *testing.T) {
			name := reserve(t, s.Service, asha)
			must(t, s.Service, name, part(asha, 0, len(all), all[:70_000]), Received{70_000, int64(len(all)), false})
			if _, err := s.Download(ctx, "hs1", name, 0); err == nil {
				t.Error("half a file can be fetched")
			}
			again := s.open(t)
			got, err := again.Received(ctx, asha, name)
			if want := (Received{70_000, int64(len(all)), false}); err != nil || got != want {
				t.Fatalf("Received after a restart: got %+v, %v, want %+v", got, err, want)
			}
			must(t, again, name, part(asha, 70_000, len(all), all[70_000:100_000]), Received{100_000, int64(len(all)), false})
			must(t, again, name, part(asha, 100_000, len(all), all[100_000:]), Received{int64(len(all)), int64(len(all)), true})
			f, err := again.File(ctx, ID(name))
			if err != nil || f.Original != hex.EncodeToString(sum[:]) || f.Owner != asha {
				t.Errorf("File: got %+v, %v, want the sum of all bytes", f, err)
			}
			c, err := again.Download(ctx, "hs1", name, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if body, err := io.ReadAll(c); err != nil || !bytes.Equal(body, all) {
				t.Errorf("got %d bytes, %v, want the %d that were sent", len(body), err, len(all))
			}
			// The answer to the last part may have been lost.
			must(t, again, name, part(asha, 100_000, len(all), all[100_000:]), Received{int64(len(all)), int64(len(all)), true})
			if left, err := os.ReadDir(filepath.Join(s.dir, "partial")); err != nil || len(left) != 0 {
				t.Errorf("parts left over: %v, %v", left, err)
			}
		})
		t.Run("OK what came of a broken part counts", func(t *testing.T) {
			name := reserve(t, s.Service, asha)
			p := part(asha, 0, len(all), nil)
			p.Body = &torn{bytes.NewReader(all[:30_000]), errors.New("connection reset")}
			if _, err := s.Append(ctx, name, p); !fault.Is(err, fault.Invalid) {
				t.Errorf("Append of a torn body: got %v, want Invalid", err)
			}
			got, err := s.Received(ctx, asha, name)
			if err != nil || got.Offset != 30_000 {
				t.Errorf("Received: got %+v, %v, want 30000 bytes", got, err)
			}
		})
	})
}

func TestAppend_TakesOnlyWhatFollows(t *testing.T) {
	eachParts(t, func(t *testing.T, s parts) {
		ctx := t.Context()
		t.Run("a part that does not follow is Conflict and changes nothing", func(t *testing.T) {
			name := reserve(t, s.Service, asha)
			must(t, s.Service, name, part(asha, 0, 10, []byte("0123")), Received{4, 10, false})
			for _, at := range []int64{0, 3, 5, 10} {
				if _, err := s.Append(ctx, name, part(asha, at, 10, nil)); !fault.Is(err, fault.Conflict) {
					t.Errorf("Append at %d: got %v, want Conflict", at, err)
				}
			}
			must(t, s.Service, name, part(asha, 4, 10, []byte("456789")), Received{10, 10, true})
		})
		t.Run("two at once add one part", func(t *testing.T) {
			name := reserve(t, s.Service, asha)
			var wg sync.WaitGroup
			results := make([]error, 8)
			for i := range results {
				wg.Go(func() { _, results[i] = s.Append(ctx, name, part(asha, 0, 20, []byte("0123456789"))) })
			}
			wg.Wait()
			fine := 0
			for _, err := range results {
				if err == nil {
					fine++
				} else if !fault.Is(err, fault.Conflict) {
					t.Errorf("got %v, want Conflict", err)
				}
			}
			if got, err := s.Received(ctx, asha, name); fine != 1 || err != nil || got.Offset != 10 {
				t.Errorf("%d were taken, %+v, %v; want one and 10 bytes", fine, got, err)
			}
		})
		t.Run("more than announced, another size, or a place beyond is Invalid", func(t *testing.T) {
			name := reserve(t, s.Service, asha)
			for _, p := range []Part{part(asha, 0, 4, []byte("01234")), part(asha, 5, 4, nil), part(asha, 0, 0, nil)} {
				if _, err := s.Append(ctx, name, p); !fault.Is(err, fault.Invalid) {
					t.Errorf("Append %+v: got %v, want Invalid", p, err)
				}
			}
			must(t, s.Service, name, part(asha, 0, 4, []byte("01")), Received{2, 4, false})
			if _, err := s.Append(ctx, name, part(asha, 2, 5, []byte("234"))); !fault.Is(err, fault.Invalid) {
				t.Errorf("another size: got %v, want Invalid", err)
			}
		})
		t.Run("too large is TooLarge before anything is read", func(t *testing.T) {
			p := part(asha, 0, 1<<20+1, nil)
			p.Body = &torn{bytes.NewReader(nil), errors.New("the body was read")}
			if _, err := s.Append(ctx, reserve(t, s.Service, asha), p); !fault.Is(err, fault.TooLarge) {
				t.Errorf("got %v, want TooLarge", err)
			}
		})
	})
}

func TestAppend_Bounds(t *testing.T) {
	eachParts(t, func(t *testing.T, s parts) {
		ctx := t.Context()
		t.Run("another person's name is NotFound, and so is one nobody was given", func(t *testing.T) {
			name := reserve(t, s.Service, asha)
			must(t, s.Service, name, part(asha, 0, 4, []byte("01")), Received{2, 4, false})
			for _, n := range []string{name, "nobody", "../blob"} {
				if _, err := s.Append(ctx, n, part(tom, 2, 4, []byte("23"))); !fault.Is(err, fault.NotFound) {
					t.Errorf("Append to %s: got %v, want NotFound", n, err)
				}
				if _, err := s.Received(ctx, tom, n); !fault.Is(err, fault.NotFound) {
					t.Errorf("Received of %s: got %v, want NotFound", n, err)
				}
			}
			if err := s.Abandon(ctx, tom, name); err != nil {
				t.Error(err)
			}
			must(t, s.Service, name, part(asha, 2, 4, []byte("23")), Received{4, 4, true})
		})
		t.Run("nobody may begin more than four of the largest files", func(t *testing.T) {
			const ruth = id.User("@ruth:hs1")
			for i := range 5 {
				name, _, err := s.Reserve(ctx, ruth)
				if err != nil {
					t.Fatal(err)
				}
				_, err = s.Append(ctx, string(name), part(ruth, 0, 1<<20, []byte("a")))
				if i < 4 && err != nil || i == 4 && !fault.Is(err, fault.Forbidden) {
					t.Errorf("file %d: got %v", i, err)
				}
				if i == 4 {
					break
				}
				if i == 3 {
					t.Cleanup(func() { _ = s.Abandon(ctx, ruth, string(name)) })
				}
			}
		})
		t.Run("what is abandoned is gone, and its place is free", func(t *testing.T) {
			name := reserve(t, s.Service, asha)
			must(t, s.Service, name, part(asha, 0, 4, []byte("01")), Received{2, 4, false})
			if err := s.Abandon(ctx, asha, name); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Received(ctx, asha, name); !fault.Is(err, fault.NotFound) {
				t.Errorf("got %v, want NotFound", err)
			}
			if n, err := s.blobs.partialSize(ID(name)); err != nil || n != 0 {
				t.Errorf("%d bytes left, %v", n, err)
			}
		})
		t.Run("what nobody goes on with is removed after a day", func(t *testing.T) {
			name := reserve(t, s.Service, asha)
			must(t, s.Service, name, part(asha, 0, 4, []byte("01")), Received{2, 4, false})
			old := time.Now().Add(-pendingFor - time.Minute)
			if err := os.Chtimes(filepath.Join(s.dir, "partial", name), old, old); err != nil {
				t.Fatal(err)
			}
			reserve(t, s.Service, asha)
			if n, err := s.blobs.partialSize(ID(name)); err != nil || n != 0 {
				t.Errorf("%d bytes left, %v", n, err)
			}
		})
		t.Run("a photo that came in parts is cleaned as any other, and a damaged one refused", func(t *testing.T) {
			raw := phoneJPEG(t, 40, 30, 6)
			name := reserve(t, s.Service, asha)
			half := len(raw) / 2
			must(t, s.Service, name, part(asha, 0, len(raw), raw[:half]), Received{int64(half), int64(len(raw)), false})
			if got, err := s.Append(ctx, name, part(asha, int64(half), len(raw), raw[half:])); err != nil || !got.Done {
				t.Fatalf("got %+v, %v", got, err)
			}
			c, err := s.Download(ctx, "hs1", name, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if body, err := io.ReadAll(c); err != nil || bytes.Contains(body, []byte(planted)) {
				t.Errorf("the place is still in it, %v", err)
			}
			bad := reserve(t, s.Service, asha)
			if _, err := s.Append(ctx, bad, part(asha, 0, 12, []byte("\xff\xd8\xff\xe1\x00\x01broken"))); !fault.Is(err, fault.Invalid) {
				t.Errorf("damaged: got %v, want Invalid", err)
			}
		})
	})
}
