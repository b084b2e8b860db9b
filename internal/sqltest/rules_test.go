package sqltest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// The transaction of one database is not joined by another, and one of another
// pool is refused.
func TestRule01ContextKeyIsTheDB(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		ctx := t.Context()
		a, b := e.Open(t), e.Open(t)
		err := a.InTx(ctx, func(ctx context.Context) error {
			require.Equal(t, storage.Outside, b.Tenant("x").State(ctx))
			lease(t, ctx, b.Tenant("x"), "n", "b")
			return errors.New("roll back")
		})
		require.EqualError(t, err, "roll back")
		require.Equal(t, "b", owner(t, ctx, b.Tenant("x"), "n"))
		require.Empty(t, owner(t, ctx, a.Tenant("x"), "n"))

		foreign := begin(t, b.SQL(), nil)
		err = a.Tenant("x").Get(a.WithTx(ctx, foreign), ownerOf, []any{"n"}, new(string))
		require.ErrorIs(t, err, gdpr.ErrInvalid)
	})
}

// A context that expires inside a transaction does not end a statement, and on
// SQLite not the host's transaction with it.
func TestRule02ExpiryBetweenStatements(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		s := db.Tenant("x")
		tx := begin(t, db.SQL(), nil)
		ctx, cancel := context.WithCancel(t.Context())
		joined := db.WithTx(ctx, tx)
		lease(t, joined, s, "a", "1")
		cancel()
		_, err := s.Apply(joined, newLease.With("b", "1", 0, 0))
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, tx.Commit())
		require.Equal(t, "1", owner(t, t.Context(), s, "a"))

		ctx, cancel = context.WithCancel(t.Context())
		err = db.InTx(ctx, func(ctx context.Context) error {
			lease(t, ctx, s, "c", "1")
			cancel()
			return nil
		})
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, owner(t, t.Context(), s, "c"))
	})
}

// A statement of ours that runs when the context expires is not interrupted.
func TestRule02RunningStatement(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		s := db.Tenant("x")
		lease(t, t.Context(), s, "a", "0")
		holder := begin(t, db.SQL(), nil)
		_, err := s.Apply(db.WithTx(t.Context(), holder), setOwner.With("1", "a"))
		require.NoError(t, err)
		time.AfterFunc(300*time.Millisecond, func() { holder.Commit() })

		waiter, err := db.SQL().BeginTx(t.Context(), nil) // SQLite: waits here, the DSN takes the lock at once
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if e.Dialect != sqlstore.SQLite {
			_, err = s.Apply(db.WithTx(ctx, waiter), setOwner.With("2", "a"))
			require.NoError(t, err)
		}
		require.NoError(t, waiter.Commit())
	})
}

// After an error with which the engine ended the transaction nothing is written
// through its context any more.
func TestRule03Deadlock(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Dialect == sqlstore.SQLite {
			t.Skip("SQLite has no deadlocks")
		}
		db := e.Open(t)
		s := db.Tenant("x")
		lease(t, t.Context(), s, "a", "0")
		lease(t, t.Context(), s, "b", "0")
		txs := [2]*sql.Tx{begin(t, db.SQL(), nil), begin(t, db.SQL(), nil)}
		ctxs := [2]context.Context{db.WithTx(t.Context(), txs[0]), db.WithTx(t.Context(), txs[1])}
		for i, name := range []string{"a", "b"} {
			_, err := s.Apply(ctxs[i], setOwner.With("1", name))
			require.NoError(t, err)
		}
		errs := make(chan error, 2)
		for i, name := range []string{"b", "a"} {
			go func() {
				_, err := s.Apply(ctxs[i], setOwner.With("2", name))
				if err == nil {
					err = txs[i].Commit()
				} else {
					_, again := s.Apply(ctxs[i], newLease.With("after", "x", 0, 0))
					if !errors.Is(again, storage.ErrTxFailed) {
						err = fmt.Errorf("a failed transaction went on: %v", again)
					}
				}
				errs <- err
			}()
		}
		failed := 0
		for range 2 {
			if err := <-errs; err != nil {
				failed++
				require.Regexp(t, `deadlock \((1213|40P01)\)`, err.Error())
				require.NotContains(t, err.Error(), "WHERE")
			}
		}
		require.Equal(t, 1, failed)
		for _, tx := range txs {
			tx.Commit()
		}
		require.Empty(t, owner(t, t.Context(), s, "after"))
	})
}

// On PostgreSQL an error of the host's own makes later calls fail.
func TestRule03Aborted(t *testing.T) {
	sqltest.For(t, sqlstore.Postgres, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		tx := begin(t, db.SQL(), nil)
		_, err := tx.Exec("SELECT 1/0")
		require.Error(t, err)
		ctx := db.WithTx(t.Context(), tx)
		require.ErrorContains(t, db.Tenant("x").Get(ctx, ownerOf, []any{"n"}, new(string)), "25P02")
		require.ErrorIs(t, db.Tenant("x").Get(ctx, ownerOf, []any{"n"}, new(string)), storage.ErrTxFailed)
	})
}
