package inbound

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Rule sends messages to a post. Source, Code, Ward and Level are what a message must say, in whatever case; "" is anything.
type Rule struct {
	Source  string           `json:"source"` // a source's id
	Code    string           `json:"code"`
	Ward    string           `json:"ward"`
	Level   string           `json:"level"`
	Post    directory.PostID `json:"post"`
	Urgency paging.Urgency   `json:"urgency"`
	Need    string           `json:"need"` // attend, ring or advise
}

// Rules are tried in their order; the first that fits counts.
type Rules []Rule

// Match returns the first rule that fits and its number from 1, or 0.
func (r Rules) Match(source string, m Message) (Rule, int) {
	fits := func(want, have string) bool {
		return want == "" || strings.EqualFold(strings.TrimSpace(want), strings.TrimSpace(have))
	}
	for i, rule := range r {
		if fits(rule.Source, source) && fits(rule.Code, m.Code) && fits(rule.Ward, m.Ward) && fits(rule.Level, m.Level) {
			return rule, i + 1
		}
	}
	return Rule{}, 0
}

const maxRules = 500

func (s *Service) check(ctx context.Context, q db.Querier, all Rules) error {
	if len(all) > maxRules {
		return wrong("There are 500 rules at most.")
	}
	for i, r := range all {
		p, err := directory.FindPost(ctx, q, r.Post)
		switch {
		case fault.Is(err, fault.NotFound), err == nil && (!p.Pageable || p.Closed):
			return wrong(fmt.Sprintf("Rule %d: this post cannot be paged.", i+1))
		case err != nil:
			return err
		case r.Urgency != paging.Urgent && r.Urgency != paging.Emergency:
			return wrong(fmt.Sprintf("Rule %d: the urgency is urgent or emergency.", i+1))
		case r.Need != "attend" && r.Need != "ring" && r.Need != "advise":
			return wrong(fmt.Sprintf("Rule %d: say what is needed: attend, ring or advise.", i+1))
		case len(r.Source)+len(r.Code)+len(r.Ward)+len(r.Level) > 400:
			return wrong(fmt.Sprintf("Rule %d: keep it shorter.", i+1))
		}
	}
	return nil
}

func wrong(text string) error { return fault.New(fault.Invalid, "M_INVALID_PARAM", text) }

// Version is one state of the rules.
type Version struct {
	Version int64
	At      time.Time
	By      id.User
	Rules   Rules
}

var (
	newestRules = db.SQL("inbound.rules", `SELECT version, at, by_user, rules FROM inbound_rules ORDER BY version DESC LIMIT 1`)
	addRules    = db.SQL("inbound.add_rules", `INSERT INTO inbound_rules (version, at, by_user, rules) VALUES ($1, $2, $3, $4)`)
)

// Newest returns the rules in force; version 0 is none.
func Newest(ctx context.Context, q db.Querier) (Version, error) {
	v, err := db.One(ctx, q, newestRules, func(r db.Row) (v Version, err error) {
		var at int64
		var raw []byte
		if err := r.Scan(&v.Version, &at, &v.By, &raw); err != nil {
			return v, err
		}
		v.At = time.UnixMilli(at)
		return v, json.Unmarshal(raw, &v.Rules)
	})
	if fault.Is(err, fault.NotFound) {
		return Version{Rules: Rules{}}, nil
	}
	return v, err
}

// SetRules puts rules in force in place of version based; when somebody was quicker it is fault.Conflict. Who does not look after everything
// gets fault.Forbidden, rules that cannot work are fault.Invalid with a sentence.
func (s *Service) SetRules(ctx context.Context, by directory.By, based int64, all Rules) (Version, error) {
	v := Version{At: s.Now(), By: by.User, Rules: all}
	return v, s.DB.Write(ctx, "inbound.rules", func(ctx context.Context, tx *db.Tx) error {
		if err := directory.MayKeep(ctx, tx, by, directory.Everything); err != nil {
			return err
		}
		if err := s.check(ctx, tx, all); err != nil {
			return err
		}
		old, err := Newest(ctx, tx)
		if err != nil {
			return err
		}
		if old.Version != based {
			return fault.New(fault.Conflict, "UK_WARDLINE_CHANGED", "Somebody has changed the rules meanwhile. Look at theirs first.")
		}
		v.Version = old.Version + 1
		raw, err := json.Marshal(all)
		if err != nil {
			return fmt.Errorf("rules of inbound: %w", err)
		}
		if _, err := tx.Exec(ctx, addRules, v.Version, v.At.UnixMilli(), string(by.User), raw); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Entry{At: v.At, Actor: string(by.User), Action: "inbound.rules", Object: "inbound", Detail: map[string]string{"version": fmt.Sprint(v.Version), "rules": string(raw)}})
	})
}
