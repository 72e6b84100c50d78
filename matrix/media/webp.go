package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// maxFirstFrame bounds the bytes of a frame that is drawn alone.
const maxFirstFrame = 32 << 20

var errNoFrame = errors.New("the picture has no frame")

// firstFrame draws the first frame of a WebP that moves, which the decoder for still ones does not read: the frame's own chunks are put
// into a file of their own.
func firstFrame(r io.Reader) (image.Image, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WEBP" {
		return nil, errNoFrame
	}
	var canvas image.Rectangle
	for {
		kind, size, err := riffChunk(r)
		if err != nil {
			return nil, errNoFrame
		}
		if kind != "VP8X" && kind != "ANMF" || size > maxFirstFrame || kind == "VP8X" && size != 10 {
			if _, err := io.CopyN(io.Discard, r, size+size&1); err != nil {
				return nil, errNoFrame
			}
			continue
		}
		body := make([]byte, size+size&1)
		if _, err := io.ReadFull(r, body); err != nil {
			return nil, errNoFrame
		}
		if kind == "VP8X" {
			canvas = image.Rect(0, 0, 1+number24(body[4:]), 1+number24(body[7:]))
			continue
		}
		frame, at, err := frameAlone(body[:size])
		if err != nil || canvas.Empty() || frame.Bounds().Size() == canvas.Size() {
			return frame, err
		}
		if int64(canvas.Dx())*int64(canvas.Dy()) > maxPixels {
			return nil, errNoFrame
		}
		out := image.NewRGBA(canvas)
		draw.Draw(out, frame.Bounds().Add(at), frame, frame.Bounds().Min, draw.Src)
		return out, nil
	}
}

// frameAlone decodes the body of an ANMF chunk, and says where on the canvas it lies.
func frameAlone(body []byte) (image.Image, image.Point, error) {
	const lead = 16
	if len(body) < lead {
		return nil, image.Point{}, errNoFrame
	}
	at := image.Pt(2*number24(body), 2*number24(body[3:]))
	w, h := 1+number24(body[6:]), 1+number24(body[9:])
	if int64(w)*int64(h) > maxPixels {
		return nil, image.Point{}, errNoFrame
	}
	// The chunk that says how large the picture is may come before any frame, with a note whether there is transparency.
	x := []byte{0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	put24(x[4:], w-1)
	put24(x[7:], h-1)
	var file bytes.Buffer
	file.WriteString("RIFF\x00\x00\x00\x00WEBP")
	if bytes.HasPrefix(body[lead:], []byte("ALPH")) {
		file.WriteString("VP8X")
		file.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(x))))
		file.Write(x)
	}
	file.Write(body[lead:])
	raw := file.Bytes()
	binary.LittleEndian.PutUint32(raw[4:], uint32(len(raw)-8))
	config, err := webp.DecodeConfig(bytes.NewReader(raw))
	if err != nil || int64(config.Width)*int64(config.Height) > maxPixels {
		return nil, image.Point{}, errNoFrame
	}
	frame, err := webp.Decode(bytes.NewReader(raw))
	return frame, at, err
}

// riffChunk reads the head of a chunk.
func riffChunk(r io.Reader) (kind string, size int64, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", 0, err
	}
	return string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:])), nil
}

func number24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

func put24(b []byte, n int) { b[0], b[1], b[2] = byte(n), byte(n>>8), byte(n>>16) }
