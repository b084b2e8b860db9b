package retentiontest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
)

// taker is a host that erases and reads in one step.
type taker struct {
	*Host
	taken, carried, loaded int
	greedy                 bool // takes what is not due as well
}

func (h *taker) Take(ctx context.Context, q *retention.Query, keys []string) iter.Seq2[*retention.Record, error] {
	return func(yield func(*retention.Record, error) bool) {
		for _, k := range keys {
			var r Row
			err := r.read(func(dest ...any) error { return h.Store.Get(ctx, rowByID, []any{k}, dest...) })
			if errors.Is(err, storage.ErrNotFound) {
				continue
			}
			rec := r.record(q)
			if err == nil {
				if !h.greedy && !q.Match(rec.Events) {
					continue
				}
				_, err = h.Store.Apply(ctx, deleteRow.With(k))
				h.taken++
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

func (h *taker) Load(ctx context.Context, q *retention.Query, keys []string) iter.Seq2[*retention.Record, error] {
	h.loaded += len(keys)
	return h.Host.Load(ctx, q, keys)
}

func (h *taker) Carry(ctx context.Context, o *retention.Order, keys []string) (map[string]string, error) {
	h.carried += len(keys)
	return h.Host.Carry(ctx, o, keys)
}

func openTaker(t *testing.T, dir storage.Directory) (*fixture, *taker) {
	h := new(taker)
	f := open(t, dir, Plain, func(o *retention.Options) {
		h.Host = o.Sources[0].(*Host)
		o.Sources[0] = h
	})
	for i := range 21 { // three batches
		f.insert(Row{ID: fmt.Sprintf("%02d", i), Subject: fmt.Sprint("s", i), LastContact: years(3), Name: "canary"})
	}
	return f, h
}

// taken: rows that a source takes at once end as those that are loaded and carried.
func taken(t *testing.T, dir storage.Directory) {
	f, h := openTaker(t, dir)
	p, _ := f.plan()
	h.loaded = 0
	require.NoError(t, f.host.Touch(f.ctx, "03", years(1)))
	_, err := f.store.Apply(f.ctx, deleteRow.With("05"))
	require.NoError(t, err)
	res := f.execute(p)
	require.Equal(t, []int{19, 2}, []int{res.Handled, res.Skipped})
	require.Positive(t, h.taken)
	require.Zero(t, h.carried, "one step")
	require.Less(t, h.loaded, h.taken, "but for the two that were not due")
	asides := f.asides(p.ID)
	require.Equal(t, []string{"changed", "gone"}, []string{asides["03"].Outcome, asides["05"].Outcome})
	require.Equal(t, []string{"03"}, slices.Sorted(maps.Keys(f.rows())))
	unique := map[string]bool{}
	for _, e := range f.handled() {
		unique[e.Record] = true
		require.Equal(t, []string{"use", "GDPR art. 6(1)(f)", "erased"}, []string{e.Rule, e.Ground, e.Outcome})
	}
	require.Len(t, unique, 19)
	require.Zero(t, f.run().Plan.Rows)
}

// takenBack: a batch in which a row must stay after all is undone and done one row
// after the other.
func takenBack(t *testing.T, dir storage.Directory) {
	f, h := openTaker(t, dir)
	p, _ := f.plan()
	h.greedy = true
	f.hold(retention.Hold{Subject: "s8"})
	require.NoError(t, f.host.Touch(f.ctx, "15", years(1)))
	h.loaded = 0
	res := f.execute(p)
	require.Equal(t, []int{19, 2}, []int{res.Handled, res.Skipped})
	require.Positive(t, h.carried)
	require.Less(t, h.carried, h.taken, "two of the three batches")
	require.Equal(t, []string{"08", "15"}, slices.Sorted(maps.Keys(f.rows())))
	require.Equal(t, []string{"stopped", "changed"}, []string{f.asides(p.ID)["08"].Outcome, f.asides(p.ID)["15"].Outcome})
	require.Len(t, f.handled(), 19)
}
