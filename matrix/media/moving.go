package media

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"

	"golang.org/x/image/draw"
)

// maxFrames bounds the frames of a moving thumbnail; of a longer picture there is a still one.
const maxFrames = 500

// drawMoving draws a GIF that moves into a box, frame by frame. It says no for one that does not move, and for one of too many frames
// or pixels, of which there can be a still thumbnail.
// spec: client-server-api#get_matrixclientv1mediathumbnailservernamemediaid
func drawMoving(w io.Writer, r io.ReadSeeker, box size, crop bool) (bool, error) {
	frames, err := countFrames(r)
	if err != nil || frames.n < 2 || frames.n > maxFrames || int64(frames.n)*int64(frames.width)*int64(frames.height) > maxPixels {
		return false, nil // decode says what is wrong with it
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return false, fmt.Errorf("read picture: %w", err)
	}
	in, err := gif.DecodeAll(bufio.NewReader(r))
	if err != nil || len(in.Image) < 2 {
		return false, nil
	}
	out := &gif.GIF{Delay: in.Delay, LoopCount: in.LoopCount}
	canvas := image.NewRGBA(image.Rect(0, 0, in.Config.Width, in.Config.Height))
	before := image.NewRGBA(canvas.Rect)
	for i, frame := range in.Image {
		disposal := byte(0)
		if i < len(in.Disposal) {
			disposal = in.Disposal[i]
		}
		if disposal == gif.DisposalPrevious {
			copy(before.Pix, canvas.Pix)
		}
		draw.Draw(canvas, frame.Bounds(), frame, frame.Bounds().Min, draw.Over)
		small := shrink(canvas, box, crop, 1)
		shown := image.NewPaletted(small.Rect, withClear(frame.Palette))
		draw.FloydSteinberg.Draw(shown, shown.Rect, small, image.Point{})
		clearThrough(shown, small)
		out.Image = append(out.Image, shown)
		out.Disposal = append(out.Disposal, gif.DisposalBackground) // every frame is whole
		switch disposal {
		case gif.DisposalBackground:
			draw.Draw(canvas, frame.Bounds(), image.Transparent, image.Point{}, draw.Src)
		case gif.DisposalPrevious:
			copy(canvas.Pix, before.Pix)
		}
	}
	if err := gif.EncodeAll(w, out); err != nil {
		return false, fmt.Errorf("encode thumbnail: %w", err)
	}
	return true, nil
}

// withClear is a frame's palette with a place for what is seen through: the last, when there is none and all are taken.
func withClear(p color.Palette) color.Palette {
	for _, c := range p {
		if _, _, _, a := c.RGBA(); a == 0 {
			return p
		}
	}
	out := append(color.Palette{}, p...)
	if len(out) == 256 {
		out = out[:255]
	}
	return append(out, color.RGBA{})
}

// clearThrough makes clear again what was mostly clear: a palette knows no half-clear colour.
func clearThrough(shown *image.Paletted, small *image.RGBA) {
	clear := uint8(0)
	for i, c := range shown.Palette {
		if _, _, _, a := c.RGBA(); a == 0 {
			clear = uint8(i)
		}
	}
	for y := range small.Rect.Dy() {
		for x := range small.Rect.Dx() {
			if small.Pix[small.PixOffset(x, y)+3] < 0x80 {
				shown.Pix[shown.PixOffset(x, y)] = clear
			}
		}
	}
}

// frames is how large a GIF is before any of it is decoded.
type frames struct{ n, width, height int }

// countFrames reads the structure of a GIF that cleanGIF has written and decodes no pixel.
func countFrames(src io.Reader) (f frames, err error) {
	r := bufio.NewReader(src)
	var head [13]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return f, errBroken
	}
	f.width, f.height = int(head[6])|int(head[7])<<8, int(head[8])|int(head[9])<<8
	skip := func(n int) error {
		if _, err := r.Discard(n); err != nil {
			return errBroken
		}
		return nil
	}
	table := func(flags byte) error {
		if flags&0x80 == 0 {
			return nil
		}
		return skip(3 << (flags&7 + 1))
	}
	blocks := func() error {
		for {
			n, err := r.ReadByte()
			if err != nil {
				return errBroken
			}
			if n == 0 {
				return nil
			}
			if err := skip(int(n)); err != nil {
				return err
			}
		}
	}
	if err := table(head[10]); err != nil {
		return f, err
	}
	for {
		kind, err := r.ReadByte()
		if err != nil || kind == 0x3B {
			return f, nil
		}
		switch kind {
		case 0x21: // extension: a label, then blocks
			err = skip(1)
		case 0x2C: // image: where it lies, its own colours, how codes begin, then blocks
			f.n++
			var at [9]byte
			if _, err = io.ReadFull(r, at[:]); err == nil {
				if err = table(at[8]); err == nil {
					err = skip(1)
				}
			}
		default:
			return f, errBroken
		}
		if err == nil {
			err = blocks()
		}
		if err != nil {
			return f, errBroken
		}
	}
}
