package retentiontest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
)

func planEqualsRun(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Schedule, nil)
	f.insert(many(60)...)
	before := f.rows()
	p, items := f.plan()
	require.Len(t, items, 40)
	again, _ := f.plan()
	require.NotEqual(t, p.ID, again.ID)
	require.Equal(t, p.Hash, again.Hash, "the same plan has the same hash")
	require.Equal(t, before, f.rows(), "a plan changes nothing")
	res := f.execute(p)
	require.Equal(t, 40, res.Handled)
	after := f.rows()
	for id, r := range before {
		now, there := after[id]
		switch items[id].Action {
		case retention.Erase:
			require.False(t, there, id)
		case retention.Block:
			require.Empty(t, now.Name, id)
			require.Equal(t, r.Number, now.Number, id)
		default:
			require.Equal(t, r, now, id)
		}
	}
	entries := f.handled()
	require.Len(t, entries, 40)
	unique := map[string]bool{}
	for _, e := range entries {
		unique[e.Record] = true
		require.NotEmpty(t, e.Rule)
		require.NotEmpty(t, e.Ground)
	}
	require.Len(t, unique, 40)
	next, none := f.plan()
	require.Empty(t, none, "a second run does nothing")
	require.Zero(t, f.execute(next).Handled)
	repeated, err := f.Execute(f.ctx, p.ID, nil)
	require.NoError(t, err)
	require.Equal(t, res.Counts, repeated.Counts)
	require.Len(t, f.handled(), 40)
}

func changedMeanwhile(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, nil)
	for i := range 12 {
		f.insert(Row{ID: fmt.Sprint(i), Subject: fmt.Sprint("s", i), LastContact: years(3), Name: "canary"})
	}
	p, items := f.plan()
	require.Len(t, items, 12)
	require.NoError(t, f.host.Touch(f.ctx, "3", years(1)))
	_, err := f.store.Apply(f.ctx, deleteRow.With("5"))
	require.NoError(t, err)
	_, err = f.Hold(f.ctx, retention.Hold{Subject: "s7", Ground: "claim", Reason: "lawsuit", Actor: "u1"})
	require.NoError(t, err)
	f.insert(Row{ID: "99", Subject: "s99", LastContact: years(3)}) // not in the plan, so not touched
	res := f.execute(p)
	require.Equal(t, 9, res.Handled)
	require.Equal(t, 3, res.Skipped)
	asides := f.asides(p.ID)
	require.Equal(t, "changed", asides["3"].Outcome)
	require.Equal(t, "gone", asides["5"].Outcome)
	require.Equal(t, "stopped", asides["7"].Outcome)
	require.Equal(t, "claim", asides["7"].Detail)
	require.Equal(t, []string{"3", "7", "99"}, slices.Sorted(maps.Keys(f.rows())))
}

func masking(t *testing.T, dir storage.Directory) {
	f := open(t, dir, `{"version":"1","country":"DE","timeZone":"Europe/Berlin","rules":[
	 {"id":"hide","category":"invoice","kind":"maximum","period":"P2Y","start":{"events":["last_contact"]},"ground":"GDPR art. 5(1)(e)","then":"mask"},
	 {"id":"end","category":"invoice","kind":"maximum","period":"P8Y","start":{"events":["last_contact"]},"ground":"GDPR art. 5(1)(e)"}]}`, nil)
	total := 0
	for i := range 25 {
		f.insert(Row{ID: fmt.Sprintf("%03d", i), Subject: "s", LastContact: years(3), Name: "canary name", Number: "canary number", Amount: i * 7})
		total += i * 7
	}
	res := f.run()
	require.Equal(t, []retention.Count{{Source: "invoices", Rule: "hide", Outcome: "masked", N: 25, Ground: "GDPR art. 5(1)(e)"}}, res.Counts)
	rows := f.rows()
	require.Len(t, rows, 25)
	numbers := map[string]bool{}
	for _, r := range rows {
		total -= r.Amount
		numbers[r.Number] = true
		require.NotContains(t, r.Name+r.Number, "canary")
	}
	require.Zero(t, total)
	require.Zero(t, f.run().Plan.Rows, "masked once")
	f.at(today.AddDate(6, 0, 0))
	require.Equal(t, 25, f.run().Handled, "erased later")
	require.Empty(t, f.rows())
}

func fields(t *testing.T, dir storage.Directory) {
	f := open(t, dir, `{"version":"1","country":"DE","timeZone":"Europe/Berlin","rules":[
	 {"id":"name","category":"invoice","kind":"maximum","period":"P2Y","start":{"events":["last_contact"]},"ground":"g","fields":["name"]}]}`, nil)
	f.insert(Row{ID: "1", LastContact: years(3), Name: "canary", Number: "17", Amount: 3})
	res := f.run()
	require.Equal(t, "fields_erased", res.Counts[0].Outcome)
	require.Equal(t, "17", f.rows()["1"].Number)
	require.Empty(t, f.rows()["1"].Name)
	require.Zero(t, f.run().Plan.Rows)
}

func badSources(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, nil)
	f.insert(many(30)...)
	refuse := func(field, value string) {
		t.Helper()
		_, err := f.Plan(f.ctx, retention.PlanOptions{By: "planner"})
		require.ErrorIs(t, err, retention.ErrSource)
		var s *retention.SourceError
		require.True(t, errors.As(err, &s))
		require.Equal(t, "invoices", s.Source)
		require.Equal(t, field, s.Field)
		require.Equal(t, value, s.Value)
		require.Len(t, f.rows(), 30)
	}
	f.host.Disorder = true
	refuse("key", "r00007") // the second of the first page, upside down
	f.host.Disorder, f.host.Keyless = false, true
	refuse("key", "")
	f.host.Keyless = false
	_, err := f.store.Apply(f.ctx, touchRow.With(storage.Micros(today.AddDate(0, 0, 3)), "r00029"))
	require.NoError(t, err)
	f.Engine = f.engine(`{"version":"1","country":"DE","timeZone":"Europe/Berlin","rules":[
	 {"id":"use","category":"invoice","kind":"maximum","period":"P2Y","start":{"events":["last_contact"]},"ground":"g"},
	 {"id":"other","category":"invoice","kind":"maximum","period":"P0D","start":{"events":["issued"]},"ground":"g"}]}`)
	refuse("last_contact", "2026-11-24")
	var s *retention.SourceError
	_, err = f.Plan(f.ctx, retention.PlanOptions{By: "planner"})
	require.True(t, errors.As(err, &s))
	require.Equal(t, "use", s.Rule)
	rep, err := f.Report(f.ctx, years(1), today.AddDate(1, 0, 0))
	require.NoError(t, err)
	require.Empty(t, rep.Runs, "a plan that failed leaves nothing behind")
}

func failingRows(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, nil)
	for i := range 20 {
		f.insert(Row{ID: fmt.Sprintf("%02d", i), Subject: "s", LastContact: years(3)})
	}
	f.host.Cursed = map[string]bool{"03": true, "19": true}
	f.host.Refused = map[string]string{"11": "an order refers to it"}
	p, _ := f.plan()
	res := f.execute(p)
	require.Equal(t, 17, res.Handled)
	require.Equal(t, 3, res.Failed)
	asides := f.asides(p.ID)
	require.Equal(t, "an order refers to it", asides["11"].Detail)
	require.Equal(t, "failed", asides["03"].Outcome)
	require.Equal(t, []string{"03", "11", "19"}, slices.Sorted(maps.Keys(f.rows())))
	require.Len(t, f.handled(), 17)
	f.host.Cursed, f.host.Refused = nil, nil
	require.Equal(t, 3, f.run().Handled, "the next plan has them again")
}

func approval(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, nil)
	f.insert(many(9)...)
	p, _ := f.plan()
	_, err := f.Execute(f.ctx, p.ID, nil)
	require.ErrorIs(t, err, retention.ErrPlanState)
	require.ErrorIs(t, f.Approve(f.ctx, p.ID, "0000", "approver"), retention.ErrHash)
	require.ErrorIs(t, f.Approve(f.ctx, p.ID, p.Hash, "planner"), retention.ErrFourEyes)
	require.ErrorIs(t, f.Approve(f.ctx, "none", p.Hash, "approver"), retention.ErrNotFound)
	require.ErrorIs(t, f.Approve(f.ctx, p.ID, p.Hash, ""), gdpr.ErrInvalid)
	other := f.engine(Schedule)
	require.ErrorIs(t, other.Approve(f.ctx, p.ID, p.Hash, "approver"), retention.ErrPlanState)
	f.at(today.AddDate(0, 0, 8))
	require.ErrorIs(t, f.Approve(f.ctx, p.ID, p.Hash, "approver"), retention.ErrPlanState)
	f.at(today)
	require.NoError(t, f.Approve(f.ctx, p.ID, p.Hash, "approver"))
	require.ErrorIs(t, f.Approve(f.ctx, p.ID, p.Hash, "approver"), retention.ErrPlanState)
	_, err = other.Execute(f.ctx, p.ID, nil)
	require.ErrorIs(t, err, retention.ErrPlanState)
	f.at(today.AddDate(0, 0, 8))
	_, err = f.Execute(f.ctx, p.ID, nil)
	require.ErrorIs(t, err, retention.ErrPlanState)
	require.Len(t, f.rows(), 9)
	require.Empty(t, f.handled())
	later, items := f.plan()
	require.Len(t, items, 6)
	gone, err := f.Open(f.ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, "expired", gone.State)
	for range f.Items(f.ctx, p.ID) {
		t.Fatal("an expired plan keeps no keys")
	}
	require.NotEqual(t, later.ID, p.ID)
	f.at(today)
	require.NoError(t, f.store.InTx(f.ctx, func(ctx context.Context) error {
		_, err := f.Execute(ctx, p.ID, nil)
		require.ErrorIs(t, err, storage.ErrInTx)
		_, err = f.Plan(ctx, retention.PlanOptions{By: "planner"})
		require.ErrorIs(t, err, storage.ErrInTx)
		return nil
	}))
	_, err = f.Plan(f.ctx, retention.PlanOptions{})
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	_, err = f.Plan(f.ctx, retention.PlanOptions{By: "planner", Sources: []string{"letters"}})
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	one, err := f.Plan(f.ctx, retention.PlanOptions{By: "planner", Sources: []string{"invoices"}})
	require.NoError(t, err)
	require.Equal(t, 6, one.Rows)
}

func entryOrNothing(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, nil)
	f.insert(many(30)...)
	p, items := f.plan()
	require.NoError(t, f.Approve(f.ctx, p.ID, p.Hash, "approver"))
	f.audit.Fail = true
	_, err := f.Execute(f.ctx, p.ID, nil)
	require.ErrorIs(t, err, retention.ErrAudit)
	require.Len(t, f.rows(), 30, "no change without its entry")
	_, err = f.Hold(f.ctx, retention.Hold{Subject: "s1", Ground: "g", Reason: "r", Actor: "a"})
	require.ErrorIs(t, err, retention.ErrAudit)
	f.audit.Fail = false
	res, err := f.Execute(f.ctx, p.ID, nil)
	require.NoError(t, err)
	require.Equal(t, len(items), res.Handled, "and no hold either")
}

func resume(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, nil)
	f.insert(many(90)...)
	p, items := f.plan()
	require.NoError(t, f.Approve(f.ctx, p.ID, p.Hash, "approver"))
	for n := 1; ; n++ {
		ctx, cancel := context.WithCancel(f.ctx)
		batches := 0
		f.host.OnCarry = func() {
			if batches++; batches == 2+n%3 {
				cancel() // in the middle of a batch
			}
		}
		_, err := f.Execute(ctx, p.ID, nil)
		cancel()
		if err == nil {
			break
		}
		require.ErrorIs(t, err, context.Canceled)
		require.Less(t, n, 50)
	}
	require.Len(t, f.handled(), len(items), "one entry each")
	require.Len(t, f.rows(), 90-len(items))
	res, err := f.Outcome(f.ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, len(items), res.Handled)
	require.Zero(t, res.Skipped)
}

func severalWorkers(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, func(o *retention.Options) { o.Now, o.Lease = nil, time.Second })
	f.insert(many(120)...)
	p, items := f.plan()
	require.NoError(t, f.Approve(f.ctx, p.ID, p.Hash, "approver"))
	var wg sync.WaitGroup
	for range 3 {
		e := f.engine(Plain)
		wg.Go(func() {
			if _, err := e.Execute(f.ctx, p.ID, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, f.handled(), len(items))
	res, err := f.Outcome(f.ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, len(items), res.Handled)
	require.Zero(t, res.Skipped)
	require.Len(t, f.rows(), 120-len(items))
}

func progress(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, nil)
	f.insert(many(60)...)
	p, items := f.plan()
	require.NoError(t, f.Approve(f.ctx, p.ID, p.Hash, "approver"))
	var last retention.Progress
	_, err := f.Execute(f.ctx, p.ID, &retention.ExecuteOptions{Progress: func(p retention.Progress) {
		require.Greater(t, p.Handled, last.Handled)
		last = p
	}})
	require.NoError(t, err)
	require.Equal(t, len(items), last.Handled)
	require.Equal(t, len(items), last.Total)
	require.Positive(t, last.Rate)
	require.Zero(t, last.Remaining)
}

// checked is a host that looks whether what was to go came back.
type checked struct {
	*Host
	back map[string]bool
}

func (c checked) CheckCarried(_ context.Context, _ *retention.Order, keys []string) (remaining []string, err error) {
	for _, k := range keys {
		if c.back[k] {
			remaining = append(remaining, k)
		}
	}
	return remaining, nil
}

func (c checked) CompareKeys(a, b string) int { return strings.Compare(a, b) }

// writtenBack: a cache or trigger that undoes the erasure of one row is found.
func writtenBack(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, func(o *retention.Options) {
		o.Sources = []retention.Source{checked{o.Sources[0].(*Host), map[string]bool{"04": true}}}
	})
	for i := range 9 {
		f.insert(Row{ID: fmt.Sprintf("%02d", i), Subject: "s", LastContact: years(3)})
	}
	p, _ := f.plan()
	res := f.execute(p)
	require.Equal(t, []int{8, 1}, []int{res.Handled, res.Failed})
	require.Equal(t, []string{"04"}, slices.Sorted(maps.Keys(f.rows())))
	require.Len(t, f.handled(), 8)
}
