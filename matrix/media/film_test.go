package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"wardline/ground/db"
	"wardline/ground/dbtest"
	"wardline/ground/fault"
)

func box(kind string, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+8)), kind...), body...)
}

// largeBox is a box that says its length in 64 bits.
func largeBox(kind string, body []byte) []byte {
	b := append([]byte{0, 0, 0, 1}, kind...)
	return append(binary.BigEndian.AppendUint64(b, uint64(len(body)+16)), body...)
}

// made is a header with when something was made and changed, and then what must stay.
func made(kind string, version byte) []byte {
	when := bytes.Repeat([]byte{0xE5}, 8)
	if version == 1 {
		when = bytes.Repeat([]byte{0xE5}, 16)
	}
	return box(kind, []byte{version, 0, 0, 0}, when, []byte("stays"))
}

func handler(kind string) []byte {
	return box("hdlr", make([]byte, 8), []byte(kind), make([]byte, 13))
}

// phoneFilm is an MP4 as phones write it: a place in the user data, Apple's keys, XMP, when it was made, leftovers in a free box.
func phoneFilm(track string) (film, picture []byte) {
	place := []byte(planted)
	picture = []byte("frames of the film, which mention udta and meta")
	mdia := box("mdia", made("mdhd", 1), handler(track), box("minf", box("stbl", []byte("index"))))
	moov := box("moov", made("mvhd", 0), box("trak", made("tkhd", 1), mdia, box("udta", place)), box("meta", place), box("udta", box("\xa9xyz", place)), box("SDLN", place))
	film = bytes.Join([][]byte{box("ftyp", []byte("isomiso2mp41")), box("free", place), moov, largeBox("uuid", place), box("mdat", picture), box("sefd", place)}, nil)
	return film, picture
}

func cleaned(t *testing.T, clean func(io.Writer, io.ReadSeeker) error, film []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := clean(&out, bytes.NewReader(film)); err != nil {
		t.Fatalf("clean: %v", err)
	}
	return out.Bytes()
}

func TestCleanMP4(t *testing.T) {
	t.Run("OK place, device and times go, and nothing else moves", func(t *testing.T) {
		film, picture := phoneFilm("vide")
		got := cleaned(t, cleanMP4, film)
		if len(got) != len(film) {
			t.Fatalf("%d bytes, want %d: offsets would point elsewhere", len(got), len(film))
		}
		if bytes.Contains(got, []byte(planted)) {
			t.Errorf("the place is still in it: %q", got)
		}
		if bytes.IndexByte(got, 0xE5) >= 0 {
			t.Error("a time is still in it")
		}
		if at := bytes.Index(film, picture); !bytes.Equal(got[at:at+len(picture)], picture) {
			t.Error("the picture has changed")
		}
		if n := bytes.Count(got, []byte("stays")); n != 3 {
			t.Errorf("%d of 3 headers kept the rest of theirs", n)
		}
		if again := cleaned(t, cleanMP4, got); !bytes.Equal(again, got) {
			t.Error("cleaned twice is not as cleaned once")
		}
	})
	t.Run("OK what a phone put behind it goes", func(t *testing.T) {
		film, picture := phoneFilm("vide")
		film = append(film, "SEFT\xff\xff\xff\xff"+planted...)
		got := cleaned(t, cleanMP4, film)
		if len(got) != len(film) || bytes.Contains(got, []byte(planted)) || !bytes.Contains(got, picture) {
			t.Errorf("got %d bytes of %d: %q", len(got), len(film), got)
		}
		if again := cleaned(t, cleanMP4, got); !bytes.Equal(again, got) {
			t.Error("cleaned twice is not as cleaned once")
		}
	})
	t.Run("a track of places is refused", func(t *testing.T) {
		film, _ := phoneFilm("meta")
		if err := cleanMP4(io.Discard, bytes.NewReader(film)); !errors.Is(err, errTells) {
			t.Errorf("got %v, want %v", err, errTells)
		}
	})
	t.Run("what reaches over its end is broken", func(t *testing.T) {
		film, _ := phoneFilm("vide")
		deep := []byte("x")
		for range 12 {
			deep = box("mdia", deep)
		}
		deep = box("moov", box("trak", deep))
		for name, b := range map[string][]byte{"cut": film[:bytes.Index(film, []byte("sefd"))-7], "long": append([]byte{0, 0, 1, 0}, "ftyp"...), "short": append([]byte{0, 0, 0, 4}, "ftyp"...),
			"huge": append([]byte{0, 0, 0, 1}, "mdat\xff\xff\xff\xff\xff\xff\xff\xff"...), "deep": deep} {
			if err := cleanMP4(io.Discard, bytes.NewReader(b)); !errors.Is(err, errBroken) {
				t.Errorf("%s: got %v, want broken", name, err)
			}
		}
	})
}

func element(id string, body []byte) []byte {
	head := append([]byte(id), 0x01)
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(body)))
	return append(append(head, size[1:]...), body...)
}

// endless is an element whose length a live recording never learnt.
func endless(id string, body []byte) []byte {
	return append(append([]byte(id), 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF), body...)
}

func TestCleanWebM(t *testing.T) {
	place := []byte(planted)
	frame := append([]byte("\xA3\x8A"), "\x81\x00\x00\x80frame!"...)
	info := element("\x15\x49\xA9\x66", bytes.Join([][]byte{element("\x2A\xD7\xB1", []byte("scale")), append([]byte("\x44\x61\x88"), "whenmade"...), element("\x7B\xA9", place), append([]byte("\xBF\x84"), "sums"...)}, nil))
	tracks := element("\x16\x54\xAE\x6B", element("\xAE", bytes.Join([][]byte{element("\xD7", []byte{1}), element("\x53\x6E", place)}, nil)))
	tags := element("\x12\x54\xC3\x67", place)
	other := element("\x1B\x00\x00\x01", place)
	head := element("\x1A\x45\xDF\xA3", []byte("webm"))
	for name, film := range map[string][]byte{
		"as a browser records it": bytes.Join([][]byte{head, endless("\x18\x53\x80\x67", bytes.Join([][]byte{info, tracks, endless("\x1F\x43\xB6\x75", frame), endless("\x1F\x43\xB6\x75", frame), tags, other}, nil))}, nil),
		"as a program writes it":  bytes.Join([][]byte{head, element("\x18\x53\x80\x67", bytes.Join([][]byte{element("\xEC", place), info, tracks, element("\x1F\x43\xB6\x75", frame), element("\x1F\x43\xB6\x75", frame), tags, other}, nil))}, nil),
	} {
		t.Run("OK "+name, func(t *testing.T) {
			got := cleaned(t, cleanWebM, film)
			if len(got) != len(film) {
				t.Fatalf("%d bytes, want %d", len(got), len(film))
			}
			for _, gone := range []string{planted, "whenmade", "sums"} {
				if bytes.Contains(got, []byte(gone)) {
					t.Errorf("%q is still in it", gone)
				}
			}
			if bytes.Count(got, frame) != 2 || !bytes.Contains(got, []byte("scale")) {
				t.Error("the film has changed")
			}
			if again := cleaned(t, cleanWebM, got); !bytes.Equal(again, got) {
				t.Error("cleaned twice is not as cleaned once")
			}
		})
	}
	t.Run("what is no film is broken", func(t *testing.T) {
		for _, b := range []string{"\x00\x00", "\x1A\x45\xDF\xA3", "\x1A\x45\xDF\xA3\x00", "\xA3\x81x", "\x1A\x45\xDF\xA3\x81x\xD7\xFF"} {
			if err := cleanWebM(io.Discard, bytes.NewReader([]byte(b))); !errors.Is(err, errBroken) {
				t.Errorf("%q: got %v, want broken", b, err)
			}
		}
	})
}

func TestUpload_Film(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		film, _ := phoneFilm("vide")
		f, err := s.Upload(t.Context(), Upload{Owner: "@a:hs1", Body: bytes.NewReader(film), SizeBytes: int64(len(film)), Type: "video/mp4"})
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.Download(t.Context(), "hs1", string(f.ID), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if body, err := io.ReadAll(c); err != nil || bytes.Contains(body, []byte(planted)) {
			t.Errorf("the place can be fetched, %v", err)
		}
		bad, _ := phoneFilm("meta")
		if _, err := s.Upload(t.Context(), Upload{Owner: "@a:hs1", Body: bytes.NewReader(bad), SizeBytes: int64(len(bad)), Type: "video/mp4"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a track of places: got %v, want Invalid", err)
		}
	}, Migrations())
}

// FuzzMovie feeds both cleaners what nobody thought of: they end, and never write more than they read.
func FuzzMovie(f *testing.F) {
	film, _ := phoneFilm("vide")
	f.Add(film)
	f.Add(element("\x1A\x45\xDF\xA3", []byte("webm")))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, clean := range []func(io.Writer, io.ReadSeeker) error{cleanMP4, cleanWebM} {
			var out bytes.Buffer
			if err := clean(&out, bytes.NewReader(b)); err == nil && out.Len() != len(b) {
				t.Errorf("%d bytes of %d", out.Len(), len(b))
			}
		}
	})
}
