package retention

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gdprkit/gdprkit/storage"
)

var (
	anchors = []Anchor{AtEvent, EndOfCalendarYear, NextCalendarYear, EndOfBusinessYear}
	events  = []string{"a", "b", "c"}
)

// drawRule draws a valid rule of category "c".
func drawRule(t *rapid.T, id string, kinds ...Kind) Rule {
	r := Rule{ID: id, Category: "c", Ground: "ground " + id, Reason: "claims"}
	r.Kind = rapid.SampledFrom(kinds).Draw(t, id+" kind")
	r.Start.Anchor = rapid.SampledFrom(anchors).Draw(t, id+" anchor")
	r.Start.Events = slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.SampledFrom(events), 1, 2).Draw(t, id+" events"))))
	r.Period = Period{Years: rapid.IntRange(0, 12).Draw(t, id+" years"), Months: rapid.IntRange(0, 14).Draw(t, id+" months"), Days: rapid.IntRange(0, 40).Draw(t, id+" days")}
	r.Level = rapid.SampledFrom([]Level{Statutory, Purpose, Default}).Draw(t, id+" level")
	if r.Kind == Limitation && r.Level == Statutory {
		r.Level = Purpose
	}
	if r.Kind == Maximum {
		r.Then = rapid.SampledFrom([]Action{Erase, Erase, Mask, Block, Review}).Draw(t, id+" then")
	}
	if rapid.Bool().Draw(t, id+" plain") {
		r.Start.Events = r.Start.Events[:1]
		return r
	}
	if rapid.Bool().Draw(t, id+" changes") {
		change := Date(rapid.Int32Range(10000, 25000).Draw(t, id+" change"))
		before := change.AddDays(-1)
		next := r.Period
		next.Years = rapid.IntRange(0, 12).Draw(t, id+" new years")
		r.Versions = []Version{{Period: r.Period, To: &before}, {Period: next, From: &change}}
		if rapid.Bool().Draw(t, id+" by start") {
			r.Versions = []Version{{Period: r.Period, StartTo: &before}, {Period: next, StartFrom: &change}}
		}
		r.Period = Period{}
	}
	return r
}

// drawSchedule draws rules of which at least one ends a record.
func drawRules(t *rapid.T) []Rule {
	end := drawRule(t, "end", Maximum)
	end.Then, end.Level = Erase, Purpose
	rules := []Rule{end}
	for i := range rapid.IntRange(0, 4).Draw(t, "rules") {
		rules = append(rules, drawRule(t, fmt.Sprint("r", i), Minimum, Maximum, Limitation))
	}
	return rules
}

func drawFacts(t *rapid.T) Facts {
	var f Facts
	for i := range events {
		if rapid.Bool().Draw(t, events[i]+" known") {
			f.At[i] = rapid.Int64Range(-3e14, 2.4e15).Draw(t, events[i])
		}
	}
	f.Lapsed = rapid.Bool().Draw(t, "lapsed")
	return f
}

func build(t require.TestingT, rules ...Rule) *Schedule {
	s, err := NewSchedule(Definition{Version: "p", Country: "NL", TimeZone: "Europe/Amsterdam", YearEnd: "03-31", Rules: rules})
	require.NoError(t, err)
	return s
}

// withNames makes the events of every condition a, b, c, so that facts fit.
func withNames(rules []Rule) []Rule {
	pad := Rule{ID: "pad", Category: "c", Kind: Maximum, Then: Review, Period: Period{Years: 900}, Ground: "pad", Start: Start{Events: events}}
	return append(slices.Clone(rules), pad)
}

func evaluate(t require.TestingT, s *Schedule, f Facts, date Date) Decision {
	c, err := s.On(date.Start(s.Location())).Condition("c")
	require.NoError(t, err)
	return c.Evaluate(&f)
}

func drawDay(t *rapid.T) Date { return Date(rapid.Int32Range(0, 40000).Draw(t, "day")) }

func TestDutyWinsAndEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, f, date := drawRules(t), drawFacts(t), drawDay(t)
		duty := drawRule(t, "duty", Minimum)
		duty.Level, duty.Versions = Statutory, nil
		free := evaluate(t, build(t, withNames(rules)...), f, date)
		s := build(t, withNames(append(rules, duty))...)
		with := evaluate(t, s, f, date)
		c, err := s.On(date.Start(s.Location())).Condition("c")
		require.NoError(t, err)
		end, known := c.end(&test{rule: &duty, slow: true, first: uint8(slices.Index(events, duty.Start.Events[0])), more: more(&duty)}, &f)
		if !known || date < end {
			require.NotEqual(t, Due, with.State, "a running duty was overruled")
			return
		}
		require.Equal(t, free.State, with.State, "a duty that has ended still matters")
	})
}

func more(r *Rule) (m []uint8) {
	for _, e := range r.Start.Events[1:] {
		m = append(m, uint8(slices.Index(events, e)))
	}
	return m
}

func TestStopWinsOverAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFacts(t)
		f.Stop = "hold"
		d := evaluate(t, build(t, withNames(drawRules(t))...), f, drawDay(t))
		require.Equal(t, Stopped, d.State)
		require.Equal(t, Nothing, d.Action())
	})
}

func TestKeepRuleNeverHastens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, f, date := drawRules(t), drawFacts(t), drawDay(t)
		with := evaluate(t, build(t, withNames(append(rules, drawRule(t, "keep", Minimum, Limitation)))...), f, date)
		if with.State == Due {
			require.Equal(t, Due, evaluate(t, build(t, withNames(rules)...), f, date).State)
		}
	})
}

func TestOrderOfRulesIsIrrelevant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, f, date := withNames(drawRules(t)), drawFacts(t), drawDay(t)
		a := build(t, rules...)
		shuffled := slices.Clone(rules)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		b := build(t, shuffled...)
		require.Equal(t, a.Hash(), b.Hash())
		x, y := evaluate(t, a, f, date), evaluate(t, b, f, date)
		require.Equal(t, x.State, y.State)
		require.Equal(t, x.Action(), y.Action())
		require.Equal(t, x.Rule(), y.Rule())
		require.Equal(t, x.Until(), y.Until())
	})
}

func TestNextIsTheNextChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, f, date := withNames(drawRules(t)), drawFacts(t), drawDay(t)
		for i := range rules {
			if len(rules[i].Versions) > 0 { // Next looks at time, not at changes of the law
				rules[i].Period, rules[i].Versions = rules[i].Versions[0].Period, nil
			}
		}
		s := build(t, rules...)
		d := evaluate(t, s, f, date)
		next, state := d.Next()
		for n := 1; n < 6000; n += 1 + n/8 {
			later := date.AddDays(n)
			got := evaluate(t, s, f, later).State
			switch {
			case next.IsZero() || later.Start(s.Location()).Before(next):
				require.Equal(t, d.State, got, "after %d days", n)
			default:
				require.NotEqual(t, Active, got)
			}
		}
		if !next.IsZero() {
			require.Equal(t, state, s.stateAt(t, f, next))
			require.Equal(t, d.State, s.stateAt(t, f, next.Add(-time.Second)))
		}
	})
}

func (s *Schedule) stateAt(t require.TestingT, f Facts, at time.Time) State {
	c, err := s.On(at).Condition("c")
	require.NoError(t, err)
	return c.Evaluate(&f).State
}

func TestMatchAgreesWithEvaluate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		for i, e := range events { // the same events in every schedule, by rules that never end
			rules = append(rules, Rule{ID: "pad " + e, Category: "c", Kind: Maximum, Then: Review, Period: Period{Years: 900}, Ground: "pad", Start: Start{Events: events[i : i+1]}})
		}
		s, f, date := build(t, rules...), drawFacts(t), drawDay(t)
		f.Lapsed = false
		c, err := s.On(date.Start(s.Location())).Condition("c")
		require.NoError(t, err)
		d := c.Evaluate(&f)
		slow := *c
		slow.cuts = nil
		again := slow.Evaluate(&f)
		require.Equal(t, []any{d.State, d.Action()}, []any{again.State, again.Action()}, "the quick way differs")
		for find, want := range map[Find]bool{FindDue: d.State == Due, FindBlocked: d.State == Blocked, FindReview: d.Action() == Review, FindAll: true} {
			q := Query{Condition: c, Find: find}
			require.Equal(t, want, q.Match(f.At[:]), "find %d", find)
			where, args := q.SQL("postgres", func(e string) Column { return Column{Expr: e} }, 1)
			require.NotEmpty(t, where)
			if len(args) > 0 {
				require.Contains(t, where, fmt.Sprintf("$%d", len(args)))
			}
		}
	})
}

func TestDayIsRememberedAndRight(t *testing.T) {
	s := build(t, rule("r", Maximum, "P1Y", "a"))
	noon := day("2025-06-01").Start(s.Location()).Add(12 * time.Hour)
	require.Same(t, s.On(noon), s.On(noon.Add(11*time.Hour)))
	require.NotSame(t, s.On(noon), s.On(noon.Add(13*time.Hour)))
	require.Equal(t, day("2025-06-01"), s.On(noon).Date())
	require.Equal(t, storage.Micros(day("2025-06-01").Start(s.Location())), s.On(noon).begin)
}
