package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/patient"
	"wardline/clinical/rota"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/event"
	"wardline/matrix/id"
	"wardline/matrix/room"
)

// ForwardedKey is the content member that says where a forwarded message comes from. Only this program writes it.
const ForwardedKey = "uk.wardline.forwarded"

// Forwards says into which classes of rooms a message may be forwarded, by the class of the room it stands in; "" is a room without
// a class. What is said about patients stays among those who care for them, what is said about an incident stays there, and nothing
// is forwarded to where a patient reads.
//
// hazard: H4 sent to wrong person or role
func Forwards() map[Class][]Class {
	return map[Class][]Class{
		Clinical:       {Clinical, Team, Incident},
		PatientContact: {Clinical, Team, Incident},
		Incident:       {Incident},
		Team:           {Clinical, Team, Incident, Social, ""},
		Social:         {Team, Social, ""},
		"":             {Team, Social, ""},
	}
}

// Origin is where a forwarded message was said first.
type Origin struct {
	Room   id.Room  `json:"room"`
	Event  id.Event `json:"event_id"`
	Sender id.User  `json:"sender"`
	Name   string   `json:"name"`
	At     int64    `json:"at"`
}

// Forward is a message that somebody passes on.
type Forward struct {
	From  id.Room
	Event id.Event
	To    id.Room
	Txn   string // the client's own name for this call
}

var (
	errNoMessage = fault.New(fault.Hidden, "M_NOT_FOUND", "There is no such message.")
	errClass     = fault.New(fault.Forbidden, "UK_WARDLINE_CLASS", "A message may not be forwarded from this kind of conversation into that kind.")
	errOther     = fault.New(fault.Forbidden, "UK_WARDLINE_PATIENT", "That conversation is about another patient.")
	errKind      = fault.New(fault.Invalid, "M_INVALID_PARAM", "This kind of message cannot be forwarded.")
)

// Forward sends a message again in another room, as said by whoever forwards it, with a line that says who said it first and when; an
// edited message goes as it reads now. The same transaction id of the same person sends nothing again. A room that the person is not
// in, or a message that they cannot see, is fault.Hidden; where the classes do not allow it, fault.Forbidden. It is audited.
//
// hazard: H5 wrong patient attached
func (s *Service) Forward(ctx context.Context, by id.User, f Forward) (id.Event, error) {
	if f.Txn == "" || len(f.Txn) > maxName {
		return "", fault.New(fault.Invalid, "M_MISSING_PARAM", "Forwarding needs a transaction id, so that it is not done twice.")
	}
	feed, err := s.Rooms.Feed(ctx, f.From)
	if err != nil {
		return "", fault.Hide(err, "M_NOT_FOUND", "There is no such message.")
	}
	original, _, err := s.Rooms.Find(ctx, feed, by, f.Event)
	if err != nil {
		return "", fault.Hide(err, "M_NOT_FOUND", "There is no such message.")
	}
	edit, err := s.Rooms.Replacement(ctx, feed, original)
	if err != nil {
		return "", err
	}
	var sent id.Event
	err = s.DB.Write(ctx, "conversation.forward", func(ctx context.Context, tx *db.Tx) (err error) {
		earlier, err := db.Collect(ctx, tx, forwarded, db.Scalar[id.Event], string(by), f.Txn)
		if err != nil {
			return err
		}
		if len(earlier) > 0 {
			sent = earlier[0]
			return nil
		}
		sent, err = s.forwardIn(ctx, tx, by, f, edit)
		return err
	})
	return sent, err
}

func (s *Service) forwardIn(ctx context.Context, tx *db.Tx, by id.User, f Forward, edit *room.Event) (id.Event, error) {
	from, err := s.Joined(ctx, tx, by, f.From)
	if err != nil {
		return "", err
	}
	to, err := s.Joined(ctx, tx, by, f.To)
	if err != nil {
		return "", err
	}
	if err := mayForward(from, to); err != nil {
		return "", err
	}
	original, err := from.Event(ctx, f.Event)
	if fault.Is(err, fault.NotFound) || err == nil && original.RedactedBy != "" {
		return "", errNoMessage
	}
	if err != nil {
		return "", err
	}
	said := original.Event.Content
	if edit != nil {
		said = event.Field(edit.Event.Content, "m.new_content")
	}
	origin, err := first(ctx, tx, original, f.From)
	if err != nil {
		return "", err
	}
	if origin.Room != f.From { // what was forwarded before stays as sensitive as where it was said first
		source, err := s.Rooms.In(ctx, tx, origin.Room)
		if err != nil {
			return "", fault.Hide(err, "M_NOT_FOUND", errNoMessage.Public)
		}
		if err := mayForward(source, to); err != nil {
			return "", err
		}
	}
	content, err := passedOn(original.Type, said, origin)
	if err != nil {
		return "", err
	}
	ev, err := to.Send(ctx, by, "m.room.message", content)
	if err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, saveForward, string(by), f.Txn, string(ev.ID)); err != nil {
		return "", err
	}
	return ev.ID, audit.Append(ctx, tx, audit.Entry{At: s.Now(), Actor: string(by), Action: "message.forward", Object: string(f.Event),
		Detail: map[string]string{"from": string(f.From), "to": string(f.To), "as": string(ev.ID)}})
}

// first says where a message was said first: what it says itself when it was forwarded, which only this program writes, and otherwise
// where it stands.
func first(ctx context.Context, q db.Querier, ev *room.Event, in id.Room) (Origin, error) {
	var o Origin
	if raw := event.Field(ev.Event.Content, ForwardedKey); raw != nil && json.Unmarshal(raw, &o) == nil && o.Room != "" {
		return o, nil
	}
	name, err := directory.NameOf(ctx, q, ev.Sender)
	return Origin{Room: in, Event: ev.ID, Sender: ev.Sender, Name: name, At: ev.OriginServerTS}, err
}

// mayForward refuses what the classes of the two rooms, or the patients whom they are about, do not allow.
func mayForward(from, to *room.Act) error {
	if !slices.Contains(Forwards()[ClassOf(from)], ClassOf(to)) {
		return errClass
	}
	a, b := aboutWhom(from), aboutWhom(to)
	if a != "" && b != "" && a != b {
		return errOther
	}
	return nil
}

// aboutWhom returns the patient of a room, "" for none.
func aboutWhom(a *room.Act) patient.ID {
	var link patient.Link
	if json.Unmarshal(a.State(patient.StateType, ""), &link) != nil {
		return ""
	}
	return link.ID
}

// rooted are the beginnings of content members that only mean something where they were made.
var rooted = []string{"uk.wardline.page", "uk.wardline.decision", "uk.wardline.filing", "uk.wardline.ask", "uk.wardline.emergency", NoticeKey}

// passedOn is the content of a forwarded message: what was said, without what tied it to its place, under a line for every client.
func passedOn(typ string, said json.RawMessage, origin Origin) (map[string]any, error) {
	content, again := map[string]any{}, false
	if typ != "m.room.message" || json.Unmarshal(said, &content) != nil {
		return nil, errKind
	}
	for key := range content {
		switch {
		case key == PlaceKey:
		case key == ForwardedKey:
			again = true
			delete(content, key)
		case slices.ContainsFunc(rooted, func(p string) bool { return strings.HasPrefix(key, p) }):
			return nil, errKind
		case key == MentionsKey, key == "uk.wardline.kind", key == "m.relates_to", key == "m.mentions", key == "m.new_content":
			delete(content, key)
		}
	}
	body, _ := content["body"].(string)
	if again { // the line of the first time is written anew
		_, body, _ = strings.Cut(body, "\n")
		delete(content, "formatted_body")
		delete(content, "format")
	}
	msgtype, _ := content["msgtype"].(string)
	if body == "" && content["url"] == nil || msgtype == "" {
		return nil, errKind
	}
	line := fmt.Sprintf("Forwarded from %s, %s", origin.Name, rota.Local(time.UnixMilli(origin.At)).Format("2 Jan 15:04"))
	content[ForwardedKey] = origin
	if content["url"] == nil {
		content["body"] = line + ":\n" + body
		if html, ok := content["formatted_body"].(string); ok {
			content["formatted_body"] = "<p><em>" + escape(line) + ":</em></p>" + html
		}
		return content, nil
	}
	// A file's body is its caption only beside a file name of its own.
	name, _ := content["filename"].(string)
	if name == "" || name == body {
		content["filename"], body = body, ""
	}
	delete(content, "formatted_body")
	delete(content, "format")
	content["body"] = line
	if body != "" {
		content["body"] = line + ":\n" + body
	}
	return content, nil
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

var (
	forwarded   = db.SQL("conversation.forwarded", `SELECT event FROM conversation_forward WHERE user_id = $1 AND txn = $2 LIMIT 1`)
	saveForward = db.SQL("conversation.save_forward", `INSERT INTO conversation_forward (user_id, txn, event) VALUES ($1, $2, $3)`)
)
