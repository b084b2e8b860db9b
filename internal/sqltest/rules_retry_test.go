package sqltest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// A write in SQL text of the host through Tx takes part in retries.
func TestRule06RetriedUntilCommitted(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		s := db.Tenant("x")
		lease(t, t.Context(), s, "a", "0")
		lease(t, t.Context(), s, "b", "0")
		errs := make(chan error)
		for i := range 4 {
			go func() {
				names := []string{"a", "b"}
				errs <- func() error {
					for range 5 {
						if err := db.InTx(t.Context(), func(ctx context.Context) error {
							for j := range names {
								var o string
								if err := s.Claim(ctx, claimLease, []any{names[(i+j)%2]}, &o); err != nil {
									return err
								}
							}
							_, err := db.Tx(ctx).ExecContext(ctx, "UPDATE gdpr_lease SET turn = turn + 1")
							return err
						}); err != nil {
							return err
						}
					}
					return nil
				}()
			}()
		}
		for range 4 {
			require.NoError(t, <-errs)
		}
		var turn int
		turnOf := &storage.Select{From: schema.Lease, Columns: []string{"turn"}, Where: storage.By("name")}
		require.NoError(t, s.Get(t.Context(), turnOf, []any{"a"}, &turn))
		require.Equal(t, 20, turn)
		st := db.Stats()
		require.GreaterOrEqual(t, st.Committed, int64(20))
		require.Equal(t, st.Begun, st.Committed+st.RolledBack)
		require.Equal(t, st.RolledBack, st.Busy+st.Deadlock+st.Serialization+st.Timeout)
	})
}

func TestRule06RetriesAreBounded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		e.DB(t, pool, nil)
		conflict := errors.New("made up")
		db := e.New(t, pool, &sqlstore.Options{Retries: 2, Classify: func(err error) sqlstore.Class {
			if errors.Is(err, conflict) {
				return sqlstore.Serialization
			}
			return sqlstore.Other
		}})
		runs, after := 0, 0
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			runs++
			storage.AfterCommit(ctx, func() { after++ })
			if runs > 0 {
				return conflict
			}
			return nil
		})
		require.ErrorIs(t, err, storage.ErrConflict)
		require.ErrorIs(t, err, conflict)
		require.Equal(t, 3, runs)
		require.Zero(t, after)
		require.Equal(t, int64(1), db.Stats().Conflicts)
		require.Equal(t, int64(3), db.Stats().Serialization)
	})
}
