package retention

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/calendar"
)

// maxRules bounds a schedule.
const maxRules = 10_000

// checker collects the faults of a definition.
type checker struct {
	def    *Definition
	faults []error
}

func (c *checker) err() error { return errors.Join(c.faults...) }

func (c *checker) fault(pointer, reason string, args ...any) {
	c.faults = append(c.faults, &ScheduleError{Pointer: pointer, Reason: fmt.Sprintf(reason, args...)})
}

func (c *checker) rule(i int, field, reason string, args ...any) {
	c.faults = append(c.faults, &ScheduleError{
		Pointer: fmt.Sprintf("/rules/%d/%s", i, field), Rule: clip(c.def.Rules[i].ID), Reason: fmt.Sprintf(reason, args...)})
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

func (c *checker) check() {
	c.frame()
	if len(c.def.Rules) == 0 || len(c.def.Rules) > maxRules {
		c.fault("/rules", "a schedule has 1 to %d rules", maxRules)
		return
	}
	seen := map[string]int{}
	for i := range c.def.Rules {
		r := &c.def.Rules[i]
		if first, ok := seen[r.ID]; ok && r.ID != "" {
			c.rule(i, "id", "is also the id of /rules/%d", first)
		}
		seen[r.ID] = i
		c.words(i, r)
		c.period(i, r)
		c.then(i, r)
	}
	c.categories()
}

func (c *checker) frame() {
	d := c.def
	if d.Version == "" {
		c.fault("/version", "is empty; name the edition of the schedule")
	}
	if len(d.Country) != 2 || d.Country[0] < 'A' || d.Country[0] > 'Z' || d.Country[1] < 'A' || d.Country[1] > 'Z' {
		c.fault("/country", "must be two upper-case letters of ISO 3166-1")
	}
	owner := gdpr.Controller{TimeZone: d.TimeZone, YearEnd: d.YearEnd}
	if _, err := owner.Location(); err != nil {
		c.fault("/timeZone", "%q is not a known IANA name", clip(d.TimeZone))
	}
	if _, _, err := owner.FinancialYearEnd(); err != nil {
		c.fault("/yearEnd", "%q must have the form MM-DD", clip(d.YearEnd))
	}
}

// words checks names, enums and the ground of a rule, and fills its defaults.
func (c *checker) words(i int, r *Rule) {
	if r.ID == "" || len(r.ID) > 64 {
		c.rule(i, "id", "needs 1 to 64 bytes")
	}
	if r.Category == "" || len(r.Category) > 64 {
		c.rule(i, "category", "needs 1 to 64 bytes")
	}
	if r.Kind != Minimum && r.Kind != Maximum && r.Kind != Limitation {
		c.rule(i, "kind", "%q is none of minimum, maximum, limitation", clip(string(r.Kind)))
	}
	if r.Level == "" {
		r.Level = Purpose
		if r.Kind == Minimum {
			r.Level = Statutory
		}
	}
	if r.Level != Statutory && r.Level != Purpose && r.Level != Default {
		c.rule(i, "level", "%q is none of statutory, purpose, default", clip(string(r.Level)))
	}
	if r.Kind == Limitation && r.Level == Statutory {
		c.rule(i, "level", "a limitation is a choice, not a duty: purpose or default")
	}
	if r.Ground == "" || len(r.Ground) > 400 {
		c.rule(i, "ground", "needs the legal ground, 1 to 400 bytes")
	}
	if len(r.Basis) > 1 || r.Basis != "" && (r.Basis < "a" || r.Basis > "f") {
		c.rule(i, "basis", "%q is none of a to f, the letters of GDPR art. 6(1)", clip(r.Basis))
	}
	if r.Kind == Limitation && r.Reason == "" {
		c.rule(i, "reason", "a limitation needs the reason why the controller makes use of it")
	}
}

// period checks start, period and versions.
func (c *checker) period(i int, r *Rule) {
	switch r.Start.Anchor {
	case "":
		r.Start.Anchor = AtEvent
	case AtEvent, EndOfCalendarYear, NextCalendarYear, EndOfBusinessYear:
	default:
		c.rule(i, "start/anchor", "%q is none of event, end_of_calendar_year, start_of_next_calendar_year, end_of_business_year", clip(string(r.Start.Anchor)))
	}
	if len(r.Start.Events) == 0 && !r.NoEnd && len(r.Purposes) == 0 {
		c.rule(i, "start/events", "names no event that begins the period")
	}
	for j, e := range r.Start.Events {
		if e == "" || len(e) > 64 || slices.Index(r.Start.Events, e) != j {
			c.rule(i, fmt.Sprintf("start/events/%d", j), "is empty, longer than 64 bytes or repeated")
		}
	}
	if r.NoEnd && (!r.keeps() || len(r.Start.Events) > 0 || !r.Period.IsZero() || len(r.Versions) > 0) {
		c.rule(i, "noEnd", "is for a minimum without period, versions and events")
	}
	if err := r.Period.Check(); err != nil {
		c.rule(i, "period", "%v", err)
	}
	if len(r.Versions) > 0 && !r.Period.IsZero() {
		c.rule(i, "period", "stands beside versions; give one of them")
	}
	for j := range r.Versions {
		c.version(i, j, r)
	}
}

func (c *checker) version(i, j int, r *Rule) {
	v, at := &r.Versions[j], fmt.Sprintf("versions/%d", j)
	if err := v.Period.Check(); err != nil {
		c.rule(i, at+"/period", "%v", err)
	}
	if lo, hi := v.law(); lo > hi {
		c.rule(i, at+"/from", "lies after its end")
	}
	if lo, hi := v.starts(); lo > hi {
		c.rule(i, at+"/startFrom", "lies after its end")
	}
	for k := range j {
		w := &r.Versions[k]
		a, b := v.law()
		p, q := w.law()
		if a > q || p > b {
			continue
		}
		a, b = v.starts()
		p, q = w.starts()
		if a <= q && p <= b {
			c.rule(i, at, "contradicts versions/%d: both hold for the same day and start", k)
		}
	}
}

func (v *Version) law() (from, to Date)    { return bounds(v.From, v.To) }
func (v *Version) starts() (from, to Date) { return bounds(v.StartFrom, v.StartTo) }

func bounds(from, to *Date) (Date, Date) {
	lo, hi := calendar.MinDate, calendar.MaxDate
	if from != nil {
		lo = *from
	}
	if to != nil {
		hi = *to
	}
	return lo, hi
}

// then checks what follows and what it needs.
func (c *checker) then(i int, r *Rule) {
	switch r.Then {
	case Nothing:
		r.Then = Erase
	case Erase, Mask:
	case Anonymise:
		if r.Assessment == "" {
			c.rule(i, "assessment", "anonymise needs the assessment of singling out, linkability and inference; else use mask")
		}
	case Block, Review:
		if r.keeps() {
			c.rule(i, "then", "%s cannot follow a %s", r.Then, r.Kind)
		}
	default:
		c.rule(i, "then", "%q is none of erase, mask, anonymise, block, review", clip(string(r.Then)))
	}
	if len(r.Purposes) > 0 && !r.ends() {
		c.rule(i, "purposes", "only a maximum that ends the record can hang on purposes")
	}
	for j, f := range slices.Concat(r.Fields, r.Purposes) {
		if f == "" || len(f) > 191 {
			c.rule(i, "fields", "entry %d is empty or longer than 191 bytes", j)
		}
	}
}

// categories checks the rules of each category together.
func (c *checker) categories() {
	events := map[string][]string{}
	ends := map[string]bool{}
	for i := range c.def.Rules {
		r := &c.def.Rules[i]
		before := len(events[r.Category])
		events[r.Category] = union(events[r.Category], r.Start.Events)
		if before <= MaxEvents && len(events[r.Category]) > MaxEvents {
			c.rule(i, "start/events", "the rules of category %q name more than %d events", clip(r.Category), MaxEvents)
		}
		ends[r.Category] = ends[r.Category] || r.ends() || r.keeps()
		for j := range i {
			if c.def.Rules[j].contradicts(r) {
				c.rule(i, "then", "%q contradicts %q of /rules/%d (%s): same category, start and period, other action", r.Then, c.def.Rules[j].Then, j, clip(c.def.Rules[j].ID))
			}
		}
	}
	for i := range c.def.Rules {
		if r := &c.def.Rules[i]; r.Then == Block && !ends[r.Category] {
			c.rule(i, "then", "blocks and nothing ever ends the record: add a maximum that erases")
		}
	}
}

// contradicts reports two maxima that ask for different things of the same fields
// on the same day.
func (r *Rule) contradicts(o *Rule) bool {
	return r.ends() && o.ends() && r.Category == o.Category && r.Level == o.Level && r.Then != o.Then &&
		r.Period == o.Period && len(r.Versions)+len(o.Versions) == 0 && r.Start.Anchor == o.Start.Anchor &&
		len(r.Start.Events) > 0 && slices.Equal(r.Start.Events, o.Start.Events) && slices.Equal(r.Fields, o.Fields)
}
