package pseudonym_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// A shred that cannot be carried out does not keep others from theirs.
func TestScheduledShredBehindOneThatFails(t *testing.T) {
	ctx := t.Context()
	s, kms := memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS()
	old := pseudonymtest.NewVault(t, s, kms, &pseudonym.Options{Compartments: map[string]string{"calls": "calls"}})
	v := pseudonymtest.NewVault(t, s, kms, nil)
	sealed, err := v.Seal(ctx, "c-2", place, []byte("x"))
	require.NoError(t, err)
	require.NoError(t, old.ScheduleShred(ctx, "c-1", time.Now().Add(-2*time.Second), "calls"))
	require.NoError(t, old.ScheduleShred(ctx, "c-2", time.Now().Add(-time.Second)))
	require.Error(t, v.Work(ctx), "v does not know the compartment")
	_, err = v.Open(ctx, "c-2", place, sealed)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
}
