package pseudonym_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/journal"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

func TestScenarios(t *testing.T) {
	pseudonymtest.Run(t, func(*testing.T) storage.Directory { return memstore.New(nil) })
}

func TestScenariosWithConflicts(t *testing.T) {
	pseudonymtest.Run(t, func(*testing.T) storage.Directory {
		return memstore.New(&memstore.Options{ConflictEvery: 3, Retries: 1000})
	})
}

func TestWithKeyringAndJournal(t *testing.T) {
	dir := t.TempDir()
	secret, err := keyring.RawKey(make([]byte, 32))
	require.NoError(t, err)
	ring, err := keyring.Create(filepath.Join(dir, "ring"), secret, nil)
	require.NoError(t, err)
	j, err := journal.Create(filepath.Join(dir, "journal"))
	require.NoError(t, err)
	defer j.Close()
	db := memstore.New(nil)
	v, err := pseudonym.New(db.Tenant("acme"), ring, &pseudonym.Options{Journal: j})
	require.NoError(t, err)
	ctx := t.Context()
	require.NoError(t, v.Ready(ctx))

	place := pseudonym.Place("contacts", "email", "7")
	sealed, err := v.Seal(ctx, "c-7", place, []byte("ada@example.org"))
	require.NoError(t, err)
	again, err := keyring.Open(filepath.Join(dir, "ring"), secret, nil)
	require.NoError(t, err)
	w, err := pseudonym.New(db.Tenant("acme"), again, &pseudonym.Options{Journal: j})
	require.NoError(t, err)
	plain, err := w.Open(ctx, "c-7", place, sealed)
	require.NoError(t, err)
	require.Equal(t, "ada@example.org", string(plain))
	require.NoError(t, v.Shred(ctx, "c-7"))
	_, err = v.Open(ctx, "c-7", place, sealed)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	n, err := j.Len()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}

// Keys in a database of their own: a shred is decided with the data and carried out
// with the keys.
func TestSeparateDatabases(t *testing.T) {
	ctx := t.Context()
	keys, data := memstore.New(nil).Tenant("acme"), memstore.New(nil).Tenant("acme")
	kms, log := pseudonymtest.NewKMS(), &pseudonymtest.Log{}
	v := pseudonymtest.NewVault(t, keys, kms, &pseudonym.Options{Data: data})
	v.AuditTo(log)
	require.NoError(t, v.Ready(ctx))
	var early []byte
	boom := errors.New("boom")
	require.ErrorIs(t, data.InTx(ctx, func(ctx context.Context) error {
		var err error
		if early, err = v.Seal(ctx, "c-1", place, []byte("x")); err != nil {
			return err
		}
		if err := v.Shred(ctx, "c-1"); err != nil {
			return err
		}
		return boom
	}), boom)
	_, err := v.Open(ctx, "c-1", place, early)
	require.NoError(t, err, "the key was created and committed first, the shred was not decided")
	require.NoError(t, data.InTx(ctx, func(ctx context.Context) error { return v.Shred(ctx, "c-1") }))
	_, err = v.Open(ctx, "c-1", place, early)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	require.Equal(t, "key.shredded c-1", log.Entries()[len(log.Entries())-1])
	n := len(log.Entries())
	require.NoError(t, v.Shred(ctx, "c-1"))
	require.Len(t, log.Entries(), n)
	require.NoError(t, v.Readmit(ctx, "c-1", "came back"))
	b, err := v.Seal(ctx, "c-1", place, []byte("y"))
	require.NoError(t, err)
	require.NoError(t, v.Shred(ctx, "c-1", pseudonym.ID))
	_, err = v.Open(ctx, "c-1", place, b)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	w := pseudonymtest.NewVault(t, keys, kms, &pseudonym.Options{Data: data})
	require.NoError(t, w.Ready(ctx))
	restored, err := w.Restored(ctx)
	require.NoError(t, err)
	require.False(t, restored)
	r, err := w.Report(ctx)
	require.NoError(t, err)
	require.Zero(t, r.Pending)
	require.Equal(t, pseudonym.ProtectionSeparate, r.RollbackProtection)
}
