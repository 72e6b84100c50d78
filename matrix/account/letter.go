package account

import (
	"context"
	"fmt"
	"time"

	"wardline/ground/db"
	"wardline/matrix/id"
)

// Letter is an e-mail to one person.
type Letter struct {
	ID            string
	To            string
	Subject, Body string
}

// Mail sends a letter, or says why not.
type Mail func(ctx context.Context, l Letter) error

var (
	insertLetter = db.SQL("account.insert_letter", `INSERT INTO account_letter (id, address, subject, body, made_at, due_at, tries) VALUES ($1, $2, $3, $4, $5, $5, 0)`)
	nextLetter   = db.SQL("account.next_letter", `SELECT id, address, subject, body, due_at, tries FROM account_letter ORDER BY due_at, id LIMIT 1`)
	laterLetter  = db.SQL("account.later_letter", `UPDATE account_letter SET due_at = $2, tries = tries + 1 WHERE id = $1`)
	endLetter    = db.SQL("account.end_letter", `DELETE FROM account_letter WHERE id = $1`)
)

// maxTries is how often a letter is tried: after 30 s, 1 min and so on, for about a day.
const maxTries = 12

// letterFor writes the letter of a proof. To an address that has an account, or has none, where the purpose wants the opposite, it says
// so: the one who asked learns nothing, the one who reads it does.
func letterFor(p Proof, addr string, taken bool, link string) Letter {
	l := Letter{ID: id.NewOpaque(16), To: addr, Subject: "Confirm your e-mail address"}
	const foot = "\n\nThe link works for a day. If you did not ask for this, do nothing.\n"
	switch {
	case p.For == ForPassword && taken:
		l.Subject = "Set a new password"
		l.Body = "Somebody, we hope you, wants to set a new password for your account. To allow it, open this link:\n\n" + link + foot
	case p.For == ForPassword:
		l.Subject = "No account with this address"
		l.Body = "Somebody, perhaps you, wanted to set a new password for an account with this address. There is none. Try the address that you gave when the account was made, or ask your administrator.\n"
	case taken:
		l.Subject = "You have an account already"
		l.Body = "Somebody, perhaps you, wanted to use this address for an account. It belongs to one already. If you have forgotten your password, ask your app to set a new one.\n"
	default:
		l.Body = "To confirm that this address is yours, open this link:\n\n" + link + foot
	}
	return l
}

// write puts a letter on its way, inside the act that wants it sent.
func (s *Service) write(ctx context.Context, tx *db.Tx, l Letter, now time.Time) error {
	_, err := tx.Exec(ctx, insertLetter, l.ID, l.To, l.Subject, l.Body, now.UnixMilli())
	tx.AfterCommit(s.post.Ring)
	return err
}

type waiting struct {
	Letter
	dueAt, tries int64
}

// Post sends letters by Mail, which must be set, until ctx ends, each at least once; one that cannot be sent is tried again for about a day.
func (s *Service) Post(ctx context.Context) error {
	for {
		wake := s.post.Wait()
		list, err := db.Collect(ctx, s.db, nextLetter, func(r db.Row) (w waiting, err error) {
			return w, r.Scan(&w.ID, &w.To, &w.Subject, &w.Body, &w.dueAt, &w.tries)
		})
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		pause := time.Hour
		if len(list) > 0 {
			pause = time.Until(time.UnixMilli(list[0].dueAt))
		}
		if pause <= 0 {
			if err := s.send(ctx, list[0]); err != nil {
				return err
			}
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (s *Service) send(ctx context.Context, w waiting) error {
	sendErr := s.Mail(ctx, w.Letter)
	err := s.db.Write(context.WithoutCancel(ctx), "account.post", func(ctx context.Context, tx *db.Tx) error {
		if sendErr == nil || w.tries+1 >= maxTries {
			_, err := tx.Exec(ctx, endLetter, w.ID)
			return err
		}
		_, err := tx.Exec(ctx, laterLetter, w.ID, time.Now().Add(30*time.Second<<w.tries).UnixMilli())
		return err
	})
	if err == nil && sendErr != nil && w.tries+1 >= maxTries {
		return fmt.Errorf("a letter was given up: %w", sendErr)
	}
	return err
}
