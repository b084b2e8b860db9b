package pseudonym_test

import (
	"context"
	"iter"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/journal"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// hooked runs a function once, when a row of a table was read, or before or after rows of
// it are.
type hooked struct {
	storage.Store
	table       string
	then, after func()
}

func (h *hooked) Get(ctx context.Context, s *storage.Select, args []any, dest ...any) error {
	err := h.Store.Get(ctx, s, args, dest...)
	h.run(s, &h.then)
	return err
}

func (h *hooked) Scan(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
	h.run(s, &h.then)
	return func(yield func(storage.Row, error) bool) {
		for row, err := range h.Store.Scan(ctx, s, args) {
			if !yield(row, err) {
				return
			}
		}
		h.run(s, &h.after)
	}
}

func (h *hooked) run(s *storage.Select, f *func()) {
	if then := *f; then != nil && s.From.Name == h.table {
		*f = nil
		then()
	}
}

func newJournal(t *testing.T) *journal.File {
	t.Helper()
	j, err := journal.Create(filepath.Join(t.TempDir(), "journal"))
	require.NoError(t, err)
	t.Cleanup(func() { j.Close() })
	return j
}

// Another goroutine of the process shreds somebody between the reading of the head and
// its comparison with the journal.
func TestShredDuringALookIsNoRestore(t *testing.T) {
	ctx := t.Context()
	s := &hooked{Store: memstore.New(nil).Tenant("acme"), table: "gdpr_key_head"}
	v := pseudonymtest.NewVault(t, s, pseudonymtest.NewKMS(), &pseudonym.Options{Journal: newJournal(t)})
	require.NoError(t, v.Ready(ctx))
	sealed, err := v.Seal(ctx, "c-1", place, []byte("x"))
	require.NoError(t, err)
	v.Invalidate()
	s.then = func() { require.NoError(t, v.Shred(ctx, "c-2")) }
	_, err = v.Open(ctx, "c-1", place, sealed)
	require.NoError(t, err)
}
