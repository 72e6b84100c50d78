package app

import (
	"path/filepath"

	"wardline/ground/archive"
	"wardline/matrix/media"
)

// The names of what lies in the data folder.
const (
	databaseFile = "wardline.db"
	keyFile      = "signing.key"
	mediaDir     = "media"
)

// Source is the database that these settings name, as db.Open wants it.
func (c Config) Source() string {
	if c.Database != "" {
		return c.Database
	}
	return filepath.Join(c.Data, databaseFile)
}

// Trust says where everything of this server is, for copying it. Thumbnails are left out: they are made again when somebody looks.
func (c Config) Trust() archive.Trust {
	return archive.Trust{Dir: c.Data, Database: c.Source(), Version: Version, Migrations: Migrations(), Files: []string{keyFile},
		Blob: func(sum string) string { return filepath.Join(mediaDir, media.BlobPath(sum)) }, Blobs: media.Kept}
}
