package media

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // decoder; the first frame
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // decoder

	"wardline/ground/fault"
)

// maxPixels bounds a picture that is decoded: what the best phones take, and no decompression bomb.
const maxPixels = 50_000_000

// size is one of the few thumbnails that are made, so that nobody can fill the disk by asking for others.
type size struct{ width, height int }

var (
	scaled  = []size{{320, 240}, {640, 480}, {800, 600}, {1280, 960}, {1920, 1440}}
	cropped = []size{{32, 32}, {64, 64}, {96, 96}, {192, 192}, {320, 240}, {640, 480}}
)

// Ask is a wish for a thumbnail, in pixels.
type Ask struct {
	Width, Height int
	Crop          bool          // fill the whole box and cut the rest; otherwise fit inside
	Animated      bool          // moving, where the picture moves
	Wait          time.Duration // for a file that is still being sent
}

// fit returns the smallest size that is made and not smaller than the wish, or the largest.
func (a Ask) fit() size {
	table := scaled
	if a.Crop {
		table = cropped
	}
	for _, s := range table {
		if s.width >= a.Width && s.height >= a.Height {
			return s
		}
	}
	return table[len(table)-1]
}

var errCannotDraw = fault.New(fault.Invalid, "M_UNKNOWN", "There can be no thumbnail of that file.")

// Thumbnail opens a small form of a picture, made at the first wish and kept. It is never larger than the picture. What is no
// picture that we can draw is Invalid M_UNKNOWN, one of too many pixels TooLarge. It may wait for others that are being drawn.
// spec: client-server-api#thumbnails
func (s *Service) Thumbnail(ctx context.Context, server, name string, a Ask) (*Content, error) {
	if a.Width < 1 || a.Height < 1 {
		return nil, fault.New(fault.Invalid, "M_INVALID_PARAM", "A thumbnail needs a width and a height.")
	}
	f, err := s.find(ctx, server, name, a.Wait)
	if err != nil {
		return nil, err
	}
	fit := a.fit()
	method := "scale"
	if a.Crop {
		method = "crop"
	}
	if a.Animated && slices.Contains(mayMove, f.Sniffed) {
		method += "-moving"
	}
	if large, err := s.beyond(f, a, fit); err != nil || large {
		if err != nil {
			return nil, err
		}
		return s.open(f, f.Sniffed)
	}
	kept := fmt.Sprintf("%s-%s-%dx%d", f.SHA256, method, fit.width, fit.height)
	if c, err := s.keptThumbnail(f, kept); !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	select {
	case s.draw <- struct{}{}:
		defer func() { <-s.draw }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c, err := s.keptThumbnail(f, kept); !errors.Is(err, fs.ErrNotExist) {
		return c, err // somebody else has drawn it while we waited
	}
	if err := s.makeThumbnail(f, a, fit, kept); err != nil {
		return nil, err
	}
	return s.keptThumbnail(f, kept)
}

// beyond says whether a wish is larger than the largest thumbnail and the picture is too: then it gets the picture itself, because no
// thumbnail may be smaller than was wished.
// spec: client-server-api#thumbnails
func (s *Service) beyond(f File, a Ask, fit size) (large bool, err error) {
	if fit.covers(a) || !slices.Contains(still, f.Sniffed) {
		return false, nil
	}
	body, err := s.blobs.open("blob", f.SHA256)
	if err != nil {
		return false, fmt.Errorf("open file %s: %w", f.ID, err)
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	c, _, err := image.DecodeConfig(bufio.NewReader(body))
	if err != nil {
		return false, nil // drawing it says what is wrong
	}
	return c.Width > fit.width || c.Height > fit.height, nil
}

// covers says whether a size is at least what was wished for.
func (s size) covers(a Ask) bool { return s.width >= a.Width && s.height >= a.Height }

// mayMove are the kinds of pictures that may move. A GIF's thumbnail is a GIF, the others' a PNG.
var mayMove = []string{"image/gif", "image/apng", "image/webp"}

// still are the kinds of pictures that every client shows at any size.
var still = []string{"image/jpeg", "image/png"}

func (s *Service) keptThumbnail(f File, name string) (*Content, error) {
	body, err := s.blobs.open("thumbnail", name)
	if err != nil {
		return nil, err
	}
	var first [1]byte
	if _, err := io.ReadFull(body, first[:]); err != nil {
		return nil, errors.Join(fmt.Errorf("open thumbnail: %w", err), body.Close())
	}
	kind := map[byte]string{0xFF: "image/jpeg", 'G': "image/gif"}[first[0]]
	if kind == "" {
		kind = "image/png"
	}
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(fmt.Errorf("open thumbnail: %w", err), body.Close())
	}
	return &Content{ReadSeekCloser: body, Type: kind, Name: "thumbnail." + strings.TrimPrefix(kind, "image/"), ETag: name, ModifiedAt: f.CreatedAt}, nil
}

// makeThumbnail draws a thumbnail and keeps it.
func (s *Service) makeThumbnail(f File, a Ask, fit size, name string) (err error) {
	body, err := s.blobs.open("blob", f.SHA256)
	if err != nil {
		return fmt.Errorf("open file %s: %w", f.ID, err)
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	out, err := s.blobs.incoming()
	if err != nil {
		return err
	}
	defer s.blobs.drop(out)
	w := bufio.NewWriter(out)
	moving := false
	if a.Animated && slices.Contains(mayMove, f.Sniffed) {
		switch f.Sniffed {
		case "image/apng":
			moving, err = drawFilm(w, pngFilm(body), fit, a.Crop)
		case "image/webp":
			moving, err = drawFilm(w, webpFilm(body), fit, a.Crop)
		default:
			moving, err = drawMoving(w, body, fit, a.Crop)
		}
		if err != nil {
			return err
		}
		if _, err := body.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read picture: %w", err)
		}
	}
	if !moving {
		full, turn, err := decode(body)
		if err != nil {
			return err
		}
		if err := encode(w, shrink(full, fit, a.Crop, turn)); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write thumbnail: %w", err)
	}
	return s.blobs.keep(out, "thumbnail", name)
}

func encode(w io.Writer, small *image.RGBA) (err error) {
	if small.Opaque() {
		err = jpeg.Encode(w, small, &jpeg.Options{Quality: 82})
	} else {
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, small)
	}
	if err != nil {
		return fmt.Errorf("encode thumbnail: %w", err)
	}
	return nil
}

// decode reads a picture and which way is up in it, after a look at its size.
func decode(r io.ReadSeeker) (image.Image, uint16, error) {
	c, format, err := image.DecodeConfig(bufio.NewReader(r))
	if err != nil {
		return nil, 0, errCannotDraw
	}
	if c.Width < 1 || c.Height < 1 {
		return nil, 0, errCannotDraw
	}
	if int64(c.Width)*int64(c.Height) > maxPixels {
		return nil, 0, fault.New(fault.TooLarge, "M_TOO_LARGE", "The picture has too many pixels for a thumbnail.")
	}
	turn := uint16(1)
	if format == "jpeg" {
		if turn, err = orientation(r); err != nil {
			return nil, 0, err
		}
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, 0, fmt.Errorf("read picture: %w", err)
	}
	full, _, err := image.Decode(bufio.NewReader(r))
	if err != nil && format == "webp" {
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return nil, 0, fmt.Errorf("read picture: %w", err)
		}
		full, err = firstFrame(bufio.NewReader(r))
	}
	if err != nil || full == nil {
		return nil, 0, errCannotDraw
	}
	return full, turn, nil
}

// orientation finds which way is up in a JPEG that cleanJPEG has written.
func orientation(src io.ReadSeeker) (uint16, error) {
	if _, err := src.Seek(2, io.SeekStart); err != nil {
		return 0, fmt.Errorf("read picture: %w", err)
	}
	r := bufio.NewReader(src)
	for {
		marker, err := nextMarker(r)
		if err != nil || marker == markerSOS || marker == markerEOI {
			return 1, nil
		}
		body, err := segment(r)
		if err != nil {
			return 1, nil
		}
		if marker == markerAPP1 {
			if o := exifOrientation(body); o > 0 {
				return o, nil
			}
		}
	}
}

// shrink draws a picture into a box, upright. It never enlarges.
func shrink(full image.Image, box size, crop bool, turn uint16) *image.RGBA {
	if turn >= 5 {
		box.width, box.height = box.height, box.width // drawn lying, turned afterwards
	}
	from := full.Bounds()
	w, h := from.Dx(), from.Dy()
	to := size{w, h}
	if crop {
		if w*box.height > h*box.width {
			cut := max(1, h*box.width/box.height)
			from.Min.X += (w - cut) / 2
			from.Max.X = from.Min.X + cut
		} else {
			cut := max(1, w*box.height/box.width)
			from.Min.Y += (h - cut) / 2
			from.Max.Y = from.Min.Y + cut
		}
		if to = box; from.Dx() < box.width {
			to = size{from.Dx(), from.Dy()}
		}
	} else if w > box.width || h > box.height {
		if w*box.height > h*box.width {
			to = size{box.width, max(1, h*box.width/w)}
		} else {
			to = size{max(1, w*box.height/h), box.height}
		}
	}
	small := image.NewRGBA(image.Rect(0, 0, to.width, to.height))
	draw.BiLinear.Scale(small, small.Bounds(), full, from, draw.Src, nil)
	return upright(small, turn)
}

// upright turns and mirrors a picture as Exif's eight orientations say.
func upright(p *image.RGBA, turn uint16) *image.RGBA {
	if turn < 2 || turn > 8 {
		return p
	}
	w, h := p.Rect.Dx(), p.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if turn >= 5 {
		out = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			tx, ty := x, y
			switch turn {
			case 2:
				tx = w - 1 - x
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				ty = h - 1 - y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			out.SetRGBA(tx, ty, p.At(x, y).(color.RGBA))
		}
	}
	return out
}
