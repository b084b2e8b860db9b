package retentiontest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
)

// inPlace is a host whose rows stay when they are erased.
type inPlace struct {
	*Host
	orders []retention.Action
}

func (h *inPlace) Effect(o *retention.Order) retention.Action {
	if o.Action == retention.Erase {
		return retention.Mask
	}
	return o.Action
}

func (h *inPlace) Carry(ctx context.Context, o *retention.Order, keys []string) (map[string]string, error) {
	h.orders = append(h.orders, o.Action)
	masked := *o
	if o.Action == retention.Erase {
		masked.Action = retention.Mask
	}
	return h.Host.Carry(ctx, &masked, keys)
}

func openInPlace(t *testing.T, dir storage.Directory, schedule string) (*fixture, *inPlace) {
	h := new(inPlace)
	f := open(t, dir, schedule, func(o *retention.Options) {
		h.Host = o.Sources[0].(*Host)
		o.Sources[0] = h
	})
	return f, h
}

// A row that stays is never planned, counted or recorded as erased, and is not
// masked twice, unless a later contact filled it again.
func erasedInPlace(t *testing.T, dir storage.Directory) {
	f, h := openInPlace(t, dir, Plain)
	for i := range 10 {
		f.insert(Row{ID: fmt.Sprintf("%03d", i), Subject: "s", Owner: "u", LastContact: years(3), Name: "canary", Number: "n"})
	}
	for n, err := range f.Upcoming(f.ctx, time.Hour) {
		require.NoError(t, err)
		require.Equal(t, retention.Mask, n.Action)
	}
	for x, err := range f.Explain(f.ctx, "s") {
		require.NoError(t, err)
		require.Equal(t, retention.Mask, x.Action)
	}
	p, items := f.plan()
	require.Equal(t, retention.Mask, items["000"].Action)
	res := f.execute(p)
	require.Equal(t, []retention.Count{{Source: "invoices", Rule: "use", Outcome: "masked", N: 10, Ground: "GDPR art. 6(1)(f)"}}, res.Counts)
	require.Equal(t, []retention.Action{retention.Erase}, slices.Compact(h.orders), "the source is told what the rules ask for")
	seen, err := f.audit.Entries(f.ctx, "retention.handled")
	require.NoError(t, err)
	require.Len(t, seen, 10)
	for _, s := range seen {
		require.Equal(t, "masked", s.Outcome)
	}
	require.Zero(t, f.run().Plan.Rows, "masked once")

	require.NoError(t, f.host.Touch(f.ctx, "003", today))
	f.at(today.AddDate(1, 11, 0))
	require.Zero(t, f.run().Plan.Rows)
	f.at(today.AddDate(2, 1, 0))
	_, items = f.plan()
	require.Len(t, items, 1)
	require.Contains(t, items, "003", "it was used again, so its time ran again")
	require.Equal(t, 1, f.run().Handled)
	require.Zero(t, f.run().Plan.Rows)
}

// The erasure of a row that waited for a duty is complete when the row is masked.
func waitedInPlace(t *testing.T, dir storage.Directory) {
	f, _ := openInPlace(t, dir, Schedule)
	f.insert(Row{ID: "1", Subject: "anna", Issued: years(8), LastContact: years(1), Name: "Anna", Number: "R-17"})
	require.NoError(t, f.Block(f.ctx, "anna", "invoice", "1", "duty", free))
	f.at(free)
	require.Equal(t, "masked", f.run().Counts[0].Outcome)
	_, blocked, err := f.IsBlocked(f.ctx, "invoice", "1")
	require.NoError(t, err)
	require.False(t, blocked)
	require.Empty(t, f.planned())
}

// Whoever erased a blocked record elsewhere ends its block; nobody else does.
func unblock(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Schedule, nil)
	require.NoError(t, f.Block(f.ctx, "anna", "invoice", "1", "duty", free))
	require.NoError(t, f.Block(f.ctx, "anna", "invoice", "2", "duty", free))
	require.NoError(t, f.Unblock(f.ctx, "bert", "invoice", "1"), "of another person")
	require.NoError(t, f.Unblock(f.ctx, "anna", "invoice", "3"), "not blocked")
	require.NoError(t, f.Unblock(f.ctx, "anna", "invoice", "1"))
	require.NoError(t, f.Unblock(f.ctx, "anna", "invoice", "1"), "again")
	for b, err := range f.Blocks(f.ctx) {
		require.NoError(t, err)
		require.Equal(t, "2", b.Record)
	}
	seen, err := f.audit.Entries(f.ctx, "retention.unblocked")
	require.NoError(t, err)
	require.Len(t, seen, 1)
	require.Equal(t, "anna", seen[0].Subject)
	require.Equal(t, "AO § 147(3)", seen[0].Ground)
}
