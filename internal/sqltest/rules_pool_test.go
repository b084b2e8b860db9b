package sqltest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
)

// With a single connection nothing waits for a second one.
func TestRule08OneConnection(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		pool.SetMaxOpenConns(1)
		db := e.DB(t, pool, nil)
		s := db.Tenant("x")
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for range 2 { // the second time with prepared statements
			require.NoError(t, db.InTx(ctx, func(ctx context.Context) error { return work(ctx, s) }))
			tx, err := pool.BeginTx(ctx, nil)
			require.NoError(t, err)
			require.NoError(t, work(db.WithTx(ctx, tx), s))
			require.NoError(t, tx.Commit())
		}
		for row, err := range s.Scan(ctx, leases, nil) {
			require.NoError(t, err)
			var name string
			require.NoError(t, row.Scan(&name))
			owner(t, ctx, s, name)
		}
		require.NoError(t, db.Check(ctx))
	})
}

func work(ctx context.Context, s storage.Store) error {
	if _, err := s.Apply(ctx, putLease.With("a", "1"), putLease.With("b", "2")); err != nil {
		return err
	}
	var o string
	if err := s.Claim(ctx, claimLease, []any{"a"}, &o); err != nil {
		return err
	}
	for row, err := range s.Scan(ctx, leases, nil) {
		if err != nil {
			return err
		}
		var name string
		if err := row.Scan(&name); err != nil {
			return err
		}
		if err := s.Get(ctx, ownerNow, []any{name}, &o); err != nil {
			return err
		}
		if err := s.InTx(ctx, func(ctx context.Context) error {
			_, err := s.Apply(ctx, setOwner.With(o+"x", name), putLease.With("c", "3"))
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
