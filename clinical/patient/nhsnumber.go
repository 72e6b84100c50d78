package patient

import (
	"log/slog"
	"strings"

	"wardline/ground/fault"
)

// NHSNumber is ten digits whose last one is right, or empty when the number is not known. It prints as [hidden]; use Spaced to
// show it, string(n) to store or send it.
type NHSNumber string

var errNHSNumber = fault.New(fault.Invalid, "M_INVALID_PARAM", "This is not a valid NHS number. Check the ten digits.")

// ParseNHSNumber reads a number as people write it, with spaces or dashes, and checks its last digit. The number 0000000000 passes
// the arithmetic and belongs to nobody: it is refused. Anything else wrong is fault.Invalid, with the same sentence.
//
// spec: nhs-data-dictionary#nhs-number
// hazard: H5 wrong patient attached
func ParseNHSNumber(text string) (NHSNumber, error) {
	digits := make([]byte, 0, 10)
	for _, r := range text {
		switch {
		case '0' <= r && r <= '9':
			digits = append(digits, byte(r))
		case r == ' ' || r == '-' || r == '\u00a0' || r == '\u2009' || r == '\u202f' || r == '\u2011' || r == '\u2013':
		default:
			return "", errNHSNumber
		}
		if len(digits) > 10 {
			return "", errNHSNumber
		}
	}
	if len(digits) != 10 || string(digits) == "0000000000" || checkDigit(digits) != int(digits[9]-'0') {
		return "", errNHSNumber
	}
	return NHSNumber(digits), nil
}

// checkDigit weighs the first nine digits by 10 to 2; the result is 10 when no digit fits.
func checkDigit(digits []byte) int {
	sum := 0
	for i := range 9 {
		sum += int(digits[i]-'0') * (10 - i)
	}
	return (11 - sum%11) % 11
}

// Spaced shows the number in the way it is read aloud, three, three and four: "943 476 5919".
func (n NHSNumber) Spaced() string {
	if len(n) != 10 {
		return string(n)
	}
	return strings.Join([]string{string(n[:3]), string(n[3:6]), string(n[6:])}, " ")
}

// String hides the number from careless printing.
func (NHSNumber) String() string { return "[hidden]" }

// GoString hides the number from careless printing.
func (NHSNumber) GoString() string { return "[hidden]" }

// LogValue implements slog.LogValuer.
func (NHSNumber) LogValue() slog.Value { return slog.StringValue("[hidden]") }
