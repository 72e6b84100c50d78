package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
)

const planted = "51.4988N 0.1189W Canon"

// exif is an Exif block with an orientation, a pointer to a GPS directory, and the planted text.
func exif(turn uint16) []byte {
	b := []byte("Exif\x00\x00II\x2A\x00\x08\x00\x00\x00\x02\x00")
	b = append(b, 0x12, 0x01, 3, 0, 1, 0, 0, 0, byte(turn), 0, 0, 0)
	b = append(b, 0x25, 0x88, 4, 0, 1, 0, 0, 0, 0x26, 0, 0, 0, 0, 0, 0, 0)
	return append(b, planted...)
}

func picture(w, h int) *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p.Set(x, y, color.RGBA{uint8(x * 255 / w), uint8(y * 255 / h), 90, 255})
		}
	}
	return p
}

func jpegOf(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(w, h), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func seg(marker byte, body []byte) []byte {
	return append([]byte{0xFF, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)}, body...)
}

// phoneJPEG is a picture as a phone writes it: Exif with a place, XMP, a comment, Photoshop's block and a second picture behind.
func phoneJPEG(t testing.TB, w, h int, turn uint16) []byte {
	t.Helper()
	plain := jpegOf(t, w, h)
	out := append([]byte{}, plain[:2]...)
	out = append(out, seg(0xE1, exif(turn))...)
	out = append(out, seg(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00"+planted))...)
	out = append(out, seg(0xE2, []byte("MPF\x00"+planted))...)
	out = append(out, seg(0xE2, []byte("ICC_PROFILE\x00\x01\x01colours"))...)
	out = append(out, seg(0xED, []byte("Photoshop 3.0\x00"+planted))...)
	out = append(out, seg(0xFE, []byte(planted))...)
	out = append(out, plain[2:]...)
	return append(out, planted...)
}

func chunk(kind, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, kind...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func phonePNG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	p := picture(20, 10)
	p.Set(0, 0, color.RGBA{})
	if err := png.Encode(&b, p); err != nil {
		t.Fatal(err)
	}
	head := len(pngSignature) + 25
	out := append([]byte{}, b.Bytes()[:head]...)
	for _, kind := range []string{"eXIf", "tEXt", "iTXt", "zTXt", "tIME", "prVt"} {
		out = append(out, chunk(kind, planted)...)
	}
	out = append(out, chunk("gAMA", "\x00\x00\xb1\x8f")...)
	out = append(out, b.Bytes()[head:]...)
	return append(out, planted...)
}

func phoneWebP() []byte {
	c := func(kind, body string) string {
		return kind + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body + strings.Repeat("\x00", len(body)&1)
	}
	body := "WEBP" + c("VP8X", "\x2C\x00\x00\x00\x00\x00\x00\x00\x00\x00") + c("ICCP", "odd") + c("VP8L", "pixels") + c("EXIF", planted) + c("XMP ", planted)
	return []byte("RIFF" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body)
}

func open(t *testing.T, d *db.DB) *Service {
	t.Helper()
	s, err := Open(d, "hs1", filepath.Join(t.TempDir(), "media"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Service) send(t *testing.T, body []byte, kind string) File {
	t.Helper()
	f, err := s.Upload(context.Background(), Upload{Owner: "@a:hs1", Body: bytes.NewReader(body), SizeBytes: int64(len(body)), Type: kind})
	if err != nil {
		t.Fatalf("upload of %d bytes of %q: %v", len(body), kind, err)
	}
	return f
}

func (s *Service) fetch(t *testing.T, f File) []byte {
	t.Helper()
	c, err := s.Download(context.Background(), "hs1", string(f.ID), 0)
	if err != nil {
		t.Fatalf("download %s: %v", f.ID, err)
	}
	return readAll(t, c)
}

func readAll(t *testing.T, c *Content) []byte {
	t.Helper()
	body, err := io.ReadAll(c)
	if err := errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
	return body
}

func TestUpload(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		t.Run("OK", func(t *testing.T) {
			want := []byte("blood results\x00\xff")
			f := s.send(t, want, "application/x-lab")
			if got := s.fetch(t, f); !bytes.Equal(got, want) {
				t.Errorf("fetched %q, want %q", got, want)
			}
			known, err := s.File(context.Background(), f.ID)
			if err != nil || known.Owner != "@a:hs1" || known.Original != f.SHA256 || known.SizeBytes != int64(len(want)) || known.Declared != "application/x-lab" {
				t.Errorf("File = %+v, %v", known, err)
			}
		})
		t.Run("SameBytesTwice", func(t *testing.T) {
			a, b := s.send(t, []byte("same"), ""), s.send(t, []byte("same"), "")
			if a.ID == b.ID || a.SHA256 != b.SHA256 {
				t.Errorf("ids %s, %s and sums %s, %s: want two names for one blob", a.ID, b.ID, a.SHA256, b.SHA256)
			}
		})
		t.Run("Empty", func(t *testing.T) {
			if got := s.fetch(t, s.send(t, nil, "text/plain")); len(got) != 0 {
				t.Errorf("fetched %q, want nothing", got)
			}
		})
		t.Run("ErrTooLarge", func(t *testing.T) {
			for _, announced := range []int64{-1, 1<<20 + 1} {
				_, err := s.Upload(context.Background(), Upload{Owner: "@a:hs1", Body: bytes.NewReader(make([]byte, 1<<20+1)), SizeBytes: announced})
				if !fault.Is(err, fault.TooLarge) {
					t.Errorf("announced %d: err = %v, want TooLarge", announced, err)
				}
			}
		})
		t.Run("ErrBrokenOff", func(t *testing.T) {
			_, err := s.Upload(context.Background(), Upload{Owner: "@a:hs1", Body: strings.NewReader("half"), SizeBytes: 8})
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("err = %v, want Invalid", err)
			}
		})
		t.Run("ErrBrokenPicture", func(t *testing.T) {
			_, err := s.Upload(context.Background(), Upload{Owner: "@a:hs1", Body: strings.NewReader("\xff\xd8\xff\xe1\xff\xff" + planted), SizeBytes: -1})
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("err = %v, want Invalid", err)
			}
		})
		t.Run("LeavesNothingIncoming", func(t *testing.T) {
			left, err := os.ReadDir(filepath.Join(s.blobs.dir, "incoming"))
			if err != nil || len(left) > 0 {
				t.Errorf("incoming holds %v, %v; want nothing", left, err)
			}
		})
	}, Migrations())
}

func TestDownload(t *testing.T) {
	s := open(t, dbtest.SQLite(t, Migrations()))
	f := s.send(t, []byte("x"), "")
	for _, c := range []struct{ name, server, media string }{
		{"ErrUnknown", "hs1", "nothing"}, {"ErrOtherServer", "hs2", string(f.ID)}, {"ErrPath", "hs1", "../" + f.SHA256}, {"ErrEmpty", "hs1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := s.Download(context.Background(), c.server, c.media, 0); !fault.Is(err, fault.NotFound) {
				t.Errorf("err = %v, want NotFound", err)
			}
		})
	}
}

// A photo must not tell where it was taken.
func TestUpload_TakesPlacesOut(t *testing.T) {
	s := open(t, dbtest.SQLite(t, Migrations()))
	for _, c := range []struct {
		kind string
		body []byte
		keep string
	}{
		{"image/jpeg", phoneJPEG(t, 40, 30, 6), "ICC_PROFILE"},
		{"image/png", phonePNG(t), "gAMA"},
		{"image/webp", phoneWebP(), "ICCP"},
		{"application/octet-stream", phoneJPEG(t, 40, 30, 1), "ICC_PROFILE"}, // whatever the client calls it
	} {
		t.Run(c.kind, func(t *testing.T) {
			if !bytes.Contains(c.body, []byte(planted)) {
				t.Fatal("nothing was planted")
			}
			f := s.send(t, c.body, c.kind)
			got := s.fetch(t, f)
			if i := bytes.Index(got, []byte(planted)); i >= 0 {
				t.Errorf("the place is still there, at byte %d of %d", i, len(got))
			}
			if !bytes.Contains(got, []byte(c.keep)) {
				t.Errorf("%s is gone; it belongs to the picture", c.keep)
			}
			if f.Original == f.SHA256 || f.SizeBytes != int64(len(got)) {
				t.Errorf("original %s, stored %s, %d bytes; want two sums and %d", f.Original, f.SHA256, f.SizeBytes, len(got))
			}
			if again := s.send(t, got, c.kind); again.SHA256 != f.SHA256 {
				t.Errorf("cleaning what is clean changed it from %s to %s", f.SHA256, again.SHA256)
			}
		})
	}
	t.Run("NoPixelLost", func(t *testing.T) {
		got, err := jpeg.Decode(bytes.NewReader(s.fetch(t, s.send(t, phoneJPEG(t, 40, 30, 6), "image/jpeg"))))
		if err != nil {
			t.Fatal(err)
		}
		want, err := jpeg.Decode(bytes.NewReader(jpegOf(t, 40, 30)))
		if err != nil {
			t.Fatal(err)
		}
		for y := range 30 {
			for x := range 40 {
				if got.At(x, y) != want.At(x, y) {
					t.Fatalf("pixel %d,%d is %v, want %v", x, y, got.At(x, y), want.At(x, y))
				}
			}
		}
	})
}

func TestThumbnail(t *testing.T) {
	s := open(t, dbtest.SQLite(t, Migrations()))
	wide := s.send(t, jpegOf(t, 1000, 500), "image/jpeg")
	turned := s.send(t, phoneJPEG(t, 1000, 500, 6), "image/jpeg")
	small := s.send(t, jpegOf(t, 20, 10), "image/jpeg")
	clear := s.send(t, phonePNG(t), "image/png")
	for _, c := range []struct {
		name   string
		f      File
		ask    Ask
		w, h   int
		format string
	}{
		{"Scale", wide, Ask{Width: 300, Height: 200, Crop: false}, 320, 160, "jpeg"},
		{"ScaleBeyondTheTable", wide, Ask{Width: 9000, Height: 9000, Crop: false}, 1000, 500, "jpeg"},
		{"Crop", wide, Ask{Width: 90, Height: 90, Crop: true}, 96, 96, "jpeg"},
		{"Upright", turned, Ask{Width: 300, Height: 200, Crop: false}, 120, 240, "jpeg"},
		{"UprightCrop", turned, Ask{Width: 320, Height: 240, Crop: true}, 320, 240, "jpeg"},
		{"NeverEnlarges", small, Ask{Width: 300, Height: 200, Crop: false}, 20, 10, "jpeg"},
		{"KeepsTransparency", clear, Ask{Width: 32, Height: 32, Crop: false}, 20, 10, "png"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 2 { // made, then kept
				content, err := s.Thumbnail(context.Background(), "hs1", string(c.f.ID), c.ask)
				if err != nil {
					t.Fatalf("%+v: %v", c.ask, err)
				}
				got, format, err := image.DecodeConfig(bytes.NewReader(readAll(t, content)))
				if err != nil || got.Width != c.w || got.Height != c.h || format != c.format || content.Type != "image/"+c.format {
					t.Errorf("%+v gave %d×%d %s %s %v, want %d×%d %s", c.ask, got.Width, got.Height, format, content.Type, err, c.w, c.h, c.format)
				}
			}
		})
	}
	t.Run("ErrNoPicture", func(t *testing.T) {
		f := s.send(t, []byte("words"), "image/png")
		if _, err := s.Thumbnail(context.Background(), "hs1", string(f.ID), Ask{Width: 32, Height: 32, Crop: false}); !fault.Is(err, fault.Invalid) {
			t.Errorf("err = %v, want Invalid", err)
		}
	})
	t.Run("ErrTooManyPixels", func(t *testing.T) {
		head := chunk("IHDR", "\x00\x00\x27\x10\x00\x00\x27\x10\x08\x02\x00\x00\x00")
		bomb := append([]byte(pngSignature), append(head, chunk("IEND", "")...)...)
		f := s.send(t, bomb, "image/png")
		if _, err := s.Thumbnail(context.Background(), "hs1", string(f.ID), Ask{Width: 32, Height: 32, Crop: false}); !fault.Is(err, fault.TooLarge) {
			t.Errorf("err = %v, want TooLarge", err)
		}
	})
	t.Run("ErrNoSize", func(t *testing.T) {
		if _, err := s.Thumbnail(context.Background(), "hs1", string(wide.ID), Ask{Width: 0, Height: 32, Crop: false}); !fault.Is(err, fault.Invalid) {
			t.Errorf("err = %v, want Invalid", err)
		}
	})
	t.Run("ErrUnknown", func(t *testing.T) {
		if _, err := s.Thumbnail(context.Background(), "hs1", "nothing", Ask{Width: 32, Height: 32, Crop: false}); !fault.Is(err, fault.NotFound) {
			t.Errorf("err = %v, want NotFound", err)
		}
	})
}

// TestUpright checks all eight orientations on a picture of two pixels by three.
func TestUpright(t *testing.T) {
	p := image.NewRGBA(image.Rect(0, 0, 2, 3))
	for i := range 6 {
		p.SetRGBA(i%2, i/2, color.RGBA{uint8(i + 1), 0, 0, 255})
	}
	for turn, want := range map[uint16]string{1: "12/34/56", 2: "21/43/65", 3: "65/43/21", 4: "56/34/12", 5: "135/246", 6: "531/642", 7: "642/531", 8: "246/135"} {
		got := upright(p, turn)
		var b strings.Builder
		for y := range got.Rect.Dy() {
			if y > 0 {
				b.WriteByte('/')
			}
			for x := range got.Rect.Dx() {
				b.WriteByte('0' + got.RGBAAt(x, y).R)
			}
		}
		if b.String() != want {
			t.Errorf("orientation %d gives %s, want %s", turn, b.String(), want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add([]byte(pngSignature))
	f.Add(phoneWebP())
	f.Add(phoneJPEG(f, 8, 8, 3))
	f.Add(phonePNG(f))
	f.Fuzz(func(t *testing.T, in []byte) {
		for kind, clean := range cleaners {
			var once, twice bytes.Buffer
			if clean(&once, bytes.NewReader(in)) != nil {
				continue
			}
			if err := clean(&twice, bytes.NewReader(once.Bytes())); err != nil {
				t.Fatalf("%s: what was cleaned cannot be cleaned again: %v", kind, err)
			}
			if !bytes.Equal(once.Bytes(), twice.Bytes()) {
				t.Fatalf("%s: cleaning twice gives another file", kind)
			}
		}
	})
}
