package patient

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseNHSNumber(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"9000000009", "900 000 0009"}, {"991 200 3888", "991 200 3888"}, {"999-054-8609", "999 054 8609"},
		{"943 476 5919", "943 476 5919"}, {"999 000 0018", "999 000 0018"}, {" 943\u00a0476\u20115919 ", "943 476 5919"},
	} {
		n, err := ParseNHSNumber(tt.in)
		if err != nil || n.Spaced() != tt.want {
			t.Errorf("%q: got %q, %v; want %q", tt.in, n.Spaced(), err, tt.want)
		}
	}
	for _, in := range []string{"", "9991234567", "1234567890", "0000000000", "000 000 0000", "943476591", "94347659190", "943476591O",
		"AB123456C", "９434765919", "9434765918", "943/476/5919"} {
		if n, err := ParseNHSNumber(in); err == nil {
			t.Errorf("%q: got %q, want an error", in, n.Spaced())
		}
	}
}

// TestParseNHSNumber_OneSlip: no single wrong digit and no swap of neighbours goes through, which is what the check digit is for.
func TestParseNHSNumber_OneSlip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := []byte(fmt.Sprintf("%09d0", rapid.IntRange(1, 999_999_999).Draw(t, "nine")))
		c := checkDigit(digits)
		if c == 10 {
			return
		}
		digits[9] = byte('0' + c)
		if _, err := ParseNHSNumber(string(digits)); err != nil {
			t.Fatalf("%s: %v", digits, err)
		}
		i := rapid.IntRange(0, 9).Draw(t, "at")
		slip := append([]byte(nil), digits...)
		slip[i] = '0' + (slip[i]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10
		if n, err := ParseNHSNumber(string(slip)); err == nil {
			t.Fatalf("%s with a slip at %d went through as %s", digits, i, n.Spaced())
		}
		swap := append([]byte(nil), digits...)
		if i < 9 && swap[i] != swap[i+1] {
			swap[i], swap[i+1] = swap[i+1], swap[i]
			if n, err := ParseNHSNumber(string(swap)); err == nil {
				t.Fatalf("%s with a swap at %d went through as %s", digits, i, n.Spaced())
			}
		}
	})
}

func FuzzParseNHSNumber(f *testing.F) {
	f.Add("943 476 5919")
	f.Fuzz(func(t *testing.T, in string) {
		n, err := ParseNHSNumber(in)
		if err != nil {
			return
		}
		if again, err := ParseNHSNumber(n.Spaced()); err != nil || again != n {
			t.Fatalf("%q gave %q, which does not parse: %v", in, string(n), err)
		}
	})
}

func TestPatient_Hides(t *testing.T) {
	p := Patient{Family: "Jones", Given: "Raj", NHS: "9990000018", Born: "1964-06-17"}
	for _, got := range []string{fmt.Sprint(p), fmt.Sprintf("%v %+v %#v %s", p, p, p, p), fmt.Sprintf("%v %s %#v", p.NHS, p.NHS, p.NHS), fmt.Sprint(p.Ref())} {
		for i := range got {
			if got[i] >= '0' && got[i] <= '9' || got[i] == 'J' {
				t.Fatalf("printed %q", got)
			}
		}
	}
	if p.Name() != "JONES, Raj" || p.Age(time.Date(2026, 6, 16, 0, 0, 0, 0, time.UTC)) != 61 || p.Age(time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC)) != 62 {
		t.Fatalf("got %s, %d", p.Name(), p.Age(time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC)))
	}
}
