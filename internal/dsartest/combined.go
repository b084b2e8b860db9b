package dsartest

import (
	"context"
	"testing"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/stretchr/testify/require"
)

// combined are scenarios in which two things happen at once, or one in the middle of
// another.
var combined = []struct {
	name string
	run  func(*testing.T, *World)
}{
	{"CancelledDuringTheWork", cancelledDuringTheWork},
}

// cancelledDuringTheWork has another desk plan anew and record that the person took
// the request back, while the first looks for residues: no key may go after that.
func cancelledDuringTheWork(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Erasure)
	calls := 0
	w.CRM.Fault = func(method string) error {
		if method != "collect" {
			return nil
		}
		if calls++; calls > 1 {
			return nil
		}
		_, err := w.Desk.Plan(ctx, r.ID, By("emp3"))
		require.NoError(t, err)
		_, err = w.Desk.Cancel(ctx, r.ID, By(dsar.BySubject))
		require.NoError(t, err)
		return nil
	}
	_, err := w.Desk.Work(ctx, r.ID, By("emp1"))
	require.ErrorIs(t, err, dsar.ErrTransition)
	require.False(t, w.Sealer.Shredded("c1"))
	now, err := w.Desk.Get(ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, dsar.StateCancelled, now.State)
}
