package dex

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// freeAddress is one of this machine at which nobody answers: a server must know its own before it starts.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	defer func() { ok(t, l.Close()) }()
	return l.Addr().String()
}

// startDex runs dex with two people and one client.
func startDex(t *testing.T, back string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/dexidp/dex").Output()
	ok(t, err)
	log := logrus.New()
	log.Out = io.Discard
	var handler http.Handler
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	hash, err := bcrypt.GenerateFromPassword([]byte("her password"), bcrypt.DefaultCost)
	ok(t, err)
	var store storage.Storage = memory.New(log)
	store = storage.WithStaticClients(store, []storage.Client{{ID: "wardline", Secret: "sesame", RedirectURIs: []string{back}, Name: "Wardline"}})
	store = storage.WithStaticPasswords(store, []storage.Password{
		{Email: "ann.example@st-elsewhere.example", Hash: hash, Username: "Ann Example", UserID: "dex-ann"},
		{Email: "zed@elsewhere.example", Hash: hash, Username: "Zed", UserID: "dex-zed"},
	}, log)
	store = storage.WithStaticConnectors(store, []storage.Connector{{ID: server.LocalConnector, Type: server.LocalConnector, Name: "Email"}})
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	handler, err = server.NewServer(ctx, server.Config{Issuer: srv.URL, Storage: store, SkipApprovalScreen: true, Web: server.WebConfig{Dir: filepath.Join(strings.TrimSpace(string(out)), "web")}, Logger: log, PrometheusRegistry: prometheus.NewRegistry()})
	ok(t, err)
	return srv.URL
}

// startWardline runs the program on a folder with one member of staff, and returns when it answers.
func startWardline(t *testing.T, address, providers string) {
	t.Helper()
	binary, err := filepath.Abs("../../bin/wardline")
	ok(t, err)
	data := t.TempDir()
	staff := filepath.Join(t.TempDir(), "staff.csv")
	ok(t, os.WriteFile(staff, []byte("Employee Number,Name,Email\n901,Ann Example,ann.example@st-elsewhere.example\n"), 0o600))
	if out, err := exec.Command(binary, "staff", "import", "-data", data, "-server-name", "hs1", staff).CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	cmd := exec.Command(binary, "serve", "-server-name", "hs1", "-data", data, "-listen", address, "-public-url", "http://"+address, "-sso", providers, "-log-json")
	pipe, err := cmd.StderrPipe()
	ok(t, err)
	ok(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		var said struct{ Msg string }
		if json.Unmarshal(lines.Bytes(), &said) == nil && said.Msg == "ready" {
			return
		}
		t.Log(lines.Text())
	}
	t.Fatal("the server ended before it was ready")
}

var action = regexp.MustCompile(`<form method="post" action="([^"]*)"`)

// signIn goes through dex's own page and returns where it ended, and who the trust finds signed in.
func signIn(t *testing.T, trust, email string) (body, session string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	ok(t, err)
	browser := &http.Client{Jar: jar}
	read := func(res *http.Response, err error) (*url.URL, string) {
		t.Helper()
		ok(t, err)
		raw, err := io.ReadAll(res.Body)
		ok(t, err)
		ok(t, res.Body.Close())
		return res.Request.URL, string(raw)
	}
	at, page := read(browser.Get(trust + "/_wardline/sso/dex/begin?door=app"))
	form := action.FindStringSubmatch(page)
	if form == nil {
		t.Fatalf("dex shows no form at %s: %.500s", at, page)
	}
	to, err := at.Parse(strings.ReplaceAll(form[1], "&amp;", "&"))
	ok(t, err)
	_, page = read(browser.PostForm(to.String(), url.Values{"login": {email}, "password": {"her password"}}))
	_, who := read(browser.Get(trust + "/_wardline/v1/session"))
	var me struct {
		User string `json:"user_id"`
	}
	ok(t, json.Unmarshal([]byte(who), &me))
	return page, me.User
}

func TestDex(t *testing.T) {
	address := freeAddress(t)
	trust := "http://" + address
	issuer := startDex(t, trust+"/_wardline/sso/dex/callback")
	dir := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("sesame"), 0o600))
	ok(t, os.WriteFile(filepath.Join(dir, "dex.yaml"), []byte("id: dex\nname: dex\nissuer: "+issuer+"\nclient_id: wardline\nclient_secret_file: secret\n"), 0o600))
	startWardline(t, address, dir)
	t.Run("OK whom the directory knows", func(t *testing.T) {
		if body, who := signIn(t, trust, "ann.example@st-elsewhere.example"); who != "@ann.example:hs1" {
			t.Errorf("signed in as %q: %.600s", who, body)
		}
	})
	t.Run("ErrStranger whom it does not", func(t *testing.T) {
		if body, who := signIn(t, trust, "zed@elsewhere.example"); who != "" || !strings.Contains(body, "nobody here has that") {
			t.Errorf("signed in as %q: %.600s", who, body)
		}
	})
}
