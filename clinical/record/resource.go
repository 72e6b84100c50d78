package record

// The FHIR R4 elements that a filing uses, and no others. Order and names are the standard's.
//
// spec: hl7.org/fhir/R4

type meta struct {
	Profile []string `json:"profile,omitempty"`
	Tag     []coding `json:"tag,omitempty"`
}

type coding struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code,omitempty"`
	Display string `json:"display,omitempty"`
}

type concept struct {
	Coding []coding `json:"coding,omitempty"`
	Text   string   `json:"text,omitempty"`
}

type extension struct {
	URL   string   `json:"url"`
	Value *concept `json:"valueCodeableConcept,omitempty"`
}

type identifier struct {
	Extension []extension `json:"extension,omitempty"`
	System    string      `json:"system"`
	Value     string      `json:"value"`
}

type reference struct {
	Reference  string      `json:"reference,omitempty"`
	Type       string      `json:"type,omitempty"`
	Identifier *identifier `json:"identifier,omitempty"`
	Display    string      `json:"display,omitempty"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	Language    string `json:"language"`
	Data        []byte `json:"data"` // base64 in JSON, as the standard wants it
	Size        int    `json:"size"`
	Hash        []byte `json:"hash"` // SHA-1, because the standard says so; the SHA-256 is in the Provenance
	Title       string `json:"title"`
	Creation    string `json:"creation"`
}

type payload struct {
	ContentString string `json:"contentString"`
}

type communication struct {
	ResourceType string       `json:"resourceType"`
	Meta         meta         `json:"meta"`
	Identifier   []identifier `json:"identifier"`
	Status       string       `json:"status"`
	Category     []concept    `json:"category"`
	Subject      reference    `json:"subject"`
	Sent         string       `json:"sent"`
	Sender       reference    `json:"sender"`
	Payload      []payload    `json:"payload"`
}

type documentReference struct {
	ResourceType     string            `json:"resourceType"`
	Meta             meta              `json:"meta"`
	MasterIdentifier identifier        `json:"masterIdentifier"`
	Identifier       []identifier      `json:"identifier"`
	Status           string            `json:"status"`
	DocStatus        string            `json:"docStatus"`
	Type             concept           `json:"type"`
	Category         []concept         `json:"category"`
	Subject          reference         `json:"subject"`
	Date             string            `json:"date"`
	Author           []reference       `json:"author"`
	Custodian        reference         `json:"custodian"`
	Description      string            `json:"description"`
	Content          []documentContent `json:"content"`
	Context          documentContext   `json:"context"`
}

type documentContent struct {
	Attachment attachment `json:"attachment"`
}

type documentContext struct {
	Related []reference `json:"related"`
}

type provenance struct {
	ResourceType string             `json:"resourceType"`
	Meta         meta               `json:"meta"`
	Target       []reference        `json:"target"`
	Occurred     string             `json:"occurredDateTime"`
	Recorded     string             `json:"recorded"`
	Agent        []provenanceAgent  `json:"agent"`
	Entity       []provenanceEntity `json:"entity"`
}

type provenanceAgent struct {
	Type       concept   `json:"type"`
	Who        reference `json:"who"`
	OnBehalfOf reference `json:"onBehalfOf"`
}

type provenanceEntity struct {
	Role string    `json:"role"`
	What reference `json:"what"`
}

type bundle struct {
	ResourceType string  `json:"resourceType"`
	Type         string  `json:"type"`
	Entry        []entry `json:"entry"`
}

type entry struct {
	FullURL  string  `json:"fullUrl"`
	Resource any     `json:"resource"`
	Request  request `json:"request"`
}

type request struct {
	Method      string `json:"method"`
	URL         string `json:"url"`
	IfNoneExist string `json:"ifNoneExist"`
}
