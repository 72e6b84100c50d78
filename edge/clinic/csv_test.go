package clinic

import (
	"net/http/httptest"
	"testing"
)

func TestSendCSV(t *testing.T) {
	w := httptest.NewRecorder()
	if err := sendCSV(w, "pages.csv", [][]string{{"name", "pages"}, {"=cmd()", "1"}, {"@x", "+2"}, {"-1", ""}, {"Ward 7, bay C", "a\"b"}}); err != nil {
		t.Fatal(err)
	}
	if got, want := w.Body.String(), "name,pages\n'=cmd(),1\n'@x,'+2\n'-1,\n\"Ward 7, bay C\",\"a\"\"b\"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="pages.csv"` {
		t.Errorf("it would be shown: %q", got)
	}
}
