package db_test

import (
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"wardline/ground/db"
)

func TestMigrate_Progress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.db")
	open := func(m db.Migrations) (said []db.Progress) {
		d, err := db.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		d.OnProgress(func(p db.Progress) { said = append(said, p) })
		if err := d.Migrate(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		return said
	}
	if said := open(notes); len(said) > 0 {
		t.Errorf("while a database is made: %v, want silence", said)
	}
	if said := open(notes); len(said) > 0 {
		t.Errorf("when nothing changes: %v, want silence", said)
	}
	next := fstest.MapFS{"schema/0002_index.sql": {Data: []byte("CREATE INDEX note_body ON note (body);")},
		"schema/0003_more.sql": {Data: []byte("CREATE TABLE note_more (pos BIGINT PRIMARY KEY);")}}
	for name, f := range notes.FS.(fstest.MapFS) {
		next[name] = f
	}
	said := open(db.Migrations{Package: "note", FS: next})
	for i := range said {
		said[i].Elapsed = 0
	}
	want := []db.Progress{{Change: "note 0002_index", At: 1, Of: 2}, {Change: "note 0002_index", At: 1, Of: 2, Done: true},
		{Change: "note 0003_more", At: 2, Of: 2}, {Change: "note 0003_more", At: 2, Of: 2, Done: true}}
	if !slices.Equal(said, want) {
		t.Errorf("got %v, want %v", said, want)
	}
}
