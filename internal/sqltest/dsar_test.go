package sqltest_test

import (
	"os"
	"testing"

	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

func TestDSAR(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Name == "postgres-pq" && os.Getenv("GDPRKIT_LONG") == "" {
			t.Skip("the dialect of postgres-pgx; set GDPRKIT_LONG=1")
		}
		dsartest.Run(t, func(t *testing.T) storage.Directory { return e.Open(t) })
	})
}

func TestDSARReplayAfterReadmission(t *testing.T) {
	sqltest.For(t, sqlstore.SQLite, func(t *testing.T, e *sqltest.Engine) {
		dsartest.Readmission(t, func(t *testing.T) storage.Directory { return e.Open(t) })
	})
}
