package retentiontest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
)

var refillName = &storage.Write{Verb: storage.Update, Table: Invoice, Set: []string{"name"}, Where: storage.By("id")}

func (f *fixture) isBlocked(record string) bool {
	f.t.Helper()
	_, blocked, err := f.IsBlocked(f.ctx, "invoice", record)
	require.NoError(f.t, err)
	return blocked
}

// The ground of a block is that the use is over. When a contact begins it anew the
// block ends, with an entry; when that use is over it comes back.
func revived(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Schedule, nil)
	f.insert(Row{ID: "1", Subject: "anna", Issued: years(5), LastContact: years(4), Name: "Anna", Number: "R-17"},
		Row{ID: "2", Subject: "bob", Issued: years(5), LastContact: years(4), Name: "Bob", Number: "R-18"},
		Row{ID: "3", Subject: "carl", Issued: years(5), LastContact: years(1), Name: "Carl", Number: "R-19"})
	require.Equal(t, 2, f.run().Handled)
	require.NoError(t, f.Block(f.ctx, "carl", "invoice", "3", "duty", free))
	require.Empty(t, f.planned(), "nothing has changed")

	require.NoError(t, f.host.Touch(f.ctx, "1", today))
	require.NoError(t, f.host.Touch(f.ctx, "3", today))
	hold := f.hold(retention.Hold{Subject: "anna"})
	require.Empty(t, f.planned(), "nothing may happen to a stopped record, and what a person asked for stands")
	require.NoError(t, f.Release(f.ctx, hold, "u", "settled"))
	for x, err := range f.Explain(f.ctx, "anna") {
		require.NoError(t, err)
		require.Equal(t, retention.Active, x.State)
		require.NotNil(t, x.Blocked, "until the plan is executed")
	}
	p, items := f.plan()
	require.Equal(t, map[string]retention.Item{"1": {Source: "invoices", Key: "1", Action: retention.Unblock, Rule: "duty"}}, items)
	require.True(t, f.isBlocked("1"), "a plan changes nothing")
	res := f.execute(p)
	require.Equal(t, []retention.Count{{Source: "invoices", Rule: "duty", Outcome: "unblocked", N: 1, Ground: "AO § 147(3)"}}, res.Counts)
	require.Equal(t, 1, res.Handled)
	require.Equal(t, []bool{false, true, true}, []bool{f.isBlocked("1"), f.isBlocked("2"), f.isBlocked("3")})
	require.Empty(t, f.rows()["1"].Name, "what was nulled does not come back")
	entries, err := f.audit.Entries(f.ctx, "retention.unblocked")
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, []string{"anna", "duty", "AO § 147(3)", "unblocked"}, []string{entries[0].Subject, entries[0].Rule, entries[0].Ground, entries[0].Outcome})
	require.Zero(t, f.run().Plan.Rows, "a second run does nothing")

	_, err = f.store.Apply(f.ctx, refillName.With("Anna again", "1"))
	require.NoError(t, err)
	f.at(today.AddDate(2, 0, 2))
	require.Equal(t, 1, f.run().Handled)
	require.True(t, f.isBlocked("1"))
	require.Empty(t, f.rows()["1"].Name)
}

// What changes between plan and execution is left alone.
func revivedMeanwhile(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Schedule, nil)
	f.insert(Row{ID: "1", Subject: "anna", Issued: years(5), LastContact: years(4)}, Row{ID: "2", Subject: "bob", Issued: years(5), LastContact: years(4)})
	require.Equal(t, 2, f.run().Handled)
	require.NoError(t, f.host.Touch(f.ctx, "1", today))
	require.NoError(t, f.host.Touch(f.ctx, "2", today))
	p, items := f.plan()
	require.Len(t, items, 2)
	require.NoError(t, f.host.Touch(f.ctx, "1", years(4)), "that was a mistake")
	require.NoError(t, f.Block(f.ctx, "bob", "invoice", "2", "duty", free), "now the person asked")
	res := f.execute(p)
	require.Equal(t, []int{0, 2}, []int{res.Handled, res.Skipped})
	require.Equal(t, "changed", f.asides(p.ID)["1"].Outcome)
	require.True(t, f.isBlocked("1"))
	require.True(t, f.isBlocked("2"))

	require.NoError(t, f.host.Touch(f.ctx, "1", today))
	p, _ = f.plan()
	require.NoError(t, f.Approve(f.ctx, p.ID, p.Hash, "approver"))
	f.audit.Fail = true
	_, err := f.Execute(f.ctx, p.ID, nil)
	require.ErrorIs(t, err, retention.ErrAudit)
	require.True(t, f.isBlocked("1"), "no change without its entry")
}

// A consent that is given again ends a block as a contact does.
func revivedByConsent(t *testing.T, dir storage.Directory) {
	standing := grounds{"anna club": true}
	f := open(t, dir, `{"version":"1","country":"DE","timeZone":"Europe/Berlin","rules":[
	 {"id":"duty","category":"invoice","kind":"minimum","period":"P10Y","start":{"anchor":"end_of_calendar_year","events":["issued"]},"ground":"AO § 147(3)","fields":["number"]},
	 {"id":"club","category":"invoice","kind":"maximum","purposes":["club"],"ground":"GDPR art. 6(1)(a)","basis":"a"}]}`,
		func(o *retention.Options) { o.Grounds = standing })
	f.insert(Row{ID: "1", Subject: "anna", Issued: years(1), Name: "Anna", Number: "R-17"})
	require.Empty(t, f.planned())
	delete(standing, "anna club")
	require.Equal(t, "blocked", f.run().Counts[0].Outcome)
	require.Empty(t, f.planned())
	standing["anna club"] = true
	p, items := f.plan()
	require.Equal(t, retention.Unblock, items["1"].Action)
	require.Equal(t, "unblocked", f.execute(p).Counts[0].Outcome)
	require.False(t, f.isBlocked("1"))
	require.Empty(t, f.planned())
}
