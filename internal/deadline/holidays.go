package deadline

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed holidays.json
var holidayFile []byte

type rule struct {
	On   string `json:"on"`
	Name string `json:"name"`
}

type holidayData struct {
	Rules     map[string][]rule `json:"rules"`
	Contested map[string][]rule `json:"contested"`
}

var holidayRules = sync.OnceValue(func() holidayData {
	var d holidayData
	if err := json.Unmarshal(holidayFile, &d); err != nil {
		panic("deadline: embedded holidays.json: " + err.Error()) // a build that passes its tests never does
	}
	return d
})

// Options chooses between readings and adds days.
type Options struct {
	// LiberationDay counts 5 May as a holiday in the Netherlands each year
	// (Algemene termijnenwet art. 3(1)). Default: not.
	LiberationDay bool
	// GoodFriday counts Good Friday in the Netherlands (Algemene termijnenwet art.
	// 3(2)). Default: not.
	GoodFriday bool
	// Extra are further days, such as one-off holidays, with their names.
	Extra map[Day]string
}

// A Day is a civil date without a zone.
type Day struct {
	Year  int
	Month time.Month
	Day   int
}

// DayOf returns the civil date of t in loc.
func DayOf(t time.Time, loc *time.Location) Day {
	y, m, d := t.In(loc).Date()
	return Day{y, m, d}
}

// ParseDay parses "2006-01-02".
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Day{}, err
	}
	return DayOf(t, time.UTC), nil
}

func (d Day) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// Add returns the day n days later.
func (d Day) Add(n int) Day { return DayOf(d.utc().AddDate(0, 0, n), time.UTC) }

// Sub returns how many days d is after e.
func (d Day) Sub(e Day) int { return int(d.utc().Sub(e.utc()) / (24 * time.Hour)) }

// Weekday returns the day of the week.
func (d Day) Weekday() time.Weekday { return d.utc().Weekday() }

// String returns "2006-01-02".
func (d Day) String() string { return d.utc().Format(time.DateOnly) }

// AddMonths returns the same day number n months later, or the last day of that
// month if it has no such day (Regulation 1182/71 art. 3(2)(c)).
func (d Day) AddMonths(n int) Day {
	first := time.Date(d.Year, d.Month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return Day{first.Year(), first.Month(), min(d.Day, last)}
}

// End returns the first instant after the day in loc. Where the clocks skip
// midnight that is the first instant that exists.
func (d Day) End(loc *time.Location) time.Time {
	e := d.Add(1)
	return time.Date(e.Year, e.Month, e.Day, 0, 0, 0, 0, loc)
}

// Calendar knows the working days of one country, and of one of its parts.
type Calendar struct {
	rules []rule
	extra map[Day]string
}

// NewCalendar returns the calendar of a country (ISO 3166-1; "UK" is GB, England
// and Wales) and, if not empty, of one of its parts (the German Land, or the French
// département, without the country's prefix). A country without a table has
// only the days in o.Extra and is refused if there are none.
func NewCalendar(country, part string, o *Options) (*Calendar, error) {
	if o == nil {
		o = new(Options)
	}
	if country == "UK" {
		country = "GB"
	}
	data := holidayRules()
	c := &Calendar{rules: data.Rules[country], extra: o.Extra}
	if c.rules == nil && len(o.Extra) == 0 {
		return nil, fmt.Errorf("deadline: no public holidays known for country %s", country)
	}
	if part != "" {
		part = strings.TrimPrefix(part, country+"-")
		more, ok := data.Rules[country+"-"+part]
		if !ok {
			return nil, fmt.Errorf("deadline: no public holidays known for %s-%s", country, part)
		}
		c.rules = append(append([]rule(nil), c.rules...), more...)
	}
	if o.LiberationDay {
		c.rules = append(append([]rule(nil), c.rules...), data.Contested[country+"-liberation"]...)
	}
	if o.GoodFriday {
		c.rules = append(append([]rule(nil), c.rules...), data.Contested[country+"-goodfriday"]...)
	}
	return c, nil
}

// Countries returns the countries and parts with a table, for example "DE-BY".
func Countries() []string {
	var s []string
	for k := range holidayRules().Rules {
		s = append(s, k)
	}
	return s
}

// Holiday returns the name of the public holiday on d.
func (c *Calendar) Holiday(d Day) (string, bool) {
	if name, ok := c.extra[d]; ok {
		return name, true
	}
	for _, r := range c.rules {
		if r.falls(d) {
			return r.Name, true
		}
	}
	return "", false
}

// Working reports whether d is a working day (Regulation 1182/71 art. 2(2)).
func (c *Calendar) Working(d Day) bool {
	if wd := d.Weekday(); wd == time.Saturday || wd == time.Sunday {
		return false
	}
	_, holiday := c.Holiday(d)
	return !holiday
}

// Next returns d, or the first working day after it (art. 3(4)).
func (c *Calendar) Next(d Day) Day {
	for !c.Working(d) {
		d = d.Add(1)
	}
	return d
}

// falls reports whether the rule names day d. The forms are "MM-DD",
// "YYYY-MM-DD", "easter+N", "N Mon MM" (the N-th, or last, Monday of a month),
// and a few that are named.
func (r rule) falls(d Day) bool {
	switch {
	case strings.HasPrefix(r.On, "easter"):
		n, _ := strconv.Atoi(strings.TrimPrefix(r.On, "easter"))
		return easter(d.Year).Add(n) == d
	case strings.HasSuffix(r.On, " sub"):
		return d == substitute(r.On[:5], d.Year) || d == dayIn(r.On[:5], d.Year)
	case strings.Contains(r.On, " Mon "):
		return nthMonday(r.On, d)
	case r.On == "king": // 27 April, or the 26th when that is a Sunday
		day := Day{d.Year, time.April, 27}
		if day.Weekday() == time.Sunday {
			day = day.Add(-1)
		}
		return d == day
	case r.On == "brigid": // first Monday of February, or 1 February when that is a Friday
		if (Day{d.Year, time.February, 1}).Weekday() == time.Friday {
			return d == Day{d.Year, time.February, 1}
		}
		return nthMonday("1 Mon 02", d)
	case r.On == "wed 11-23": // the Wednesday before 23 November
		return d.Month == time.November && d.Weekday() == time.Wednesday && d.Day >= 16 && d.Day <= 22
	case len(r.On) == len(time.DateOnly):
		return d.String() == r.On
	default:
		return d == dayIn(r.On, d.Year)
	}
}

func dayIn(mmdd string, year int) Day {
	m, _ := strconv.Atoi(mmdd[:2])
	n, _ := strconv.Atoi(mmdd[3:])
	return Day{year, time.Month(m), n}
}

// substitute returns the weekday that stands in for a British holiday on a
// weekend (Banking and Financial Dealings Act 1971, and royal proclamation).
func substitute(mmdd string, year int) Day {
	d := dayIn(mmdd, year)
	switch wd := d.Weekday(); {
	case mmdd == "12-26" && (wd == time.Saturday || wd == time.Sunday):
		return d.Add(2)
	case mmdd == "12-25" && (wd == time.Saturday || wd == time.Sunday):
		return d.Add(2)
	case wd == time.Saturday:
		return d.Add(2)
	case wd == time.Sunday:
		return d.Add(1)
	}
	return d
}

// nthMonday reports whether d is the Monday that on names, as in "-1 Mon 08".
func nthMonday(on string, d Day) bool {
	n, month, _ := strings.Cut(on, " Mon ")
	m, _ := strconv.Atoi(month)
	if d.Month != time.Month(m) || d.Weekday() != time.Monday {
		return false
	}
	if n == "-1" {
		return d.Add(7).Month != d.Month
	}
	nth, _ := strconv.Atoi(n)
	return (d.Day-1)/7+1 == nth
}

// easter returns Easter Sunday of the Gregorian calendar (Meeus, Jones, Butcher).
func easter(y int) Day {
	a, b, c := y%19, y/100, y%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	month := (h + l - 7*m + 114) / 31
	day := (h+l-7*m+114)%31 + 1
	return Day{y, time.Month(month), day}
}
