package rota

import "time"

// Division is a part of the country with bank holidays of its own.
type Division string

// The divisions.
const (
	England         Division = "england-and-wales"
	Scotland        Division = "scotland"
	NorthernIreland Division = "northern-ireland"
)

// Holidays returns the bank holidays of a year by the standing rules, with the days that stand in for those that fall on a weekend.
// A holiday that is proclaimed for one year is none of them: a trust enters it as an exception.
func Holidays(year int, in Division) map[Date]string {
	days := map[Date]string{}
	fixed := func(m time.Month, d int, name string) {
		day := Date{year, m, d}
		for first := true; day.Weekday() == time.Saturday || day.Weekday() == time.Sunday || days[day] != ""; first = false {
			if day = day.Add(1); first {
				name += " (substitute day)"
			}
		}
		days[day] = name
	}
	monday := func(m time.Month, last bool, name string) {
		day := Date{year, m, 1}
		if last {
			day = Date{year, m + 1, 1}.Add(-7)
			if m == time.December {
				day = Date{year, m, 25}
			}
		}
		for day.Weekday() != time.Monday {
			day = day.Add(1)
		}
		days[day] = name
	}
	easter := easterSunday(year)
	fixed(time.January, 1, "New Year's Day")
	if in == Scotland {
		fixed(time.January, 2, "2nd January")
	}
	if in == NorthernIreland {
		fixed(time.March, 17, "St Patrick's Day")
	}
	days[easter.Add(-2)] = "Good Friday"
	if in != Scotland {
		days[easter.Add(1)] = "Easter Monday"
	}
	monday(time.May, false, "Early May bank holiday")
	monday(time.May, true, "Spring bank holiday")
	if in == NorthernIreland {
		fixed(time.July, 12, "Battle of the Boyne")
	}
	monday(time.August, in != Scotland, "Summer bank holiday")
	if in == Scotland {
		fixed(time.November, 30, "St Andrew's Day")
	}
	// Christmas on a Saturday moves to the Monday and Boxing Day to the Tuesday; on a Sunday Boxing Day keeps the Monday.
	if (Date{year, time.December, 25}).Weekday() == time.Sunday {
		days[Date{year, time.December, 26}] = "Boxing Day"
		days[Date{year, time.December, 27}] = "Christmas Day (substitute day)"
		return days
	}
	fixed(time.December, 25, "Christmas Day")
	fixed(time.December, 26, "Boxing Day")
	return days
}

// easterSunday is the Gregorian computus in its anonymous form of 1876.
func easterSunday(year int) Date {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return Date{year, time.Month(n / 31), n%31 + 1}
}
