package media

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"io"
)

// pngChunk reads a chunk and checks its sum.
func pngChunk(r io.Reader) (kind string, body []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFilm {
		return "", nil, errBroken
	}
	var b bytes.Buffer // grows with what is there, not with what is promised
	if _, err := io.CopyN(&b, r, int64(n)+4); err != nil {
		return "", nil, err
	}
	body = b.Bytes()
	sum := crc32.Update(crc32.ChecksumIEEE(head[4:]), crc32.IEEETable, body[:n])
	if sum != binary.BigEndian.Uint32(body[n:]) {
		return "", nil, errBroken
	}
	return string(head[4:]), body[:n:n], nil
}

// pngPart is a chunk as it stands in a file.
func pngPart(kind string, body []byte) []byte {
	out := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), kind...)
	out = append(out, body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// drawFilm draws a film into a box as a PNG that moves. It says no for what is none, or broken, or too large: of that there can be a
// still thumbnail.
func drawFilm(w io.Writer, f film, box size, crop bool) (bool, error) {
	if !f.fits() {
		return false, nil
	}
	var out bytes.Buffer // nothing is written before all of it could be drawn
	out.WriteString(pngSignature)
	sequence, i := uint32(0), 0
	for canvas, err := range f.shown() {
		if err != nil {
			return false, nil
		}
		small := shrink(canvas, box, crop, 1)
		if i == 0 {
			out.Write(pngPart("IHDR", append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(small.Rect.Dx())), uint32(small.Rect.Dy())), 8, 6, 0, 0, 0)))
			out.Write(pngPart("acTL", binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(len(f.cels))), f.plays)))
		}
		out.Write(pngPart("fcTL", frameControl(sequence, small.Rect, f.cels[i])))
		sequence++
		lines, err := squeeze(small)
		if err != nil {
			return false, fmt.Errorf("encode thumbnail: %w", err)
		}
		if i == 0 {
			out.Write(pngPart("IDAT", lines))
		} else {
			out.Write(pngPart("fdAT", append(binary.BigEndian.AppendUint32(nil, sequence), lines...)))
			sequence++
		}
		i++
	}
	out.Write(pngPart("IEND", nil))
	_, err := w.Write(out.Bytes())
	return err == nil, err
}

// frameControl announces a frame that is whole: it replaces the one before and stays until the next.
// spec: png-3#fcTL-chunk
func frameControl(sequence uint32, at image.Rectangle, c cel) []byte {
	b := binary.BigEndian.AppendUint32(nil, sequence)
	for _, n := range []int{at.Dx(), at.Dy(), 0, 0} {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	b = binary.BigEndian.AppendUint16(b, c.num)
	return append(binary.BigEndian.AppendUint16(b, c.den), thenStays, 0)
}

// squeeze is the data of a picture with eight bits of red, green, blue and opacity. Package png chooses the form by what each picture
// holds, and all frames of one must have the same.
func squeeze(m *image.RGBA) ([]byte, error) {
	var out bytes.Buffer
	z, err := zlib.NewWriterLevel(&out, zlib.BestSpeed)
	if err != nil {
		return nil, err
	}
	line := make([]byte, 1+4*m.Rect.Dx())
	for y := range m.Rect.Dy() {
		line[0] = 1 // each byte less the one of the pixel to the left
		var left [4]byte
		for x := range m.Rect.Dx() {
			i := m.PixOffset(m.Rect.Min.X+x, m.Rect.Min.Y+y)
			p := m.Pix[i : i+4 : i+4]
			now := [4]byte{0, 0, 0, p[3]}
			for c := range 3 {
				if p[3] != 0 {
					now[c] = byte((uint32(p[c])*0xFF + uint32(p[3])/2) / uint32(p[3]))
				}
			}
			for c := range 4 {
				line[1+4*x+c] = now[c] - left[c]
			}
			left = now
		}
		if _, err := z.Write(line); err != nil {
			return nil, err
		}
	}
	err = z.Close()
	return out.Bytes(), err
}
