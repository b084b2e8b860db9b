package pseudonym_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// A journal that is taken into use when the first records are pruned already begins
// with those that are left, and notices a restore from then on.
func TestJournalThatBeginsLate(t *testing.T) {
	ctx := t.Context()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	s, kms := memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS()
	v := pseudonymtest.NewVault(t, s, kms, &pseudonym.Options{Now: clock})
	for _, subject := range []string{"c-1", "c-2", "c-3", "c-4"} {
		_, err := v.Seal(ctx, subject, place, nil)
		require.NoError(t, err)
	}
	for _, subject := range []string{"c-1", "c-2", "c-3"} {
		require.NoError(t, v.Shred(ctx, subject))
	}
	now = now.AddDate(1, 0, 0)
	_, err := v.PruneTombstones(ctx, now)
	require.NoError(t, err)

	o := &pseudonym.Options{Now: clock, Journal: newJournal(t)}
	require.NoError(t, pseudonymtest.NewVault(t, s, kms, o).Shred(ctx, "c-4"))
	w := pseudonymtest.NewVault(t, s, kms, o)
	require.NoError(t, w.Ready(ctx))
	require.NoError(t, w.Shred(ctx, "c-5"))
	require.NoError(t, pseudonymtest.NewVault(t, s, kms, o).Ready(ctx))
}
