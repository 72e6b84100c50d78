package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Service keeps the files of one server.
type Service struct {
	db     *db.DB
	server id.Server
	limit  int64
	blobs  blobs
	// Quota is how many bytes one user may have here, 0 for no bound. Set before use.
	Quota int64
	// MayKeep is asked before a file is read, when only what was said of it is known, and again when its bytes are here and Sniffed
	// says what they are. A fault refuses the file and nothing of it stays; nil for no such rule. Set before use.
	MayKeep func(File) error

	draw chan struct{} // bounds how many pictures are in memory at once

	mu   sync.Mutex // guards late
	late map[ID]*late

	writing writing // which files are being added to
}

// drawers is how many pictures may be decoded at once: at 50 million pixels each takes up to 200 MB.
const drawers = 2

// Open returns the service over a folder, which is made when missing. limit bounds one file, in bytes.
func Open(d *db.DB, server id.Server, dir string, limit int64) (*Service, error) {
	b, err := openBlobs(dir)
	if err != nil {
		return nil, err
	}
	return &Service{db: d, server: server, limit: limit, blobs: b, draw: make(chan struct{}, drawers), late: map[ID]*late{}}, nil
}

// Limit returns how large a file may be, in bytes.
func (s *Service) Limit() int64 { return s.limit }

// URI returns the name by which events speak of a file.
// spec: client-server-api#matrix-content-mxc-uris
func (s *Service) URI(name ID) string { return "mxc://" + string(s.server) + "/" + string(name) }

// Upload is a file on its way in.
type Upload struct {
	Owner     id.User
	Body      io.Reader
	SizeBytes int64  // as announced; -1 when nobody said
	Type      string // content type, "" for unknown
	Name      string // file name, "" for none
}

var errTooLarge = fault.New(fault.TooLarge, "M_TOO_LARGE", "The file is larger than this server takes.")

// Upload stores a file and returns what is known of it. It returns after the bytes and the row are durable. A file over the limit
// is TooLarge; a picture whose structure is broken is Invalid, because nobody could tell what hides in it.
// spec: client-server-api#post_matrixmediav3upload
func (s *Service) Upload(ctx context.Context, u Upload) (File, error) {
	return s.take(ctx, u, ID(id.NewOpaque(18)), func(context.Context, *db.Tx) error { return nil })
}

// take stores a file under a name; admit runs in the act that makes it known.
func (s *Service) take(ctx context.Context, u Upload, name ID, admit func(ctx context.Context, tx *db.Tx) error) (File, error) {
	declared, err := s.admissible(u)
	if err != nil {
		return File{}, err
	}
	if err := s.roomFor(ctx, s.db, u.Owner, u.SizeBytes); err != nil {
		return File{}, err // before anything is read
	}
	raw, err := s.blobs.incoming()
	if err != nil {
		return File{}, err
	}
	defer s.blobs.drop(raw)
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(raw, sum), io.LimitReader(u.Body, s.limit+1))
	if err != nil {
		return File{}, broken(err)
	}
	if n > s.limit {
		return File{}, errTooLarge
	}
	if u.SizeBytes >= 0 && n != u.SizeBytes {
		return File{}, broken(io.ErrUnexpectedEOF)
	}
	f := File{ID: name, Owner: u.Owner, Original: hexSum(sum), SizeBytes: n, Declared: declared, Name: u.Name, CreatedAt: time.Now()}
	if err := s.keep(raw, &f); err != nil {
		return File{}, err
	}
	return f, s.insert(ctx, f, admit)
}

// admissible checks what is said of a file before any of it is read, and returns its content type.
func (s *Service) admissible(u Upload) (declared string, err error) {
	if u.SizeBytes > s.limit {
		return "", errTooLarge
	}
	if len(u.Name) > 1024 || !utf8.ValidString(u.Name) || strings.ContainsRune(u.Name, 0) {
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "The file's name is not one.")
	}
	declared, err = declaredType(u.Type)
	if err != nil {
		return "", err
	}
	return declared, s.mayKeep(File{Owner: u.Owner, Name: u.Name, Declared: declared})
}

func (s *Service) mayKeep(f File) error {
	if s.MayKeep == nil {
		return nil
	}
	return s.MayKeep(f)
}

func broken(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("write incoming file: %w", err)
	}
	return fault.Wrap(fault.Invalid, "M_UNKNOWN", "The upload broke off.", err)
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// declaredType checks what the client calls its file. Parameters stay; they matter for text.
func declaredType(s string) (string, error) {
	if s == "" {
		return "application/octet-stream", nil
	}
	if len(s) > 255 {
		return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "The content type is too long.")
	}
	kind, params, err := mime.ParseMediaType(s)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The content type is not one.", err)
	}
	return mime.FormatMediaType(kind, params), nil
}

// keep looks at what arrived, takes out of pictures what they tell about places and cameras, and makes the rest durable.
func (s *Service) keep(raw *os.File, f *File) error {
	if _, err := raw.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read incoming file: %w", err)
	}
	kind, err := mimetype.DetectReader(raw)
	if err != nil {
		return fmt.Errorf("read incoming file: %w", err)
	}
	f.Sniffed, f.SHA256 = kind.String(), f.Original
	if err := s.mayKeep(*f); err != nil {
		return err
	}
	clean := cleaners[f.Sniffed]
	if clean == nil {
		return s.blobs.keep(raw, "blob", f.SHA256)
	}
	if _, err := raw.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read incoming file: %w", err)
	}
	out, err := s.blobs.incoming()
	if err != nil {
		return err
	}
	defer s.blobs.drop(out)
	sum := sha256.New()
	count := &counter{w: io.MultiWriter(out, sum)}
	if err := clean(count, raw); errors.Is(err, errBroken) {
		return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The file is damaged.", err)
	} else if errors.Is(err, errTells) {
		return fault.Wrap(fault.Invalid, "M_INVALID_PARAM", "The film holds places or sensor readings beside picture and sound, so it was not taken.", err)
	} else if err != nil {
		return fmt.Errorf("clean picture: %w", err)
	}
	f.SHA256, f.SizeBytes = hexSum(sum), count.n
	return s.blobs.keep(out, "blob", f.SHA256)
}

// counter counts what goes through it.
type counter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// Download opens a file by the two halves of its mxc:// URI, waiting at most wait for one that is still being sent. A file of another
// server, an unknown file and a malformed name are all NotFound.
// spec: client-server-api#get_matrixclientv1mediadownloadservernamemediaid
func (s *Service) Download(ctx context.Context, server, name string, wait time.Duration) (*Content, error) {
	f, err := s.find(ctx, server, name, wait)
	if err != nil {
		return nil, err
	}
	return s.open(f, f.Declared)
}

func (s *Service) open(f File, kind string) (*Content, error) {
	body, err := s.blobs.open("blob", f.SHA256)
	if err != nil {
		return nil, fmt.Errorf("open file %s: %w", f.ID, err)
	}
	return &Content{ReadSeekCloser: body, Type: kind, Name: f.Name, ETag: f.SHA256, ModifiedAt: f.CreatedAt}, nil
}

func (s *Service) find(ctx context.Context, server, name string, wait time.Duration) (File, error) {
	media, err := ParseID(name)
	if err != nil {
		return File{}, err
	}
	if id.Server(server) != s.server {
		return File{}, errUnknown
	}
	return s.await(ctx, media, wait)
}
