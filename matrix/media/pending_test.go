package media

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
	"wardline/ground/run"
	"wardline/matrix/id"
)

func code(err error) string {
	if f := fault.As(err); f != nil {
		return f.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func (s *Service) sendTo(server string, name ID, owner id.User, body string) error {
	_, err := s.UploadTo(context.Background(), server, string(name), Upload{Owner: owner, Body: strings.NewReader(body), SizeBytes: int64(len(body))})
	return err
}

func TestReserve_GivesANameToOneFile(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		name, until, err := s.Reserve(t.Context(), "@a:hs1")
		if err != nil || time.Until(until) < 23*time.Hour {
			t.Fatalf("until %v: %v", until, err)
		}
		if _, err := s.Download(t.Context(), "hs1", string(name), 0); code(err) != "M_NOT_YET_UPLOADED" {
			t.Errorf("before it was sent: %v", err)
		}
		if _, err := s.Thumbnail(t.Context(), "hs1", string(name), Ask{Width: 32, Height: 32}); code(err) != "M_NOT_YET_UPLOADED" {
			t.Errorf("a thumbnail before it was sent: %v", err)
		}
		for _, c := range []struct {
			server string
			name   ID
			who    id.User
			body   string
			want   string
		}{
			{"hs1", name, "@b:hs1", "x", "M_FORBIDDEN"}, {"hs1", "none", "@a:hs1", "x", "M_NOT_FOUND"}, {"hs2", name, "@a:hs1", "x", "M_NOT_FOUND"}, {"hs1", "../x", "@a:hs1", "x", "M_NOT_FOUND"},
			{"hs1", name, "@a:hs1", strings.Repeat("x", 1<<20+1), "M_TOO_LARGE"}, {"hs1", name, "@a:hs1", "the file", ""}, {"hs1", name, "@a:hs1", "another", "M_CANNOT_OVERWRITE_MEDIA"}, {"hs1", name, "@b:hs1", "another", "M_FORBIDDEN"},
		} {
			if err := s.sendTo(c.server, c.name, c.who, c.body); code(err) != c.want {
				t.Errorf("%s sends %.10q to %s/%s: %v, want %q", c.who, c.body, c.server, c.name, err, c.want)
			}
		}
		if c, err := s.Download(t.Context(), "hs1", string(name), 0); err != nil || string(readAll(t, c)) != "the file" {
			t.Errorf("afterwards: %v", err)
		}
		plain := s.send(t, []byte("x"), "text/plain")
		if err := s.sendTo("hs1", plain.ID, "@a:hs1", "y"); code(err) != "M_CANNOT_OVERWRITE_MEDIA" {
			t.Errorf("over a file that was uploaded at once: %v", err)
		}
		for range maxPending {
			if _, _, err := s.Reserve(t.Context(), "@c:hs1"); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := s.Reserve(t.Context(), "@c:hs1"); code(err) != "M_LIMIT_EXCEEDED" || fault.As(err).RetryAfter < 23*time.Hour {
			t.Errorf("one too many: %v", err)
		}
	}, Migrations())
}

func TestUpload_StopsAtTheQuota(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		s.Quota = 10
		s.send(t, []byte("12345678"), "text/plain")
		for size, announced := range map[int]int64{3: 3, 4: -1} {
			_, err := s.Upload(t.Context(), Upload{Owner: "@a:hs1", Body: strings.NewReader("123456789"[:size]), SizeBytes: announced})
			if code(err) != "M_FORBIDDEN" {
				t.Errorf("%d bytes more, announced as %d: %v", size, announced, err)
			}
		}
		s.send(t, []byte("12"), "text/plain")
		if _, err := s.Upload(t.Context(), Upload{Owner: "@b:hs1", Body: strings.NewReader("1"), SizeBytes: 1}); err != nil {
			t.Errorf("somebody else: %v", err)
		}
	}, Migrations())
}

// bubble opens a service on a database of its own inside a bubble of time.
func bubble(t *testing.T) *Service {
	t.Helper()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "d.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.Migrate(t.Context(), Migrations()); err != nil {
		t.Fatal(err)
	}
	return open(t, d)
}

func TestDownload_WaitsForAFileThatIsBeingSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bubble(t)
		name, _, err := s.Reserve(t.Context(), "@a:hs1")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := s.Download(t.Context(), "hs1", string(name), 5*time.Second); code(err) != "M_NOT_YET_UPLOADED" || time.Since(began) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if _, err := s.Download(t.Context(), "hs1", string(name), time.Hour); code(err) != "M_NOT_YET_UPLOADED" || time.Since(began) != time.Minute+5*time.Second {
			t.Errorf("after %v: %v, want no more than a minute", time.Since(began), err)
		}
		began = time.Now()
		var got []byte
		err = run.All(t.Context(), func(ctx context.Context) error {
			c, err := s.Download(ctx, "hs1", string(name), 20*time.Second)
			if err == nil {
				got = readAll(t, c)
			}
			return err
		}, func(context.Context) error {
			synctest.Wait()
			return s.sendTo("hs1", name, "@a:hs1", "at last")
		})
		if err != nil || string(got) != "at last" || time.Since(began) > 0 {
			t.Errorf("%q after %v: %v", got, time.Since(began), err)
		}
		old, _, err := s.Reserve(t.Context(), "@a:hs1")
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(pendingFor)
		if err := s.sendTo("hs1", old, "@a:hs1", "too late"); code(err) != "M_NOT_FOUND" {
			t.Errorf("after its time: %v", err)
		}
		if _, err := s.Download(t.Context(), "hs1", string(old), time.Minute); code(err) != "M_NOT_FOUND" {
			t.Errorf("after its time: %v", err)
		}
	})
}

// movingGIF is a picture of three frames, the second of which covers a corner only and is taken away again.
func movingGIF(t *testing.T, w, h int) []byte {
	t.Helper()
	p := color.Palette{color.RGBA{}, color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}}
	fill := func(r image.Rectangle, c uint8) *image.Paletted {
		f := image.NewPaletted(r, p)
		for i := range f.Pix {
			f.Pix[i] = c
		}
		return f
	}
	var b bytes.Buffer
	whole := image.Rect(0, 0, w, h)
	g := &gif.GIF{Image: []*image.Paletted{fill(whole, 1), fill(image.Rect(0, 0, w/2, h/2), 2), fill(image.Rect(w/2, h/2, w, h), 2)},
		Delay: []int{10, 20, 30}, Disposal: []byte{gif.DisposalNone, gif.DisposalPrevious, gif.DisposalNone}, Config: image.Config{Width: w, Height: h, ColorModel: p}}
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestThumbnail_MovesWhenAsked(t *testing.T) {
	s := bubble(t)
	f := s.send(t, movingGIF(t, 400, 400), "image/gif")
	c, err := s.Thumbnail(t.Context(), "hs1", string(f.ID), Ask{Width: 96, Height: 96, Crop: true, Animated: true})
	if err != nil || c.Type != "image/gif" || c.Name != "thumbnail.gif" {
		t.Fatalf("%+v: %v", c, err)
	}
	g, err := gif.DecodeAll(bytes.NewReader(readAll(t, c)))
	if err != nil || len(g.Image) != 3 || g.Config.Width != 96 || g.Delay[2] != 30 {
		t.Fatalf("%+v: %v", g, err)
	}
	red, blue := color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}
	for i, want := range [][2]color.Color{{red, red}, {blue, red}, {red, blue}} {
		if got := [2]color.Color{g.Image[i].At(20, 20), g.Image[i].At(80, 80)}; got != want {
			t.Errorf("frame %d is %v, want %v", i, got, want)
		}
	}
	for name, ask := range map[string]Ask{"not asked": {Width: 96, Height: 96, Crop: true}} {
		c, err := s.Thumbnail(t.Context(), "hs1", string(f.ID), ask)
		if err != nil || c.Type == "image/gif" {
			t.Errorf("%s: %+v, %v", name, c, err)
			continue
		}
		readAll(t, c)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(300, 200), nil); err != nil {
		t.Fatal(err)
	}
	photo := s.send(t, b.Bytes(), "image/jpeg")
	if c, err := s.Thumbnail(t.Context(), "hs1", string(photo.ID), Ask{Width: 96, Height: 96, Animated: true}); err != nil || c.Type != "image/jpeg" {
		t.Errorf("what cannot move: %+v, %v", c, err)
	}
	var long bytes.Buffer
	p := color.Palette{color.RGBA{1, 2, 3, 255}, color.RGBA{4, 5, 6, 255}}
	many := &gif.GIF{}
	for range maxFrames + 1 {
		many.Image, many.Delay = append(many.Image, image.NewPaletted(image.Rect(0, 0, 200, 200), p)), append(many.Delay, 1)
	}
	if err := gif.EncodeAll(&long, many); err != nil {
		t.Fatal(err)
	}
	film := s.send(t, long.Bytes(), "image/gif")
	if c, err := s.Thumbnail(t.Context(), "hs1", string(film.ID), Ask{Width: 32, Height: 32, Crop: true, Animated: true}); err != nil || c.Type == "image/gif" {
		t.Errorf("of too many frames: %+v, %v", c, err)
	}
}

// A thumbnail is never smaller than was wished, unless the picture is.
func TestThumbnail_GivesTheOriginalForALargeWish(t *testing.T) {
	s := bubble(t)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(2500, 1600), nil); err != nil {
		t.Fatal(err)
	}
	f := s.send(t, b.Bytes(), "image/jpeg")
	for want, ask := range map[image.Point]Ask{{X: 2500, Y: 1600}: {Width: 2400, Height: 1500}, {X: 1920, Y: 1229}: {Width: 1900, Height: 1000}} {
		c, err := s.Thumbnail(t.Context(), "hs1", string(f.ID), ask)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := image.DecodeConfig(c)
		if err != nil || got.Width != want.X || got.Height < want.Y-2 || got.Height > want.Y {
			t.Errorf("asked for %dx%d, got %dx%d, want %v (%v)", ask.Width, ask.Height, got.Width, got.Height, want, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
