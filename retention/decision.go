package retention

import (
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/internal/calendar"
	"github.com/gdprkit/gdprkit/storage"
)

// State is where a record stands.
type State uint8

// The states. Stopped wins over all others.
const (
	Active  State = iota // may be used and kept
	Blocked              // kept only for a duty or a claim: no other use
	Due                  // must go now
	Stopped              // a hold, a restriction or an open request: nothing may happen
)

// String returns the name of the state in lower case.
func (s State) String() string {
	return [...]string{"active", "blocked", "due", "stopped"}[s&3]
}

// Facts are what the rules need to know of one record.
type Facts struct {
	// At holds the events of [Condition.Events], in that order, as microseconds
	// (storage.Micros). 0 is unknown.
	At [MaxEvents]int64
	// Stop is the ground of a hold, of a restriction (GDPR art. 18) or of an open
	// request; empty is none.
	Stop string
	// Lapsed: no purpose of the category stands any more for the person.
	Lapsed bool
	// Asked: the person asked for erasure and the record was kept for a duty or a
	// claim only, so it is due as soon as these have ended.
	Asked bool
}

// Decision is the answer of [Condition.Evaluate]. Its methods explain it; they
// count dates only when they are called, from the same facts, which must not be
// changed in between.
type Decision struct {
	State State

	do    actionCode
	cond  *Condition
	facts *Facts
}

// actionCode is an Action in a byte: a Decision of three words stays in registers.
type actionCode uint8

const (
	doNothing actionCode = iota
	doErase
	doMask
	doAnonymise
	doBlock
	doReview
)

var actions = [...]Action{Nothing, Erase, Mask, Anonymise, Block, Review}

func (a Action) code() actionCode { return actionCode(max(0, slices.Index(actions[:], a))) }

// Action returns what is to be done now: Nothing, Review, Block, Erase, Mask or
// Anonymise.
func (d *Decision) Action() Action { return actions[d.do] }

// Evaluate decides about one record. It is a pure function of the schedule, the
// day and the facts, and does not allocate.
func (c *Condition) Evaluate(f *Facts) Decision {
	if c.cuts == nil || f.Lapsed || f.Asked || f.Stop != "" {
		state, do := c.decide(f)
		return Decision{state, do, c, f}
	}
	var ended uint64 // which rules have ended, as bits: one loop for rules that are plain cut-offs
	for i := range c.cuts {
		t := &c.cuts[i]
		if e := f.At[t.event&(MaxEvents-1)]; e < t.before && e != 0 {
			ended |= t.bit
		}
	}
	state, do := Active, doNothing
	switch {
	case ended&c.keepBits == c.keepBits && ended&c.endBits != 0:
		if state, do = Due, c.then; do == doNothing {
			do = c.strongest(f)
		}
	case ended&c.pastBits != 0:
		state, do = Blocked, doBlock
	case ended&c.reviewBits != 0:
		do = doReview
	}
	return Decision{state, do, c, f}
}

// decide is Evaluate for all other rules and facts.
func (c *Condition) decide(f *Facts) (State, actionCode) {
	switch {
	case f.Stop != "":
		return Stopped, doNothing
	case c.due(f):
		return Due, c.strongest(f)
	case c.past(f):
		return Blocked, doBlock
	case anyEnded(c.reviews, &f.At):
		return Active, doReview
	}
	return Active, doNothing
}

// due is the formula of the package documentation.
func (c *Condition) due(f *Facts) bool {
	if allEnded(c.keepers, &f.At) {
		if len(c.enders) == 0 {
			return len(c.keepers) > 0 || f.Lapsed || f.Asked
		}
		return f.Lapsed || f.Asked || anyEnded(c.enders, &f.At)
	}
	return len(c.statute) > 0 && anyEnded(c.statute, &f.At) && allEnded(c.firm, &f.At)
}

// past reports whether the time of use is over.
func (c *Condition) past(f *Facts) bool {
	return f.Lapsed || f.Asked || anyEnded(c.enders, &f.At) || anyEnded(c.blockers, &f.At)
}

func allEnded(tests []test, at *[MaxEvents]int64) bool {
	for i := range tests {
		if !tests[i].ended(at) {
			return false
		}
	}
	return true
}

func anyEnded(tests []test, at *[MaxEvents]int64) bool {
	for i := range tests {
		if tests[i].ended(at) {
			return true
		}
	}
	return false
}

// strongest returns the action for a record that is due.
func (c *Condition) strongest(f *Facts) actionCode {
	if f.Asked {
		return doErase
	}
	best, action := 0, Erase
	for i := range c.enders {
		t := &c.enders[i]
		if n := t.rule.strength(); n > best && (t.ended(&f.At) || f.Lapsed && len(t.rule.Purposes) > 0) {
			best, action = n, t.rule.Then
		}
	}
	if best == 0 && len(c.keepers) > 0 {
		return c.lastKeeper(f).rule.Then.code()
	}
	return action.code()
}

// Rule returns the rule that decides: what holds the record back longest, else
// what ends it first. It is nil for a stopped record, and for one that is due only
// because the person asked or because every purpose lapsed without a rule naming it.
func (d *Decision) Rule() *Rule {
	if t := d.decider(); t != nil {
		return t.rule
	}
	return nil
}

// Ground returns the legal ground of the decision: that of the deciding rule, of
// the stop, or of art. 17(1).
func (d *Decision) Ground() string {
	switch {
	case d.State == Stopped:
		return d.facts.Stop
	case d.State == Due && d.facts.Asked:
		return "GDPR art. 17(1)"
	case d.State == Due && d.facts.Lapsed && !anyEnded(d.cond.enders, &d.facts.At):
		return "GDPR art. 17(1)(b)"
	}
	if r := d.Rule(); r != nil {
		return r.Ground
	}
	return ""
}

// Until returns the first instant at which the deciding rule no longer holds, in
// the time zone of the schedule: the start of the day after the last day kept. The
// zero time means that no end is known.
func (d *Decision) Until() time.Time {
	if t := d.decider(); t != nil {
		return d.cond.instant(t, d.facts)
	}
	return time.Time{}
}

// Next returns the instant at which the state changes by time alone, and the state
// then. The zero time means that time alone changes nothing.
func (d *Decision) Next() (time.Time, State) {
	c, f := d.cond, d.facts
	if d.State == Due || d.State == Stopped {
		return time.Time{}, d.State
	}
	keep, keepKnown := c.lastEnd(c.keepers, f)
	end, endKnown := c.firstEnd(c.enders, f)
	if f.Lapsed || f.Asked {
		end, endKnown = c.day.date, true
	}
	dueKnown := keepKnown && (endKnown || len(c.enders) == 0)
	due := max(keep, end)
	if s, ok := c.firstEnd(c.statute, f); ok {
		if k, known := c.lastEnd(c.firm, f); known && (!dueKnown || max(s, k) < due) {
			due, dueKnown = max(s, k), true
		}
	}
	if d.State == Active {
		if b, ok := c.firstEnd(c.blockers, f); ok && (!endKnown || b < end) {
			end, endKnown = b, true
		}
		if endKnown && (!dueKnown || end < due) {
			return end.Start(c.day.schedule.loc), Blocked
		}
	}
	if !dueKnown {
		return time.Time{}, d.State
	}
	return due.Start(c.day.schedule.loc), Due
}

// Keep returns the fields that the running duties cover: in a blocked row every
// other personal field is nulled. all is true when a duty covers the whole row.
func (d *Decision) Keep() (fields []string, all bool) {
	for i := range d.cond.keepers {
		t := &d.cond.keepers[i]
		if t.ended(&d.facts.At) {
			continue
		}
		if len(t.rule.Fields) == 0 {
			return nil, true
		}
		fields = append(fields, t.rule.Fields...)
	}
	slices.Sort(fields)
	return slices.Compact(fields), false
}

// Fields returns the fields to which the action of a due record is limited; empty
// is the whole row.
func (d *Decision) Fields() []string {
	if r := d.Rule(); d.State == Due && !d.facts.Asked && r != nil && r.Kind == Maximum {
		return r.Fields
	}
	return nil
}

// decider finds the test that decides.
func (d *Decision) decider() *test {
	c, f := d.cond, d.facts
	switch {
	case c == nil || d.State == Stopped || d.State == Due && f.Asked && len(c.enders) == 0:
		return nil
	case d.State == Due:
		return c.ender(f)
	case d.do == doReview:
		return c.earliest(c.reviews, f)
	case !allEnded(c.keepers, &f.At):
		return c.lastKeeper(f)
	case d.State == Blocked:
		return c.earliest(c.blockers, f)
	}
	return c.earliest(c.enders, f)
}

// ender returns the maximum that ends a due record: the strongest action, then the
// earliest end, then the lowest id; without maxima the minimum that ended last.
func (c *Condition) ender(f *Facts) *test {
	var best *test
	for i := range c.enders {
		t := &c.enders[i]
		if !t.ended(&f.At) && !(f.Lapsed && len(t.rule.Purposes) > 0) {
			continue
		}
		if best == nil || t.rule.strength() > best.rule.strength() || t.rule.strength() == best.rule.strength() && c.earlier(t, best, f) {
			best = t
		}
	}
	if best == nil && len(c.keepers) > 0 && !f.Asked {
		return c.lastKeeper(f)
	}
	return best
}

// earlier reports whether a ends before b. One that ends by the lapse of its purpose
// comes first.
func (c *Condition) earlier(a, b *test, f *Facts) bool {
	x, known := c.end(a, f)
	y, other := c.end(b, f)
	if !known || !other {
		return !known && other
	}
	return x < y
}

// lastKeeper returns the minimum that ends last; one whose start is unknown ends
// after all others.
func (c *Condition) lastKeeper(f *Facts) *test {
	best, bestEnd := &c.keepers[0], calendar.MinDate
	for i := range c.keepers {
		t := &c.keepers[i]
		end, known := c.end(t, f)
		if !known && !t.ended(&f.At) {
			end = calendar.MaxDate
		}
		if end > bestEnd || end == bestEnd && t.rule.Level == Statutory && best.rule.Level != Statutory {
			best, bestEnd = t, end
		}
	}
	return best
}

// earliest returns the rule whose end is known and comes first, or the first one.
func (c *Condition) earliest(tests []test, f *Facts) *test {
	var best *test
	var bestEnd calendar.Date
	for i := range tests {
		end, known := c.end(&tests[i], f)
		if best == nil || known && end < bestEnd {
			best, bestEnd = &tests[i], end
			if !known {
				bestEnd = calendar.MaxDate
			}
		}
	}
	return best
}

func (c *Condition) firstEnd(tests []test, f *Facts) (first calendar.Date, known bool) {
	for i := range tests {
		if end, ok := c.end(&tests[i], f); ok && (!known || end < first) {
			first, known = end, true
		}
	}
	return first, known
}

func (c *Condition) lastEnd(tests []test, f *Facts) (last calendar.Date, known bool) {
	last = calendar.MinDate
	for i := range tests {
		end, ok := c.end(&tests[i], f)
		if !ok && !tests[i].ended(&f.At) {
			return 0, false
		}
		if ok {
			last = max(last, end)
		}
	}
	return last, true
}

// end returns the first day on which the rule no longer applies to the record. It
// is unknown while the start is, and where no version of the law covers the start.
func (c *Condition) end(t *test, f *Facts) (calendar.Date, bool) {
	e := t.latest(&f.At)
	if e == 0 {
		return 0, false
	}
	s := c.day.schedule
	event := calendar.DateOf(time.UnixMicro(e).In(s.loc))
	start := s.start(t.rule, event)
	if len(t.rule.Versions) == 0 {
		return s.free(t.rule, t.rule.Period, event), true
	}
	for i := range t.rule.Versions {
		v := &t.rule.Versions[i]
		if v.inForce(c.day.date) && (v.StartFrom == nil || *v.StartFrom <= start) && (v.StartTo == nil || start <= *v.StartTo) {
			return s.free(t.rule, v.Period, event), true
		}
	}
	return 0, false
}

func (c *Condition) instant(t *test, f *Facts) time.Time {
	end, known := c.end(t, f)
	if !known {
		return time.Time{}
	}
	return storage.Time(storage.Micros(end.Start(c.day.schedule.loc))).In(c.day.schedule.loc)
}
