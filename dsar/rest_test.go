package dsar_test

import (
	"context"
	"errors"
	"strings"
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

// A code that cannot be sent keeps no other from its person.
func TestDeliverGoesOn(t *testing.T) {
	ctx, w := t.Context(), dsartest.NewWorld(t, memstore.New(nil))
	var want []string
	for _, address := range []string{"full@example.org", "anna@example.org", "also-full@example.org"} {
		w.Held[address] = dsartest.Start.AddDate(-1, 0, 0)
		r := w.Receive(dsar.Access)
		require.NoError(t, w.Desk.Challenge(ctx, r.ID, address, dsartest.By("emp1")))
		want = append(want, address)
	}
	var tried []string
	errFull := errors.New("mailbox full")
	n, err := w.Desk.Deliver(ctx, func(_ context.Context, m dsar.Delivery) error {
		tried = append(tried, m.Address)
		if strings.Contains(m.Address, "full") {
			return errFull
		}
		return nil
	})
	require.ElementsMatch(t, want, tried)
	require.Equal(t, 1, n)
	require.ErrorIs(t, err, errFull)
	require.EqualError(t, err, "mailbox full", "once")
}

// A negative period would erase a file as soon as it is closed.
func TestNegativePeriodsAreRefused(t *testing.T) {
	for field, spoil := range map[string]func(o *dsar.Options){
		"PlanFor":       func(o *dsar.Options) { o.PlanFor = -1 },
		"BundleFor":     func(o *dsar.Options) { o.BundleFor = -1 },
		"FileFor":       func(o *dsar.Options) { o.FileFor = -1 },
		"LiftAfter":     func(o *dsar.Options) { o.LiftAfter = -1 },
		"SourceTimeout": func(o *dsar.Options) { o.SourceTimeout = -1 },
	} {
		var o dsar.Options
		spoil(&o)
		_, err := dsar.New(memstore.New(nil).Tenant("acme"), acme, &o)
		require.EqualError(t, err, "gdpr: Options."+field+": is negative")
	}
}
