package media

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"testing"

	"golang.org/x/image/webp"
)

// movingWebP is a picture of 4 by 4 points whose two frames are of one point each, at 2,2.
func movingWebP(t testing.TB) []byte {
	t.Helper()
	one, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	if err != nil {
		t.Fatal(err)
	}
	chunk := func(kind string, body []byte) []byte {
		out := append([]byte(kind), binary.LittleEndian.AppendUint32(nil, uint32(len(body)))...)
		if out = append(out, body...); len(body)%2 == 1 {
			out = append(out, 0)
		}
		return out
	}
	frame := append([]byte{1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0}, one[12:]...)
	body := append([]byte("WEBP"), chunk("VP8X", []byte{0x12, 0, 0, 0, 3, 0, 0, 3, 0, 0})...)
	body = append(body, chunk("ANIM", make([]byte, 6))...)
	body = append(body, chunk("ANMF", frame)...)
	return chunk("RIFF", append(body, chunk("ANMF", frame)...))
}

func TestThumbnail_OfAMovingWebP(t *testing.T) {
	raw := movingWebP(t)
	if _, err := webp.Decode(bytes.NewReader(raw)); err == nil {
		t.Skip("the decoder reads moving pictures now; firstFrame can go")
	}
	s := bubble(t)
	f := s.send(t, raw, "image/webp")
	for _, moving := range []bool{false, true} {
		c, err := s.Thumbnail(t.Context(), "hs1", string(f.ID), Ask{Width: 32, Height: 32, Animated: moving})
		if err != nil || c.Type != "image/png" {
			t.Fatalf("%+v: %v", c, err)
		}
		readAll(t, c)
	}
	p, err := firstFrame(bytes.NewReader(raw))
	if err != nil || p.Bounds().Dx() != 4 {
		t.Fatalf("%v: %v", p, err)
	}
}

// FuzzFirstFrame reads pictures that are none.
func FuzzFirstFrame(f *testing.F) {
	raw := movingWebP(f)
	f.Add(raw)
	f.Add(raw[:40])
	f.Add(bytes.Replace(raw, []byte("ANMF"), []byte("ANMX"), 1))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p, err := firstFrame(bytes.NewReader(raw)); err == nil && (p == nil || int64(p.Bounds().Dx())*int64(p.Bounds().Dy()) > maxPixels) {
			t.Errorf("%x: %v", raw, p)
		}
		if n, err := countFrames(bytes.NewReader(raw)); err == nil && n.n < 0 {
			t.Errorf("%x: %+v", raw, n)
		}
	})
}
