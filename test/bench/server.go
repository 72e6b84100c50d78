package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"wardline/app"
)

const secret = "bench"

// target is the server that is measured.
type target struct {
	base  string
	dir   string
	ready time.Duration // from start to the first answer
	cmd   *exec.Cmd
	http  *http.Client
}

// with runs fn on a server of its own, over a fresh folder that fill may write to first; nil for an empty one.
func with(ctx context.Context, o *options, fill func(ctx context.Context, a *app.App) error, fn func(ctx context.Context, s *target) error) (err error) {
	dir, err := os.MkdirTemp("", "wardline-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if fill != nil {
		if err := inProcess(ctx, o, dir, fill); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
	}
	s, err := start(o.binary, o.database, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	return fn(ctx, s)
}

// inProcess opens a trust's folder without a server and lets fn write to it.
func inProcess(ctx context.Context, o *options, dir string, fn func(ctx context.Context, a *app.App) error) (err error) {
	a, err := app.Open(ctx, app.Config{ServerName: "bench", Data: dir, Database: o.database, MaxUpload: 1 << 20}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return fn(ctx, a)
}

// start runs a server over a folder and waits until it answers.
func start(binary, database, dir string) (*target, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "-server-name", "bench", "-data", dir, "-listen", addr, "-registration-secret", secret, "-no-rate-limits", "-log-level", "warn"}
	if addr := os.Getenv("BENCH_DEBUG_LISTEN"); addr != "" {
		args = append(args, "-debug-listen", addr)
	}
	if database != "" {
		args = append(args, "-database", database)
	}
	s := &target{base: "http://" + addr, dir: dir, cmd: exec.Command(path, args...),
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 20_000}, Timeout: 120 * time.Second}}
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w (build it first: make build)", binary, err)
	}
	began := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(60 * time.Second) // a large database may have its schema changed first
	for {
		if res, err := s.http.Get(s.base + "/_matrix/client/versions"); err == nil {
			s.ready = time.Since(began)
			return s, res.Body.Close()
		}
		select {
		case <-limit:
			return nil, errors.Join(errors.New("the server did not answer within 60 s"), s.stop())
		case <-tick.C:
		}
	}
}

func (s *target) stop() error {
	err := s.cmd.Process.Signal(syscall.SIGTERM)
	if err == nil {
		err = s.cmd.Wait()
	}
	return err
}

// cpu is the processor time the server has used, user and system.
func (s *target) cpu() time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // a tick is 10 ms on Linux
}

// rss is the memory the server holds, in MB.
func (s *target) rss() float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 64)
			return n / 1024
		}
	}
	return 0
}

// kept is what the server's folder takes on disk.
func (s *target) kept() int64 {
	var n int64
	_ = filepath.WalkDir(s.dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // a file that is just being replaced
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// written is how many bytes the server has given to the disk.
func (s *target) written() int64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if b, ok := strings.CutPrefix(line, "write_bytes: "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(b), 10, 64)
			return n
		}
	}
	return 0
}

// user is one signed-in client.
type user struct {
	s     *target
	id    string
	token string
	txn   int
}

// call makes one request and decodes its answer; any status but 200 is an error.
func (u *user) call(ctx context.Context, method, path string, body, into any) error {
	var rd io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		rd = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.s.base+path, rd)
	if err != nil {
		return err
	}
	if u.token != "" {
		req.Header.Set("Authorization", "Bearer "+u.token)
	}
	res, err := u.s.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, raw)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}

// register makes an account with the shared secret.
func (s *target) register(ctx context.Context, name string) (*user, error) {
	u := &user{s: s}
	var nonce struct{ Nonce string }
	if err := u.call(ctx, "GET", "/_synapse/admin/v1/register", nil, &nonce); err != nil {
		return nil, err
	}
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(strings.Join([]string{nonce.Nonce, name, "bench", "notadmin"}, "\x00")))
	var made struct {
		UserID      string `json:"user_id"`
		AccessToken string `json:"access_token"`
	}
	err := u.call(ctx, "POST", "/_synapse/admin/v1/register", map[string]any{"nonce": nonce.Nonce, "username": name, "password": "bench",
		"admin": false, "mac": hex.EncodeToString(mac.Sum(nil))}, &made)
	u.id, u.token = made.UserID, made.AccessToken
	return u, err
}

func (u *user) room(ctx context.Context, name string) (string, error) {
	var made struct {
		RoomID string `json:"room_id"`
	}
	err := u.call(ctx, "POST", "/_matrix/client/v3/createRoom", map[string]any{"name": name, "preset": "public_chat"}, &made)
	return made.RoomID, err
}

// send says something and returns the event's id.
func (u *user) send(ctx context.Context, room, body string) (string, error) {
	u.txn++
	var sent struct {
		EventID string `json:"event_id"`
	}
	path := fmt.Sprintf("/_matrix/client/v3/rooms/%s/send/m.room.message/t%d", room, u.txn)
	err := u.call(ctx, "PUT", path, map[string]string{"msgtype": "m.text", "body": body}, &sent)
	return sent.EventID, err
}
