package conversation_test

import (
	"maps"
	"testing"

	"wardline/clinical/conversation"
)

func TestParseClasses(t *testing.T) {
	for list, want := range map[string]map[conversation.Class]bool{
		"":                     {},
		"other":                {"": true},
		"team, social ,other":  {conversation.Team: true, conversation.Social: true, "": true},
		"clinical,incident,":   {conversation.Clinical: true, conversation.Incident: true},
		"patient-contact,team": {conversation.PatientContact: true, conversation.Team: true},
	} {
		if got, err := conversation.ParseClasses(list); err != nil || !maps.Equal(got, want) {
			t.Errorf("%q: got %v, %v; want %v", list, got, err, want)
		}
	}
	if _, err := conversation.ParseClasses("team,clincal"); err == nil {
		t.Error("a misspelt class was taken: the trust would believe that it is allowed, or that it is not")
	}
}
