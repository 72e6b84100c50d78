package kernel

import (
	"path/filepath"
	"testing"

	"wardline/app"
	"wardline/ground/archive"
	"wardline/ground/dbtest"
)

// TestMove_MakesTheIndexAnew copies a database with words in its index, and finds them in the copy: the index itself is not copied.
// With PostgreSQL at hand it goes there and back.
func TestMove_MakesTheIndexAnew(t *testing.T) {
	const needle = `{"search_categories":{"room_events":{"search_term":"needle"}}}`
	file := func() string { return filepath.Join(t.TempDir(), "wardline.db") }
	ways := map[string][2]string{"FileToFile": {file(), file()}}
	if there, drop := dbtest.Source(t); there != "" {
		t.Cleanup(drop)
		back, drop := dbtest.Source(t)
		t.Cleanup(drop)
		ways["There"], ways["Back"] = [2]string{file(), there}, [2]string{back, file()}
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			c := app.Config{EncryptedRooms: "team,social,other", ServerName: "hs1", Data: t.TempDir(), Database: way[0], MaxUpload: 1 << 16, OpenRegistration: true, NoRateLimits: true}
			var tokens map[string]string
			t.Run("before", func(t *testing.T) {
				w := openAs(t, c).settle()
				w.say("alice", w.vars["roomId"], "a needle")
				w.want("bob", "POST", v3+"search", needle, 200, `"count":1`)
				tokens = w.tokens
			})
			if _, err := archive.Migrate(t.Context(), c.Trust(), way[1]); err != nil {
				t.Fatal(err)
			}
			c.Database = way[1]
			t.Run("after", func(t *testing.T) {
				w := openAs(t, c)
				w.tokens = tokens
				w.want("bob", "POST", v3+"search", needle, 200, `"count":1`)
				w.want("mallory", "POST", v3+"search", needle, 200, `"count":0`)
			})
		})
	}
}
