package directory

import (
	"regexp"
	"strings"

	"wardline/ground/fault"
)

// bodies are the regulators whose numbers are known here, with the form of each.
var bodies = []struct {
	name, say string
	form      *regexp.Regexp
}{
	{"GMC", "seven digits", regexp.MustCompile(`^[0-9]{7}$`)},
	{"NMC", "two digits, a letter, four digits and a letter, such as 98I1234E", regexp.MustCompile(`^[0-9]{2}[A-Z][0-9]{4}[A-Z]$`)},
	{"HCPC", "two or three letters and five or six digits, such as PH123456", regexp.MustCompile(`^(AS|BS|CH|CS|DT|HAD|OD|ODP|OR|OT|PA|PH|PO|PYL|RA|SL|SW)[0-9]{5,6}$`)},
	{"GPhC", "seven digits that begin with 2 or 5", regexp.MustCompile(`^[25][0-9]{6}$`)},
	{"GDC", "up to six digits", regexp.MustCompile(`^[0-9]{4,6}$`)},
}

// ParseRegistration brings a professional registration into one form: "gmc: 7012345" is "GMC 7012345". It checks the form only; whether
// somebody is on the register is the regulator's to say. "" is "". Anything else is fault.Invalid and says what the form is.
func ParseRegistration(s string) (string, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if s == "" {
		return "", nil
	}
	for _, b := range bodies {
		name := strings.ToUpper(b.name)
		rest, ok := strings.CutPrefix(s, name)
		if !ok {
			continue
		}
		number := strings.NewReplacer(" ", "", "-", "", ":", "").Replace(rest)
		if !b.form.MatchString(number) {
			return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "A "+b.name+" number has "+b.say+".")
		}
		return b.name + " " + number, nil
	}
	return "", fault.New(fault.Invalid, "M_INVALID_PARAM", "Write the register before the number: GMC, NMC, HCPC, GPhC or GDC.")
}

var odsForm = regexp.MustCompile(`^[A-Z0-9]{3,10}$`)

// ValidODS says whether a code has the form of an ODS code.
func ValidODS(s string) bool { return odsForm.MatchString(s) }
