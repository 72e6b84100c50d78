package media

import (
	"cmp"
	"encoding/binary"
	"io"
	"slices"
)

// Pictures in HEIF, as phones write them (HEIC), and AVIF. A picture is a list of items and of where in the file their bytes are; what an
// item tells about places and devices is blanked where it stands, as in films.
// spec: ISO/IEC 14496-12, 8.11

// heifPictures are the kinds of item that make a picture; all others tell something.
var heifPictures = map[string]bool{"hvc1": true, "hvt1": true, "lhv1": true, "av01": true, "avc1": true, "jpeg": true, "j2k1": true, "vvc1": true, "unci": true, "grid": true, "iden": true, "iovl": true, "tmap": true}

const (
	heifLargest = 4 << 20 // bytes of one list that are looked at
	heifItems   = 10_000
)

// heif is what the lists of a picture say.
type heif struct {
	mp4
	end   int64
	tells map[uint32]bool // items that make no picture
	idat  int64           // where bytes within the lists begin, 0 for nowhere
	iloc  []byte
}

// cleanHEIF blanks Exif, XMP and whatever else is no picture, and what stands between the parts of the file.
func cleanHEIF(w io.Writer, src io.ReadSeeker) error {
	end, err := src.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	h := &heif{mp4: mp4{src: src}, end: end, tells: map[uint32]bool{}}
	for at := int64(0); end-at >= 8; {
		if h.parts++; h.parts > maxParts {
			return bad("more parts than a picture has")
		}
		kind, head, size, err := h.box(at, end)
		if err != nil && h.trailer(kind, at, end) {
			break
		}
		if err != nil {
			return err
		}
		switch kind {
		case "ftyp", "mdat":
		case "meta":
			err = h.lists(at+head, at+size)
		case "moov": // pictures that move
			err = h.boxes("moov", at+head, at+size, 1)
		default:
			h.patches = append(h.patches, patch{at + 4, 4, []byte("free")}, patch{at + head, size - head, nil})
		}
		if err != nil {
			return err
		}
		at += size
	}
	return patched(w, src, apart(h.patches))
}

// apart puts patches in order and joins those that overlap; a joined one brings nothing but zeros.
func apart(list []patch) []patch {
	slices.SortFunc(list, func(a, b patch) int { return cmp.Compare(a.at, b.at) })
	var out []patch
	for _, p := range list {
		if p.size == 0 {
			continue
		}
		if n := len(out); n > 0 && p.at < out[n-1].at+out[n-1].size {
			last := &out[n-1]
			last.size, last.with = max(last.size, p.at+p.size-last.at), nil
			continue
		}
		out = append(out, p)
	}
	return out
}

// lists reads what the items are and where, and notes what to blank.
func (h *heif) lists(at, end int64) error {
	if at += 4; at > end { // version and flags
		return bad("ends in a list")
	}
	for end-at >= 8 {
		if h.parts++; h.parts > maxParts {
			return bad("more parts than a picture has")
		}
		kind, head, size, err := h.box(at, end)
		if err != nil {
			return err
		}
		switch kind {
		case "iinf":
			err = h.kinds(at+head, at+size)
		case "iloc":
			h.iloc, err = h.whole(at+head, at+size)
		case "idat":
			h.idat = at + head
		case "uuid", "udta", "free", "skip", "xml ", "bxml":
			h.patches = append(h.patches, patch{at + 4, 4, []byte("free")}, patch{at + head, size - head, nil})
		}
		if err != nil {
			return err
		}
		at += size
	}
	return h.places()
}

func (h *heif) whole(at, end int64) ([]byte, error) {
	if end-at > heifLargest {
		return nil, bad("a list of impossible size")
	}
	b := make([]byte, end-at)
	return b, h.read(at, b, end)
}

// kinds reads which items make no picture.
func (h *heif) kinds(at, end int64) error {
	b, err := h.whole(at, end)
	if err != nil {
		return err
	}
	f := fields{b: b}
	version := f.take(4) >> 24
	if version == 0 {
		f.take(2)
	} else {
		f.take(4)
	}
	if f.short {
		return bad("ends in a list")
	}
	at += int64(len(b) - len(f.b))
	for n := 0; end-at >= 8; n++ {
		kind, head, size, err := h.box(at, end)
		if err != nil {
			return err
		}
		if n > heifItems {
			return bad("more items than a picture has")
		}
		if kind == "infe" {
			if err := h.item(at+head, at+size); err != nil {
				return err
			}
		}
		at += size
	}
	return nil
}

// item reads one item's kind. Older forms have none, and are no picture's.
func (h *heif) item(at, end int64) error {
	b, err := h.whole(at, end)
	if err != nil {
		return err
	}
	f := fields{b: b}
	version := f.take(4) >> 24
	id := f.take(2)
	if version >= 3 {
		id = id<<16 | f.take(2)
	}
	f.take(2)
	if f.short || version >= 2 && len(f.b) < 4 {
		return bad("ends in an item")
	}
	if version < 2 || !heifPictures[string(f.b[:4])] {
		h.tells[uint32(id)] = true
	}
	return nil
}

// places notes where the bytes of the items lie that make no picture.
func (h *heif) places() error {
	if h.iloc == nil {
		return nil
	}
	f := fields{b: h.iloc}
	version := f.take(4) >> 24
	sizes := f.take(2)
	offsetSize, lengthSize, baseSize, indexSize := int(sizes>>12), int(sizes>>8&15), int(sizes>>4&15), int(sizes&15)
	wide := 2
	if version >= 2 {
		wide = 4
	}
	if version == 0 {
		indexSize = 0
	}
	for range f.take(wide) {
		id, from := f.take(wide), uint64(0)
		if version >= 1 {
			from = f.take(2) & 15
		}
		f.take(2)
		base := f.take(baseSize)
		for range f.take(2) {
			f.take(indexSize)
			offset, length := f.take(offsetSize), f.take(lengthSize)
			if f.short {
				break
			}
			if h.parts++; h.parts > maxParts {
				return bad("more parts than a picture has")
			}
			if !h.tells[uint32(id)] {
				continue
			}
			if err := h.blank(from, base+offset, length); err != nil {
				return err
			}
		}
		if f.short {
			return bad("ends in a list")
		}
	}
	return nil
}

// blank notes one stretch of an item: in the file, or in the bytes within the lists.
func (h *heif) blank(from, offset, length uint64) error {
	at := int64(offset)
	switch from {
	case 0:
	case 1:
		if h.idat == 0 {
			return bad("an item in bytes that are not there")
		}
		at += h.idat
	default:
		return bad("an item made of other items that is no picture")
	}
	if length == 0 { // to the end
		length = uint64(max(0, h.end-at))
	}
	if offset > 1<<62 || length > 1<<62 || at < 0 || at+int64(length) > h.end {
		return bad("an item that reaches over the end")
	}
	h.patches = append(h.patches, patch{at, int64(length), nil})
	return nil
}

// fields takes whole numbers from the front of some bytes; short says that there were too few.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) take(n int) uint64 {
	if n > 8 || n > len(f.b) {
		f.short, f.b = true, nil
		return 0
	}
	var whole [8]byte
	copy(whole[8-n:], f.b)
	f.b = f.b[n:]
	return binary.BigEndian.Uint64(whole[:])
}
