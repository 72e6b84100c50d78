package media

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// errBroken is wrapped by what is wrong with a picture.
var errBroken = errors.New("broken picture")

func bad(why string) error { return fmt.Errorf("%w: %s", errBroken, why) }

// cleaners copy a picture, film or sound without what it tells about where, when and with what it was taken. They lose no pixel: what
// is kept is kept byte by byte. Each keeps a list of what may stay, because what phones add has no end.
//
// hazard: H14 detail lost
// hazard: H21 a picture tells more than its sender meant
var cleaners = map[string]func(w io.Writer, r io.ReadSeeker) error{
	"image/jpeg":             cleanJPEG,
	"image/png":              cleanPNG,
	"image/vnd.mozilla.apng": cleanPNG,
	"image/webp":             cleanWebP,
	"image/heic":             cleanHEIF,
	"image/heic-sequence":    cleanHEIF,
	"image/heif":             cleanHEIF,
	"image/heif-sequence":    cleanHEIF,
	"image/avif":             cleanHEIF,
	"video/mp4":              cleanMP4,
	"video/quicktime":        cleanMP4,
	"video/3gpp":             cleanMP4,
	"video/3gpp2":            cleanMP4,
	"video/x-m4v":            cleanMP4,
	"audio/mp4":              cleanMP4,
	"audio/x-m4a":            cleanMP4,
	"video/webm":             cleanWebM,
	"video/matroska":         cleanWebM,
}

// Markers of JPEG.
const (
	markerRST0 = 0xD0
	markerRST7 = 0xD7
	markerSOI  = 0xD8
	markerEOI  = 0xD9
	markerSOS  = 0xDA
	markerAPP0 = 0xE0
	markerAPP1 = 0xE1
	markerAPP2 = 0xE2
	markerAPPE = 0xEE
	markerAPPF = 0xEF
	markerCOM  = 0xFE
)

// cleanJPEG drops all application segments but JFIF, colour profile and Adobe's colour transform, all comments, and whatever
// follows the picture, where phones hide a second picture or a film. Which way is up is kept, in an Exif block that says only that.
func cleanJPEG(w io.Writer, src io.ReadSeeker) error {
	r := bufio.NewReader(src)
	var start [2]byte
	if _, err := io.ReadFull(r, start[:]); err != nil || start != [2]byte{0xFF, markerSOI} {
		return bad("no start of image")
	}
	out := bufio.NewWriter(w)
	out.Write(start[:]) // a bufio.Writer keeps its first error for Flush
	oriented := false
	for next := nextMarker; ; {
		marker, err := next(r)
		if err != nil {
			return err
		}
		if marker == markerEOI {
			out.Write([]byte{0xFF, markerEOI})
			return out.Flush()
		}
		body, err := segment(r)
		if err != nil {
			return err
		}
		if marker == markerAPP1 && !oriented {
			if o := exifOrientation(body); o > 1 {
				oriented = true
				writeSegment(out, markerAPP1, orientationOnly(o))
			}
		}
		if keepsSegment(marker, body) {
			writeSegment(out, marker, body)
		}
		if next = nextMarker; marker == markerSOS {
			if done, err := copyScan(out, r); err != nil {
				return err
			} else if done {
				return out.Flush()
			}
			next = markerCode
		}
	}
}

func keepsSegment(marker byte, body []byte) bool {
	switch {
	case marker == markerCOM:
		return false
	case marker == markerAPP0:
		return bytes.HasPrefix(body, []byte("JFIF\x00"))
	case marker == markerAPP2:
		return bytes.HasPrefix(body, []byte("ICC_PROFILE\x00"))
	case marker == markerAPPE:
		return bytes.HasPrefix(body, []byte("Adobe"))
	case marker >= markerAPP0 && marker <= markerAPPF:
		return false
	}
	return true
}

// nextMarker reads a marker; any number of fill bytes may stand before it.
func nextMarker(r *bufio.Reader) (byte, error) {
	if c, err := r.ReadByte(); err != nil || c != 0xFF {
		return 0, bad("no marker where one must be")
	}
	return markerCode(r)
}

// markerCode reads what follows the first byte of a marker.
func markerCode(r *bufio.Reader) (c byte, err error) {
	for c = 0xFF; c == 0xFF; {
		if c, err = r.ReadByte(); err != nil {
			return 0, bad("ends in a marker")
		}
	}
	if c <= 1 || c >= markerRST0 && c <= markerSOI {
		return 0, bad("a marker that may not stand here")
	}
	return c, nil
}

func segment(r *bufio.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, bad("ends in a segment")
	}
	n := int(binary.BigEndian.Uint16(size[:]))
	if n < 2 {
		return nil, bad("a segment shorter than its length")
	}
	body := make([]byte, n-2)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, bad("ends in a segment")
	}
	return body, nil
}

func writeSegment(w *bufio.Writer, marker byte, body []byte) {
	w.Write([]byte{0xFF, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)})
	w.Write(body)
}

// copyScan copies entropy-coded bytes up to the next marker, whose first byte it reads. done means that the file ended there, as
// interrupted transfers do; viewers show what there is.
func copyScan(w *bufio.Writer, r *bufio.Reader) (done bool, err error) {
	for {
		part, err := r.ReadSlice(0xFF)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			w.Write(part)
			continue
		case errors.Is(err, io.EOF):
			w.Write(part)
			return true, nil
		case err != nil:
			return false, fmt.Errorf("read picture: %w", err)
		}
		w.Write(part[:len(part)-1]) // before Peek, which may move what part points to
		next, err := r.Peek(1)
		switch {
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, fmt.Errorf("read picture: %w", err)
		case next[0] == 0, next[0] >= markerRST0 && next[0] <= markerRST7, next[0] == 0xFF:
			w.WriteByte(0xFF)
		default:
			return false, nil
		}
	}
}

// exifOrientation reads from an Exif block which way is up: 1 to 8, or 0 when it does not say.
func exifOrientation(body []byte) uint16 {
	t, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00"))
	if !ok || len(t) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.LittleEndian
	if bytes.HasPrefix(t, []byte("MM")) {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(t[4:]))
	if at+2 > int64(len(t)) {
		return 0
	}
	n := int64(order.Uint16(t[at:]))
	for i := range n {
		e := at + 2 + 12*i
		if e+12 > int64(len(t)) {
			return 0
		}
		if order.Uint16(t[e:]) == 0x0112 {
			if o := order.Uint16(t[e+8:]); o >= 1 && o <= 8 {
				return o
			}
			return 0
		}
	}
	return 0
}

// orientationOnly is an Exif block with one entry.
func orientationOnly(o uint16) []byte {
	b := []byte("Exif\x00\x00MM\x00\x2A\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01")
	return append(b, byte(o>>8), byte(o), 0, 0, 0, 0, 0, 0)
}

// pngKeeps are the ancillary chunks of PNG that say how to show the picture. Critical ones, with a capital first letter, all stay.
var pngKeeps = map[string]bool{"tRNS": true, "cHRM": true, "gAMA": true, "iCCP": true, "sBIT": true, "sRGB": true, "cICP": true, "mDCV": true, "cLLI": true,
	"bKGD": true, "hIST": true, "pHYs": true, "sPLT": true, "acTL": true, "fcTL": true, "fdAT": true}

const pngSignature = "\x89PNG\r\n\x1a\n"

// cleanPNG drops Exif, texts, times and unknown extras, and whatever follows the picture.
func cleanPNG(w io.Writer, src io.ReadSeeker) error {
	r, out := bufio.NewReader(src), bufio.NewWriter(w)
	head := make([]byte, len(pngSignature))
	if _, err := io.ReadFull(r, head); err != nil || string(head) != pngSignature {
		return bad("no signature")
	}
	out.Write(head)
	for {
		var h [8]byte
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return bad("ends before its last chunk")
		}
		size, kind := binary.BigEndian.Uint32(h[:4]), string(h[4:])
		if size > 1<<31-1 {
			return bad("a chunk of impossible size")
		}
		if !(kind[0] >= 'A' && kind[0] <= 'Z') && !pngKeeps[kind] {
			if _, err := io.CopyN(io.Discard, r, int64(size)+4); err != nil {
				return bad("ends in a chunk")
			}
			continue
		}
		out.Write(h[:])
		sum := crc32.NewIEEE()
		sum.Write(h[4:])
		if _, err := io.CopyN(io.MultiWriter(out, sum), r, int64(size)); err != nil {
			return bad("ends in a chunk")
		}
		var check [4]byte
		if _, err := io.ReadFull(r, check[:]); err != nil || binary.BigEndian.Uint32(check[:]) != sum.Sum32() {
			return bad("a chunk that does not fit its checksum")
		}
		out.Write(check[:])
		if kind == "IEND" {
			return out.Flush()
		}
	}
}

// webpKeeps are the chunks of WebP that make the picture.
var webpKeeps = map[string]bool{"VP8 ": true, "VP8L": true, "VP8X": true, "ALPH": true, "ANIM": true, "ANMF": true, "ICCP": true}

// webpSaysMore are the flags of VP8X that announce Exif and XMP.
const webpSaysMore = 0x08 | 0x04

// cleanWebP drops Exif, XMP and unknown extras. It reads twice: the length of what stays comes first in the file.
func cleanWebP(w io.Writer, src io.ReadSeeker) error {
	total := int64(4)
	err := eachWebP(src, func(kind string, size int64, body io.Reader) error {
		if webpKeeps[kind] {
			total += 8 + size + size&1
		}
		return nil
	})
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	out.WriteString("RIFF")
	out.Write(binary.LittleEndian.AppendUint32(nil, uint32(total)))
	out.WriteString("WEBP")
	err = eachWebP(src, func(kind string, size int64, body io.Reader) error {
		if !webpKeeps[kind] {
			return nil
		}
		out.WriteString(kind)
		out.Write(binary.LittleEndian.AppendUint32(nil, uint32(size)))
		if kind == "VP8X" {
			var flags [1]byte
			if _, err := io.ReadFull(body, flags[:]); err != nil {
				return bad("ends in a chunk")
			}
			out.WriteByte(flags[0] &^ webpSaysMore)
			size--
		}
		if _, err := io.CopyN(out, body, size); err != nil {
			return bad("ends in a chunk")
		}
		if kind == "VP8X" {
			size++
		}
		if size&1 == 1 {
			out.WriteByte(0)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// eachWebP calls fn for every chunk; fn need not read the body.
func eachWebP(src io.ReadSeeker, fn func(kind string, size int64, body io.Reader) error) error {
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r := bufio.NewReader(src)
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WEBP" {
		return bad("no header")
	}
	left := int64(binary.LittleEndian.Uint32(head[4:])) - 4
	for left >= 8 {
		var h [8]byte
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return bad("ends before its last chunk")
		}
		size := int64(binary.LittleEndian.Uint32(h[4:]))
		if left -= 8 + size + size&1; left < 0 {
			return bad("a chunk that reaches over the end")
		}
		body := &io.LimitedReader{R: r, N: size}
		if err := fn(string(h[:4]), size, body); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, r, body.N); err != nil {
			return bad("ends in a chunk")
		}
		if size&1 == 1 {
			if _, err := r.ReadByte(); err != nil && left > 0 {
				return bad("ends in a chunk")
			}
		}
	}
	return nil
}
