package media

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Films and sound in MP4 and WebM. What tells about places, times and devices is blanked where it stands, so that nothing else moves:
// a film is an index of offsets into itself, and shifting one byte would break it.

// patch is a run of bytes that is replaced: by what it brings, then by zeros.
type patch struct {
	at, size int64
	with     []byte
}

// errTells is a film with a track that is neither picture nor sound.
var errTells = errors.New("a track of places or sensors")

// patched copies src with its patches, which are in order and do not overlap.
func patched(w io.Writer, src io.ReadSeeker, patches []patch) error {
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read film: %w", err)
	}
	r, out := bufio.NewReader(src), bufio.NewWriter(w)
	at := int64(0)
	for _, p := range patches {
		if _, err := io.CopyN(out, r, p.at-at); err != nil {
			return bad("ends before its end")
		}
		out.Write(p.with)
		for range p.size - int64(len(p.with)) {
			out.WriteByte(0)
		}
		if _, err := io.CopyN(io.Discard, r, p.size); err != nil {
			return bad("ends before its end")
		}
		at = p.at + p.size
	}
	if _, err := io.Copy(out, r); err != nil {
		return fmt.Errorf("read film: %w", err)
	}
	return out.Flush()
}

// maxParts bounds how many boxes or elements of a film are looked at, so that a crafted one costs bounded work.
const maxParts = 500_000

// mp4 looks through the boxes of an MP4, QuickTime or 3GP file.
type mp4 struct {
	src     io.ReadSeeker
	patches []patch
	parts   int
}

// mp4Opens are the boxes that hold others.
var mp4Opens = map[string]bool{"moov": true, "trak": true, "mdia": true, "minf": true, "edts": true, "dinf": true, "moof": true, "traf": true, "mvex": true}

// mp4Tells are the boxes that say what a film was made with, where and by whom; where nothing is written any more, what was there before
// may still stand.
var mp4Tells = map[string]bool{"udta": true, "meta": true, "uuid": true, "cprt": true, "ID32": true, "free": true, "skip": true, "wide": true}

// mp4Stays are the boxes that may stay in the file itself, in a movie and in a track; what makers add there has no end.
var mp4Stays = map[string]map[string]bool{
	"":     {"ftyp": true, "styp": true, "moov": true, "moof": true, "mdat": true, "sidx": true, "ssix": true, "mfra": true, "pdin": true},
	"moov": {"mvhd": true, "trak": true, "mvex": true, "iods": true, "pssh": true},
	"trak": {"tkhd": true, "mdia": true, "edts": true, "tref": true, "tapt": true, "clip": true, "matt": true, "load": true, "txas": true},
}

// mp4Times are the boxes that begin with when something was made and changed.
var mp4Times = map[string]bool{"mvhd": true, "tkhd": true, "mdhd": true}

// mp4Streams are the kinds of track that make a film: picture, sound, words under it. Others are sensors and places beside the picture,
// whose bytes lie among the picture's.
var mp4Streams = map[string]bool{"vide": true, "soun": true, "text": true, "sbtl": true, "subt": true, "clcp": true, "hint": true, "tmcd": true}

// cleanMP4 blanks user data, metadata and instants, at every level. A film with a track of places or sensors is refused: its
// bytes cannot be told from the film's own without taking it apart.
func cleanMP4(w io.Writer, src io.ReadSeeker) error {
	end, err := src.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("read film: %w", err)
	}
	m := &mp4{src: src}
	if err := m.boxes("", 0, end, 0); err != nil {
		return err
	}
	return patched(w, src, m.patches)
}

// boxes looks at what lies between two offsets in a box of that kind. A few bytes too short for a box may end it.
func (m *mp4) boxes(in string, at, end int64, depth int) error {
	for end-at >= 8 {
		if m.parts++; m.parts > maxParts {
			return bad("more parts than a film has")
		}
		kind, head, size, err := m.box(at, end)
		if err != nil && in == "" && m.trailer(kind, at, end) {
			return nil
		}
		if err != nil {
			return err
		}
		body := at + head
		switch {
		case mp4Tells[kind] || mp4Stays[in] != nil && !mp4Stays[in][kind]:
			m.patches = append(m.patches, patch{at + 4, 4, []byte("free")}, patch{body, at + size - body, nil})
		case mp4Opens[kind]:
			if depth > 8 {
				return bad("boxes in boxes without end")
			}
			err = m.boxes(kind, body, at+size, depth+1)
		case mp4Times[kind]:
			err = m.times(body, at+size)
		case kind == "hdlr":
			err = m.track(body, at+size)
		}
		if err != nil {
			return err
		}
		at += size
	}
	return nil
}

// box reads the head of a box: what it is, how long its head is, and how long all of it.
func (m *mp4) box(at, end int64) (kind string, head, size int64, err error) {
	var h [16]byte
	if err := m.read(at, h[:8], end); err != nil {
		return "", 0, 0, err
	}
	kind, head, size = string(h[4:8]), 8, int64(binary.BigEndian.Uint32(h[:4]))
	switch size {
	case 0: // to the end
		size = end - at
	case 1:
		if err := m.read(at+8, h[8:], end); err != nil {
			return "", 0, 0, err
		}
		large := binary.BigEndian.Uint64(h[8:])
		if large > 1<<62 {
			return "", 0, 0, bad("a box of impossible size")
		}
		head, size = 16, int64(large)
	}
	if size < head || size > end-at {
		return kind, 0, 0, bad("a box that reaches over the end")
	}
	return kind, head, size, nil
}

// trailer blanks what some phones put behind the parts of a file without making it one. A part that is known and cut off is no trailer.
func (m *mp4) trailer(kind string, at, end int64) bool {
	if at == 0 || mp4Stays[""][kind] || kind == "meta" || kind == "" {
		return false
	}
	m.patches = append(m.patches, patch{at, end - at, append(binary.BigEndian.AppendUint32(nil, uint32(end-at)), "free"...)})
	return true
}

// times blanks when something was made and changed.
func (m *mp4) times(at, end int64) error {
	var version [1]byte
	if err := m.read(at, version[:], end); err != nil {
		return err
	}
	n := int64(8)
	if version[0] == 1 {
		n = 16
	}
	if at+4+n > end {
		return bad("ends in a box")
	}
	m.patches = append(m.patches, patch{at + 4, n, nil})
	return nil
}

// track refuses what is no stream of a film. QuickTime's handlers of data, whose first word is dhlr, say where bytes are and not what.
func (m *mp4) track(at, end int64) error {
	var b [12]byte
	if err := m.read(at, b[:], end); err != nil {
		return err
	}
	if string(b[4:8]) == "dhlr" {
		return nil
	}
	if !mp4Streams[string(b[8:12])] {
		return errTells
	}
	return nil
}

func (m *mp4) read(at int64, p []byte, end int64) error {
	if at+int64(len(p)) > end {
		return bad("ends in a box")
	}
	if _, err := m.src.Seek(at, io.SeekStart); err != nil {
		return fmt.Errorf("read film: %w", err)
	}
	if _, err := io.ReadFull(m.src, p); err != nil {
		return bad("ends in a box")
	}
	return nil
}
