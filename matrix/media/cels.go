package media

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"image"
	"image/png"
	"io"
	"iter"

	"golang.org/x/image/draw"
)

// cel is one frame of a PNG or WebP that moves, before it is laid over those before it.
type cel struct {
	body    []byte          // as decode wants it
	at      image.Rectangle // where it lies
	num     uint16          // how long it is shown: num parts of a second that has den
	den     uint16
	replace bool // it takes the place of what is below it and is not laid over
	then    byte // what becomes of its place afterwards
}

// What becomes of a frame's place after it was shown.
const (
	thenStays byte = iota
	thenClear
	thenBefore
)

// film is a picture that moves, and how to draw a frame of it.
type film struct {
	canvas image.Rectangle
	plays  uint32 // how often, 0 for ever
	cels   []cel
	decode func(cel) (image.Image, error)
}

// fits says whether a film moves and is small enough to be drawn whole.
func (f film) fits() bool {
	return len(f.cels) > 1 && len(f.cels) <= maxFrames && !f.canvas.Empty() && int64(len(f.cels))*int64(f.canvas.Dx())*int64(f.canvas.Dy()) <= maxPixels
}

// shown yields the canvas as it looks with each frame. It is the same canvas each time; an error ends it.
func (f film) shown() iter.Seq2[*image.RGBA, error] {
	return func(yield func(*image.RGBA, error) bool) {
		canvas, before := image.NewRGBA(f.canvas), image.NewRGBA(f.canvas)
		for i, c := range f.cels {
			pic, err := f.decode(c)
			if err == nil && pic.Bounds().Size() != c.at.Size() {
				err = errBroken
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if c.then == thenBefore {
				if i == 0 {
					c.then = thenClear // spec: png-3#fcTL-chunk
				}
				copy(before.Pix, canvas.Pix)
			}
			op := draw.Over
			if c.replace {
				op = draw.Src
			}
			draw.Draw(canvas, c.at, pic, pic.Bounds().Min, op)
			if !yield(canvas, nil) {
				return
			}
			switch c.then {
			case thenClear:
				draw.Draw(canvas, c.at, image.Transparent, image.Point{}, draw.Src)
			case thenBefore:
				copy(canvas.Pix, before.Pix)
			}
		}
	}
}

// maxFilm bounds the bytes of a film that is read to be drawn.
const maxFilm = 64 << 20

// pngFilm reads the frames of a PNG. One that does not move has none, and so has what is broken.
// spec: png-3#apng-frame-based-animation
func pngFilm(src io.Reader) (f film) {
	r := bufio.NewReader(io.LimitReader(src, maxFilm))
	var sign [8]byte
	if _, err := io.ReadFull(r, sign[:]); err != nil || string(sign[:]) != pngSignature {
		return film{}
	}
	var head, colours []byte // what every frame needs to stand alone
	taking := false          // a frame has been announced and its data is being read
	for {
		kind, body, err := pngChunk(r)
		if err != nil {
			return film{}
		}
		switch kind {
		case "IHDR":
			if len(body) != 13 {
				return film{}
			}
			head = body
			f.canvas = image.Rect(0, 0, int(binary.BigEndian.Uint32(body)), int(binary.BigEndian.Uint32(body[4:])))
		case "PLTE", "tRNS":
			colours = append(colours, pngPart(kind, body)...)
		case "acTL":
			if len(body) != 8 {
				return film{}
			}
			f.plays = binary.BigEndian.Uint32(body[4:])
		case "fcTL":
			c, ok := pngCel(body)
			if !ok || !c.at.In(f.canvas) || len(f.cels) >= maxFrames {
				return film{}
			}
			f.cels, taking = append(f.cels, c), true
		case "IDAT":
			if taking { // a picture before any frame is for those who know no frames
				last := &f.cels[len(f.cels)-1]
				last.body = append(last.body, body...)
			}
		case "fdAT":
			if !taking || len(body) < 4 {
				return film{}
			}
			last := &f.cels[len(f.cels)-1]
			last.body = append(last.body, body[4:]...)
		case "IEND":
			f.decode = func(c cel) (image.Image, error) {
				alone := append([]byte{}, head...)
				binary.BigEndian.PutUint32(alone, uint32(c.at.Dx()))
				binary.BigEndian.PutUint32(alone[4:], uint32(c.at.Dy()))
				return png.Decode(bytes.NewReader(bytes.Join([][]byte{[]byte(pngSignature), pngPart("IHDR", alone), colours, pngPart("IDAT", c.body), pngPart("IEND", nil)}, nil)))
			}
			return f
		}
	}
}

func pngCel(b []byte) (c cel, ok bool) {
	if len(b) != 26 {
		return c, false
	}
	n := func(i int) int { return int(binary.BigEndian.Uint32(b[i:])) }
	c.at = image.Rect(n(12), n(16), n(12)+n(4), n(16)+n(8))
	c.num, c.den = binary.BigEndian.Uint16(b[20:]), binary.BigEndian.Uint16(b[22:])
	if c.den == 0 {
		c.den = 100
	}
	c.then, c.replace = b[24], b[25] == 0
	return c, !c.at.Empty() && c.then <= thenBefore && b[25] <= 1
}

// webpFilm reads the frames of a WebP, as pngFilm does.
// spec: rfc9649#section-2.7
func webpFilm(src io.Reader) (f film) {
	r := bufio.NewReader(io.LimitReader(src, maxFilm))
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WEBP" {
		return film{}
	}
	f.decode = func(c cel) (image.Image, error) {
		pic, _, err := frameAlone(c.body)
		return pic, err
	}
	for {
		kind, size, err := riffChunk(r)
		if err != nil { // the end
			return f
		}
		if size > maxFirstFrame {
			return film{}
		}
		body := make([]byte, size+size&1)
		if _, err := io.ReadFull(r, body); err != nil {
			return film{}
		}
		body = body[:size]
		switch {
		case kind == "VP8X" && size == 10:
			f.canvas = image.Rect(0, 0, 1+number24(body[4:]), 1+number24(body[7:]))
		case kind == "ANIM" && size >= 6:
			f.plays = uint32(binary.LittleEndian.Uint16(body[4:]))
		case kind == "ANMF":
			if size < 16 || len(f.cels) >= maxFrames {
				return film{}
			}
			at := image.Pt(2*number24(body), 2*number24(body[3:]))
			c := cel{body: body, at: image.Rectangle{at, at.Add(image.Pt(1+number24(body[6:]), 1+number24(body[9:])))},
				num: uint16(min(number24(body[12:]), 0xFFFF)), den: 1000, replace: body[15]&2 != 0, then: body[15] & 1}
			if !c.at.In(f.canvas) {
				return film{}
			}
			f.cels = append(f.cels, c)
		}
	}
}
