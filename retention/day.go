package retention

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/gdprkit/gdprkit/internal/calendar"
	"github.com/gdprkit/gdprkit/storage"
)

// MaxEvents is the number of different events that the rules of one category may
// name.
const MaxEvents = 8

// Day is a schedule as it stands on one civil day: periods have become cut-off
// dates, so that deciding about a record takes comparisons only.
type Day struct {
	schedule   *Schedule
	date       calendar.Date
	begin, end int64 // the day in microseconds, end exclusive
	conditions map[string]*Condition
}

// Date returns the civil day.
func (d *Day) Date() Date { return d.date }

// Condition returns the rules of a category as they stand on this day.
func (d *Day) Condition(category string) (*Condition, error) {
	c := d.conditions[category]
	if c == nil {
		return nil, fmt.Errorf("%w: %q", ErrUnknownCategory, category)
	}
	return c, nil
}

// Condition is the rules of one category on one [Day], with two back ends:
// [Condition.Evaluate] for a record in memory, [Query.SQL] for a table. Both follow
//
//	due = every minimum has ended, and a maximum has if there is one
//
// which is max(ends of the minima, first end of a maximum). A maximum that ends
// inside a minimum blocks.
type Condition struct {
	day      *Day
	policy   *policy
	keepers  []test // minima and limitations
	firm     []test // the statutory ones of them
	enders   []test // maxima that count, of actions erase, mask, anonymise
	statute  []test // the statutory ones of them, if a keeper is not statutory
	blockers []test // maxima that only block
	reviews  []test

	// Set when every rule is a plain cut-off, for Evaluate.
	cuts                                    []cut
	keepBits, endBits, pastBits, reviewBits uint64
	then                                    actionCode // of every rule that can end the record; doNothing if they differ
}

// cut is a rule that has ended when its start event lies before an instant.
type cut struct {
	before int64
	bit    uint64
	event  uint8
}

// test is one rule on one day: it has ended for a record when its start event lies
// in one of the spans.
type test struct {
	lo, hi int64 // the only span, unless slow
	first  uint8
	slow   bool // several events or spans
	none   bool // no start event: the rule lapses with its purposes only
	more   []uint8
	spans  []span
	rule   *Rule
}

// span is a half-open interval of event dates, also as instants.
type span struct {
	from, to calendar.Date
	lo, hi   int64
}

const openEnd = calendar.MaxDate

// ended reports whether the rule has ended for a record with these events.
func (t *test) ended(at *[MaxEvents]int64) bool {
	if t.slow {
		return t.among(t.latest(at))
	}
	e := at[t.first&(MaxEvents-1)]
	return e != 0 && e < t.hi && e >= t.lo
}

func (t *test) among(e int64) bool {
	for i := range t.spans {
		if s := &t.spans[i]; e != 0 && e >= s.lo && e < s.hi {
			return true
		}
	}
	return false
}

// latest returns the latest known start event, 0 if none is known.
func (t *test) latest(at *[MaxEvents]int64) int64 {
	if t.none {
		return 0
	}
	e := at[t.first]
	for _, i := range t.more {
		if v := at[i]; v != 0 && (e == 0 || v > e) {
			e = v
		}
	}
	return e
}

// compile turns the schedule into the conditions of one day.
func (s *Schedule) compile(date calendar.Date) *Day {
	d := &Day{schedule: s, date: date, conditions: make(map[string]*Condition, len(s.policies))}
	d.begin = storage.Micros(date.Start(s.loc))
	d.end = storage.Micros(date.AddDays(1).Start(s.loc))
	for name, p := range s.policies {
		d.conditions[name] = d.condition(p)
	}
	return d
}

func (d *Day) condition(p *policy) *Condition {
	c := &Condition{day: d, policy: p}
	counts := slices.ContainsFunc(p.rules, func(r *Rule) bool { return r.ends() && r.Level != Default })
	for _, r := range p.rules {
		if r.keeps() && !r.inForce(d.date) {
			continue
		}
		t := d.test(p, r)
		switch {
		case r.keeps():
			c.keepers = append(c.keepers, t)
			if r.Level == Statutory {
				c.firm = append(c.firm, t)
			}
		case r.Then == Review:
			c.reviews = append(c.reviews, t)
		case r.Then == Block:
			c.blockers = append(c.blockers, t)
		case r.Level != Default || !counts:
			c.enders = append(c.enders, t)
			if r.Level == Statutory {
				c.statute = append(c.statute, t)
			}
		}
	}
	if len(c.firm) == len(c.keepers) {
		c.statute = nil // the general clause says the same
	}
	c.plain()
	return c
}

// plain fills the cut-offs if all rules are such.
func (c *Condition) plain() {
	var cuts []cut
	add := func(tests []test, bits *uint64) (ok bool) {
		for i := range tests {
			t := &tests[i]
			if t.slow || t.lo != math.MinInt64 || len(cuts) == 64 {
				return false
			}
			bit := uint64(1) << len(cuts)
			cuts = append(cuts, cut{before: t.hi, bit: bit, event: t.first})
			*bits |= bit
		}
		return true
	}
	if len(c.statute) == 0 && add(c.keepers, &c.keepBits) && add(c.enders, &c.endBits) && add(c.blockers, &c.pastBits) && add(c.reviews, &c.reviewBits) {
		c.cuts = cuts
		c.pastBits |= c.endBits
		c.then = only(c.enders)
		if len(c.enders) == 0 { // the minima end it themselves
			c.endBits, c.then = c.keepBits, only(c.keepers)
		}
	}
}

// only returns the action that all rules have, or doNothing.
func only(tests []test) actionCode {
	code := doNothing
	for i := range tests {
		if c := tests[i].rule.Then.code(); i > 0 && c != code {
			return doNothing
		} else {
			code = c
		}
	}
	return code
}

// ends reports whether the rule is a maximum that ends a record.
func (r *Rule) ends() bool { return r.Kind == Maximum && r.Then != Block && r.Then != Review }

// inForce reports whether any version of the rule is law on the day.
func (r *Rule) inForce(date calendar.Date) bool {
	return slices.ContainsFunc(r.versions(), func(v Version) bool { return v.inForce(date) })
}

func (v *Version) inForce(date calendar.Date) bool {
	return (v.From == nil || *v.From <= date) && (v.To == nil || date <= *v.To)
}

func (d *Day) test(p *policy, r *Rule) test {
	t := test{rule: r, none: len(r.Start.Events) == 0}
	for i, e := range r.Start.Events {
		at, _ := slices.BinarySearch(p.events, e)
		if i == 0 {
			t.first = uint8(at)
		} else {
			t.more = append(t.more, uint8(at))
		}
	}
	t.spans = d.spans(r)
	t.slow = t.none || t.more != nil || len(t.spans) != 1
	if !t.slow {
		t.lo, t.hi = t.spans[0].lo, t.spans[0].hi
	}
	return t
}

// spans returns the event dates for which the rule has ended on this day. A minimum
// has also ended where no version of the law covers the start.
func (d *Day) spans(r *Rule) []span {
	var ended, covered []span
	for _, v := range r.versions() {
		if !v.inForce(d.date) {
			continue
		}
		from, to := calendar.MinDate, openEnd
		if v.StartFrom != nil {
			from = first(func(e calendar.Date) bool { return d.schedule.start(r, e) >= *v.StartFrom })
		}
		if v.StartTo != nil {
			to = first(func(e calendar.Date) bool { return d.schedule.start(r, e) > *v.StartTo })
		}
		cut := first(func(e calendar.Date) bool { return d.schedule.free(r, v.Period, e) > d.date })
		ended = append(ended, span{from: from, to: min(to, cut)})
		covered = append(covered, span{from: from, to: to})
	}
	if r.keeps() {
		ended = append(ended, gaps(covered)...)
	}
	return d.instants(merge(ended))
}

// first returns the first date for which the monotone f holds.
func first(f func(calendar.Date) bool) calendar.Date {
	n := int(calendar.MaxDate - calendar.MinDate)
	return calendar.MinDate + calendar.Date(sort.Search(n, func(i int) bool { return f(calendar.MinDate + calendar.Date(i)) }))
}

// gaps returns what is not covered.
func gaps(covered []span) []span {
	var out []span
	next := calendar.MinDate
	for _, s := range merge(covered) {
		if s.from > next {
			out = append(out, span{from: next, to: s.from})
		}
		next = s.to
	}
	if next < openEnd {
		out = append(out, span{from: next, to: openEnd})
	}
	return out
}

// merge sorts spans, drops the empty ones and joins those that touch.
func merge(in []span) []span {
	in = slices.DeleteFunc(slices.Clone(in), func(s span) bool { return s.from >= s.to })
	slices.SortFunc(in, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []span
	for _, s := range in {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// instants adds the instants at which the days of the spans begin.
func (d *Day) instants(spans []span) []span {
	for i := range spans {
		s := &spans[i]
		s.lo, s.hi = math.MinInt64, math.MaxInt64
		if s.from > calendar.MinDate {
			s.lo = storage.Micros(s.from.Start(d.schedule.loc))
		}
		if s.to < openEnd {
			s.hi = storage.Micros(s.to.Start(d.schedule.loc))
		}
	}
	return spans
}

// start returns the first day of the period for an event on a date.
func (s *Schedule) start(r *Rule, event calendar.Date) calendar.Date {
	switch r.Start.Anchor {
	case EndOfCalendarYear:
		return event.EndOfYear()
	case NextCalendarYear:
		return event.EndOfYear().AddDays(1)
	case EndOfBusinessYear:
		return event.EndOfBusinessYear(s.month, s.day)
	}
	return event
}

// free returns the first day on which the rule no longer applies: the day after
// the last day kept. A period that starts on 1 January ends on 31 December, every
// other one on the day with the same number.
func (s *Schedule) free(r *Rule, p Period, event calendar.Date) calendar.Date {
	end := s.start(r, event).Add(p)
	if r.Start.Anchor == NextCalendarYear {
		return end
	}
	return end.AddDays(1)
}

// Events returns the names of the events of the category, in the order of
// [Facts.At].
func (c *Condition) Events() []string { return slices.Clone(c.policy.events) }

// Purposes returns the purposes on which records of the category stand.
func (c *Condition) Purposes() []string { return slices.Clone(c.policy.purposes) }

// Category returns the name of the category.
func (c *Condition) Category() string { return c.policy.category }

// Facts returns the facts for dates given by name. Names that no rule mentions are
// ignored.
func (c *Condition) Facts(dates map[string]time.Time) Facts {
	var f Facts
	for i, e := range c.policy.events {
		f.At[i] = storage.Micros(dates[e])
	}
	return f
}
