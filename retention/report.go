package retention

import (
	"context"
	"iter"
	"time"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Result is what became of the records of a plan.
type Result struct {
	Plan    Plan
	Handled int // erased, masked, anonymised, blocked, unblocked
	Skipped int // gone, changed or stopped since the plan was made
	Failed  int // refused by the source; in the next plan again
	Counts  []Count
}

// Count says how many records of a source met an outcome under a rule. Outcomes
// are erased, fields_erased, masked, anonymised, blocked, unblocked; gone, changed,
// stopped; failed. Masked records still hold personal data and are never reported as
// anonymised, nor as erased where a source erases in place ([Effecter]).
type Count struct {
	Source  string
	Rule    string
	Outcome string
	N       int
	// Ground is the legal ground of the rule in the schedule of the engine, empty
	// if it is not there any more.
	Ground string
	// Assessment is the document that an anonymising rule refers to.
	Assessment string
}

// Aside is a record of a plan that was not handled.
type Aside struct {
	Source  string
	Key     string
	Rule    string
	Outcome string // gone, changed, stopped, failed
	Detail  string // why
}

var (
	countsOf   = &storage.Select{From: schema.PlanCount, Columns: []string{"source", "rule", "outcome", "shard", "n"}, Where: storage.By("plan"), Order: []string{"source", "rule", "outcome", "shard"}}
	asidesOf   = &storage.Select{From: schema.PlanAside, Columns: []string{"source", "record", "rule", "outcome", "detail"}, Where: storage.By("plan"), Order: []string{"source", "record"}}
	plansSince = &storage.Select{From: schema.Plan, Columns: []string{"made", "id"}, Order: []string{"made", "id"},
		Where: []storage.Term{{Column: "made", Cmp: storage.Ge}, {Column: "made", Cmp: storage.Lt}}}
)

// Outcome returns what has become of the records of a plan so far, or ErrNotFound.
func (e *Engine) Outcome(ctx context.Context, plan string) (*Result, error) {
	p, err := e.Open(ctx, plan)
	if err != nil {
		return nil, err
	}
	r := &Result{Plan: *p}
	for row, err := range e.store.Scan(ctx, countsOf, []any{plan}) {
		var c Count
		var shard int
		if err == nil {
			err = row.Scan(&c.Source, &c.Rule, &c.Outcome, &shard, &c.N)
		}
		if err != nil {
			return nil, err
		}
		r.add(c)
	}
	for i := range r.Counts {
		c := &r.Counts[i]
		if rule := e.rule(c.Rule); rule != nil {
			c.Ground = rule.Ground
			if c.Outcome == "anonymised" {
				c.Assessment = rule.Assessment
			}
		}
	}
	return r, nil
}

// add sums the shards, which follow one another.
func (r *Result) add(c Count) {
	switch c.Outcome {
	case outcomeGone, outcomeChanged, outcomeStopped:
		r.Skipped += c.N
	case outcomeFailed:
		r.Failed += c.N
	default:
		r.Handled += c.N
	}
	if n := len(r.Counts); n > 0 && r.Counts[n-1].Source == c.Source && r.Counts[n-1].Rule == c.Rule && r.Counts[n-1].Outcome == c.Outcome {
		r.Counts[n-1].N += c.N
		return
	}
	r.Counts = append(r.Counts, c)
}

func (e *Engine) rule(id string) *Rule {
	for i := range e.schedule.def.Rules {
		if r := &e.schedule.def.Rules[i]; r.ID == id {
			return r
		}
	}
	return nil
}

// Asides yields the records of a plan that were not handled, by source and key.
func (e *Engine) Asides(ctx context.Context, plan string) iter.Seq2[Aside, error] {
	return func(yield func(Aside, error) bool) {
		for row, err := range e.store.Scan(ctx, asidesOf, []any{plan}) {
			var a Aside
			if err == nil {
				err = row.Scan(&a.Source, &a.Key, &a.Rule, &a.Outcome, &a.Detail)
			}
			if !yield(a, err) || err != nil {
				return
			}
		}
	}
}

// Report says that the schedule ran, and what it did, within a period.
type Report struct {
	From, To time.Time
	Edition  string    // of the schedule in force now
	Schedule string    // its hash
	Runs     []Result  // of the plans made within the period, also those never executed, oldest first
	Holds    []Hold    // placed, standing or released within the period
	Blocked  int       // records that are blocked now
	Findings []Finding // of Engine.Lint
}

// Report answers an authority that asks for the schedule and for the proof that it
// ran, failures included: the plans made from from (inclusive) to to (exclusive).
func (e *Engine) Report(ctx context.Context, from, to time.Time) (*Report, error) {
	r := &Report{From: from, To: to, Edition: e.schedule.Version(), Schedule: e.schedule.Hash(), Findings: e.Lint()}
	var plans []string
	for row, err := range e.store.Scan(ctx, plansSince, []any{storage.Micros(from), storage.Micros(to)}) {
		var made int64
		var id string
		if err == nil {
			err = row.Scan(&made, &id)
		}
		if err != nil {
			return nil, err
		}
		plans = append(plans, id)
	}
	for _, id := range plans {
		res, err := e.Outcome(ctx, id)
		if err != nil {
			return nil, err
		}
		r.Runs = append(r.Runs, *res)
	}
	for h, err := range e.Holds(ctx) {
		if err != nil {
			return nil, err
		}
		if h.Placed.Before(to) && (h.Released.IsZero() || !h.Released.Before(from)) {
			r.Holds = append(r.Holds, *h)
		}
	}
	if err := e.store.Get(ctx, countBlocked, nil, &r.Blocked); err != nil {
		return nil, err
	}
	return r, nil
}
