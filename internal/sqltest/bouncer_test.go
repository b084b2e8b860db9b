package sqltest_test

import (
	"database/sql"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
	"github.com/gdprkit/gdprkit/storage/storetest"
)

// The suite holds through pgbouncer in transaction mode with NoPrepare, and with
// what the guide says that each driver needs besides.
func TestBouncer(t *testing.T) {
	b := sqltest.StartBouncer(t)
	for _, v := range []struct {
		name, driver, params string
		short                bool
	}{
		{"pgx cache_describe", "pgx", "default_query_exec_mode=cache_describe", true},
		{"pgx exec", "pgx", "default_query_exec_mode=exec", false},
		{"pgx simple_protocol", "pgx", "default_query_exec_mode=simple_protocol", false},
		{"pq binary_parameters", "postgres", "binary_parameters=yes", false},
	} {
		t.Run(v.name, func(t *testing.T) {
			if !v.short && os.Getenv("GDPRKIT_LONG") == "" {
				t.Skip("GDPRKIT_LONG=1 runs it")
			}
			storetest.Run(t, func(t *testing.T) storage.Directory {
				pool, err := sql.Open(v.driver, b.DSN(t, v.params))
				require.NoError(t, err)
				t.Cleanup(func() { pool.Close() })
				db, err := sqlstore.New(pool, sqlstore.Postgres, &sqlstore.Options{NoPrepare: true})
				require.NoError(t, err)
				require.NoError(t, db.Migrate(t.Context()))
				require.NoError(t, db.Check(t.Context()))
				sqltest.Engines()[1].CreateTables(t, pool, storetest.Tables()...)
				return db
			}, &storetest.Features{Host: hostTx})
		})
	}
}
