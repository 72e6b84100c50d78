package media

import (
	"bytes"
	"encoding/base64"
	"image/color"
	"image/png"
	"testing"
)

// Three frames of 12 by 8 points, shown for 100, 200 and 300 ms, three times over: the left third red, the middle green, the right blue
// and half seen through. Made by Pillow.
const (
	filmPNG  = "iVBORw0KGgoAAAANSUhEUgAAAAwAAAAICAYAAADN5B7xAAAACGFjVEwAAAADAAAAA1fk63oAAAAaZmNUTAAAAAAAAAAMAAAACAAAAAAAAAAAAAEACgEAAj2GwQAAAB5JREFUeJxj/M/A8J8BCTAyMDAy4AFM+CRHNZCrAQAY1QIQpPTGZgAAABpmY1RMAAAAAQAAAAQAAAAIAAAABAAAAAAAAQAFAQArakUvAAAAGmZkQVQAAAACeJxjZPjP8J8BCTAxoAH6CAAADc0CDrOV/QgAAAAaZmNUTAAAAAMAAAAEAAAACAAAAAgAAAAAAAMACgEAvXoQXAAAABlmZEFUAAAABHicY2Rg+N/AgASYGNAAfQQAy0MBj1Yz2ZAAAAAASUVORK5CYII="
	filmWebP = "UklGRrQAAABXRUJQVlA4WAoAAAASAAAACwAABwAAQU5JTQYAAAAAAAAAAwBBTk1GKAAAAAAAAAAAAAMAAAcAAGQAAANWUDhMDwAAAC8DwAEABxD9j/4HIqL/AQBBTk1GKAAAAAIAAAAAAAMAAAcAAMgAAAFWUDhMDwAAAC8DwAEAB9D/iP4HIqL/AQBBTk1GKAAAAAQAAAAAAAMAAAcAACwBAAJWUDhMDwAAAC8DwAEQBxDR/wIGIqL/AQA="
)

func unpacked(t testing.TB, s string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestThumbnail_MovesWhenThePictureDoes(t *testing.T) {
	for kind, raw := range map[string][]byte{"image/png": unpacked(t, filmPNG), "image/webp": unpacked(t, filmWebP)} {
		s := bubble(t)
		f := s.send(t, raw, kind)
		c, err := s.Thumbnail(t.Context(), "hs1", string(f.ID), Ask{Width: 32, Height: 32, Animated: true})
		if err != nil || c.Type != "image/png" {
			t.Fatalf("%s: %+v: %v", kind, c, err)
		}
		small := readAll(t, c)
		if _, err := png.Decode(bytes.NewReader(small)); err != nil {
			t.Errorf("%s: a reader that knows no frames cannot read it: %v", kind, err)
		}
		got := pngFilm(bytes.NewReader(small))
		if len(got.cels) != 3 || got.plays != 3 {
			t.Fatalf("%s: %d frames, %d times, want 3 and 3", kind, len(got.cels), got.plays)
		}
		i := 0
		colours := []color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 128, 128}}
		for canvas, err := range got.shown() {
			if err != nil {
				t.Fatalf("%s: frame %d: %v", kind, i, err)
			}
			if ms := int(got.cels[i].num) * 1000 / int(got.cels[i].den); ms != 100*(i+1) {
				t.Errorf("%s: frame %d is shown for %d ms", kind, i, ms)
			}
			for third := range 3 {
				want := color.RGBA{}
				if third == i {
					want = colours[i]
				}
				if is := canvas.RGBAAt(4*third+2, 4); is != want {
					t.Errorf("%s: frame %d, third %d is %v, want %v", kind, i, third, is, want)
				}
			}
			i++
		}
		c, err = s.Thumbnail(t.Context(), "hs1", string(f.ID), Ask{Width: 32, Height: 32})
		if err != nil {
			t.Fatal(err)
		}
		if still := pngFilm(bytes.NewReader(readAll(t, c))); len(still.cels) != 0 {
			t.Errorf("%s: the still thumbnail has %d frames", kind, len(still.cels))
		}
	}
}

func TestFilm_TooLargeOrBrokenIsStill(t *testing.T) {
	raw := unpacked(t, filmPNG)
	var out bytes.Buffer
	broken := bytes.Clone(raw)
	broken[len(broken)-20] ^= 1 // in the last frame
	for what, f := range map[string]film{"broken": pngFilm(bytes.NewReader(broken)), "cut": pngFilm(bytes.NewReader(raw[:150])), "none": pngFilm(bytes.NewReader(nil))} {
		if yes, err := drawFilm(&out, f, size{32, 32}, false); yes || err != nil || out.Len() > 0 {
			t.Errorf("%s: %v, %v, %d bytes", what, yes, err, out.Len())
		}
	}
	large := pngFilm(bytes.NewReader(raw))
	large.canvas.Max.X, large.canvas.Max.Y = 1<<15, 1<<15
	if large.fits() {
		t.Error("a film of three thousand million pixels would be drawn")
	}
}

// FuzzFilm reads films that are none.
func FuzzFilm(f *testing.F) {
	f.Add(unpacked(f, filmPNG))
	f.Add(unpacked(f, filmWebP))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, film := range []film{pngFilm(bytes.NewReader(raw)), webpFilm(bytes.NewReader(raw))} {
			if int64(film.canvas.Dx())*int64(film.canvas.Dy()) > 1<<20 {
				continue
			}
			if _, err := drawFilm(&bytes.Buffer{}, film, size{32, 32}, false); err != nil {
				t.Errorf("%x: %v", raw, err)
			}
		}
	})
}
