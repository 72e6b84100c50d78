package patient

import "testing"

func TestSearch(t *testing.T) {
	index := makeIndex([]Patient{
		{ID: "smith", Family: "Smith", Given: "Ann", Ward: "Ward 7", Bed: "4", Plate: "B4", Hospital: "H 104 223", NHS: "9434765919"},
		{ID: "jones", Family: "Jones", Given: "Raj", Ward: "Ward 7", Bed: "12", Plate: "12", NHS: "9990000018"},
		{ID: "vdb", Family: "Van der Berg", Given: "Wilhelmina", Ward: "Ward 3", Bed: "D1", Plate: "D1"},
		{ID: "obrien", Family: "O'Brien", Given: "Siân", Ward: "Ward 3", Bed: "2", Plate: "2"},
	})
	for _, tt := range []struct{ q, want string }{
		{"jones", "jones"}, {"JONES, Raj", "jones"}, {"raj jo", "jones"}, {"van der", "vdb"}, {"bed 12", "jones"}, {"b4", "smith"},
		{"sian", "obrien"}, {"obrien", "obrien"}, {"O’Brien", "obrien"}, {"943 476 5919", "smith"}, {"9434765919", "smith"}, {"104 223", "smith"},
		{"nobody", ""}, {"", ""}, {"jones smith", ""}, {"900 000 0009", ""},
	} {
		found := search(index, tt.q, 1)
		got := ""
		if len(found) > 0 {
			got = string(found[0].ID)
		}
		if got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.q, got, tt.want)
		}
	}
}
