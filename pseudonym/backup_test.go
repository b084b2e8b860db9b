package pseudonym_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// A shred while the keys are exported is behind the head in the backup: the next shred
// in the store that the backup was put into must be able to take its place.
func TestShredDuringAnExport(t *testing.T) {
	ctx := t.Context()
	s := &hooked{Store: memstore.New(nil).Tenant("acme"), table: "gdpr_key_secret"}
	kms := pseudonymtest.NewKMS()
	v := pseudonymtest.NewVault(t, s, kms, nil)
	for _, subject := range []string{"c-1", "c-2"} {
		_, err := v.Seal(ctx, subject, place, []byte("x"))
		require.NoError(t, err)
	}
	s.then = func() { require.NoError(t, v.Shred(ctx, "c-1")) }
	var b bytes.Buffer
	require.NoError(t, v.ExportKeys(ctx, &b))
	require.Nil(t, s.then)

	w := pseudonymtest.NewVault(t, memstore.New(nil).Tenant("acme"), kms, nil)
	require.NoError(t, w.Ready(ctx))
	require.NoError(t, w.ImportKeys(ctx, &b, "drill"))
	require.NoError(t, w.Shred(ctx, "c-2"))
	_, err := w.Seal(ctx, "c-1", place, nil)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
}

// A key that is shredded while a backup is put back stays shredded, also without a
// journal.
func TestShredDuringAnImport(t *testing.T) {
	ctx := t.Context()
	s := &hooked{Store: memstore.New(nil).Tenant("acme"), table: "gdpr_key_fence"}
	kms := pseudonymtest.NewKMS()
	v, w := pseudonymtest.NewVault(t, s, kms, nil), pseudonymtest.NewVault(t, s.Store, kms, nil)
	sealed, err := v.Seal(ctx, "c-1", place, []byte("x"))
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, v.ExportKeys(ctx, &b))
	done := make(chan error, 1)
	s.after = func() {
		go func() { done <- w.Shred(ctx, "c-1") }()
		time.Sleep(50 * time.Millisecond) // it may have to wait until the import is done
	}
	require.NoError(t, v.ImportKeys(ctx, &b, "drill"))
	require.NoError(t, <-done)
	v.Invalidate()
	_, err = v.Open(ctx, "c-1", place, sealed)
	require.Error(t, err)
}
