package fhirdouble

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"wardline/clinical/patient"
)

type object = map[string]any

// check collects what is wrong with a resource.
type check struct {
	types  map[string]map[string]element
	issues []string
	refs   []object // every Reference, to be resolved afterwards
}

func (c *check) fail(path, format string, args ...any) {
	if len(c.issues) < 20 {
		c.issues = append(c.issues, path+": "+fmt.Sprintf(format, args...))
	}
}

// value checks one value against a type.
func (c *check) value(path string, v any, e element) {
	switch e.is {
	case "Resource":
		o, ok := v.(object)
		if !ok {
			c.fail(path, "is not a resource")
			return
		}
		kind, _ := o["resourceType"].(string)
		if profiles[kind] == "" {
			c.fail(path, "resources of type %q are not accepted", kind)
			return
		}
		c.object(kind, o, kind)
	case "Reference":
		c.reference(path, v, e.of)
	case "unsignedInt":
		if n, ok := v.(float64); !ok || n < 0 || n != float64(int(n)) {
			c.fail(path, "is not a whole number")
		}
	default:
		if _, known := c.types[e.is]; known {
			if o, ok := v.(object); ok {
				c.object(path, o, e.is)
			} else {
				c.fail(path, "is not an object")
			}
			return
		}
		c.text(path, v, e)
	}
}

var (
	instantForm  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)
	dateTimeForm = regexp.MustCompile(`^\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?$`)
	urnForm      = regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	odsForm      = regexp.MustCompile(`^[A-Z0-9]{3,10}$`)
)

func (c *check) text(path string, v any, e element) {
	s, ok := v.(string)
	switch {
	case !ok || strings.TrimSpace(s) == "":
		c.fail(path, "is not text")
	case e.is == "code" && !slices.Contains(e.of, s):
		c.fail(path, "%q is none of %s", s, strings.Join(e.of, ", "))
	case e.is == "instant" && !instantForm.MatchString(s):
		c.fail(path, "is not an instant")
	case e.is == "dateTime" && !dateTimeForm.MatchString(s):
		c.fail(path, "is not a date or time")
	case e.is == "base64Binary":
		if _, err := base64.StdEncoding.DecodeString(s); err != nil {
			c.fail(path, "is not base64")
		}
	case (e.is == "uri" || e.is == "canonical") && strings.ContainsAny(s, " \t\n"):
		c.fail(path, "is not a URI")
	}
}

// object checks every element of an object, and that there are no others.
func (c *check) object(path string, o object, typ string) {
	def := c.types[typ]
	names := make([]string, 0, len(o)+len(def))
	for name := range o {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		e, known := def[name]
		if !known {
			c.fail(path+"."+name, "is not an element of %s", typ)
			continue
		}
		if !e.many {
			c.value(path+"."+name, o[name], e)
			continue
		}
		list, ok := o[name].([]any)
		if !ok || len(list) == 0 {
			c.fail(path+"."+name, "is not a list with something in it")
			continue
		}
		for i, v := range list {
			c.value(fmt.Sprintf("%s.%s[%d]", path, name, i), v, e)
		}
	}
	for name, e := range def {
		if _, there := o[name]; e.min && !there {
			c.fail(path+"."+name, "is missing")
		}
	}
	c.rules(path, o, typ)
}

// rules are what a table of elements cannot say.
func (c *check) rules(path string, o object, typ string) {
	switch typ {
	case "Identifier":
		c.identifier(path, o)
	case "Attachment":
		data, _ := base64.StdEncoding.DecodeString(text(o, "data"))
		hash, _ := base64.StdEncoding.DecodeString(text(o, "hash"))
		sum := sha1.Sum(data)
		if size, _ := o["size"].(float64); int(size) != len(data) {
			c.fail(path+".size", "is %v, the data has %d bytes", o["size"], len(data))
		}
		if !bytes.Equal(hash, sum[:]) {
			c.fail(path+".hash", "is not the SHA-1 of the data")
		}
		if t := text(o, "contentType"); !strings.HasPrefix(t, "text/plain") && t != "application/fhir+json" {
			c.fail(path+".contentType", "is not accepted")
		}
	case "Communication", "DocumentReference", "Provenance":
		m, _ := o["meta"].(object)
		list, _ := m["profile"].([]any)
		for _, p := range list {
			if p != profiles[typ] {
				c.fail(path+".meta.profile", "%v is not known for %s", p, typ)
			}
		}
	case "CodeableConcept":
		if len(o) == 0 {
			c.fail(path, "is empty")
		}
	}
}

func (c *check) identifier(path string, o object) {
	value := text(o, "value")
	switch text(o, "system") {
	case "https://fhir.nhs.uk/Id/nhs-number":
		if n, err := patient.ParseNHSNumber(value); err != nil || string(n) != value {
			c.fail(path+".value", "is not a valid NHS number")
		}
		if list, _ := o["extension"].([]any); len(list) != 1 || !verified(list[0]) {
			c.fail(path+".extension", "does not say whether the number was verified")
		}
	case "https://fhir.nhs.uk/Id/ods-organization-code":
		if !odsForm.MatchString(value) {
			c.fail(path+".value", "is not an ODS code")
		}
	}
}

// verified says whether an extension tells the verification status of an NHS number.
func verified(v any) bool {
	o, _ := v.(object)
	concept, _ := o["valueCodeableConcept"].(object)
	list, _ := concept["coding"].([]any)
	if text(o, "url") != "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus" || len(list) != 1 {
		return false
	}
	coding, _ := list[0].(object)
	return text(coding, "system") == "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland" &&
		slices.Contains([]string{"01", "02", "03", "04", "05", "06", "07", "08"}, text(coding, "code"))
}

func (c *check) reference(path string, v any, of []string) {
	o, ok := v.(object)
	if !ok {
		c.fail(path, "is not a reference")
		return
	}
	for name, member := range o {
		switch name {
		case "reference", "type", "display":
			if s, ok := member.(string); !ok || s == "" {
				c.fail(path+"."+name, "is not text")
			}
		case "identifier":
			c.value(path+".identifier", member, element{is: "Identifier"})
		default:
			c.fail(path+"."+name, "is not an element of Reference")
		}
	}
	if o["reference"] == nil && o["identifier"] == nil {
		c.fail(path, "points at nothing")
	}
	if t := text(o, "type"); len(of) > 0 && !slices.Contains(of, t) {
		c.fail(path, "is to %q, not to %s", t, strings.Join(of, " or "))
	}
	c.refs = append(c.refs, o)
}

func text(o object, name string) string {
	s, _ := o[name].(string)
	return s
}
