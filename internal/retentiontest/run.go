package retentiontest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
)

// Schedule is that of the scenarios: a duty of ten years on two fields, a purpose of
// two years after the last contact, and a yearly review.
const Schedule = `{"version":"2026-11","country":"DE","timeZone":"Europe/Berlin","rules":[
 {"id":"duty","category":"invoice","kind":"minimum","period":"P10Y","start":{"anchor":"end_of_calendar_year","events":["issued"]},
  "ground":"AO § 147(3)","fields":["number","amount"],"checked":"2026-11-01"},
 {"id":"use","category":"invoice","kind":"maximum","period":"P2Y","start":{"events":["last_contact"]},"ground":"GDPR art. 6(1)(b)","basis":"b"},
 {"id":"review","category":"invoice","kind":"maximum","period":"P1Y","start":{"events":["verified"]},"ground":"GDPR art. 5(1)(d)","then":"review"}]}`

// Plain is a schedule without a duty.
const Plain = `{"version":"2026-11","country":"DE","timeZone":"Europe/Berlin","rules":[
 {"id":"use","category":"invoice","kind":"maximum","period":"P2Y","start":{"events":["last_contact"]},"ground":"GDPR art. 6(1)(f)","basis":"f"}]}`

// fixture is an engine over a host, with a clock.
type fixture struct {
	*retention.Engine
	t     *testing.T
	ctx   context.Context
	store storage.Store
	host  *Host
	audit *Auditor
	clock *atomic.Int64
	opt   retention.Options
}

var today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func years(n int) time.Time { return today.AddDate(-n, 0, 0) }

func open(t *testing.T, dir storage.Directory, schedule string, change func(*retention.Options)) *fixture {
	t.Helper()
	store := dir.Tenant("acme")
	f := &fixture{t: t, ctx: t.Context(), store: store, host: &Host{Store: store}, audit: &Auditor{Store: store}, clock: new(atomic.Int64)}
	f.at(today)
	f.opt = retention.Options{Sources: []retention.Source{f.host}, Auditor: f.audit, BatchRows: 7, Shards: 3, Lease: 200 * time.Millisecond,
		Now: func() time.Time { return time.UnixMicro(f.clock.Load()) }}
	if change != nil {
		change(&f.opt)
	}
	f.Engine = f.engine(schedule)
	return f
}

func (f *fixture) engine(schedule string) *retention.Engine {
	s, err := retention.ParseSchedule([]byte(schedule))
	require.NoError(f.t, err)
	e, err := retention.New(f.store, s, &f.opt)
	require.NoError(f.t, err)
	return e
}

func (f *fixture) at(t time.Time) { f.clock.Store(t.UnixMicro()) }

func (f *fixture) insert(rows ...Row) {
	f.t.Helper()
	require.NoError(f.t, f.host.Insert(f.ctx, rows...))
}

func (f *fixture) rows() map[string]Row {
	f.t.Helper()
	rows, err := f.host.Rows(f.ctx)
	require.NoError(f.t, err)
	return rows
}

// plan makes a plan and returns it with its records.
func (f *fixture) plan() (*retention.Plan, map[string]retention.Item) {
	f.t.Helper()
	p, err := f.Plan(f.ctx, retention.PlanOptions{By: "planner"})
	require.NoError(f.t, err)
	items := map[string]retention.Item{}
	for i, err := range f.Items(f.ctx, p.ID) {
		require.NoError(f.t, err)
		require.NotContains(f.t, items, i.Key)
		items[i.Key] = i
	}
	require.Len(f.t, items, p.Rows)
	return p, items
}

func (f *fixture) execute(p *retention.Plan) *retention.Result {
	f.t.Helper()
	if p.State == "planned" {
		require.NoError(f.t, f.Approve(f.ctx, p.ID, p.Hash, "approver"))
	}
	res, err := f.Execute(f.ctx, p.ID, nil)
	require.NoError(f.t, err)
	require.Equal(f.t, "done", res.Plan.State)
	return res
}

// run plans and executes.
func (f *fixture) run() *retention.Result {
	f.t.Helper()
	p, _ := f.plan()
	return f.execute(p)
}

func (f *fixture) asides(plan string) map[string]retention.Aside {
	f.t.Helper()
	out := map[string]retention.Aside{}
	for a, err := range f.Asides(f.ctx, plan) {
		require.NoError(f.t, err)
		out[a.Key] = a
	}
	return out
}

func (f *fixture) handled() []Seen {
	f.t.Helper()
	seen, err := f.audit.Entries(f.ctx, "retention.handled")
	require.NoError(f.t, err)
	return seen
}

// many makes n rows of which every third is due under both schedules and every
// third is to be blocked under Schedule.
func many(n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		r := Row{ID: fmt.Sprintf("r%05d", i), Subject: fmt.Sprintf("s%d", i%10), Name: "canary", Number: fmt.Sprint(i), Amount: i}
		switch i % 3 {
		case 0:
			r.Issued, r.LastContact = years(12), years(11)
		case 1:
			r.Issued, r.LastContact = years(5), years(4)
		case 2:
			r.Issued, r.LastContact = years(1), years(1)
		}
		rows[i] = r
	}
	return rows
}

// Run runs every scenario, each over a fresh directory.
func Run(t *testing.T, dir func(t *testing.T) storage.Directory) {
	for _, s := range []struct {
		name string
		f    func(*testing.T, storage.Directory)
	}{
		{"PlanEqualsRun", planEqualsRun}, {"WhatChangedIsSkippedAndNamed", changedMeanwhile}, {"Holds", holds}, {"HoldIsIdempotent", holdOnce},
		{"Stops", stops}, {"DutyThenErasure", dutyThenErasure}, {"AskedAndWaiting", askedAndWaiting}, {"Withdrawal", withdrawal},
		{"Masking", masking}, {"Fields", fields}, {"BadSources", badSources}, {"FailingRows", failingRows}, {"Approval", approval},
		{"EntryOrNothing", entryOrNothing}, {"Resume", resume}, {"SeveralWorkers", severalWorkers}, {"Upcoming", upcoming}, {"Reviews", reviews},
		{"Keep", keep}, {"Explain", explain}, {"Report", report}, {"Own", own}, {"Tenants", tenants}, {"JoinsTheTransaction", joins}, {"Progress", progress}, {"Guard", guarded}, {"WrittenBack", writtenBack},
		{"ErasedInPlace", erasedInPlace}, {"WaitedInPlace", waitedInPlace}, {"Unblock", unblock},
		{"Revived", revived}, {"RevivedMeanwhile", revivedMeanwhile}, {"RevivedByConsent", revivedByConsent},
		{"UnknownCategory", unknownCategory}, {"UnknownPeriod", unknownPeriod}, {"UnknownStartRule", unknownStartRule}, {"RuleWithoutGround", ruleWithoutGround},
		{"ContradictingRules", contradictingRules}, {"DateInTheFuture", dateInTheFuture}, {"RowsOutOfOrder", rowsOutOfOrder}, {"KeyForgotten", keyForgotten},
		{"Taken", taken}, {"TakenBack", takenBack}, {"Shredded", shredded}, {"ShredderNeedsLists", shredderNeedsLists},
	} {
		t.Run(s.name, func(t *testing.T) { s.f(t, dir(t)) })
	}
}
