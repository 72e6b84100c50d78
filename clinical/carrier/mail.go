package carrier

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/textproto"

	"wardline/matrix/account"
)

// Mail sends a nudge by e-mail: for whoever sits at a desk with the app closed. It is the slowest way and never the only one.
type Mail struct{ Post account.Mail }

// Check implements Carrier.
func (m *Mail) Check(address string) (string, error) { return mailbox(address) }

// Send implements Carrier.
func (m *Mail) Send(ctx context.Context, msg Message) (string, error) {
	err := m.Post(ctx, account.Letter{ID: msg.Ref, To: msg.To, Subject: "Wardline: you are wanted", Body: msg.Text + "\n"})
	var no *textproto.Error
	switch {
	case !errors.As(err, &no):
		return "", err
	case no.Code/100 == 5:
		return "", refused(fmt.Sprintf("the mail server answers %d", no.Code))
	}
	return "", fmt.Errorf("the mail server answers %d", no.Code) // without its words, which may repeat the address
}

func mailbox(address string) (string, error) {
	a, err := mail.ParseAddress(address)
	if err != nil || a.Name != "" {
		return "", sentence("Write an e-mail address, such as a.name@trust.example.")
	}
	return a.Address, nil
}
