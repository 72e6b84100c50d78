package keys_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
	"wardline/matrix/keys"
)

// Clients write JSON as they like. What is kept is canonical, and another device's keys are still refused.
func TestUpload_ReadsJSONWithSpaces(t *testing.T) {
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "k.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Migrate(t.Context(), keys.Migrations()); err != nil {
		t.Fatal(err)
	}
	s := keys.New(d)
	spaced := json.RawMessage("{ \"user_id\" : \"@a:hs1\",\n \"device_id\": \"D\", \"keys\": {} }")
	if _, err := s.Upload(t.Context(), "@a:hs1", "D", keys.Upload{DeviceKeys: spaced}); err != nil {
		t.Fatalf("%s: %v", spaced, err)
	}
	got, err := s.Query(t.Context(), "@a:hs1", nil, map[id.Device]string{"D": ""})
	if want := `{"device_id":"D","keys":{},"user_id":"@a:hs1"}`; err != nil || string(got["D"]) != want {
		t.Errorf("kept %s, want %s; %v", got["D"], want, err)
	}
	if _, err := s.Upload(t.Context(), "@a:hs1", "E", keys.Upload{DeviceKeys: spaced}); !fault.Is(err, fault.Invalid) {
		t.Errorf("another device's keys: %v", err)
	}
}
