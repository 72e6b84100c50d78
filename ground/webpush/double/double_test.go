package double_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"wardline/ground/webpush"
	"wardline/ground/webpush/double"
)

func service(t *testing.T) (*double.Service, *webpush.Sender) {
	s := double.New("")
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	s.Base = srv.URL
	key, err := webpush.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return s, &webpush.Sender{Key: key, Contact: "mailto:it@trust.example", Client: srv.Client()}
}

func TestSend_ReachesTheBrowserAndHidesLengths(t *testing.T) {
	s, sender := service(t)
	to, err := s.Subscribe("phone", sender.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, plain := range []string{"", "x", string(bytes.Repeat([]byte("y"), webpush.MaxPlain))} {
		m := webpush.Message{Plain: []byte(plain), TTL: time.Minute, Urgency: webpush.High, Topic: "t1"}
		if err := sender.Send(t.Context(), to, m); err != nil {
			t.Fatal(err)
		}
		got := <-s.Heard
		if string(got.Plain) != plain || got.TTL != 60 || got.Urgency != "high" || got.Topic != "t1" {
			t.Errorf("the browser got %+v, want %d bytes", got, len(plain))
		}
		sizes = append(sizes, got.Size)
	}
	if sizes[0] != sizes[1] || sizes[1] != sizes[2] {
		t.Errorf("bodies of %v bytes tell how long the message is", sizes)
	}
	if err := sender.Send(t.Context(), to, webpush.Message{Plain: make([]byte, webpush.MaxPlain+1)}); err == nil {
		t.Error("a message that is too long was sent")
	}
}

func TestSend_SaysWhatTheServiceAnswered(t *testing.T) {
	s, sender := service(t)
	to, err := s.Subscribe("phone", sender.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{http.StatusNotFound, http.StatusGone} {
		s.Answer(status)
		if err := sender.Send(t.Context(), to, webpush.Message{}); !errors.Is(err, webpush.ErrGone) {
			t.Errorf("%d is %v, want ErrGone", status, err)
		}
	}
	for _, status := range []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusForbidden} {
		s.Answer(status)
		var busy *webpush.Busy
		if err := sender.Send(t.Context(), to, webpush.Message{}); !errors.As(err, &busy) || busy.Status != status {
			t.Errorf("%d is %v, want Busy", status, err)
		}
	}
	other, err := webpush.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	stranger := &webpush.Sender{Key: other, Contact: sender.Contact, Client: sender.Client}
	if err := stranger.Send(t.Context(), to, webpush.Message{}); err == nil {
		t.Error("a stranger's key was believed")
	}
	s.Unsubscribe("phone")
	if err := sender.Send(t.Context(), to, webpush.Message{}); !errors.Is(err, webpush.ErrGone) {
		t.Errorf("after the end it is %v", err)
	}
}

func TestKey_IsReadBack(t *testing.T) {
	k, err := webpush.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := k.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	again, err := webpush.ParseKey(raw)
	if err != nil || again.Public() != k.Public() {
		t.Errorf("read back %v, %v", again, err)
	}
	if _, err := webpush.ParseKey([]byte("short")); err == nil {
		t.Error("nonsense is a key")
	}
}

func TestSubscription_Check(t *testing.T) {
	s, sender := service(t)
	good, err := s.Subscribe("phone", sender.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := good.Check(); err != nil {
		t.Errorf("OK: %v", err)
	}
	for name, bad := range map[string]webpush.Subscription{
		"NoKey":       {Auth: good.Auth},
		"NotOnCurve":  {Key: "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Auth: good.Auth},
		"ShortSecret": {Key: good.Key, Auth: "AAAA"},
		"NoBase64":    {Key: good.Key, Auth: "*"},
	} {
		if bad.Check() == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestKnown(t *testing.T) {
	for address, want := range map[string]bool{
		"https://fcm.googleapis.com/fcm/send/x":          true,
		"https://updates.push.services.mozilla.com/w/x":  true,
		"https://web.push.apple.com/x":                   true,
		"https://db5p.notify.windows.com/w/x":            true,
		"https://FCM.googleapis.com/x":                   true,
		"http://fcm.googleapis.com/x":                    false,
		"https://fcm.googleapis.com:8443/x":              false,
		"https://fcm.googleapis.com.evil.example/x":      false,
		"https://evilpush.apple.com/x":                   false,
		"https://127.0.0.1/x":                            false,
		"https://push.trust.example/x":                   true,
		"http://push.trust.example/x":                    true,
		"ftp://push.trust.example/x":                     false,
		"https://user@other.example/push.trust.example/": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := webpush.Known(u, []string{"push.trust.example"}); got != want {
			t.Errorf("Known(%s) = %v, want %v", address, got, want)
		}
	}
}
