package retentiontest

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
)

func due(id, subject string) Row { return Row{ID: id, Subject: subject, LastContact: years(3)} }

func (f *fixture) hold(h retention.Hold) string {
	f.t.Helper()
	h.Ground, h.Reason, h.Actor = "GDPR art. 17(3)(e)", "lawsuit 17", "u1"
	placed, err := f.Hold(f.ctx, h)
	require.NoError(f.t, err)
	return placed.ID
}

func (f *fixture) planned() string {
	f.t.Helper()
	_, items := f.plan()
	return strings.Join(slices.Sorted(maps.Keys(items)), " ")
}

func holds(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, nil)
	f.insert(due("1", "anna"), due("2", "anna"), due("3", "bob"), due("4", ""))
	require.Equal(t, "1 2 3 4", f.planned())
	anna := f.hold(retention.Hold{Subject: "anna"})
	require.Equal(t, "3 4", f.planned())
	record := f.hold(retention.Hold{Category: "invoice", Record: "3"})
	require.Equal(t, "4", f.planned())
	all := f.hold(retention.Hold{Category: "invoice"})
	p, items := f.plan()
	require.Empty(t, items)
	require.Equal(t, 4, p.Stopped)
	require.NoError(t, f.Release(f.ctx, all, "u2", "settled"))
	require.NoError(t, f.Release(f.ctx, record, "u2", "settled"))
	require.NoError(t, f.Release(f.ctx, record, "u3", "later"), "again: nothing")
	for h, err := range f.Holds(f.ctx) {
		require.NoError(t, err)
		if h.ID == record {
			require.Equal(t, []string{"u2", "settled"}, []string{h.ReleasedBy, h.ReleaseReason})
		}
	}
	require.Equal(t, "3 4", f.planned())
	require.NoError(t, f.Override(f.ctx, anna, "invoice", "2", "u3", "not part of the case"))
	require.Equal(t, "2 3 4", f.planned())
	overridden, err := f.audit.Entries(f.ctx, "retention.overridden")
	require.NoError(t, err)
	require.Len(t, overridden, 1)
	require.ErrorIs(t, f.Override(f.ctx, record, "invoice", "3", "u3", "r"), gdpr.ErrInvalid, "released")
	require.ErrorIs(t, f.Release(f.ctx, "none", "u", "r"), retention.ErrNotFound)
	require.Equal(t, 3, f.run().Handled)
	require.Equal(t, []string{"1"}, slices.Sorted(maps.Keys(f.rows())))
	for _, bad := range []retention.Hold{
		{Ground: "g", Reason: "r", Actor: "a"}, {Subject: "a", Reason: "r", Actor: "a"}, {Subject: "a", Ground: "g", Actor: "a"},
		{Subject: "a", Ground: "g", Reason: "r"}, {Record: "1", Ground: "g", Reason: "r", Actor: "a"},
		{Category: "letters", Ground: "g", Reason: "r", Actor: "a"}, {Subject: "a@b", Ground: "g", Reason: "r", Actor: "a"},
	} {
		_, err := f.Hold(f.ctx, bad)
		require.ErrorIs(t, err, gdpr.ErrInvalid, "%+v", bad)
	}
}

func holdOnce(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, nil)
	h := retention.Hold{Subject: "anna", Ground: "g", Reason: "r", Actor: "u1", Key: "k1"}
	a, err := f.Hold(f.ctx, h)
	require.NoError(t, err)
	b, err := f.Hold(f.ctx, h)
	require.NoError(t, err)
	require.Equal(t, a.ID, b.ID)
	h.Reason = "another"
	_, err = f.Hold(f.ctx, h)
	require.ErrorIs(t, err, storage.ErrKeyReuse)
	entries, err := f.audit.Entries(f.ctx, "retention.held")
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func stops(t *testing.T, dir storage.Directory) {
	ground := ""
	var failure error
	f := open(t, dir, Plain, func(o *retention.Options) {
		o.Stoppers = []retention.Stopper{retention.StopFunc(func(_ context.Context, subject, _ string) (bool, string, error) {
			return subject == "anna" && ground != "", ground, failure
		})}
	})
	f.insert(due("1", "anna"), due("2", "bob"))
	for _, ground = range []string{"A18-1-a", "A18-1-b", "A18-1-c", "A18-1-d", "request open"} {
		p, items := f.plan()
		require.Len(t, items, 1, ground)
		require.Equal(t, 1, p.Stopped)
		for x, err := range f.Explain(f.ctx, "anna") {
			require.NoError(t, err)
			require.Equal(t, retention.Stopped, x.State)
			require.Equal(t, ground, x.Ground)
		}
	}
	ground = ""
	p, items := f.plan()
	require.Len(t, items, 2)
	ground = "A18-1-a" // after the plan
	res := f.execute(p)
	require.Equal(t, 1, res.Handled)
	require.Equal(t, "A18-1-a", f.asides(p.ID)["1"].Detail)
	failure = errors.New("no answer")
	_, err := f.Plan(f.ctx, retention.PlanOptions{By: "planner"})
	require.ErrorIs(t, err, failure, "no answer is no permission")
}

func withdrawal(t *testing.T, dir storage.Directory) {
	standing := map[string]bool{"anna newsletter": true, "bob newsletter": true, "bob club": true}
	f := open(t, dir, `{"version":"1","country":"DE","timeZone":"Europe/Berlin","rules":[
	 {"id":"newsletter","category":"invoice","kind":"maximum","purposes":["newsletter"],"ground":"GDPR art. 6(1)(a)","basis":"a"},
	 {"id":"club","category":"invoice","kind":"maximum","period":"P5Y","start":{"events":["last_contact"]},"purposes":["club"],"ground":"GDPR art. 6(1)(a)","basis":"a"}]}`,
		func(o *retention.Options) { o.Grounds = grounds(standing) })
	f.insert(Row{ID: "1", Subject: "anna", LastContact: years(1)}, Row{ID: "2", Subject: "bob", LastContact: years(1)}, Row{ID: "3", LastContact: years(1)})
	require.Empty(t, f.planned())
	delete(standing, "anna newsletter")
	delete(standing, "bob newsletter")
	p, items := f.plan()
	require.Len(t, items, 1, "bob has a second basis, and a row without a person has no purpose to lose")
	require.Equal(t, "newsletter", items["1"].Rule)
	f.execute(p)
	entries := f.handled()
	require.Equal(t, "GDPR art. 17(1)(b)", entries[0].Ground)
	require.Equal(t, []string{"2", "3"}, slices.Sorted(maps.Keys(f.rows())))
}

type grounds map[string]bool

func (g grounds) Stands(_ context.Context, subject, purpose string, _ time.Time) (bool, string, error) {
	return g[subject+" "+purpose], "withdrawn", nil
}

type guard map[string]bool

func (g guard) Allow(_ context.Context, action, _ string, _ ...slog.Attr) error {
	if g[action] {
		return nil
	}
	return errors.New("not your job")
}

func guarded(t *testing.T, dir storage.Directory) {
	allowed := guard{}
	f := open(t, dir, Plain, func(o *retention.Options) { o.Guard = allowed })
	f.insert(due("1", "anna"))
	h := retention.Hold{Subject: "anna", Ground: "g", Reason: "r", Actor: "u1"}
	_, err := f.Hold(f.ctx, h)
	require.ErrorIs(t, err, gdpr.ErrDenied)
	allowed["retention.hold"] = true
	placed, err := f.Hold(f.ctx, h)
	require.NoError(t, err)
	require.ErrorIs(t, f.Override(f.ctx, placed.ID, "invoice", "1", "u", "r"), gdpr.ErrDenied)
	require.ErrorIs(t, f.Release(f.ctx, placed.ID, "u", "r"), gdpr.ErrDenied)
	require.Empty(t, f.planned())
	allowed["retention.release"] = true
	require.NoError(t, f.Release(f.ctx, placed.ID, "u", "r"))
	p, _ := f.plan()
	require.ErrorIs(t, f.Approve(f.ctx, p.ID, p.Hash, "approver"), gdpr.ErrDenied)
	allowed["retention.approve"] = true
	require.Equal(t, 1, f.execute(p).Handled)
}
