package fhirdouble

import "strings"

// definitions are the elements of the types that the double knows: name, how many, type. A type in parentheses limits what a
// reference may point at; the words after = are the codes that a code may be.
//
// spec: hl7.org/fhir/R4
const definitions = `
Bundle
	resourceType 1..1 string
	type 1..1 code=transaction
	entry 1..* Bundle.entry
Bundle.entry
	fullUrl 1..1 uri
	resource 1..1 Resource
	request 1..1 Bundle.request
Bundle.request
	method 1..1 code=POST
	url 1..1 uri
	ifNoneExist 0..1 string
Communication
	resourceType 1..1 string
	meta 1..1 Meta
	identifier 1..* Identifier
	partOf 0..* Reference
	status 1..1 code=preparation,in-progress,not-done,on-hold,stopped,completed,entered-in-error,unknown
	category 0..* CodeableConcept
	priority 0..1 code=routine,urgent,asap,stat
	subject 1..1 Reference(Patient)
	topic 0..1 CodeableConcept
	about 0..* Reference
	encounter 0..1 Reference(Encounter)
	sent 0..1 dateTime
	received 0..1 dateTime
	recipient 0..* Reference
	sender 1..1 Reference(Practitioner)
	payload 1..* Communication.payload
Communication.payload
	contentString 1..1 string
DocumentReference
	resourceType 1..1 string
	meta 1..1 Meta
	masterIdentifier 0..1 Identifier
	identifier 1..* Identifier
	status 1..1 code=current,superseded,entered-in-error
	docStatus 0..1 code=preliminary,final,amended,entered-in-error
	type 1..1 CodeableConcept
	category 0..* CodeableConcept
	subject 1..1 Reference(Patient)
	date 1..1 instant
	author 1..* Reference(Practitioner)
	custodian 1..1 Reference(Organization)
	description 0..1 string
	content 1..* DocumentReference.content
	context 0..1 DocumentReference.context
DocumentReference.content
	attachment 1..1 Attachment
DocumentReference.context
	related 0..* Reference
Provenance
	resourceType 1..1 string
	meta 1..1 Meta
	target 1..* Reference
	occurredDateTime 0..1 dateTime
	recorded 1..1 instant
	agent 1..* Provenance.agent
	entity 1..* Provenance.entity
Provenance.agent
	type 0..1 CodeableConcept
	who 1..1 Reference
	onBehalfOf 0..1 Reference(Organization)
Provenance.entity
	role 1..1 code=derivation,revision,quotation,source,removal
	what 1..1 Reference
Meta
	profile 1..* canonical
	tag 0..* Coding
Identifier
	extension 0..* Extension
	system 1..1 uri
	value 1..1 string
Extension
	url 1..1 uri
	valueCodeableConcept 0..1 CodeableConcept
CodeableConcept
	coding 0..* Coding
	text 0..1 string
Coding
	system 0..1 uri
	code 0..1 string
	display 0..1 string
Attachment
	contentType 1..1 string
	language 0..1 string
	data 1..1 base64Binary
	size 1..1 unsignedInt
	hash 1..1 base64Binary
	title 0..1 string
	creation 0..1 dateTime
`

// element is one line of a definition.
type element struct {
	min, many bool // at least one; a list
	is        string
	of        []string // codes, or types that a reference may name
}

func parseDefinitions() map[string]map[string]element {
	types := map[string]map[string]element{}
	var current map[string]element
	for line := range strings.Lines(definitions) {
		words := strings.Fields(line)
		switch len(words) {
		case 1:
			current = map[string]element{}
			types[words[0]] = current
		case 3:
			e := element{min: strings.HasPrefix(words[1], "1"), many: strings.HasSuffix(words[1], "*"), is: words[2]}
			if name, codes, ok := strings.Cut(e.is, "="); ok {
				e.is, e.of = name, strings.Split(codes, ",")
			}
			if name, target, ok := strings.Cut(strings.TrimSuffix(e.is, ")"), "("); ok {
				e.is, e.of = name, strings.Split(target, "|")
			}
			current[words[0]] = e
		}
	}
	return types
}

// profiles are those of UK Core that a resource may claim, by resource.
var profiles = map[string]string{
	"Communication":     "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Communication",
	"DocumentReference": "https://fhir.hl7.org.uk/StructureDefinition/UKCore-DocumentReference",
	"Provenance":        "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Provenance",
}
