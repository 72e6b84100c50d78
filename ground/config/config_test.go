package config

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type sample struct {
	Name  string        `name:"server-name" default:"localhost" doc:"Name."`
	Open  bool          `name:"open-registration" doc:"Anyone may register."`
	Limit int           `name:"limit" default:"10" doc:"Limit."`
	Wait  time.Duration `name:"wait" default:"3s" doc:"Wait."`
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wardline.conf")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("OK flags win over environment over file over default", func(t *testing.T) {
		write("server-name = file # said here\nlimit = 1\nwait=5s\n")
		var c sample
		rest, err := Load(&c, "x", []string{"-config", file, "-limit", "3", "-open-registration", "more"}, []string{"WARDLINE_LIMIT=2", "WARDLINE_WAIT=7s", "PATH=x"}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		want := sample{Name: "file", Open: true, Limit: 3, Wait: 7 * time.Second}
		if c != want || len(rest) != 1 {
			t.Errorf("got %+v %v, want %+v", c, rest, want)
		}
	})
	for name, tc := range map[string]struct {
		text string
		env  []string
		args []string
		want string
	}{
		"unknown name in file":        {text: "sever-name = x", want: `line 1: there is no setting "sever-name"`},
		"unknown name in environment": {env: []string{"WARDLINE_SEVER=x"}, want: `there is no setting "sever"`},
		"bad number":                  {args: []string{"-limit", "many"}, want: `flag -limit: "many" is not a int`},
		"line without equals":         {text: "\nhello", want: "line 2: want name = value"},
	} {
		t.Run("Err "+name, func(t *testing.T) {
			write(tc.text)
			var c sample
			_, err := Load(&c, "x", append([]string{"-config", file}, tc.args...), tc.env, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
