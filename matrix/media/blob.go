package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
	for _, sub := range []string{"incoming", "blob", "thumbnail"} {
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
