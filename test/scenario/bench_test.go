package scenario

import (
	"fmt"
	"testing"

	"wardline/clinical/directory"
)

// BenchmarkPage is a page raised and accepted, each durable: what a nurse waits for when she presses send.
func BenchmarkPage(b *testing.B) {
	w := New(b)
	asha, liam := w.As("asha"), w.As("liam")
	w.As("asha").PatientRoom("pt_jones")
	n := 0
	for b.Loop() {
		n++
		p, err := asha.TryPage("po_med_spr", "pt_jones", "x", fmt.Sprint(n))
		if err != nil {
			b.Fatal(err)
		}
		if err := liam.Accept(p.ID); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSearch is one letter more in the directory's search box, with 20,000 people in it.
func BenchmarkSearch(b *testing.B) {
	var all []directory.Text
	for i := range 20_000 {
		all = append(all, directory.NewText(fmt.Sprintf("Person%d Surname%d", i%977, i), "Staff nurse", fmt.Sprintf("Ward %d", i%60)))
	}
	for b.Loop() {
		q := directory.NewQuery("pers surname77 nur")
		for _, t := range all {
			q.Score(t)
		}
	}
}
