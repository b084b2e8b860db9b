package pseudonymtest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/pseudonym"
)

// backup: an old backup of the whole database restored with the newest one of the
// keys; the empty database stands for the restored one.
func backup(t *testing.T, open Open) {
	ctx := t.Context()
	kms := NewKMS()
	v := NewVault(t, open(t).Tenant("acme"), kms, nil)
	a, b := seal(t, v, "c-1", "Ada"), seal(t, v, "c-2", "Eve")
	tok, err := v.Token(ctx, "subject", "c-2")
	require.NoError(t, err)
	var early, newest bytes.Buffer
	require.NoError(t, v.ExportKeys(ctx, &early))
	require.NoError(t, v.Shred(ctx, "c-1"))
	require.NoError(t, v.Rotate(ctx))
	require.NoError(t, v.ExportKeys(ctx, &newest))
	require.NotContains(t, newest.String(), "c-1\"")

	w := NewVault(t, open(t).Tenant("acme"), kms, nil)
	require.NoError(t, w.Ready(ctx))
	require.NoError(t, w.ImportKeys(ctx, bytes.NewReader(newest.Bytes()), "drill"))
	_, err = w.Open(ctx, "c-1", place, a)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	plain, err := w.Open(ctx, "c-2", place, b)
	require.NoError(t, err)
	require.Equal(t, "Eve", string(plain))
	again, err := w.Token(ctx, "subject", "c-2")
	require.NoError(t, err)
	require.Equal(t, tok, again)
	restored, err := w.Restored(ctx)
	require.NoError(t, err)
	require.True(t, restored)

	// An earlier export does not bring back what this store knows to be destroyed.
	require.NoError(t, w.ImportKeys(ctx, bytes.NewReader(early.Bytes()), "drill"))
	_, err = w.Open(ctx, "c-1", place, a)
	require.Error(t, err)
	_, err = w.Open(ctx, "c-2", place, b)
	require.NoError(t, err)

	other := NewVault(t, open(t).Tenant("other"), kms, nil)
	require.ErrorIs(t, other.ImportKeys(ctx, bytes.NewReader(newest.Bytes()), "drill"), pseudonym.ErrBackup)
	whole := newest.Bytes()
	for n := 0; n < len(whole)-1; n += 41 {
		require.ErrorIs(t, w.ImportKeys(ctx, bytes.NewReader(whole[:n]), "drill"), pseudonym.ErrBackup)
	}
	require.ErrorIs(t, w.ImportKeys(ctx, bytes.NewReader(append(bytes.Clone(whole), "{}\n"...)), "drill"), pseudonym.ErrBackup)
	require.ErrorIs(t, w.ImportKeys(ctx, bytes.NewReader(whole), ""), gdpr.ErrInvalid)
	_, err = w.Open(ctx, "c-2", place, b)
	require.NoError(t, err, "a refused backup changes nothing")
}
