package media

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Elements of Matroska and WebM, by their ids.
// spec: RFC 9559, section 5.1
const (
	webmHead        = 0x1A45DFA3
	webmSegment     = 0x18538067
	webmCluster     = 0x1F43B675
	webmInfo        = 0x1549A966
	webmTracks      = 0x1654AE6B
	webmTrack       = 0xAE
	webmTags        = 0x1254C367
	webmAttachments = 0x1941A469
	webmChapters    = 0x1043A770
	webmDate        = 0x4461
	webmTitle       = 0x7BA9
	webmFilename    = 0x7384
	webmSegmentUID  = 0x73A4
	webmName        = 0x536E
	webmVoid        = 0xEC
	webmCRC         = 0xBF
	webmSeekHead    = 0x114D9B74
	webmCues        = 0x1C53BB6B
)

// webmTells are the elements that say when, where and by whom; all of one is left empty.
var webmTells = map[uint32]bool{webmTags: true, webmAttachments: true, webmChapters: true, webmDate: true, webmTitle: true, webmFilename: true, webmSegmentUID: true, webmName: true,
	webmVoid: true, webmCRC: true} // a void may still hold what was there before, and a checksum would not fit any more

// webmStays are the parts of a segment that may stay; ids of four bytes are such parts.
var webmStays = map[uint32]bool{webmHead: true, webmSegment: true, webmCluster: true, webmInfo: true, webmTracks: true, webmSeekHead: true, webmCues: true}

// webmOpens are the elements whose inside is looked at.
var webmOpens = map[uint32]bool{webmSegment: true, webmCluster: true, webmInfo: true, webmTracks: true, webmTrack: true}

// cleanWebM blanks tags, attachments, titles and dates of a WebM or Matroska film or sound. What a browser records has neither the
// length of its segment nor of its clusters: both are entered then and not jumped over.
func cleanWebM(w io.Writer, src io.ReadSeeker) error {
	end, err := src.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("read film: %w", err)
	}
	var patches []patch
	parts := 0
	for at := int64(0); at < end; {
		if parts++; parts > maxParts {
			return bad("more parts than a film has")
		}
		var b [12]byte
		n, err := readAt(src, at, b[:])
		if err != nil {
			return err
		}
		id, idLen := vint(b[:n], false)
		if idLen == 0 || at == 0 && id != webmHead {
			return bad("an element without an id")
		}
		size, sizeLen := vint(b[idLen:n], true)
		if sizeLen == 0 {
			return bad("an element without a length")
		}
		head := int64(idLen + sizeLen)
		unknown := size == 1<<(7*sizeLen)-1
		switch {
		case webmOpens[uint32(id)] && (unknown || id != webmCluster):
			at += head
			continue
		case unknown:
			return bad("an element of unknown length")
		case size > uint64(end-at-head):
			size = uint64(end - at - head) // a recording that broke off: players show what there is
		}
		whole := head + int64(size)
		if webmTells[uint32(id)] || idLen == 4 && !webmStays[uint32(id)] {
			patches = append(patches, patch{at, whole, void(whole)})
		}
		at += whole
	}
	return patched(w, src, patches)
}

func readAt(src io.ReadSeeker, at int64, p []byte) (int, error) {
	if _, err := src.Seek(at, io.SeekStart); err != nil {
		return 0, fmt.Errorf("read film: %w", err)
	}
	n, err := io.ReadFull(src, p)
	if err != nil && n == 0 {
		return 0, bad("ends in an element")
	}
	return n, nil
}

// vint reads a number whose first byte says how long it is; of an id the mark of the length stays. n is 0 when it is none.
func vint(b []byte, bare bool) (v uint64, n int) {
	if len(b) == 0 || b[0] == 0 {
		return 0, 0
	}
	most := 4
	if bare {
		most = 8
	}
	for n = 1; b[0]&(0x80>>(n-1)) == 0; n++ {
	}
	if n > most || n > len(b) {
		return 0, 0
	}
	v = uint64(b[0])
	if bare {
		v &= 0xFF >> n
	}
	for _, c := range b[1:n] {
		v = v<<8 | uint64(c)
	}
	return v, n
}

// void is the head of an element of that many bytes in all, whose inside means nothing.
func void(whole int64) []byte {
	if whole < 10 {
		return []byte{webmVoid, 0x80 | byte(whole-2)}
	}
	head := binary.BigEndian.AppendUint64([]byte{webmVoid}, uint64(whole-9))
	head[1] = 0x01
	return head
}
