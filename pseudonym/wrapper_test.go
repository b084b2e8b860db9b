package pseudonym_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// A slow service answers "unavailable" at the caller's deadline, and nothing is
// left half made.
func TestSlowKeyService(t *testing.T) {
	kms := pseudonymtest.NewKMS()
	kms.Delay = 50 * time.Millisecond
	s := memstore.New(nil).Tenant("acme")
	v := pseudonymtest.NewVault(t, s, kms, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	_, err := v.Seal(ctx, "c-7", place, nil)
	require.ErrorIs(t, err, pseudonym.ErrKeyUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	b, err := v.Seal(t.Context(), "c-7", place, nil)
	require.NoError(t, err)
	calls := kms.Calls()
	for range 100 {
		_, err = v.Open(t.Context(), "c-7", place, b)
		require.NoError(t, err)
		_, err = v.Seal(t.Context(), "c-8", place, nil)
		require.NoError(t, err)
	}
	require.Equal(t, calls, kms.Calls(), "one unwrapping of the tenant key is enough")
}

// A rotation that the service denies changes nothing; a destroyed key that still
// waits for its end can no longer be used, and is gone after its window.
func TestRotationAgainstTheService(t *testing.T) {
	ctx := t.Context()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	kms := pseudonymtest.NewKMS()
	kms.Now, kms.Window = func() time.Time { return now }, 7*24*time.Hour
	o := &pseudonym.Options{Now: kms.Now, Window: 24 * time.Hour}
	s := memstore.New(nil).Tenant("acme")
	v := pseudonymtest.NewVault(t, s, kms, o)
	b, err := v.Seal(ctx, "c-7", place, []byte("x"))
	require.NoError(t, err)
	kms.Deny(true)
	require.ErrorIs(t, v.Rotate(ctx), pseudonym.ErrKeyUnavailable)
	_, err = v.Open(ctx, "c-7", place, b)
	require.NoError(t, err)
	kms.Deny(false)
	require.NoError(t, v.Rotate(ctx))
	now = now.Add(25 * time.Hour)
	require.NoError(t, v.Rotate(ctx))
	r, err := v.Report(ctx)
	require.NoError(t, err)
	require.Len(t, r.Epochs, 3)
	require.Equal(t, "destroyed", r.Epochs[0].State)
	require.Equal(t, now.Add(kms.Window), r.Epochs[0].Gone, "when the service says that it cannot be undone")
	_, err = pseudonymtest.NewVault(t, s, kms, o).Open(ctx, "c-7", place, b)
	require.NoError(t, err)
}

// Confirm can hold a rotation back.
func TestConfirm(t *testing.T) {
	ctx := t.Context()
	kms := pseudonymtest.NewKMS()
	ready := false
	v := pseudonymtest.NewVault(t, memstore.New(nil).Tenant("acme"), kms, &pseudonym.Options{
		Confirm: func(context.Context, string) error {
			if !ready {
				return context.DeadlineExceeded
			}
			return nil
		}})
	require.ErrorIs(t, v.Rotate(ctx), pseudonym.ErrKeyUnavailable)
	require.ErrorIs(t, v.Rotate(ctx), pseudonym.ErrKeyUnavailable)
	require.Equal(t, 2, kms.Keys(), "the key that waits is used again")
	ready = true
	require.NoError(t, v.Rotate(ctx))
	require.Equal(t, 2, kms.Keys())
}

// Run finishes what a transaction of the host decided, and keeps keys usable.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	v := pseudonymtest.NewVault(t, memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS(),
		&pseudonym.Options{KeyBound: 20 * time.Millisecond})
	b, err := v.Seal(ctx, "c-7", place, nil)
	require.NoError(t, err)
	require.NoError(t, v.ScheduleShred(ctx, "c-7", time.Now().Add(30*time.Millisecond)))
	ended := make(chan error)
	go func() { ended <- v.Run(ctx) }()
	require.Eventually(t, func() bool {
		_, err := v.Open(ctx, "c-7", place, b)
		return err != nil
	}, 5*time.Second, 5*time.Millisecond)
	_, err = v.Open(ctx, "c-7", place, b)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

// astray answers with another key once.
type astray struct {
	*pseudonymtest.KMS
	once bool
}

func (a *astray) Unwrap(ctx context.Context, ref string, wrapped, additional []byte) ([]byte, error) {
	if a.once {
		a.once = false
		return make([]byte, 32), nil
	}
	return a.KMS.Unwrap(ctx, ref, wrapped, additional)
}

// A wrapper that answers with another key once does no harm that lasts: nothing is
// sealed, or moved to a new epoch, under that key.
func TestWrapperThatAnswersWithAnotherKey(t *testing.T) {
	ctx := t.Context()
	kms := &astray{KMS: pseudonymtest.NewKMS()}
	s := memstore.New(nil).Tenant("acme")
	require.NoError(t, pseudonymtest.NewVault(t, s, kms, nil).Ready(ctx))
	v := pseudonymtest.NewVault(t, s, kms, nil)
	kms.once = true
	_, err := v.Seal(ctx, "c-1", place, []byte("x"))
	require.ErrorIs(t, err, pseudonym.ErrKeyUnavailable)
	sealed, err := v.Seal(ctx, "c-1", place, []byte("x"))
	require.NoError(t, err)
	kms.once = true
	require.ErrorIs(t, v.Rotate(ctx), pseudonym.ErrKeyUnavailable)
	require.NoError(t, v.Rotate(ctx))
	_, err = pseudonymtest.NewVault(t, s, kms, nil).Open(ctx, "c-1", place, sealed)
	require.NoError(t, err)
}
