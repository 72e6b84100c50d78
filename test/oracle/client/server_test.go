//go:build goolm

package client

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const sharedSecret = "a secret of this test"

// start builds and runs the program on a folder of its own, and returns where it answers.
func start(t *testing.T, more ...string) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "wardline")
	build := exec.Command("go", "build", "-o", binary, "./cmd/wardline")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOEXPERIMENT=", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	args := append([]string{"serve", "-server-name", "hs1", "-data", t.TempDir(), "-listen", "127.0.0.1:0", "-registration-secret", sharedSecret, "-no-rate-limits", "-log-json"}, more...)
	server := exec.Command(binary, args...)
	logs, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(logs)
	t.Cleanup(func() {
		if err := server.Process.Signal(os.Interrupt); err != nil {
			t.Errorf("stop: %v", err)
		}
		for lines.Scan() { // until the server has closed its end
		}
		if err := server.Wait(); err != nil {
			t.Errorf("the server did not end in order: %v", err)
		}
	})
	for lines.Scan() {
		var said struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &said) == nil && said.Msg == "ready" {
			return "http://" + said.Address
		}
	}
	t.Fatal("the server ended before it was ready")
	return ""
}

// register makes an account through the shared-secret call, as common Matrix tools do.
func register(t *testing.T, at, name string) {
	t.Helper()
	at += "/_synapse/admin/v1/register"
	var nonce struct{ Nonce string }
	resp, err := http.Get(at)
	if err == nil {
		err = json.NewDecoder(resp.Body).Decode(&nonce)
		_ = resp.Body.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	password := "password of " + name
	mac := hmac.New(sha1.New, []byte(sharedSecret))
	mac.Write([]byte(strings.Join([]string{nonce.Nonce, name, password, "notadmin"}, "\x00")))
	body, err := json.Marshal(map[string]any{"nonce": nonce.Nonce, "username": name, "password": password, "admin": false, "mac": hex.EncodeToString(mac.Sum(nil))})
	if err != nil {
		t.Fatal(err)
	}
	resp, err = http.Post(at, "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("register %s: %s", name, resp.Status)
	}
}
