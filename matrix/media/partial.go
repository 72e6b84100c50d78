package media

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// A file that comes in parts: whoever loses the connection, or the server, goes on where it stopped. It has a name from Reserve, and until
// its last byte is here it is no file to anybody else. What arrived is on the disk before it is counted.

// Part is a stretch of a file on its way in.
type Part struct {
	Owner  id.User
	Offset int64 // of its first byte in the file
	Total  int64 // how large the file will be, in bytes
	Body   io.Reader
	Type   string // content type of the file, "" for unknown; the first part's counts
	Name   string // "" for none; the first part's counts
}

// Received says how much of a file is here.
type Received struct {
	Offset int64 // bytes here, from the beginning
	Total  int64 // 0 while nobody said
	Done   bool  // the file is complete and can be fetched
}

var (
	readAnnounced = db.SQL("media.read_announced", `SELECT owner, expires_at, total_bytes, declared, name FROM media_pending WHERE id = $1`)
	announce      = db.SQL("media.announce", `UPDATE media_pending SET total_bytes = $2, declared = $3, name = $4 WHERE id = $1`)
	onTheWay      = db.SQL("media.on_the_way", `SELECT CAST(coalesce(sum(total_bytes), 0) AS BIGINT) FROM media_pending WHERE owner = $1 AND expires_at > $2`)
)

var errElsewhere = fault.New(fault.Conflict, "M_CANNOT_OVERWRITE_MEDIA", "The file does not end where this part begins.")

// mostOnTheWay is how many files of the largest size one person may have begun at once.
const mostOnTheWay = 4

type announced struct {
	pendingRow
	total          int64
	declared, name string
}

// writing keeps two requests from adding to one file at once.
type writing struct {
	mu   sync.Mutex // guards busy
	busy map[ID]chan struct{}
}

// hold waits until nobody else adds to the file, and returns what ends it.
func (w *writing) hold(ctx context.Context, name ID) (func(), error) {
	for {
		w.mu.Lock()
		other := w.busy[name]
		if other == nil {
			mine := make(chan struct{})
			if w.busy == nil {
				w.busy = map[ID]chan struct{}{}
			}
			w.busy[name] = mine
			w.mu.Unlock()
			return func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				delete(w.busy, name)
				close(mine)
			}, nil
		}
		w.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Received says how much of a file has come. A name that was not given to this person, or whose time is over, is NotFound.
func (s *Service) Received(ctx context.Context, owner id.User, name string) (Received, error) {
	media, err := ParseID(name)
	if err != nil {
		return Received{}, err
	}
	a, done, err := s.announced(ctx, owner, media)
	if err != nil || done != nil {
		return received(done), err
	}
	n, err := s.blobs.partialSize(media)
	return Received{Offset: n, Total: a.total}, err
}

func received(done *File) Received {
	if done == nil {
		return Received{}
	}
	return Received{Offset: done.SizeBytes, Total: done.SizeBytes, Done: true}
}

// announced returns what is known of a name that was given to owner: what was announced, or the file when all of it is here.
func (s *Service) announced(ctx context.Context, owner id.User, name ID) (announced, *File, error) {
	a, err := db.One(ctx, s.db, readAnnounced, func(r db.Row) (a announced, err error) {
		return a, r.Scan(&a.owner, &a.expiresAt, &a.total, &a.declared, &a.name)
	}, string(name))
	switch {
	case err == nil && (a.owner != owner || a.expiresAt <= time.Now().UnixMilli()):
		return a, nil, errUnknown
	case !fault.Is(err, fault.NotFound):
		return a, nil, err
	}
	f, err := s.File(ctx, name)
	if err == nil && f.Owner != owner {
		err = errUnknown
	}
	return a, &f, err
}

// Append adds to a file what a request brings, and returns how much is here then, durably. A part that begins where the file does not
// end is Conflict and changes nothing; the caller asks Received and goes on from there. When the body breaks off, what came of it
// counts, and the error says so. With the last byte the file is looked at and cleaned as Upload does it, and can be fetched; a part
// without a byte at the end does that again when it was cut short.
func (s *Service) Append(ctx context.Context, name string, p Part) (Received, error) {
	media, err := ParseID(name)
	if err != nil {
		return Received{}, err
	}
	a, done, err := s.announced(ctx, p.Owner, media)
	if err != nil || done != nil {
		return received(done), err
	}
	if a.total == 0 {
		if err := s.announce(ctx, media, p); err != nil {
			return Received{}, err
		}
	} else if p.Total != a.total {
		return Received{}, fault.New(fault.Invalid, "M_INVALID_PARAM", "The file was announced with another size.")
	}
	if p.Offset < 0 || p.Offset > p.Total {
		return Received{}, fault.New(fault.Invalid, "M_INVALID_PARAM", "The file has no such place.")
	}
	if have, err := s.blobs.partialSize(media); err != nil {
		return Received{}, err
	} else if have != p.Offset {
		return Received{}, errElsewhere // before anything is read
	}
	n, cut, err := s.add(ctx, media, p)
	if err != nil {
		return Received{}, err
	}
	if cut != nil {
		return Received{}, broken(cut)
	}
	if n < p.Total {
		return Received{Offset: n, Total: p.Total}, nil
	}
	return s.complete(ctx, media, p.Owner)
}

// announce checks that the file may come, and notes what its first part says of it.
func (s *Service) announce(ctx context.Context, name ID, p Part) error {
	if p.Total <= 0 {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "A file has at least one byte.")
	}
	declared, err := s.admissible(Upload{Owner: p.Owner, Type: p.Type, Name: p.Name, SizeBytes: p.Total})
	if err != nil {
		return err
	}
	return s.db.Write(ctx, "media.announce", func(ctx context.Context, tx *db.Tx) error {
		now := time.Now()
		begun, err := db.One(ctx, tx, onTheWay, db.Scalar[int64], string(p.Owner), now.UnixMilli())
		if err != nil {
			return err
		}
		if begun+p.Total > mostOnTheWay*s.limit {
			return fault.New(fault.Forbidden, "M_FORBIDDEN", "Too much of yours is on its way already. Let that come first, or cancel it.")
		}
		if err := s.roomFor(ctx, tx, p.Owner, begun+p.Total); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, announce, string(name), p.Total, declared, p.Name)
		return err
	})
}

// add puts the body behind what is here. cut is why the body ended early, after what came of it was added.
func (s *Service) add(ctx context.Context, name ID, p Part) (n int64, cut, err error) {
	raw, err := s.blobs.incoming()
	if err != nil {
		return 0, nil, err
	}
	defer s.blobs.drop(raw)
	came, cut := io.Copy(raw, io.LimitReader(p.Body, p.Total-p.Offset+1))
	if pathError := (*os.PathError)(nil); errors.As(cut, &pathError) {
		return 0, nil, fmt.Errorf("write incoming file: %w", cut)
	}
	if came > p.Total-p.Offset {
		return 0, nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "More came than was announced.")
	}
	release, err := s.writing.hold(ctx, name)
	if err != nil {
		return 0, nil, err
	}
	defer release()
	have, err := s.blobs.partialSize(name)
	if err != nil {
		return 0, nil, err
	}
	if have != p.Offset {
		return 0, nil, errElsewhere
	}
	if came == 0 {
		return have, cut, nil
	}
	if err := s.blobs.appendPartial(name, raw, have); err != nil {
		return 0, nil, err
	}
	return have + came, cut, nil
}

// complete makes a file of what has come.
func (s *Service) complete(ctx context.Context, name ID, owner id.User) (Received, error) {
	release, err := s.writing.hold(ctx, name)
	if err != nil {
		return Received{}, err
	}
	defer release()
	a, done, err := s.announced(ctx, owner, name)
	if err != nil || done != nil {
		return received(done), err // another request was quicker
	}
	raw, err := s.blobs.openPartial(name)
	if err != nil {
		return Received{}, err
	}
	defer func() { _ = raw.Close() }() // closed already when it was kept
	sum := sha256.New()
	n, err := io.Copy(sum, raw)
	if err != nil {
		return Received{}, fmt.Errorf("read partial file: %w", err)
	}
	if n != a.total {
		return Received{}, fault.New(fault.Conflict, "M_CANNOT_OVERWRITE_MEDIA", "The file is not as long as announced.")
	}
	f := File{ID: name, Owner: owner, Original: hexSum(sum), SizeBytes: n, Declared: a.declared, Name: a.name, CreatedAt: time.Now()}
	if err := s.keep(raw, &f); err != nil {
		if fault.Is(err, fault.Invalid) {
			s.blobs.dropPartial(name) // it will not become better
		}
		return Received{}, err
	}
	err = s.insert(ctx, f, s.claim(owner, name))
	if err == nil {
		s.blobs.dropPartial(name)
	}
	return Received{Offset: n, Total: n, Done: true}, err
}

// Abandon takes back a name and what has come of its file. What is complete stays; an unknown name is no error.
func (s *Service) Abandon(ctx context.Context, owner id.User, name string) error {
	media, err := ParseID(name)
	if err != nil {
		return err
	}
	if _, done, err := s.announced(ctx, owner, media); fault.Is(err, fault.NotFound) || err == nil && done != nil {
		return nil
	} else if err != nil {
		return err
	}
	release, err := s.writing.hold(ctx, media)
	if err != nil {
		return err
	}
	defer release()
	err = s.db.Write(ctx, "media.abandon", func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, dropPending, string(media))
		return err
	})
	if err == nil {
		s.blobs.dropPartial(media)
	}
	return err
}
