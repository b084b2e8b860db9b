package pseudonym_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// A root that another process made is searched with within KeyBound, also while Run
// looks at the key store in the place of the callers.
func TestRootOfAnotherProcessWhileRunLooks(t *testing.T) {
	ctx := t.Context()
	s, kms := memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS()
	o := &pseudonym.Options{KeyBound: 40 * time.Millisecond}
	v, w := pseudonymtest.NewVault(t, s, kms, o), pseudonymtest.NewVault(t, s, kms, o)
	list, err := w.Candidates(ctx, "email", "ada@example.org")
	require.NoError(t, err)
	require.Len(t, list, 1)
	go func() { _ = w.Run(ctx) }()
	time.Sleep(100 * time.Millisecond) // Run is looking
	require.NoError(t, v.RotateIndex(ctx))
	require.Eventually(t, func() bool {
		list, err = w.Candidates(ctx, "email", "ada@example.org")
		return err == nil && len(list) == 2
	}, 2*time.Second, 10*time.Millisecond)
}

// A process that has not heard of the root of another one makes a further one, and
// does not take that one for its own.
func TestRotateIndexBehindAnotherProcess(t *testing.T) {
	ctx := t.Context()
	s, kms := memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS()
	v, w := pseudonymtest.NewVault(t, s, kms, nil), pseudonymtest.NewVault(t, s, kms, nil)
	_, err := w.Index(ctx, "email", "ada@example.org")
	require.NoError(t, err)
	require.NoError(t, v.RotateIndex(ctx))
	require.NoError(t, w.RotateIndex(ctx))
	b, err := w.Index(ctx, "email", "ada@example.org")
	require.NoError(t, err)
	require.EqualValues(t, 3, b[0])
}

// failing is an Auditor that is down.
type failing struct{}

func (failing) Record(context.Context, string, string, ...slog.Attr) error {
	return errors.New("no log")
}

// There is no new root without its entry.
func TestRotateIndexWithoutItsEntry(t *testing.T) {
	ctx := t.Context()
	s, kms := memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS()
	v := pseudonymtest.NewVault(t, s, kms, nil)
	v.AuditTo(failing{})
	require.Error(t, v.RotateIndex(ctx))
	b, err := pseudonymtest.NewVault(t, s, kms, nil).Index(ctx, "email", "ada@example.org")
	require.NoError(t, err)
	require.EqualValues(t, 1, b[0])
}
