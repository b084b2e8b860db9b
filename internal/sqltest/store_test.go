package sqltest_test

import (
	"context"
	"testing"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
	"github.com/gdprkit/gdprkit/storage/storetest"
)

func TestStore(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		storetest.Run(t, func(t *testing.T) storage.Directory {
			pool := e.SQL(t, e.Migrated(t))
			db := e.DB(t, pool, nil)
			e.CreateTables(t, pool, storetest.Tables()...)
			return db
		}, &storetest.Features{Host: hostTx})
	})
}

// hostTx begins a transaction as a host would.
func hostTx(t testing.TB, d storage.Directory) (ctx context.Context, commit, rollback func() error) {
	db := d.(*sqlstore.DB)
	tx, err := db.SQL().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return db.WithTx(t.Context(), tx), tx.Commit, tx.Rollback
}
