package fhir

import (
	"regexp"
	"strings"
	"time"

	"wardline/clinical/directory"
	"wardline/clinical/rota"
)

type object = map[string]any

// Where UK Core and the NHS keep their names.
const (
	core    = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-"
	odsCode = "https://fhir.nhs.uk/Id/ods-organization-code"
	orgID   = "trust"
)

// registers are the systems of professional numbers.
var registers = map[string]string{"GMC": "https://fhir.hl7.org.uk/Id/gmc-number", "NMC": "https://fhir.hl7.org.uk/Id/nmc-number", "HCPC": "https://fhir.hl7.org.uk/Id/hcpc-number",
	"GPhC": "https://fhir.hl7.org.uk/Id/gphc-number", "GDC": "https://fhir.hl7.org.uk/Id/gdc-number"}

var notID = regexp.MustCompile(`[^A-Za-z0-9.-]`)

// logical makes a FHIR id of one of ours: FHIR knows no underscore.
func logical(s string) string {
	s = notID.ReplaceAllString(s, "-")
	return s[:min(len(s), 64)]
}

func meta(profile string) object {
	if profile == "" {
		return object{}
	}
	return object{"profile": []any{core + profile}}
}

func ref(kind, name, display string) object {
	return object{"reference": kind + "/" + logical(name), "display": display}
}

func (h *api) organization() object {
	o := object{"resourceType": "Organization", "id": orgID, "meta": meta("Organization"), "active": true, "name": h.Name}
	if directory.ValidODS(h.ODS) {
		o["identifier"] = []any{object{"system": odsCode, "value": h.ODS}}
	}
	return o
}

func (h *api) managed() object { return ref("Organization", orgID, h.Name) }

func (h *api) site(s directory.Site) object {
	o := object{"resourceType": "Location", "id": logical("site-" + string(s.ID)), "meta": meta("Location"), "status": "active", "mode": "instance", "name": s.Name, "managingOrganization": h.managed()}
	if s.ODS != "" {
		o["identifier"] = []any{object{"system": "https://fhir.nhs.uk/Id/ods-site-code", "value": s.ODS}}
	}
	return o
}

func (h *api) ward(w directory.Ward, sites map[directory.SiteID]string) object {
	o := object{"resourceType": "Location", "id": logical("ward-" + string(w.ID)), "meta": meta("Location"), "status": "active", "mode": "instance", "name": w.Name, "managingOrganization": h.managed()}
	if name, ok := sites[w.Site]; ok {
		o["partOf"] = ref("Location", "site-"+string(w.Site), name)
	}
	return o
}

func (h *api) practitioner(p directory.Person) object {
	given, family := p.Name, ""
	if i := strings.LastIndexByte(p.Name, ' '); i >= 0 {
		given, family = p.Name[:i], p.Name[i+1:]
	}
	name := object{"use": "official", "text": p.Name}
	if family != "" {
		name["family"], name["given"] = family, []any{given}
	} else {
		name["family"] = given
	}
	o := object{"resourceType": "Practitioner", "id": logical(p.User.Localpart()), "meta": meta("Practitioner"), "active": !p.Left(), "name": []any{name}}
	if body, number, ok := strings.Cut(p.Registration, " "); ok && registers[body] != "" {
		o["identifier"] = []any{object{"system": registers[body], "value": number}}
	}
	if len(p.Languages) > 0 {
		var all []any
		for _, l := range p.Languages {
			all = append(all, object{"text": l})
		}
		o["communication"] = all
	}
	return o
}

// role is one holder of one post, now.
func (h *api) role(pl *rota.Place, x rota.Holding, name string) object {
	p := pl.Post
	o := object{"resourceType": "PractitionerRole", "id": logical(string(p.ID) + "." + x.User.Localpart()), "meta": meta("PractitionerRole"), "active": true,
		"period":       object{"start": instant(x.From), "end": instant(x.Until)},
		"practitioner": ref("Practitioner", x.User.Localpart(), name), "organization": h.managed(), "code": []any{object{"text": p.Name}},
		"healthcareService": []any{ref("HealthcareService", string(p.ID), p.Name)}, "endpoint": []any{ref("Endpoint", string(p.ID), p.Name)}}
	if p.Place != "" {
		o["location"] = []any{object{"reference": "Location/" + logical("ward-"+string(p.Place))}}
	}
	return o
}

func instant(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// service is a post: what it does, whoever holds it.
func (h *api) service(p directory.Post) object {
	o := object{"resourceType": "HealthcareService", "id": logical(string(p.ID)), "meta": meta("HealthcareService"), "active": !p.Closed, "providedBy": h.managed(), "name": p.Name,
		"endpoint": []any{ref("Endpoint", string(p.ID), p.Name)}}
	if p.Service != "" {
		o["specialty"] = []any{object{"text": p.Service}}
	}
	if p.Place != "" {
		o["location"] = []any{object{"reference": "Location/" + logical("ward-"+string(p.Place))}}
	}
	return o
}

// endpoint is how a post is reached: whoever holds it now, in this program. People have none here, because a post is what must be reached.
// UK Core has no profile for it, and FHIR no code for such a connection.
func (h *api) endpoint(name, display, address string) object {
	return object{"resourceType": "Endpoint", "id": logical(name), "status": "active", "name": display, "managingOrganization": h.managed(),
		"connectionType": object{"system": "https://matrix.org", "code": "matrix", "display": "Matrix"},
		"payloadType":    []any{object{"text": "Matrix message"}}, "address": address}
}
