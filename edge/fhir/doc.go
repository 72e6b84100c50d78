// Package fhir shows the staff directory by FHIR R4, read only: Practitioner, PractitionerRole, Organization, Location, HealthcareService
// and Endpoint, with the profiles of UK Core where it has one.
//
// It promises that a post's role names whoever holds it at the instant of the answer, and since and until when; that only people of the
// directory may ask, by session or access token; and that a parameter which is not understood is refused instead of ignored, because a
// search that asks for less than it seems to is how the wrong doctor is called. It refuses personal telephone numbers and addresses, which
// are kept nowhere, and finds nobody who has left. Look first at Routes.
package fhir
