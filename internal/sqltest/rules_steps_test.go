package sqltest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// A step that fails half-way leaves nothing, also when the host swallows the
// error: a savepoint takes it back, or the transaction cannot commit.
func TestRule04StepInHostTransaction(t *testing.T) {
	steps := map[string]func(ctx context.Context, s storage.Store) error{
		"apply": func(ctx context.Context, s storage.Store) error {
			_, err := s.Apply(ctx, setOwner.With("bad", "a"), newLease.With("b", "bad", 0, 0), mustOwner.With("bad", "missing"))
			return err
		},
		"own error": func(ctx context.Context, s storage.Store) error {
			return s.InTx(ctx, func(ctx context.Context) error {
				if _, err := s.Apply(ctx, setOwner.With("bad", "a")); err != nil {
					return err
				}
				return errors.New("could not seal")
			})
		},
		"inner error swallowed": func(ctx context.Context, s storage.Store) error {
			return s.InTx(ctx, func(ctx context.Context) error {
				_, err := s.Apply(ctx, setOwner.With("bad", "a"))
				s.InTx(ctx, func(context.Context) error { return errors.New("audit failed") })
				return err
			})
		},
		"panic": func(ctx context.Context, s storage.Store) (err error) {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			return s.InTx(ctx, func(ctx context.Context) error {
				if _, err := s.Apply(ctx, setOwner.With("bad", "a")); err != nil {
					return err
				}
				panic("host")
			})
		},
	}
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		for name, step := range steps {
			t.Run(name, func(t *testing.T) {
				s := db.Tenant(name)
				lease(t, t.Context(), s, "a", "good")
				tx := begin(t, db.SQL(), nil)
				ctx := db.WithTx(t.Context(), tx)
				lease(t, ctx, s, "host", "good")
				require.Error(t, step(ctx, s))
				_, after := s.Apply(ctx, newLease.With("after", "good", 0, 0))
				committed := tx.Commit()
				require.Equal(t, "good", owner(t, t.Context(), s, "a"))
				if e.Dialect == sqlstore.Postgres {
					require.ErrorIs(t, after, storage.ErrTxFailed)
					if e.Name == "postgres-pgx" || e.Name == "postgres-pq" {
						require.Error(t, committed)
					}
					require.Empty(t, owner(t, t.Context(), s, "host"))
					return
				}
				require.NoError(t, after)
				require.NoError(t, committed)
				require.Equal(t, "good", owner(t, t.Context(), s, "host"))
				require.Equal(t, "good", owner(t, t.Context(), s, "after"))
			})
		}
	})
}

// A step that fails before its first write leaves the host's transaction alone.
func TestRule04NothingWritten(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		s := db.Tenant("x")
		tx := begin(t, db.SQL(), nil)
		ctx := db.WithTx(t.Context(), tx)
		err := s.InTx(ctx, func(ctx context.Context) error {
			owner(t, ctx, s, "a")
			return errors.New("no such purpose")
		})
		require.EqualError(t, err, "no such purpose")
		_, err = s.Apply(ctx, mustOwner.With("x", "missing"))
		require.ErrorIs(t, err, storage.ErrStale)
		lease(t, ctx, s, "a", "1")
		require.NoError(t, tx.Commit())
		require.Equal(t, "1", owner(t, t.Context(), s, "a"))
	})
}

// What the host itself writes inside a step goes with the step, also when it comes
// before anything of the library.
func TestRule04HostWritesInAStep(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		_, err := db.SQL().Exec("CREATE TABLE contacts (id INT PRIMARY KEY)")
		require.NoError(t, err)
		tx := begin(t, db.SQL(), nil)
		ctx := db.WithTx(t.Context(), tx)
		err = db.InTx(ctx, func(ctx context.Context) error {
			if _, err := db.Tx(ctx).ExecContext(ctx, "INSERT INTO contacts VALUES (1)"); err != nil {
				return err
			}
			return errors.New("no such purpose")
		})
		require.EqualError(t, err, "no such purpose")
		tx.Commit() // the host swallows the error; PostgreSQL refuses
		var n int
		require.NoError(t, db.SQL().QueryRow("SELECT COUNT(*) FROM contacts").Scan(&n))
		require.Zero(t, n)
	})
}
