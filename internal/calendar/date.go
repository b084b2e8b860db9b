package calendar

import (
	"fmt"
	"time"
)

// Date is a civil date of the Gregorian calendar, as the number of days since
// 1 January 1970. Dates compare with < and subtract to days.
type Date int32

// MinDate and MaxDate are 1 January 1 and 31 December 9999. Nothing here returns a
// date outside them.
const (
	MinDate Date = -719162
	MaxDate Date = 2932896
)

// Of returns the date of year, month and day. A day beyond the end of the month is
// clamped to its last; a year outside 1 to 9999 to [MinDate] or [MaxDate].
func Of(year int, month time.Month, day int) Date {
	switch {
	case year < 1:
		return MinDate
	case year > 9999:
		return MaxDate
	}
	if n := DaysIn(year, month); day > n {
		day = n
	}
	return civil(year, int(month), max(day, 1))
}

// civil counts the days of a valid date (days_from_civil of Howard Hinnant's
// "chrono-Compatible Low-Level Date Algorithms").
func civil(y, m, d int) Date {
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400 // y >= 0
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return Date(era*146097 + doe - 719468)
}

// DateOf returns the civil date of t in t's own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Of(y, m, d)
}

// ParseDate reads the form 2006-01-02.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 {
		return 0, fmt.Errorf("calendar: %q is not a date of the form YYYY-MM-DD", clip(s))
	}
	return DateOf(t), nil
}

// Civil returns year, month and day.
func (d Date) Civil() (year int, month time.Month, day int) {
	z := int(d) + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = doy - (153*mp+2)/5 + 1
	if mp < 10 {
		return yoe + era*400, time.Month(mp + 3), day
	}
	return yoe + era*400 + 1, time.Month(mp - 9), day
}

// Year returns the year, 1 to 9999.
func (d Date) Year() int {
	y, _, _ := d.Civil()
	return y
}

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return time.Weekday(((int(d)+4)%7 + 7) % 7) }

// String returns the form 2006-01-02.
func (d Date) String() string {
	y, m, day := d.Civil()
	return fmt.Sprintf("%04d-%02d-%02d", y, m, day)
}

// MarshalText returns the form 2006-01-02.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the form of [ParseDate].
func (d *Date) UnmarshalText(b []byte) error {
	v, err := ParseDate(string(b))
	if err == nil {
		*d = v
	}
	return err
}

// AddDays returns the date n days later.
func (d Date) AddDays(n int) Date {
	return Date(min(max(int64(d)+int64(n), int64(MinDate)), int64(MaxDate)))
}

// Add returns the date p later: first years and months, keeping the number of the
// day or clamping it to the end of the month, then weeks and days. 31 January plus
// a month is 28 or 29 February; 29 February 2024 plus 7 years is 28 February 2031.
func (d Date) Add(p Period) Date {
	if p.Years != 0 || p.Months != 0 {
		y, m, day := d.Civil()
		n := y*12 + int(m) - 1 + p.Years*12 + p.Months
		d = Of(n/12, time.Month(n%12+1), day)
	}
	return d.AddDays(p.Weeks*7 + p.Days)
}

// EndOfYear returns 31 December of d's year.
func (d Date) EndOfYear() Date { return Of(d.Year(), time.December, 31) }

// EndOfBusinessYear returns the last day of the financial year in which d lies,
// for financial years that end on month and day. 29 February is 28 February in
// common years.
func (d Date) EndOfBusinessYear(month time.Month, day int) Date {
	y := d.Year()
	if end := Of(y, month, day); d <= end {
		return end
	}
	return Of(y+1, month, day)
}

// Start returns the first instant of the civil day in loc. Where a change of the
// clock skips midnight it is the moment of the change, where it repeats midnight
// the first of the two; a day that a zone skipped begins with the next.
func (d Date) Start(loc *time.Location) time.Time {
	y, m, day := d.Civil()
	t := time.Date(y, m, day, 0, 0, 0, 0, loc)
	if DateOf(t) < d { // midnight was skipped, and t stands before the gap
		_, t = t.ZoneBounds()
	}
	change, _ := t.ZoneBounds()
	if change.IsZero() {
		return t
	}
	before := change.Add(-time.Nanosecond)
	if DateOf(before) >= d { // the day had begun before the clock went back
		_, offset := before.Zone()
		return time.Date(y, m, day, 0, 0, 0, 0, time.UTC).Add(-time.Duration(offset) * time.Second).In(loc)
	}
	return t
}

// DaysIn returns the number of days of a month.
func DaysIn(year int, month time.Month) int {
	switch month {
	case time.April, time.June, time.September, time.November:
		return 30
	case time.February:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
