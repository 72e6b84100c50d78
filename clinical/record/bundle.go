package record

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"wardline/clinical/patient"
	"wardline/clinical/rota"
	"wardline/matrix/id"
)

// Names that the standards give.
const (
	nhsNumberSystem  = "https://fhir.nhs.uk/Id/nhs-number"
	odsSystem        = "https://fhir.nhs.uk/Id/ods-organization-code"
	ukCore           = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-"
	verification     = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
	verificationList = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"
	participantType  = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	sha256OID        = "urn:oid:2.16.840.1.101.3.4.2.1"
)

// author is a person in a filing.
type author struct {
	User id.User
	Name string
	Role string
}

// Source is everything that goes into a filing, fixed at the moment of the decision.
type source struct {
	Org       Organisation
	Decision  DecisionID
	DecidedAt time.Time
	DecidedBy author
	Event     id.Event // the message; its id is the hash of its content
	Room      id.Room
	WrittenAt time.Time
	WrittenBy author
	Text      string
	Patient   patient.Patient
}

func (s source) system(what string) string {
	return "https://" + string(s.Org.Server) + "/fhir/identifier/" + what
}

// uuid is the urn of a resource inside the bundle: the same decision gives the same one, for ever.
func (s source) uuid(resource string) string {
	h := sha256.Sum256([]byte(string(s.Org.Server) + "\n" + string(s.Decision) + "\n" + resource))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // RFC 9562 version 8
	x := hex.EncodeToString(h[:16])
	return "urn:uuid:" + strings.Join([]string{x[:8], x[8:12], x[12:16], x[16:20], x[20:]}, "-")
}

// subject names the patient by number, not by an id of the record system, which we do not know.
//
// hazard: H5 wrong patient attached
func (s source) subject() reference {
	ref := reference{Type: "Patient", Display: s.Patient.Name()}
	if s.Patient.NHS == "" {
		ref.Identifier = &identifier{System: s.system("hospital-number"), Value: s.Patient.Hospital}
		return ref
	}
	status := coding{verificationList, "02", "Number present but not traced"}
	if s.Patient.Traced {
		status = coding{verificationList, "01", "Number present and verified"}
	}
	ref.Identifier = &identifier{System: nhsNumberSystem, Value: string(s.Patient.NHS),
		Extension: []extension{{URL: verification, Value: &concept{Coding: []coding{status}}}}}
	return ref
}

func (s source) practitioner(a author) reference {
	return reference{Type: "Practitioner", Display: a.Name, Identifier: &identifier{System: s.system("staff"), Value: string(a.User)}}
}

func (s source) organisation() reference {
	return reference{Type: "Organization", Display: s.Org.Name, Identifier: &identifier{System: odsSystem, Value: s.Org.ODS}}
}

// instant is FHIR's, in UTC with milliseconds.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// document is what a person reads in the record.
func (s source) document() []byte {
	when := func(t time.Time) string { return rota.Local(t).Format("02-Jan-2006 15:04 MST") }
	number := "NHS number " + s.Patient.NHS.Spaced()
	if s.Patient.NHS == "" {
		number = "Hospital number " + s.Patient.Hospital
	}
	born := s.Patient.Born
	if t, err := time.Parse(time.DateOnly, born); err == nil {
		born = t.Format("02-Jan-2006")
	}
	return fmt.Appendf(nil, "Clinical decision\n\nPatient: %s, born %s, %s\nWritten by: %s (%s), %s\nMarked as a decision by: %s (%s), %s\n\n%s\n\nFiled from the messages of %s by Wardline. Message %s in %s.\n",
		s.Patient.Name(), born, number, s.WrittenBy.Name, s.WrittenBy.Role, when(s.WrittenAt), s.DecidedBy.Name, s.DecidedBy.Role, when(s.DecidedAt),
		s.Text, s.Org.Name, s.Event, s.Room)
}

// build makes the transaction that will be filed. It is deterministic: the same source gives the same bytes.
//
// spec: hl7.org/fhir/R4/http#transaction
// hazard: H10 decision not filed, or filed twice
func (s source) build() ([]byte, error) {
	mine := identifier{System: s.system("decision"), Value: string(s.Decision)}
	tag := coding{System: mine.System, Code: mine.Value}
	described := func(resource string) meta {
		return meta{Profile: []string{ukCore + resource}, Tag: []coding{tag}}
	}
	text := s.document()
	sum1, sum2 := sha1.Sum(text), sha256.Sum256(text)
	comm, doc := s.uuid("Communication"), s.uuid("DocumentReference")
	kind := concept{Text: "Clinical decision from staff messaging"}
	b := bundle{ResourceType: "Bundle", Type: "transaction", Entry: []entry{
		{comm, communication{ResourceType: "Communication", Meta: described("Communication"), Identifier: []identifier{mine},
			Status: "completed", Category: []concept{kind}, Subject: s.subject(), Sent: instant(s.WrittenAt), Sender: s.practitioner(s.WrittenBy),
			Payload: []payload{{s.Text}}}, created("Communication", "identifier", mine)},
		{doc, documentReference{ResourceType: "DocumentReference", Meta: described("DocumentReference"), MasterIdentifier: mine,
			Identifier: []identifier{mine}, Status: "current", DocStatus: "final", Type: kind, Category: []concept{kind}, Subject: s.subject(),
			Date: instant(s.DecidedAt), Author: []reference{s.practitioner(s.WrittenBy)}, Custodian: s.organisation(),
			Description: "Decision recorded in " + s.Org.Name + "'s messaging", Content: []documentContent{{attachment{
				ContentType: "text/plain; charset=utf-8", Language: "en-GB", Data: text, Size: len(text), Hash: sum1[:],
				Title: "Clinical decision", Creation: instant(s.DecidedAt)}}},
			Context: documentContext{Related: []reference{{Reference: comm}}}}, created("DocumentReference", "identifier", mine)},
		{s.uuid("Provenance"), provenance{ResourceType: "Provenance", Meta: described("Provenance"), Target: []reference{{Reference: doc}, {Reference: comm}},
			Occurred: instant(s.WrittenAt), Recorded: instant(s.DecidedAt), Agent: []provenanceAgent{
				{agent("author", "Author"), s.practitioner(s.WrittenBy), s.organisation()},
				{agent("attester", "Attester"), s.practitioner(s.DecidedBy), s.organisation()}},
			Entity: []provenanceEntity{
				{"source", reference{Identifier: &identifier{System: s.system("matrix-event"), Value: string(s.Event)}, Display: "The message; its id is the hash of its content"}},
				{"source", reference{Identifier: &identifier{System: sha256OID, Value: hex.EncodeToString(sum2[:])}, Display: "SHA-256 of the filed document"}}},
		}, created("Provenance", "_tag", identifier{System: tag.System, Value: tag.Code})},
	}}
	raw, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("build filing of %s: %w", s.Decision, err)
	}
	return raw, nil
}

func agent(code, display string) concept {
	return concept{Coding: []coding{{participantType, code, display}}}
}

// created asks the record to create a resource unless one with this identifier, or tag, is there.
func created(resource, param string, i identifier) request {
	return request{Method: "POST", URL: resource, IfNoneExist: param + "=" + url.QueryEscape(i.System+"|"+i.Value)}
}
