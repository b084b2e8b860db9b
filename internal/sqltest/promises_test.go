package sqltest_test

import (
	"context"
	"os"
	"testing"

	"github.com/gdprkit/gdprkit/internal/promisetest"
	"github.com/gdprkit/gdprkit/internal/retentiontest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// Every method of every part, in a transaction that the host began.
func TestPromises(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Dialect != sqlstore.SQLite && os.Getenv("GDPRKIT_LONG") == "" {
			t.Skip("two hundred methods, four times each; GDPRKIT_LONG=1 runs them on servers")
		}
		promisetest.Run(t, func(t *testing.T) promisetest.Place {
			pool := e.SQL(t, e.Migrated(t))
			db := e.DB(t, pool, nil)
			e.CreateTables(t, pool, retentiontest.Invoice)
			return promisetest.Place{Directory: db, Host: func(ctx context.Context, f func(context.Context) error) error {
				tx, err := pool.BeginTx(ctx, nil)
				if err != nil {
					return err
				}
				defer func() { _ = tx.Rollback() }()
				if err := f(db.WithTx(ctx, tx)); err != nil {
					return err
				}
				return tx.Commit()
			}}
		})
	})
}
