package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"wardline/ground/db"
	"wardline/ground/dbtest"
)

func u16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func u32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// infe is an entry of the list of items, of version 2.
func infe(id int, kind string) []byte {
	return box("infe", []byte{2, 0, 0, 0}, u16(id), u16(0), []byte(kind), []byte("\x00"))
}

// phonePicture is a HEIC as a phone writes it: a picture and a thumbnail, Exif in the file, XMP in the bytes within the lists.
func phonePicture(version int) (file, picture []byte) {
	picture = []byte("coded picture, whose bytes may say Exif")
	exif := []byte("\x00\x00\x00\x06Exif\x00\x00" + planted)
	xmp := []byte("<x:xmpmeta>" + planted + "</x:xmpmeta>")
	build := func(at int) []byte {
		items := [][]byte{box("iinf", []byte{0, 0, 0, 0}, u16(3), infe(1, "hvc1"), infe(2, "Exif"), infe(3, "mime"))}
		place := func(id, from, offset, length int) []byte {
			b := u16(id)
			if version >= 2 {
				b = u32(id)
			}
			if version >= 1 {
				b = append(b, u16(from)...)
			}
			return bytes.Join([][]byte{b, u16(0), u16(1), u32(offset), u32(length)}, nil)
		}
		count := u16(3)
		if version >= 2 {
			count = u32(3)
		}
		head := append([]byte{byte(version), 0, 0, 0, 0x44, 0x00}, count...)
		xmpFrom, xmpAt := 1, 0
		if version == 0 {
			xmpFrom, xmpAt = 0, at+len(picture)+len(exif)
		}
		items = append(items, box("iloc", head, place(1, 0, at, len(picture)), place(2, 0, at+len(picture), len(exif)), place(3, xmpFrom, xmpAt, len(xmp))))
		if version != 0 {
			items = append(items, box("idat", xmp))
		}
		items = append(items, box("iprp", []byte("turned")))
		media := [][]byte{picture, exif}
		if version == 0 {
			media = append(media, xmp)
		}
		meta := box("meta", append([][]byte{{0, 0, 0, 0}, box("hdlr", make([]byte, 8), []byte("pict"), make([]byte, 13))}, items...)...)
		return bytes.Join([][]byte{box("ftyp", []byte("heic\x00\x00\x00\x00mif1heic")), meta, box("uuid", []byte(planted)), box("mdat", media...)}, nil)
	}
	file = build(0)
	return build(bytes.Index(file, picture)), picture
}

func TestCleanHEIF(t *testing.T) {
	for version := range 3 {
		file, picture := phonePicture(version)
		got := cleaned(t, cleanHEIF, file)
		if len(got) != len(file) || bytes.Contains(got, []byte(planted)) || bytes.Contains(got, []byte("xmpmeta")) {
			t.Errorf("version %d: %d bytes of %d, and the place may still be there: %q", version, len(got), len(file), got)
		}
		if !bytes.Contains(got, picture) || !bytes.Contains(got, []byte("turned")) {
			t.Errorf("version %d: the picture has changed", version)
		}
		if again := cleaned(t, cleanHEIF, got); !bytes.Equal(again, got) {
			t.Errorf("version %d: cleaned twice is not as cleaned once", version)
		}
		for _, b := range [][]byte{file[:len(file)-4], bytes.Replace(file, []byte("\x02\x00\x00\x00\x00\x02"), []byte("\x02\x00\x00\x00\x00\x02"), 1)[:60]} {
			if err := cleanHEIF(io.Discard, bytes.NewReader(b)); !errors.Is(err, errBroken) {
				t.Errorf("version %d cut: got %v, want broken", version, err)
			}
		}
	}
}

func TestUpload_HEIC(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		file, _ := phonePicture(1)
		f, err := s.Upload(t.Context(), Upload{Owner: "@a:hs1", Body: bytes.NewReader(file), SizeBytes: int64(len(file)), Type: "image/heic"})
		if err != nil || !strings.HasPrefix(f.Sniffed, "image/hei") {
			t.Fatalf("got %+v, %v", f, err)
		}
		c, err := s.Download(t.Context(), "hs1", string(f.ID), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if body, err := io.ReadAll(c); err != nil || bytes.Contains(body, []byte(planted)) {
			t.Errorf("the place can be fetched, %v", err)
		}
	}, Migrations())
}

// FuzzHEIF feeds the cleaner what nobody thought of.
func FuzzHEIF(f *testing.F) {
	for version := range 3 {
		file, _ := phonePicture(version)
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		if err := cleanHEIF(&out, bytes.NewReader(b)); err == nil && out.Len() != len(b) {
			t.Errorf("%d bytes of %d", out.Len(), len(b))
		}
	})
}
