package spec

import "testing"

func TestFind(t *testing.T) {
	for _, c := range [][3]string{
		{"GET", "/_matrix/client/v3/rooms/%21a:b/state/m.room.name/", "getRoomStateWithKey"},
		{"GET", "/_matrix/client/v3/rooms/!a:b/state/m.room.name", "getRoomStateWithKey"},
		{"GET", "/_matrix/client/r0/sync?since=x", "sync"},
		{"POST", "/_matrix/client/v3/account/3pid/add", "add3PID"},
		{"PUT", "/_matrix/client/v3/rooms/!a:b/state/t/a/b", "setRoomStateWithKey"},
	} {
		if o := Find(c[0], c[1]); o == nil || o.ID != c[2] {
			t.Errorf("%s %s is found as %v, want %s", c[0], c[1], o, c[2])
		}
	}
	if o := Find("GET", "/_matrix/client/v3/none"); o != nil {
		t.Errorf("a path of nobody's is found as %s", o.ID)
	}
}

// TestSchemas_Compile: each schema can be read, so that no check is skipped for its own fault.
func TestSchemas_Compile(t *testing.T) {
	for _, o := range Operations() {
		for status, s := range o.Responses {
			if s == false {
				continue
			}
			if _, err := compiled(o.Method+o.Path+o.ID+status, func() any { return s }); err != nil {
				t.Errorf("%s %s %s: %v", o.Method, o.Path, status, err)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	o := Find("GET", "/_matrix/client/v3/account/whoami")
	for _, c := range []struct {
		status int
		body   string
		ok     bool
	}{
		{200, `{"user_id":"@a:b"}`, true}, {200, `{"user_id":"a"}`, false}, {200, `{}`, false}, {200, `{"user_id":7}`, false},
		{401, `{"errcode":"M_UNKNOWN_TOKEN","error":"x"}`, true}, {401, `{"errcode":7}`, false}, {418, `{}`, false}, {201, `{}`, false},
	} {
		if err := o.Check(c.status, []byte(c.body)); (err == nil) != c.ok {
			t.Errorf("%d %s: %v, want that it passes: %v", c.status, c.body, err, c.ok)
		}
	}
}
