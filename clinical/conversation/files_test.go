package conversation

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"wardline/ground/fault"
	"wardline/matrix/media"
)

func TestMayKeep(t *testing.T) {
	for _, f := range []media.File{{Name: "letter.pdf", Sniffed: "application/pdf"}, {Name: "ward.list.csv", Sniffed: "text/plain; charset=utf-8"}, {Sniffed: "application/octet-stream"},
		{Name: "bloods.txt", Sniffed: "text/html; charset=utf-8"}, {Name: "exe"}, {Sniffed: "image/svg+xml"}, {Sniffed: "text/html; charset=utf-8"}, {Name: "scan.dcm", Sniffed: "application/dicom"}, {Name: "notes.exe.pdf", Sniffed: "application/pdf"}} {
		if err := MayKeep(f); err != nil {
			t.Errorf("OK %+v: %v", f, err)
		}
	}
	for _, f := range []media.File{{Name: "setup.exe"}, {Name: "SETUP.EXE "}, {Name: "letter.pdf.scr"}, {Name: "letter.exe."}, {Name: "x.docm"}, {Name: "page.html"}, {Name: "drawing.svg"},
		{Name: "letter.pdf", Sniffed: "application/vnd.microsoft.portable-executable"}, {Name: "photo.jpg", Sniffed: "application/x-executable"}, {Name: "notes.txt", Sniffed: "text/x-shellscript; charset=utf-8"},
		{Name: "letter.pdf", Sniffed: "text/html; charset=utf-8"}, {Sniffed: "application/x-executable"}, {Name: "photo.jpg", Sniffed: "image/svg+xml"}} {
		if err := MayKeep(f); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestMaySay(t *testing.T) {
	for content, want := range map[string]bool{
		`{"msgtype":"m.text","body":"run setup.exe"}`:                                                             true,
		`{"msgtype":"m.file","body":"letter.pdf"}`:                                                                true,
		`{"msgtype":"m.file","filename":"letter.pdf","body":"in place of a.exe"}`:                                 true,
		`{"msgtype":"m.file","body":"setup.exe"}`:                                                                 false,
		`{"msgtype":"m.image","filename":"x.svg","body":"the rash"}`:                                              false,
		`{"msgtype":"m.text","body":"* x","m.new_content":{"msgtype":"m.file","body":"x.ps1","url":"mxc://a/b"}}`: false,
		`{"msgtype":7}`: true,
	} {
		if err := maySay(json.RawMessage(content)); (err == nil) != want {
			t.Errorf("%s: %v", content, err)
		}
	}
}

// The app says it before a file is sent, the server to every app.
func TestTheAppRefusesTheSameFiles(t *testing.T) {
	source, err := os.ReadFile("../../web/src/ui/files.ts")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?s)const refused = new Set\(\[(.*?)\]\)`).FindSubmatch(source)
	if block == nil {
		t.Fatal("web/src/ui/files.ts has no list of refused files any more")
	}
	var app []string
	for _, m := range regexp.MustCompile(`'(\w+)'`).FindAllSubmatch(block[1], -1) {
		app = append(app, string(m[1]))
	}
	slices.Sort(app)
	if server := slices.Sorted(maps.Keys(runs)); !slices.Equal(app, server) {
		t.Errorf("the app refuses %v,\nthe server %v", app, server)
	}
}
