package consent_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gdprkit/gdprkit/internal/consenttest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// Where a step is one statement, acts are written without a lock.
func TestOnMemstoreAtOnce(t *testing.T) {
	consenttest.Run(t, func(*testing.T) storage.Directory {
		return memstore.New(&memstore.Options{ConflictEvery: 4, Retries: 1000, Traits: &storage.Traits{Whole: true}})
	})
}

func TestOnMemstore(t *testing.T) {
	consenttest.Run(t, func(*testing.T) storage.Directory {
		return memstore.New(&memstore.Options{ConflictEvery: 4, Retries: 1000})
	})
}

// Whatever happens, the kept rows are what the records add up to.
func TestKeptStateIsWhatTheHistoryAddsUpTo(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := consenttest.Ledger(t, memstore.New(&memstore.Options{ConflictEvery: 5, Retries: 1000}), "acme")
		consenttest.Play(l, rapid.Uint64().Draw(r, "seed"), rapid.IntRange(1, 60).Draw(r, "acts"))
		for _, s := range consenttest.Subjects {
			require.NoError(r, l.Verify(ctx, s))
		}
	})
}
