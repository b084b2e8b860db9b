package calendar

import (
	"fmt"
	"strconv"
)

// maxCount bounds each number of a period, so that no addition leaves the range
// of [Date].
const maxCount = 100_000

// maxYears bounds the length of a whole period, in years.
const maxYears = 1000

// Period is a calendar period of ISO 8601 without a time part, without fractions
// and never negative. Its length in days depends on where it starts.
type Period struct {
	Years, Months, Weeks, Days int
}

// ParsePeriod reads the form PnYnMnWnD: at least one part, each at most once and
// in this order. "P0D" is the empty period.
func ParsePeriod(s string) (Period, error) {
	var p Period
	if len(s) < 3 || s[0] != 'P' {
		return p, fmt.Errorf("calendar: %q is not a period of the form PnYnMnWnD", clip(s))
	}
	rest, last := s[1:], -1
	for rest != "" {
		n := 0
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if n == 0 || n > 6 || n == len(rest) {
			return Period{}, fmt.Errorf("calendar: %q is not a period of the form PnYnMnWnD", clip(s))
		}
		v, _ := strconv.Atoi(rest[:n])
		unit := unitOf(rest[n])
		if unit <= last {
			return Period{}, fmt.Errorf("calendar: unit %q of period %q is unknown, repeated or out of order", rest[n:n+1], clip(s))
		}
		*[]*int{&p.Years, &p.Months, &p.Weeks, &p.Days}[unit] = v
		last, rest = unit, rest[n+1:]
	}
	return p, p.Check()
}

func unitOf(c byte) int {
	for i, u := range []byte("YMWD") {
		if c == u {
			return i
		}
	}
	return -1
}

// clip keeps a message short when the input is not.
func clip(s string) string {
	if len(s) > 32 {
		return s[:32] + "…"
	}
	return s
}

// Check reports a negative part, or a period longer than a thousand years.
func (p Period) Check() error {
	for _, v := range [...]int{p.Years, p.Months, p.Weeks, p.Days} {
		if v < 0 || v > maxCount {
			return fmt.Errorf("calendar: a part of the period is negative or above %d", maxCount)
		}
	}
	if p.Years+p.Months/12+p.Weeks/52+p.Days/365 > maxYears {
		return fmt.Errorf("calendar: the period is longer than %d years", maxYears)
	}
	return nil
}

// IsZero reports whether the period is empty.
func (p Period) IsZero() bool { return p == Period{} }

// String returns the ISO 8601 form; the empty period is "P0D".
func (p Period) String() string {
	if p.IsZero() {
		return "P0D"
	}
	b := []byte{'P'}
	for i, v := range [...]int{p.Years, p.Months, p.Weeks, p.Days} {
		if v != 0 {
			b = append(strconv.AppendInt(b, int64(v), 10), "YMWD"[i])
		}
	}
	return string(b)
}

// MarshalText returns the ISO 8601 form.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), p.Check() }

// UnmarshalText reads the form of [ParsePeriod].
func (p *Period) UnmarshalText(b []byte) error {
	v, err := ParsePeriod(string(b))
	if err == nil {
		*p = v
	}
	return err
}
