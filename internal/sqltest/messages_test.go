package sqltest

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// TestWrongDialect: the error of an engine that was taken for another says so.
func TestWrongDialect(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		pool := e.SQL(t, e.DSN(t))
		wrongDialects(t, e, pool)
		e.DB(t, pool, nil) // migrated: there is nothing left to do
		wrongDialects(t, e, pool)
	})
}

func wrongDialects(t *testing.T, e *Engine, pool *sql.DB) {
	for _, d := range []sqlstore.Dialect{sqlstore.SQLite, sqlstore.Postgres, sqlstore.MySQL} {
		if d == e.Dialect {
			continue
		}
		db, err := sqlstore.New(pool, d, nil)
		require.NoError(t, err)
		require.ErrorContains(t, db.Migrate(t.Context()), "is the dialect given to New that of the pool's driver?")
	}
}

func TestClosedPool(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		pool := e.SQL(t, e.DSN(t))
		db := e.DB(t, pool, nil)
		require.NoError(t, pool.Close())
		require.ErrorContains(t, db.Migrate(t.Context()), "the pool is closed")
	})
}
