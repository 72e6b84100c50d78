package carrier_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wardline/clinical/carrier"
	"wardline/ground/run"
	"wardline/matrix/account"
)

// taken is what a carrier's server has got.
type taken struct{ to, text, ref string }

// server is the other side of a carrier: a small real one, over the wire. It does as it is told next.
type server struct {
	carrier carrier.Carrier
	number  string // one that it takes
	mu      sync.Mutex
	mood    string // "" takes, "no" refuses for good, "later" has trouble, "silent" never answers, "rubbish" answers nonsense
	got     []taken
	garbled atomic.Bool // the first block of a line was heard wrongly
}

func (s *server) be(mood string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mood = mood
}

func (s *server) is() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mood
}

func (s *server) take(t taken) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, t)
}

func (s *server) texts() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]taken(nil), s.got...)
}

// TestContract holds every carrier to what package carrier promises.
func TestContract(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T) *server{
		"govuk": govuk, "nhs-notify": nhsNotify, "webhook": webhook, "snpp": snpp, "tap": func(t *testing.T) *server { return tap(t, false) },
		"tap on a serial line": func(t *testing.T) *server { return tap(t, true) }, "mail": mail,
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			to, err := s.carrier.Check(s.number)
			if err != nil {
				t.Fatalf("its own number %q: %v", s.number, err)
			}
			for _, bad := range []string{"", "x", "+44 7700 90", "12", "07700 900 12a", "a b@c", "Somebody <x@y.example>", strings.Repeat("7", 40)} {
				if got, err := s.carrier.Check(bad); err == nil {
					t.Errorf("the address %q passed as %q", bad, got)
				}
			}
			send := func(text string, patience time.Duration) error {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, err := s.carrier.Send(ctx, carrier.Message{Ref: "try_1", To: to, Text: text})
				return err
			}
			if err := send("Urgent page: ring 2345", 20*time.Second); err != nil {
				t.Fatal(err)
			}
			got := s.texts()
			if len(got) != 1 || got[0].to != to || strings.TrimSpace(got[0].text) != "Urgent page: ring 2345" || got[0].ref != "" && got[0].ref != "try_1" {
				t.Fatalf("the other side has %+v", got)
			}
			for _, mood := range []string{"later", "rubbish"} {
				s.be(mood)
				if err := send("second", 20*time.Second); err == nil || errors.Is(err, carrier.ErrRefused) {
					t.Errorf("%s: %v, want an error after which it may be tried again", mood, err)
				} else if strings.Contains(err.Error(), to) || strings.Contains(err.Error(), "second") {
					t.Errorf("%s: the error says to whom or what: %v", mood, err)
				}
			}
			s.be("no")
			if err := send("third", 20*time.Second); !errors.Is(err, carrier.ErrRefused) {
				t.Errorf("refused for good: %v, want ErrRefused", err)
			} else if strings.Contains(err.Error(), to) || strings.Contains(err.Error(), "third") {
				t.Errorf("the refusal says to whom or what: %v", err)
			}
			s.be("silent")
			began := time.Now()
			if err := send("fourth", 300*time.Millisecond); err == nil || errors.Is(err, carrier.ErrRefused) || time.Since(began) > 5*time.Second {
				t.Errorf("silent: %v after %v", err, time.Since(began))
			}
			s.be("")
			if err := send("again", 20*time.Second); err != nil {
				t.Errorf("after all that: %v", err)
			}
			if n := len(s.texts()); n != 2 {
				t.Errorf("the other side has %d texts, want 2", n)
			}
		})
	}
}

// over answers HTTP carriers by mood.
func (s *server) over(t *testing.T, fn func(r *http.Request, body []byte) (taken, string)) *httptest.Server {
	done := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, answer := fn(r, body)
		switch s.is() {
		case "no":
			w.WriteHeader(400)
		case "later":
			w.WriteHeader(503)
		case "rubbish":
			w.WriteHeader(502)
			fmt.Fprint(w, "<html>"+got.to+got.text)
		case "silent":
			select {
			case <-done:
			case <-r.Context().Done():
			}
		default:
			s.take(got)
			w.WriteHeader(201)
			fmt.Fprint(w, answer)
		}
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(done) })
	return srv
}

const (
	service = "26785a09-ab16-4eb0-8407-a37497a57506"
	secret  = "3d844edf-8d35-48ac-975b-e847b4f122b0"
)

func govuk(t *testing.T) *server {
	s := &server{number: "07700 900123"}
	srv := s.over(t, func(r *http.Request, body []byte) (taken, string) {
		var b struct {
			Phone string `json:"phone_number"`
			Ref   string `json:"reference"`
			With  struct{ Text string }
			P     struct{ Text string } `json:"personalisation"`
			T     string                `json:"template_id"`
		}
		if err := json.Unmarshal(body, &b); err != nil || r.URL.Path != "/v2/notifications/sms" || b.T != "template" || !proves(r.Header.Get("Authorization"), service, secret) {
			t.Errorf("GOV.UK Notify would not take %s of %s with %s", body, r.URL, r.Header)
		}
		return taken{b.Phone, b.P.Text, b.Ref}, `{"id":"740e5834-3a29-46b4-9a6f-16142fde533a"}`
	})
	s.carrier = &carrier.GovUK{Base: srv.URL, Service: service, Secret: secret, Template: "template", Client: srv.Client(), Now: time.Now}
	return s
}

func webhook(t *testing.T) *server {
	s := &server{number: "+44 20 7946 0123"}
	srv := s.over(t, func(r *http.Request, body []byte) (taken, string) {
		var b struct{ Ref, Way, To, Text string }
		if err := json.Unmarshal(body, &b); err != nil || b.Way != "voice" || r.Header.Get("Idempotency-Key") != b.Ref ||
			r.Header.Get("Wardline-Signature") != signed("shared", r.Header.Get("Wardline-Timestamp"), body) {
			t.Errorf("the webhook would not take %s with %s", body, r.Header)
		}
		return taken{b.To, b.Text, b.Ref}, `{"id":"call-1"}`
	})
	s.carrier = &carrier.Webhook{URL: srv.URL + "/call?key=of-the-trust", Secret: "shared", Way: "voice", Client: srv.Client(), Now: time.Now}
	return s
}

// listen serves one protocol on TCP until the test ends.
func listen(t *testing.T, serve func(c net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := run.NewGroup(nil)
	g.Go("accept", func(ctx context.Context) error {
		for {
			c, err := l.Accept()
			if err != nil {
				return nil
			}
			g.Go("serve", func(context.Context) error {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(30 * time.Second))
				serve(c)
				return nil
			})
		}
	})
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// lines reads a talk of lines and answers each; an answer that ends with "!" is the last, "" is silence, "-" is none for this line.
func lines(c net.Conn, answer func(line string) string) {
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		say := answer(strings.TrimRight(line, "\r\n"))
		if say == "" {
			_, _ = io.Copy(io.Discard, r)
			return
		}
		if say == "-" {
			continue
		}
		_, _ = fmt.Fprintf(c, "%s\r\n", strings.TrimSuffix(say, "!"))
		if strings.HasSuffix(say, "!") {
			return
		}
	}
}

func snpp(t *testing.T) *server {
	s := &server{number: "812 345"}
	address := listen(t, func(c net.Conn) {
		_, _ = fmt.Fprint(c, "220 SNPP Gateway Ready\r\n")
		var now taken
		lines(c, func(line string) string {
			verb, rest, _ := strings.Cut(line, " ")
			switch {
			case s.is() == "silent":
				return ""
			case s.is() == "rubbish":
				return "what?"
			case s.is() == "later":
				return "421 Too many people, goodbye!"
			case verb == "PAGE" && s.is() == "no":
				return "550 Invalid pager id " + rest
			case verb == "PAGE":
				now.to = rest
				return "250 Pager ID accepted"
			case verb == "MESS":
				now.text = rest
				return "250 Message OK"
			case verb == "SEND":
				s.take(now)
				return "250 Message sent"
			case verb == "QUIT":
				return "221 OK, goodbye!"
			}
			return "500 Command not implemented"
		})
	})
	s.carrier = &carrier.SNPP{Address: address}
	return s
}

func mail(t *testing.T) *server {
	s := &server{number: "a.name@trust.example"}
	address := listen(t, func(c net.Conn) {
		_, _ = fmt.Fprint(c, "220 mail.trust.example\r\n")
		var now taken
		body := false
		var text []string
		lines(c, func(line string) string {
			verb, rest, _ := strings.Cut(line, " ")
			switch {
			case s.is() == "silent":
				return ""
			case s.is() == "rubbish":
				return "what?"
			case s.is() == "later":
				return "421 busy!"
			case body && line != ".":
				text = append(text, line)
				return "-"
			case body:
				body = false
				now.text = text[len(text)-1]
				s.take(now)
				return "250 taken"
			case verb == "RCPT" && s.is() == "no":
				return "550 no such person " + rest
			case verb == "RCPT":
				now.to = strings.Trim(strings.TrimPrefix(rest, "TO:"), "<>")
			case verb == "DATA":
				body = true
				return "354 go on"
			case verb == "QUIT":
				return "221 bye!"
			}
			return "250 fine"
		})
	})
	s.carrier = &carrier.Mail{Post: account.SMTP{Server: address, From: "wardline@trust.example", Plain: true}.Send}
	return s
}
