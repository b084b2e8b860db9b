package dsar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

var system = dsartest.By(dsar.BySystem)

// A year of erasures with kept invoices keeps no other file from its end.
func TestExpireReachesBehindWhatWaits(t *testing.T) {
	ctx, w := t.Context(), dsartest.NewWorld(t, memstore.New(nil))
	require.NoError(t, w.Desk.AddWaiting(ctx, dsar.MaxBatch, dsar.StateFulfilled, "crm", dsartest.Start.AddDate(10, 0, 0)))
	r := w.Receive(dsar.Access)
	_, err := w.Desk.Refuse(ctx, r.ID, dsartest.RefusalOf(), dsartest.By("emp1"))
	require.NoError(t, err)
	w.Wait(4 * 365 * 24 * time.Hour)
	n, err := w.Desk.Expire(ctx, system)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	r, err = w.Desk.Get(ctx, r.ID)
	require.NoError(t, err)
	require.True(t, r.Forgotten)
}

// Neither erasures that are not answered yet, nor a source that is gone, keep the
// records of others from being erased.
func TestRestReachesBehindWhatWaits(t *testing.T) {
	ctx, w := t.Context(), dsartest.NewWorld(t, memstore.New(nil))
	r := w.Prepare(dsar.Erasure)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	require.NoError(t, w.Desk.AddWaiting(ctx, dsar.MaxBatch, dsar.StateWorked, "crm", dsartest.Start))
	require.NoError(t, w.Desk.AddWaiting(ctx, 2, dsar.StateFulfilled, "sold", dsartest.Start))
	w.Wait(8 * 365 * 24 * time.Hour)
	w.Options.Keeper = nil // the duty has ended
	w.Restart()
	n, err := w.Desk.Rest(ctx, system)
	require.Equal(t, 1, n)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	require.EqualError(t, err, "gdpr: Options.Sources: lacks sold, in which records of an erasure wait")
	n, err = w.Desk.Rest(ctx, system)
	require.Zero(t, n)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
}
