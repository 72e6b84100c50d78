package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// blobs is the folder of bytes: files named by the SHA-256 of what they hold, written whole or not at all. Nothing else in this
// package opens a file, so that encryption at rest has one place to go.
type blobs struct{ dir string }

// openBlobs makes the folder and removes what an interrupted upload has left in it.
func openBlobs(dir string) (blobs, error) {
	b := blobs{dir}
	left, err := filepath.Glob(filepath.Join(dir, "incoming", "*"))
	if err != nil {
		return b, fmt.Errorf("media folder: %w", err)
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			return b, fmt.Errorf("media folder: %w", err)
		}
	}
	for _, sub := range []string{"incoming", "partial", "blob", "thumbnail"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return b, fmt.Errorf("media folder: %w", err)
		}
	}
	return b, nil
}

// incoming opens a file for bytes that have no name yet. The caller ends it with keep or drop.
func (b blobs) incoming() (*os.File, error) {
	f, err := os.CreateTemp(filepath.Join(b.dir, "incoming"), "*")
	if err != nil {
		return nil, fmt.Errorf("open incoming file: %w", err)
	}
	return f, nil
}

// drop ends an incoming file that is not wanted. It suits a defer after keep, which has moved it away.
func (b blobs) drop(f *os.File) {
	_ = f.Close() // closed already after keep
	if err := os.Remove(f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return // the next start removes it
	}
}

// keep makes an incoming file durable under its name. It returns once the disk has the bytes and the entry of the folder.
func (b blobs) keep(f *os.File, kind, name string) error {
	path := b.path(kind, name)
	if err := f.Sync(); err != nil {
		return fmt.Errorf("keep file: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("keep file: %w", err)
	}
	dir := filepath.Dir(path)
	_, err := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep file: %w", err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err := syncDir(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("keep file: %w", err)
	}
	return syncDir(dir)
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("keep file: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// partial is where a file lies that comes in parts.
func (b blobs) partial(name ID) string { return filepath.Join(b.dir, "partial", string(name)) }

// partialSize says how much of a file has come: 0 of one that has not begun to.
func (b blobs) partialSize(name ID) (int64, error) {
	at, err := os.Stat(b.partial(name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("partial file: %w", err)
	}
	return at.Size(), nil
}

// appendPartial adds all of an incoming file behind the first have bytes. It returns once the disk has them; when it fails, those have
// bytes are as they were.
func (b blobs) appendPartial(name ID, raw *os.File, have int64) (err error) {
	f, err := os.OpenFile(b.partial(name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("partial file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("partial file: %w", err), f.Truncate(have))
		}
		err = errors.Join(err, f.Close())
	}()
	if _, err = raw.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err = f.Seek(have, io.SeekStart); err != nil {
		return err
	}
	if _, err = io.Copy(f, raw); err != nil {
		return err
	}
	return f.Sync()
}

// openPartial opens what has come of a file.
func (b blobs) openPartial(name ID) (*os.File, error) {
	f, err := os.Open(b.partial(name))
	if err != nil {
		return nil, fmt.Errorf("partial file: %w", err)
	}
	return f, nil
}

// dropPartial removes what has come of a file that nobody waits for any more.
func (b blobs) dropPartial(name ID) { _ = os.Remove(b.partial(name)) } // dropOld tries again

// dropOld removes what has come of files to which nothing was added since.
func (b blobs) dropOld(since time.Time) {
	left, err := os.ReadDir(filepath.Join(b.dir, "partial"))
	if err != nil {
		return // the next time
	}
	for _, e := range left {
		if at, err := e.Info(); err == nil && at.ModTime().Before(since) {
			_ = os.Remove(filepath.Join(b.dir, "partial", e.Name())) // the next time
		}
	}
}

// open opens kept bytes for reading.
func (b blobs) open(kind, name string) (io.ReadSeekCloser, error) {
	f, err := os.Open(b.path(kind, name))
	if err != nil {
		return nil, err
	}
	return f, nil
}

// BlobPath says where below the folder of media a file of this SHA-256 lies. sum has 64 hex digits.
func BlobPath(sum string) string { return blobs{}.path("blob", sum) }

// path spreads the files over folders by the first two digits of their hash.
func (b blobs) path(kind, name string) string { return filepath.Join(b.dir, kind, name[:2], name) }
