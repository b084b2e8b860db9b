package retention_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

const schedule = `{
  "version": "2026-11", "country": "DE", "timeZone": "Europe/Berlin",
  "rules": [
    {"id": "invoice-duty", "from": "DE-invoice", "category": "invoice", "fields": ["number", "amount"]},
    {"id": "invoice-use", "category": "invoice", "kind": "maximum", "period": "P2Y",
     "start": {"events": ["last_contact"]}, "ground": "GDPR art. 6(1)(b)", "basis": "b"},
    {"id": "note", "category": "note", "kind": "maximum", "period": "P1Y",
     "start": {"events": ["written"]}, "ground": "GDPR art. 6(1)(f)", "basis": "f"}
  ]
}`

func date(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// A schedule that is wrong names the rule and the place.
func ExampleParseSchedule() {
	_, err := retention.ParseSchedule([]byte(`{"version": "1", "country": "DE", "timeZone": "Europe/Berlin", "rules": [
		{"id": "applicants", "category": "applicant", "kind": "maximum", "period": "6 months",
		 "start": {"events": ["rejected"]}, "ground": "AGG § 15(4)"}]}`))
	fmt.Println(err)
	// Output:
	// retention: schedule /rules/0/period (rule applicants): "6 months" is not a period: write whole years, months, weeks or days of ISO 8601, such as "P7Y", "P6M", "P2W", "P30D" or "P1Y6M"
}

// The duty runs to the end of the eighth calendar year; the purpose is over before.
func ExampleSchedule_Evaluate() {
	s, err := retention.ParseSchedule([]byte(schedule))
	if err != nil {
		panic(err)
	}
	dates := map[string]time.Time{"issued": date("2025-03-15"), "last_contact": date("2025-04-01")}
	for _, day := range []string{"2026-01-01", "2028-01-01", "2034-01-01"} {
		d, err := s.Evaluate("invoice", dates, date(day))
		if err != nil {
			panic(err)
		}
		next, then := d.Next()
		fmt.Println(day, d.State, d.Action(), "|", d.Rule().ID, d.Ground(), d.Until().Format(time.DateOnly))
		if !next.IsZero() {
			fmt.Println("  on", next.Format(time.DateOnly), then)
		}
	}
	// Output:
	// 2026-01-01 active  | invoice-duty UStG § 14b(1) 2034-01-01
	//   on 2027-04-02 blocked
	// 2028-01-01 blocked block | invoice-duty UStG § 14b(1) 2034-01-01
	//   on 2034-01-01 due
	// 2034-01-01 due erase | invoice-use GDPR art. 6(1)(b) 2027-04-02
}

// The same rules as a condition over the columns of a table.
func ExampleQuery_SQL() {
	s, err := retention.ParseSchedule([]byte(schedule))
	if err != nil {
		panic(err)
	}
	c, err := s.On(date("2034-01-01")).Condition("invoice")
	if err != nil {
		panic(err)
	}
	q := retention.Query{Condition: c, Find: retention.FindDue}
	where, args := q.SQL("postgres", func(event string) retention.Column {
		return retention.Column{Expr: "i." + event + "_on", Civil: true}
	}, 1)
	fmt.Println(where)
	fmt.Println(args...)
	// Output:
	// (((i.issued_on < $1)) AND (((i.last_contact_on < $2))))
	// 2026-01-01 2032-01-01
}

// notes is a table of the CRM as a source: key to date.
type notes map[string]time.Time

func (notes) Name() string     { return "notes" }
func (notes) Category() string { return "note" }

func (n notes) List(ctx context.Context, q *retention.Query) iter.Seq2[*retention.Record, error] {
	keys := slices.Sorted(maps.Keys(n))
	return n.Load(ctx, q, slices.DeleteFunc(keys, func(k string) bool { return k <= q.After }))
}

func (n notes) Load(_ context.Context, q *retention.Query, keys []string) iter.Seq2[*retention.Record, error] {
	return func(yield func(*retention.Record, error) bool) {
		for _, k := range keys {
			written, there := n[k]
			r := &retention.Record{Key: k, Subject: "c-17", Events: []int64{storage.Micros(written)}}
			if there && q.Match(r.Events) && !yield(r, nil) {
				return
			}
		}
	}
}

func (n notes) Carry(_ context.Context, o *retention.Order, keys []string) (map[string]string, error) {
	for _, k := range keys {
		fmt.Println(o.Action, k, "by rule", o.Rule)
		delete(n, k)
	}
	return nil, nil
}

// Plan, have somebody else approve the hash, execute.
func ExampleEngine_Execute() {
	ctx := context.Background()
	s, err := retention.ParseSchedule([]byte(schedule))
	if err != nil {
		panic(err)
	}
	engine, err := retention.New(memstore.New(nil).Tenant("acme"), s, &retention.Options{
		Sources: []retention.Source{notes{"n1": date("2025-01-10"), "n2": date("2026-10-01"), "n3": date("2024-05-05")}},
		Now:     func() time.Time { return date("2026-11-21") },
	})
	if err != nil {
		panic(err)
	}
	plan, err := engine.Plan(ctx, retention.PlanOptions{By: "job"})
	if err != nil {
		panic(err)
	}
	for item, err := range engine.Items(ctx, plan.ID) {
		fmt.Println("planned:", item.Key, item.Action, item.Rule, err)
	}
	if err := engine.Approve(ctx, plan.ID, plan.Hash, "u4"); err != nil {
		panic(err)
	}
	result, err := engine.Execute(ctx, plan.ID, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(result.Handled, "handled,", result.Skipped, "skipped")
	// Output:
	// planned: n1 erase note <nil>
	// planned: n3 erase note <nil>
	// erase n1 by rule note
	// erase n3 by rule note
	// 2 handled, 0 skipped
}

// A request for erasure meets a duty: the record is blocked until the duty ends.
func ExampleEngine_Keep() {
	ctx := context.Background()
	s, err := retention.ParseSchedule([]byte(schedule))
	if err != nil {
		panic(err)
	}
	engine, err := retention.New(memstore.New(nil).Tenant("acme"), s, nil)
	if err != nil {
		panic(err)
	}
	dates := map[string]time.Time{"issued": date("2025-03-15")}
	keep, until, kind, ground, err := engine.Keep(ctx, "c-17", "invoice", "R-1", dates)
	fmt.Println(keep, kind, ground, until.Format(time.DateOnly), err)
	if err := engine.Block(ctx, "c-17", "invoice", "R-1", ground, until); err != nil {
		panic(err)
	}
	_, blocked, err := engine.IsBlocked(ctx, "invoice", "R-1")
	fmt.Println(blocked, err)
	// Output:
	// true must UStG § 14b(1) 2034-01-01 <nil>
	// true <nil>
}

// A hold stops every sweep for what it covers, until it is released.
func ExampleEngine_Hold() {
	ctx := context.Background()
	s, err := retention.ParseSchedule([]byte(schedule))
	if err != nil {
		panic(err)
	}
	engine, err := retention.New(memstore.New(nil).Tenant("acme"), s, &retention.Options{
		Sources: []retention.Source{notes{"n1": date("2020-01-10")}},
	})
	if err != nil {
		panic(err)
	}
	hold, err := engine.Hold(ctx, retention.Hold{Subject: "c-17", Ground: "GDPR art. 17(3)(e)", Reason: "claim 2026/44", Actor: "u9"})
	if err != nil {
		panic(err)
	}
	plan, err := engine.Plan(ctx, retention.PlanOptions{By: "job"})
	fmt.Println(plan.Rows, "planned,", plan.Stopped, "stopped", err)
	if err := engine.Release(ctx, hold.ID, "u9", "settled"); err != nil {
		panic(err)
	}
	plan, err = engine.Plan(ctx, retention.PlanOptions{By: "job"})
	fmt.Println(plan.Rows, "planned,", plan.Stopped, "stopped", err)
	// Output:
	// 0 planned, 1 stopped <nil>
	// 1 planned, 0 stopped <nil>
}
