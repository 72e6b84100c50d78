package account

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/mail"
	"net/smtp"
	"strings"
	"time"
)

// SMTP is a server that takes letters.
type SMTP struct {
	Server         string // host:port; 465 speaks TLS from the first byte, others are asked to begin it
	From           string
	User, Password string
	Plain          bool // send also without encryption
}

// Check says what is wrong with the settings.
func (m SMTP) Check() error {
	if _, _, err := net.SplitHostPort(m.Server); err != nil {
		return fmt.Errorf("smtp-server: %w", err)
	}
	if _, err := mail.ParseAddress(m.From); err != nil {
		return fmt.Errorf("smtp-from: %w", err)
	}
	return nil
}

// letterTime is how long sending one letter may take.
const letterTime = 30 * time.Second

// Send hands a letter to the server. It is a Mail.
func (m SMTP) Send(ctx context.Context, l Letter) (err error) {
	host, port, err := net.SplitHostPort(m.Server)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, letterTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.Server)
	if err != nil {
		return fmt.Errorf("reach mail server: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // net/smtp knows no context
	secure := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if port == "465" {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return fmt.Errorf("greet mail server: %w", err)
	}
	if ok, _ := c.Extension("STARTTLS"); ok && port != "465" {
		if err := c.StartTLS(secure); err != nil {
			return fmt.Errorf("encrypt to mail server: %w", err)
		}
	} else if port != "465" && !m.Plain {
		return errors.New("mail server offers no encryption; set smtp-plain if that is meant")
	}
	if m.User != "" {
		if err := c.Auth(smtp.PlainAuth("", m.User, m.Password, host)); err != nil {
			return fmt.Errorf("sign in to mail server: %w", err)
		}
	}
	from, err := mail.ParseAddress(m.From)
	if err != nil {
		return err
	}
	if err := c.Mail(from.Address); err != nil {
		return fmt.Errorf("mail server refuses the sender: %w", err)
	}
	if err := c.Rcpt(l.To); err != nil {
		return fmt.Errorf("mail server refuses the address: %w", err)
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(l.message(m.From, time.Now())); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// message is the letter as it goes over the wire.
func (l Letter) message(from string, at time.Time) []byte {
	head := []string{"From: " + from, "To: <" + l.To + ">", "Subject: " + mime.QEncoding.Encode("utf-8", l.Subject), "Date: " + at.UTC().Format(time.RFC1123Z),
		"Message-ID: <" + l.ID + "@wardline>", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "Auto-Submitted: auto-generated", ""}
	return []byte(strings.Join(append(head, strings.Split(strings.TrimSuffix(l.Body, "\n"), "\n")...), "\r\n") + "\r\n")
}
