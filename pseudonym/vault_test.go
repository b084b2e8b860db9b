package pseudonym_test

import (
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
	pseudonymtest.Run(t, func(*testing.T) storage.Directory { return memstore.New(&memstore.Options{ConflictEvery: 3}) })
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
