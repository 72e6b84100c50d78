package httpx_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"wardline/edge/httpx"
	"wardline/ground/run"
)

// behind serves h behind a door for so many and returns the address.
func behind(t *testing.T, d *httpx.Door, h http.Handler) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ConnState: d.State}
	group := run.NewGroup(slog.New(slog.DiscardHandler))
	group.Go("http", func(context.Context) error {
		if err := srv.Serve(d.Listen(ln)); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	t.Cleanup(func() { _ = srv.Close(); _ = group.Stop(context.Background()) })
	return ln.Addr().String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// ended says whether the other side has closed a connection; it waits for that.
func ended(t *testing.T, c net.Conn) bool {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, err := c.Read(make([]byte, 1))
	var late net.Error
	return err != nil && !(errors.As(err, &late) && late.Timeout())
}

func TestDoor(t *testing.T) {
	t.Run("OK whoever asks takes the place of the longest silent", func(t *testing.T) {
		d := &httpx.Door{Max: 3}
		addr := behind(t, d, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
		silent := []net.Conn{dial(t, addr), dial(t, addr), dial(t, addr)}
		for range 2 {
			client := &http.Client{Transport: &http.Transport{}} // with a connection of its own, which it keeps
			res, err := client.Get("http://" + addr)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(res.Body); err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
		}
		for i, c := range silent[:2] {
			if !ended(t, c) {
				t.Errorf("silent connection %d is still open", i)
			}
		}
		if refused, evicted := d.Turned(); refused != 0 || evicted != 2 {
			t.Errorf("%d refused, %d closed for others; want 0 and 2", refused, evicted)
		}
	})
	t.Run("ErrFull when all are at work", func(t *testing.T) {
		d := &httpx.Door{Max: 2}
		begun, end := make(chan struct{}, 2), make(chan struct{})
		addr := behind(t, d, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { begun <- struct{}{}; <-end }))
		ask := func(context.Context) error {
			res, err := http.Get("http://" + addr)
			if err == nil {
				err = res.Body.Close()
			}
			return err
		}
		err := run.All(t.Context(), ask, ask, func(context.Context) error {
			<-begun
			<-begun
			if !ended(t, dial(t, addr)) {
				t.Error("a third came in while two were at work")
			}
			close(end)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if refused, evicted := d.Turned(); refused != 1 || evicted != 0 {
			t.Errorf("%d refused, %d closed for others; want 1 and 0", refused, evicted)
		}
	})
}
