package deadline

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/internal/calendar"
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
	Extra map[calendar.Date]string
}

// Calendar knows the working days of one country, and of one of its parts.
type Calendar struct {
	rules []rule
	extra map[calendar.Date]string
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
func (c *Calendar) Holiday(d calendar.Date) (string, bool) {
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
func (c *Calendar) Working(d calendar.Date) bool {
	if wd := d.Weekday(); wd == time.Saturday || wd == time.Sunday {
		return false
	}
	_, holiday := c.Holiday(d)
	return !holiday
}

// Next returns d, or the first working day after it (art. 3(4)).
func (c *Calendar) Next(d calendar.Date) calendar.Date {
	for !c.Working(d) {
		d = d.AddDays(1)
	}
	return d
}

// falls reports whether the rule names day d. The forms are "MM-DD",
// "YYYY-MM-DD", "easter+N", "N Mon MM" (the N-th, or last, Monday of a month),
// and a few that are named.
func (r rule) falls(d calendar.Date) bool {
	switch {
	case strings.HasPrefix(r.On, "easter"):
		n, _ := strconv.Atoi(strings.TrimPrefix(r.On, "easter"))
		return easter(d.Year()).AddDays(n) == d
	case strings.HasSuffix(r.On, " sub"):
		return d == substitute(r.On[:5], d.Year()) || d == dayIn(r.On[:5], d.Year())
	case strings.Contains(r.On, " Mon "):
		return nthMonday(r.On, d)
	case r.On == "king": // 27 April, or the 26th when that is a Sunday
		day := calendar.Of(d.Year(), time.April, 27)
		if day.Weekday() == time.Sunday {
			day--
		}
		return d == day
	case r.On == "brigid": // first Monday of February, or 1 February when that is a Friday
		if first := calendar.Of(d.Year(), time.February, 1); first.Weekday() == time.Friday {
			return d == first
		}
		return nthMonday("1 Mon 02", d)
	case r.On == "wed 11-23": // the Wednesday before 23 November
		_, month, day := d.Civil()
		return month == time.November && d.Weekday() == time.Wednesday && day >= 16 && day <= 22
	case len(r.On) == len(time.DateOnly):
		return d.String() == r.On
	default:
		return d == dayIn(r.On, d.Year())
	}
}

func dayIn(mmdd string, year int) calendar.Date {
	m, _ := strconv.Atoi(mmdd[:2])
	n, _ := strconv.Atoi(mmdd[3:])
	return calendar.Of(year, time.Month(m), n)
}

// substitute returns the weekday that stands in for a British holiday on a
// weekend (Banking and Financial Dealings Act 1971, and royal proclamation).
func substitute(mmdd string, year int) calendar.Date {
	d := dayIn(mmdd, year)
	switch wd := d.Weekday(); {
	case mmdd == "12-26" && (wd == time.Saturday || wd == time.Sunday):
		return d.AddDays(2)
	case mmdd == "12-25" && (wd == time.Saturday || wd == time.Sunday):
		return d.AddDays(2)
	case wd == time.Saturday:
		return d.AddDays(2)
	case wd == time.Sunday:
		return d.AddDays(1)
	}
	return d
}

// nthMonday reports whether d is the Monday that on names, as in "-1 Mon 08".
func nthMonday(on string, d calendar.Date) bool {
	n, in, _ := strings.Cut(on, " Mon ")
	m, _ := strconv.Atoi(in)
	_, month, day := d.Civil()
	if month != time.Month(m) || d.Weekday() != time.Monday {
		return false
	}
	if n == "-1" {
		return day+7 > calendar.DaysIn(d.Year(), month)
	}
	nth, _ := strconv.Atoi(n)
	return (day-1)/7+1 == nth
}

// easter returns Easter Sunday of the Gregorian calendar (Meeus, Jones, Butcher).
func easter(y int) calendar.Date {
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
	return calendar.Of(y, time.Month(month), day)
}
