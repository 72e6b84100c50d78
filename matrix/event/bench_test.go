package event

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"wardline/matrix/id"
)

// message is a draft whose event has about one kilobyte.
func message() Draft {
	body := strings.Repeat("The kettle is on, é; ", 20)
	content, err := json.Marshal(map[string]any{"msgtype": "m.text", "body": body,
		"m.mentions": map[string]any{"user_ids": []string{"@b:example.org"}}, "format": "org.matrix.custom.html"})
	if err != nil {
		panic(err)
	}
	hash := id.Event("$" + strings.Repeat("h", 43))
	return Draft{Room: id.Room("!" + strings.Repeat("r", 43)), Sender: "@alice:example.org", Type: "m.room.message",
		Content: content, PrevEvents: []id.Event{hash}, AuthEvents: []id.Event{hash, hash, hash},
		Depth: 1234, OriginServerTS: 1700000000000}
}

func built(b *testing.B) (*Version, *Event) {
	v := version(b, "12")
	ev, err := Build(v, message())
	if err != nil {
		b.Fatal(err)
	}
	return v, ev
}

func BenchmarkBuild(b *testing.B) {
	v, d := version(b, "12"), message()
	_, ev := built(b)
	b.SetBytes(int64(len(ev.JSON)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Build(v, d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	v, ev := built(b)
	raw := Sign(ev, "example.org", "ed25519:1", specKey())
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(v, raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	v, ev := built(b)
	b.SetBytes(int64(len(ev.JSON)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(v, ev.ID, ev.JSON); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckHash(b *testing.B) {
	_, ev := built(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := ev.CheckHash(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	_, ev := built(b)
	secret := specKey()
	b.ReportAllocs()
	for b.Loop() {
		Sign(ev, "example.org", "ed25519:1", secret)
	}
}

func BenchmarkCanonical(b *testing.B) {
	_, ev := built(b)
	reversed := []byte(`{"z":1,"y":` + string(ev.JSON) + `,"a":0}`)
	for name, in := range map[string][]byte{"sorted": ev.JSON, "unsorted": reversed} {
		b.Run(fmt.Sprintf("%s/%d", name, len(in)), func(b *testing.B) {
			var dst []byte
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = Canonical(dst[:0], in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
