package sqltest_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
	"github.com/gdprkit/gdprkit/storage/storetest"
)

// onlyMariaDB is what MariaDB 10.11 understands and MySQL 8.0.13 does not, as far as
// a library would be tempted to use it; and what MySQL has dropped since.
var onlyMariaDB = regexp.MustCompile(`(?i)\bRETURNING\b|\bSET STATEMENT\b|\bseq_\d|\bNEXTVAL\b|\bOR REPLACE (TABLE|TRIGGER|INDEX)\b|` +
	`\bCREATE (TRIGGER|INDEX|SEQUENCE) IF NOT EXISTS\b|ADD COLUMN IF NOT EXISTS|\bINTERSECT\b|\bEXCEPT\b|@@tx_|\bEXECUTE IMMEDIATE\b|\bLIMIT ROWS\b|` +
	`\bVALUE\(|\bINET6\b|\bUUID\b|\bVISIBLE\b|\bON DUPLICATE KEY UPDATE .* AS \w+ ON\b|\bSQL_CALC_FOUND_ROWS\b|\bSKIP LOCKED\b`)

// MySQL itself is not at hand where these tests run. Everything that is sent for
// the suite and for the migrations is looked at for words that only MariaDB knows.
// A statement for Galera begins with SET STATEMENT and is sent to MariaDB only.
func TestMySQLDialect(t *testing.T) {
	for _, m := range sqlstore.Migrations(sqlstore.MySQL) {
		for _, s := range m.Statements {
			require.NotRegexp(t, onlyMariaDB, s)
		}
	}
	sqltest.For(t, sqlstore.MySQL, func(t *testing.T, e *sqltest.Engine) {
		var mu sync.Mutex
		seen := map[string]bool{}
		f := &sqltest.Fault{Seen: func(query string) {
			mu.Lock()
			defer mu.Unlock()
			seen[query] = true
		}}
		storetest.Run(t, func(t *testing.T) storage.Directory {
			pool := e.Faulty(t, e.DSN(t), f)
			pool.SetMaxIdleConns(16)
			db := e.DB(t, pool, nil)
			require.NoError(t, db.Check(t.Context()))
			e.CreateTables(t, pool, storetest.Tables()...)
			return db
		}, &storetest.Features{Host: hostTx})
		writes := 0
		for query := range seen {
			require.NotRegexp(t, onlyMariaDB, query)
			if strings.HasPrefix(query, "INSERT") {
				writes++
			}
		}
		require.Greater(t, writes, 10, "the driver saw nothing")
		t.Logf("%d statements", len(seen))
	})
}
