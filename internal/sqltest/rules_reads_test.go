package sqltest_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

func TestRule10FinishedTransaction(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		s := db.Tenant("x")
		tx := begin(t, db.SQL(), nil)
		ctx := db.WithTx(t.Context(), tx)
		lease(t, ctx, s, "a", "1")
		require.NoError(t, tx.Commit())
		_, err := s.Apply(ctx, newLease.With("b", "1", 0, 0))
		require.ErrorIs(t, err, storage.ErrTxDone)
		require.ErrorIs(t, s.Get(ctx, ownerOf, []any{"a"}, new(string)), storage.ErrTxDone)
		require.Equal(t, "1", owner(t, storage.Detach(ctx), s, "a"))
		var kept context.Context
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error { kept = ctx; return nil }))
		_, err = s.Apply(kept, newLease.With("c", "1", 0, 0))
		require.ErrorIs(t, err, storage.ErrTxDone)
		_, err = db.Tx(kept).ExecContext(kept, "SELECT 1")
		require.ErrorIs(t, err, storage.ErrTxDone)
		require.Empty(t, owner(t, t.Context(), s, "b")+owner(t, t.Context(), s, "c"))
	})
}

func TestRule10RequireTx(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.DB(t, e.SQL(t, e.DSN(t)), &sqlstore.Options{RequireTx: true})
		s := db.Tenant("x")
		_, err := s.Apply(t.Context(), newLease.With("a", "1", 0, 0))
		require.ErrorIs(t, err, storage.ErrNoTx)
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
			_, err := s.Apply(ctx, newLease.With("a", "1", 0, 0))
			return err
		}))
	})
}

// A decisive read inside a host's transaction at REPEATABLE READ sees a change
// that was committed since, where the engine can.
func TestRule11DecisiveRead(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Dialect == sqlstore.SQLite {
			t.Skip("one writer at a time: the DSN's transactions begin with the lock")
		}
		db := e.Open(t)
		s := db.Tenant("x")
		lease(t, t.Context(), s, "a", "given")
		tx := begin(t, db.SQL(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		ctx := db.WithTx(t.Context(), tx)
		require.Equal(t, "given", owner(t, ctx, s, "a"))
		_, err := s.Apply(t.Context(), setOwner.With("withdrawn", "a"))
		require.NoError(t, err)
		var now string
		require.NoError(t, s.Get(ctx, ownerNow, []any{"a"}, &now))
		if s.Traits().Snapshot {
			require.Equal(t, "given", now)
		} else {
			require.Equal(t, "withdrawn", now)
		}
		require.NoError(t, tx.Rollback())
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
			require.Equal(t, "withdrawn", owner(t, ctx, s, "a"))
			_, err := s.Apply(t.Context(), setOwner.With("again", "a"))
			require.NoError(t, err)
			require.NoError(t, s.Get(ctx, ownerNow, []any{"a"}, &now))
			require.Equal(t, "again", now)
			return nil
		}))
	})
}

// Errors never repeat what the host passed.
func TestErrorsHideValues(t *testing.T) {
	const canary = "canary-8f3a"
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		s := db.Tenant("x")
		lease(t, t.Context(), s, canary, canary)
		_, err := s.Apply(t.Context(), newLease.With(canary, canary, 0, 0))
		require.ErrorIs(t, err, storage.ErrDuplicate)
		require.NotContains(t, err.Error(), canary)
		_, err = s.Apply(t.Context(), newLease.With(canary+strings.Repeat("x", 200), canary, 0, 0))
		require.ErrorIs(t, err, gdpr.ErrInvalid)
		require.ErrorContains(t, err, "gdpr_lease.name")
		require.NotContains(t, err.Error(), canary)
	})
}
