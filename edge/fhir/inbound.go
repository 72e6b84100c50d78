package fhir

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"wardline/clinical/directory"
	"wardline/clinical/inbound"
	"wardline/clinical/paging"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/account"
)

// messages are the kinds of resources that other systems post, and how each says that it waits, was accepted, or is over.
var messages = map[string]struct{ waits, accepted, over string }{
	"Communication":        {"in-progress", "completed", "stopped"},
	"CommunicationRequest": {"active", "completed", "revoked"},
	"Task":                 {"requested", "accepted", "cancelled"},
}

type identifier struct {
	System string `json:"system"`
	Value  string `json:"value"`
}

type reference struct {
	Reference  string     `json:"reference"`
	Display    string     `json:"display"`
	Identifier identifier `json:"identifier"`
}

type concept struct {
	Coding []struct {
		Code string `json:"code"`
	} `json:"coding"`
	Text string `json:"text"`
}

func (c concept) word() string {
	if len(c.Coding) > 0 && c.Coding[0].Code != "" {
		return c.Coding[0].Code
	}
	return c.Text
}

// posted is what is read of a resource; what else it holds is kept as it came.
type posted struct {
	ResourceType string       `json:"resourceType"`
	Identifier   []identifier `json:"identifier"`
	Priority     string       `json:"priority"`
	Category     []concept    `json:"category"`
	Code         concept      `json:"code"` // of Task
	Subject      reference    `json:"subject"`
	For          reference    `json:"for"` // of Task
	Recipient    []reference  `json:"recipient"`
	Owner        reference    `json:"owner"` // of Task
	Location     reference    `json:"location"`
	Description  string       `json:"description"`
	Payload      []struct {
		ContentString string `json:"contentString"`
	} `json:"payload"`
	Note []struct {
		Text string `json:"text"`
	} `json:"note"`
}

// nhsNumber is the system of NHS numbers. spec: https://fhir.nhs.uk/Id/nhs-number
const nhsNumber = "https://fhir.nhs.uk/Id/nhs-number"

// message reads a resource as a message: its first identifier is its name, its category or code what the rules match, its priority the level,
// a recipient that is a post of ours where it goes when no rule fits.
func (p posted) message(raw []byte) inbound.Message {
	m := inbound.Message{Level: p.Priority, Stat: p.Priority == "stat", Body: raw, Code: p.Code.word(), Ward: p.Location.Display}
	if len(p.Identifier) > 0 {
		m.Ref = strings.TrimPrefix(p.Identifier[0].System+"|"+p.Identifier[0].Value, "|")
		if p.Identifier[0].Value == "" {
			m.Ref = ""
		}
	}
	if len(p.Category) > 0 {
		m.Code = p.Category[0].word()
	}
	var words []string
	for _, x := range p.Payload {
		words = append(words, x.ContentString)
	}
	words = append(words, p.Description)
	for _, n := range p.Note {
		words = append(words, n.Text)
	}
	m.Text = obs.Hidden(strings.Join(strings.Fields(strings.Join(words, " ")), " "))
	subject := p.Subject
	if p.ResourceType == "Task" {
		subject = p.For
	}
	if subject.Identifier.System == nhsNumber {
		m.NHS = obs.Hidden(subject.Identifier.Value)
	}
	m.Where = obs.Hidden(p.Location.Display)
	for _, to := range append(p.Recipient, p.Owner) {
		for _, kind := range []string{"HealthcareService/", "PractitionerRole/"} {
			if id, is := strings.CutPrefix(to.Reference, kind); is && m.Post == "" {
				m.Post = directory.PostID(id)
			}
		}
	}
	return m
}

// refused puts an error into an OperationOutcome, for systems as well as people.
func refused(w http.ResponseWriter, err error) error {
	f := fault.As(err)
	if f == nil {
		return err
	}
	kinds := map[fault.Kind]struct {
		status int
		code   string
	}{fault.Invalid: {http.StatusBadRequest, "invalid"}, fault.Unauthenticated: {http.StatusUnauthorized, "login"}, fault.NotFound: {http.StatusNotFound, "not-found"},
		fault.Hidden: {http.StatusNotFound, "not-found"}, fault.TooLarge: {http.StatusRequestEntityTooLarge, "too-long"}}
	k, known := kinds[f.Kind]
	if !known {
		return err // with when to come back, as everywhere
	}
	return say(w, k.status, object{"resourceType": "OperationOutcome", "issue": []any{object{"severity": "error", "code": k.code, "diagnostics": f.Public}}})
}

func (h *api) source(r *http.Request) (inbound.Source, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return h.Inbound.Admit(r.Context(), strings.TrimSpace(token))
}

// receive takes a resource that another system posts. The same identifier again answers 200 with what is there.
// spec: http://hl7.org/fhir/R4/http.html#create
func (h *api) receive(kind string) func(http.ResponseWriter, *http.Request, account.Actor) error {
	return func(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
		t, fresh, err := h.taken(w, r, kind)
		if err != nil {
			return refused(w, err)
		}
		status := http.StatusOK
		if fresh {
			status = http.StatusCreated
		}
		w.Header().Set("Location", h.public(r)+base+"/"+kind+"/"+t.ID)
		return h.shown(w, status, kind, t)
	}
}

func (h *api) taken(w http.ResponseWriter, r *http.Request, kind string) (inbound.Taken, bool, error) {
	var t inbound.Taken
	src, err := h.source(r)
	if err != nil {
		return t, false, err
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		return t, false, fault.New(fault.TooLarge, "M_TOO_LARGE", "The resource is too large.")
	}
	var p posted
	if err := json.Unmarshal(raw, &p); err != nil || p.ResourceType != kind {
		return t, false, fault.Wrap(fault.Invalid, "M_BAD_JSON", "This is no "+kind+" of R4 in JSON.", err)
	}
	m := p.message(raw)
	if m.Ref == "" {
		return t, false, invalid("The resource needs an identifier, so that it is not paged twice.")
	}
	if t, err = h.Inbound.Take(r.Context(), src, m); err != nil {
		return t, false, err
	}
	return t, t.Fresh, nil
}

// readMessage shows a system what it has posted, with how it stands.
func (h *api) readMessage(kind string) func(http.ResponseWriter, *http.Request, account.Actor) error {
	return func(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
		src, err := h.source(r)
		if err != nil {
			return refused(w, err)
		}
		t, err := h.Inbound.Find(r.Context(), src, r.PathValue("id"))
		if err != nil {
			return refused(w, err)
		}
		return h.shown(w, http.StatusOK, kind, t)
	}
}

// shown is the resource as it came, with our id and how it stands. One of another kind is not there.
func (h *api) shown(w http.ResponseWriter, status int, kind string, t inbound.Taken) error {
	o := object{}
	if json.Unmarshal(t.Body, &o) != nil || o["resourceType"] != kind {
		return refused(w, fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such resource."))
	}
	words := messages[kind]
	o["id"], o["status"] = t.ID, words.waits
	switch t.Page.Status {
	case paging.Accepted:
		o["status"] = words.accepted
	case paging.Withdrawn:
		o["status"] = words.over
	}
	return say(w, status, o)
}
