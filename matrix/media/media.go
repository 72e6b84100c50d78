// Package media keeps the files that people send: photos, documents, voice notes.
//
// It promises that a file is on the disk for good before its name is given out, that the places and camera details which phones
// write into pictures are gone before anybody else can fetch one, and that a picture from outside costs bounded memory and work. It
// refuses files that are too large and pictures that are broken. What a file shows never reaches a log. Look first at
// Service.Upload and Service.Thumbnail.
//
// spec: client-server-api#content-repository
package media

import (
	"embed"
	"io"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrations returns the schema of media.
func Migrations() db.Migrations { return db.Migrations{Package: "media", FS: schema} }

// ID names a file on the server that keeps it: the last part of an mxc:// URI.
type ID string

// ParseID checks that s can be a media id: 1 to 255 letters, digits, underscores and hyphens. Anything else is NotFound, as an
// unknown file is.
// spec: client-server-api#security-considerations-5
func ParseID(s string) (ID, error) {
	if s == "" || len(s) > 255 {
		return "", errUnknown
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return "", errUnknown
		}
	}
	return ID(s), nil
}

var errUnknown = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such file.")

// File is what is known of an upload.
type File struct {
	ID        ID
	Owner     id.User
	SHA256    string // of the stored bytes, hex; also the name of the blob
	Original  string // of the uploaded bytes, hex
	SizeBytes int64
	Declared  string // content type as the client gave it
	Sniffed   string // content type as the bytes look
	Name      string // "" for none
	CreatedAt time.Time
}

// Content is an open file. The caller closes it.
type Content struct {
	io.ReadSeekCloser
	Type       string // content type of these bytes
	Name       string
	ETag       string // without quotes; the same for the same bytes
	ModifiedAt time.Time
}
