package dsar_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// The person is told of a refusal within a month, or the file says why not.
func TestLateRefusalSaysWhy(t *testing.T) {
	w := dsartest.NewWorld(t, memstore.New(nil))
	r := w.Receive(dsar.Access)
	w.Wait(32 * 24 * time.Hour)

	refusal := dsartest.RefusalOf()
	_, err := w.Desk.Refuse(t.Context(), r.ID, refusal, dsartest.By("emp1"))
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	require.ErrorContains(t, err, "Refusal.Late")
	require.ErrorContains(t, err, "2026-04-02")
	same, err := w.Desk.Get(t.Context(), r.ID)
	require.NoError(t, err)
	require.Equal(t, dsar.StateReceived, same.State)

	refusal.Late = "the request lay in a shared mailbox"
	r, err = w.Desk.Refuse(t.Context(), r.ID, refusal, dsartest.By("emp1"))
	require.NoError(t, err)
	require.Equal(t, dsar.StateRefused, r.State)
}

type keeper struct{ err error }

func (k keeper) Keep(context.Context, string, string, string, map[string]time.Time) (bool, time.Time, string, string, error) {
	return false, time.Time{}, "", "", k.err
}

// An error of the Keeper is not blamed on the source, and tells what it may tell.
func TestKeeperErrorNamesTheCategory(t *testing.T) {
	rule, own := gdpr.Invalid("category", "has no rule"), errors.New("Anna de Vries is unknown")
	for _, c := range []struct {
		err  error
		text string
	}{
		{rule, "dsar: Options.Keeper failed at category contact: gdpr: category: has no rule"},
		{own, "dsar: Options.Keeper failed at category contact"},
	} {
		w := dsartest.NewWorld(t, memstore.New(nil))
		w.Options.Keeper = keeper{c.err}
		w.Restart()
		r := w.Receive(dsar.Erasure)
		_, err := w.Desk.Verify(t.Context(), r.ID, dsar.Proof{Act: dsartest.By("emp1"), Method: "login"})
		require.NoError(t, err)
		_, err = w.Desk.Plan(t.Context(), r.ID, dsartest.By("emp1"))
		require.ErrorIs(t, err, c.err)
		require.EqualError(t, err, c.text)
		require.NotErrorIs(t, err, dsar.ErrSource)
	}
}
