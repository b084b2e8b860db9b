package retentiontest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
)

var berlin = func() *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return loc
}()

// free is when the duty on an invoice of eight years ago ends.
var free = time.Date(today.Year()-8+11, 1, 1, 0, 0, 0, 0, berlin)

func dutyThenErasure(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Schedule, nil)
	f.insert(Row{ID: "1", Subject: "anna", Issued: years(8), LastContact: years(8), Name: "Anna", Number: "R-17", Amount: 100})
	res := f.run()
	require.Equal(t, []retention.Count{{Source: "invoices", Rule: "duty", Outcome: "blocked", N: 1, Ground: "AO § 147(3)"}}, res.Counts)
	row := f.rows()["1"]
	require.Empty(t, row.Name, "the duty does not name it")
	require.Equal(t, "R-17", row.Number)
	b, blocked, err := f.IsBlocked(f.ctx, "invoice", "1")
	require.NoError(t, err)
	require.True(t, blocked)
	require.Equal(t, "AO § 147(3)", b.Ground)
	require.True(t, b.Until.Equal(free), "%s", b.Until)
	for listed, err := range f.Blocks(f.ctx) {
		require.NoError(t, err)
		require.Equal(t, b, *listed)
	}
	f.at(free.Add(-time.Second))
	require.Empty(t, f.planned())
	f.at(free)
	require.Equal(t, "erased", f.run().Counts[0].Outcome)
	require.Empty(t, f.rows())
	_, blocked, err = f.IsBlocked(f.ctx, "invoice", "1")
	require.NoError(t, err)
	require.False(t, blocked)
}

// askedAndWaiting is what package dsar does with an erasure that a duty holds back.
func askedAndWaiting(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Schedule, nil)
	f.insert(Row{ID: "1", Subject: "anna", Issued: years(8), LastContact: years(1), Name: "Anna", Number: "R-17"},
		Row{ID: "2", Subject: "anna", Issued: years(8), LastContact: years(1), Name: "Anna", Number: "R-18"})
	dates := map[string]time.Time{"issued": years(8), "last_contact": years(1)}
	keep, until, kind, ground, err := f.Keep(f.ctx, "anna", "invoice", "1", dates)
	require.NoError(t, err)
	require.True(t, keep)
	require.Equal(t, "must", kind)
	require.True(t, until.Equal(free))
	require.NoError(t, f.Block(f.ctx, "anna", "invoice", "1", ground, until))
	require.NoError(t, f.Block(f.ctx, "anna", "invoice", "1", ground, until), "again: the same")
	f.at(free.Add(-time.Second))
	require.NoError(t, f.host.Touch(f.ctx, "1", free.AddDate(0, -2, 0)), "the purpose goes on, but the person asked")
	require.NoError(t, f.host.Touch(f.ctx, "2", free.AddDate(0, -2, 0)))
	require.Empty(t, f.planned())
	f.at(free)
	p, items := f.plan()
	require.Len(t, items, 1)
	require.Equal(t, "duty", items["1"].Rule)
	f.execute(p)
	require.Contains(t, f.rows(), "2")
	require.NotContains(t, f.rows(), "1")
	handled := f.handled()
	require.Equal(t, "GDPR art. 17(1)", handled[len(handled)-1].Ground)
	require.Empty(t, f.planned())
	f.insert(Row{ID: "4", Subject: "bob", Issued: years(20), LastContact: free.AddDate(0, -2, 0)})
	require.NoError(t, f.Block(f.ctx, "carl", "invoice", "4", "duty", today))
	require.Empty(t, f.planned(), "what one person asked for does not concern the row of another")
	f.insert(Row{ID: "3", Subject: "bob", Issued: years(20), LastContact: years(20)})
	require.NoError(t, f.Block(f.ctx, "bob", "invoice", "3", "GDPR art. 17(3)(e)", time.Time{}))
	require.Empty(t, f.planned(), "a ground beside the schedule, without end")
	require.NoError(t, f.Block(f.ctx, "bob", "invoice", "3", "GDPR art. 17(3)(e)", free.AddDate(0, 1, 0)))
	require.Empty(t, f.planned())
	f.at(free.AddDate(0, 1, 0))
	require.Equal(t, "3", f.planned())
	require.ErrorIs(t, f.Block(f.ctx, "anna", "letters", "1", "r", until), retention.ErrUnknownCategory)
	require.ErrorIs(t, f.Block(f.ctx, "anna", "invoice", "", "r", until), gdpr.ErrInvalid)
}

func keep(t *testing.T, dir storage.Directory) {
	f := open(t, dir, `{"version":"1","country":"DE","timeZone":"Europe/Berlin","rules":[
	 {"id":"duty","category":"invoice","kind":"minimum","period":"P10Y","start":{"anchor":"end_of_calendar_year","events":["issued"]},"ground":"AO"},
	 {"id":"claims","category":"invoice","kind":"limitation","period":"P3Y","start":{"events":["ended"]},"ground":"BGB § 195","reason":"defence"},
	 {"id":"contract","category":"invoice","kind":"maximum","period":"P0D","start":{"events":["ended"]},"ground":"contract","basis":"b"},
	 {"id":"marketing","category":"invoice","kind":"maximum","period":"P2Y","start":{"events":["ended"]},"ground":"interest","basis":"f"}]}`, nil)
	for _, c := range []struct {
		name         string
		issued, end  time.Time
		keep         bool
		kind, ground string
		until        bool
	}{
		{"duty runs", years(3), years(9), true, "must", "AO", true},
		{"start of the duty unknown", time.Time{}, years(9), true, "must", "AO", false},
		{"claims", years(12), years(2), true, "claim", "BGB § 195", true},
		{"a running contract", years(12), time.Time{}, true, "claim", "BGB § 195", false},
		{"nothing holds it", years(12), years(9), false, "", "", false},
	} {
		dates := map[string]time.Time{"issued": c.issued, "ended": c.end}
		keep, until, kind, ground, err := f.Keep(f.ctx, "anna", "invoice", "1", dates)
		require.NoError(t, err, c.name)
		require.Equal(t, []any{c.keep, c.kind, c.ground, c.until}, []any{keep, kind, ground, !until.IsZero()}, c.name)
	}
	f.hold(retention.Hold{Subject: "anna"})
	kept, until, kind, _, err := f.Keep(f.ctx, "anna", "invoice", "1", map[string]time.Time{"issued": years(12), "ended": years(9)})
	require.NoError(t, err)
	require.Equal(t, []any{true, true, "claim"}, []any{kept, until.IsZero(), kind})
	kept, _, _, _, err = f.Keep(f.ctx, "anna", "letters", "1", nil)
	require.ErrorIs(t, err, retention.ErrUnknownCategory)
	require.True(t, kept, "unknown is not erasable")

	f.Engine = f.engine(`{"version":"1","country":"DE","timeZone":"Europe/Berlin","rules":[
	 {"id":"contract","category":"invoice","kind":"maximum","period":"P1Y","start":{"events":["ended"]},"ground":"contract","basis":"b"},
	 {"id":"marketing","category":"invoice","kind":"maximum","period":"P9Y","start":{"events":["ended"]},"ground":"interest","basis":"f"}]}`)
	for end, want := range map[time.Time]bool{{}: true, years(0): true, years(5): false} {
		kept, _, _, _, err := f.Keep(f.ctx, "bob", "invoice", "1", map[string]time.Time{"ended": end})
		require.NoError(t, err)
		require.Equal(t, want, kept, "a request ends consent and interest, not a contract: %s", end)
	}
}

func explain(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Schedule, nil)
	f.insert(Row{ID: "1", Subject: "anna", Issued: years(8), LastContact: years(8)}, Row{ID: "2", Subject: "anna", Issued: years(1), LastContact: years(1)},
		Row{ID: "3", Subject: "bob", Issued: years(8)})
	f.run()
	var all []retention.Explanation
	for x, err := range f.Explain(f.ctx, "anna") {
		require.NoError(t, err)
		all = append(all, x)
	}
	require.Len(t, all, 2)
	require.Equal(t, retention.Blocked, all[0].State)
	require.Equal(t, "AO § 147(3)", all[0].Ground)
	require.True(t, all[0].Until.Equal(free))
	require.True(t, all[0].Next.Equal(free))
	require.Equal(t, retention.Due, all[0].Then)
	require.NotNil(t, all[0].Blocked)
	require.Equal(t, retention.Active, all[1].State)
	require.Equal(t, retention.Blocked, all[1].Then)
	require.Nil(t, all[1].Blocked)
	for _, err := range f.Explain(f.ctx, "") {
		require.ErrorIs(t, err, gdpr.ErrInvalid)
	}
}

func upcoming(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, nil)
	soon := today.AddDate(-2, 0, 10)
	f.insert(Row{ID: "1", Subject: "a", Owner: "u1", LastContact: soon}, Row{ID: "2", Subject: "b", Owner: "u2", LastContact: today},
		Row{ID: "3", Subject: "c", LastContact: soon}, Row{ID: "4", Subject: "held", Owner: "u1", LastContact: soon})
	f.hold(retention.Hold{Subject: "held"})
	read := func() (all []retention.Notice) {
		for n, err := range f.Upcoming(f.ctx, 30*24*time.Hour) {
			require.NoError(t, err)
			all = append(all, n)
		}
		return all
	}
	first := read()
	require.Len(t, first, 1)
	require.Equal(t, "u1", first[0].Owner)
	require.Equal(t, "1", first[0].Key)
	require.Equal(t, soon.AddDate(2, 0, 1).Format(time.DateOnly), first[0].At.Format(time.DateOnly))
	require.Empty(t, read(), "each owner is told once")
	require.NoError(t, f.host.Touch(f.ctx, "1", soon.AddDate(0, 0, 1)))
	require.Len(t, read(), 1, "of each date")
	f.at(today.AddDate(2, 0, 0))
	require.Equal(t, 2, f.run().Handled)
}

func reviews(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Schedule, nil)
	f.insert(Row{ID: "1", Issued: years(1), LastContact: years(1), Verified: years(1).AddDate(0, 0, -1)}, Row{ID: "2", Issued: years(1), LastContact: years(1), Verified: today},
		Row{ID: "3", Issued: years(1), LastContact: years(1)}, Row{ID: "4", Issued: years(5), LastContact: years(4), Verified: years(4)})
	var keys []string
	for n, err := range f.Reviews(f.ctx) {
		require.NoError(t, err)
		require.Equal(t, "review", n.Rule)
		keys = append(keys, n.Key)
	}
	require.Equal(t, []string{"1"}, keys)
	for range f.Reviews(f.ctx) {
		break
	}
}

func report(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Schedule, nil)
	f.insert(many(30)...)
	f.host.Refused = map[string]string{"r00000": "refused"}
	f.run()
	f.hold(retention.Hold{Subject: "s1"})
	r, err := f.Report(f.ctx, years(1), today.Add(time.Hour))
	require.NoError(t, err)
	require.Len(t, r.Runs, 1)
	require.Equal(t, 19, r.Runs[0].Handled)
	require.Equal(t, 1, r.Runs[0].Failed)
	require.Equal(t, 10, r.Blocked)
	require.Len(t, r.Holds, 1)
	require.Equal(t, f.Schedule().Hash(), r.Schedule)
	require.Equal(t, "planner", r.Runs[0].Plan.By)
	require.Equal(t, "approver", r.Runs[0].Plan.Approver)
	r, err = f.Report(f.ctx, years(2), years(1))
	require.NoError(t, err)
	require.Empty(t, r.Runs)
}

func own(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Schedule, nil)
	f.insert(Row{ID: "1", Subject: "anna", Issued: years(8), LastContact: years(8)})
	f.run()
	old, standing := f.hold(retention.Hold{Subject: "anna"}), f.hold(retention.Hold{Subject: "anna", Category: "invoice"})
	require.NoError(t, f.Release(f.ctx, old, "u", "r"))
	kinds := map[string]int{}
	for text, err := range f.Export(f.ctx, "anna") {
		require.NoError(t, err)
		var v map[string]any
		require.NoError(t, json.Unmarshal(text, &v))
		kinds[v["kind"].(string)]++
		require.NotContains(t, string(text), "u1", "no staff")
	}
	require.Equal(t, map[string]int{"hold": 2, "blocked": 1}, kinds)
	erased, kept, err := f.Forget(f.ctx, "anna", "GDPR art. 17(1)", time.Time{})
	require.NoError(t, err)
	require.Equal(t, []int{1, 2}, []int{erased, kept})
	require.NoError(t, f.Release(f.ctx, standing, "u", "r"))
	f.insert(Row{ID: "2", Subject: "bob", Owner: "u7", Issued: years(20), LastContact: years(20)}, Row{ID: "3", Subject: "bob", Issued: years(20), LastContact: years(20)})
	for _, err := range f.Upcoming(f.ctx, time.Hour) {
		require.NoError(t, err)
	}
	f.host.Refused = map[string]string{"2": "refused"}
	f.Engine = f.engine(strings.Replace(Schedule, `"basis":"b"`, `"then":"mask"`, 1))
	require.Equal(t, 1, f.run().Failed)
	clear(kinds)
	for text, err := range f.Export(f.ctx, "bob") {
		require.NoError(t, err)
		var v map[string]any
		require.NoError(t, json.Unmarshal(text, &v))
		kinds[v["kind"].(string)]++
		require.NotContains(t, string(text), "u7", "no staff")
	}
	require.Equal(t, map[string]int{"settled": 1, "notice": 1, "aside": 1}, kinds)
	erased, kept, err = f.Forget(f.ctx, "bob", "GDPR art. 17(1)", time.Time{})
	require.NoError(t, err)
	require.Equal(t, []int{3, 0}, []int{erased, kept})
	_, _, err = f.Forget(f.ctx, "anna", "", time.Time{})
	require.ErrorIs(t, err, gdpr.ErrInvalid)
}

func tenants(t *testing.T, dir storage.Directory) {
	a, b := open(t, dir, Plain, nil), open(t, other{dir}, Plain, nil)
	a.insert(due("1", "anna"))
	b.insert(due("1", "anna"))
	a.hold(retention.Hold{Subject: "anna"})
	require.Empty(t, a.planned())
	p, items := b.plan()
	require.Len(t, items, 1)
	require.ErrorIs(t, a.Approve(a.ctx, p.ID, p.Hash, "approver"), retention.ErrNotFound)
	b.execute(p)
	require.Len(t, a.rows(), 1)
	require.Empty(t, b.rows())
	require.Empty(t, a.handled())
}

type other struct{ storage.Directory }

func (o other) Tenant(string) storage.Store { return o.Directory.Tenant("other") }

func joins(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, nil)
	rollback := context.Canceled
	var id string
	err := f.store.InTx(f.ctx, func(ctx context.Context) error {
		h, err := f.Hold(ctx, retention.Hold{Subject: "anna", Ground: "g", Reason: "r", Actor: "a"})
		if err != nil {
			return err
		}
		id = h.ID
		keep, _, _, _, err := f.Keep(ctx, "anna", "invoice", "1", map[string]time.Time{"last_contact": years(9)})
		require.NoError(t, err)
		require.True(t, keep, "its own hold is seen inside")
		if err := f.Block(ctx, "anna", "invoice", "1", "r", today); err != nil {
			return err
		}
		return rollback
	})
	require.ErrorIs(t, err, rollback)
	require.ErrorIs(t, f.Release(f.ctx, id, "u", "r"), retention.ErrNotFound)
	_, blocked, err := f.IsBlocked(f.ctx, "invoice", "1")
	require.NoError(t, err)
	require.False(t, blocked)
	keep, _, _, _, err := f.Keep(f.ctx, "anna", "invoice", "1", map[string]time.Time{"last_contact": years(9)})
	require.NoError(t, err)
	require.False(t, keep, "what was rolled back is not remembered")
}
