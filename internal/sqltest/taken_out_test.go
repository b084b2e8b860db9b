package sqltest

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// The statements of ENGINES.md take the library out of a database, and nothing else.
func TestTakenOut(t *testing.T) {
	text, err := os.ReadFile("../../storage/ENGINES.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(text), "## Taking gdprkit out again")
	require.True(t, ok)
	block := regexp.MustCompile("(?s)```sql\n(.*?)```").FindStringSubmatch(rest)[1]
	statements := regexp.MustCompile(`(?m);( -- (.*))?$`)
	Each(t, func(t *testing.T, e *Engine) {
		pool := e.SQL(t, e.DSN(t))
		exec := func(q string) {
			_, err := pool.Exec(q)
			require.NoError(t, err, q)
		}
		exec("CREATE TABLE gdprcontacts (id INTEGER PRIMARY KEY)")
		exec("INSERT INTO gdprcontacts VALUES (1)")
		db := e.DB(t, pool, nil)
		name := map[sqlstore.Dialect]string{sqlstore.SQLite: "SQLite", sqlstore.Postgres: "PostgreSQL", sqlstore.MySQL: "MariaDB"}[e.Dialect]
		begin := 0
		for _, at := range statements.FindAllStringSubmatchIndex(block, -1) {
			statement := strings.TrimSpace(block[begin:at[0]])
			begin = at[1]
			if at[4] >= 0 && !strings.HasPrefix(block[at[4]:at[5]], name) {
				continue // of another engine
			}
			if i := strings.LastIndex(statement, "\n--"); i >= 0 || strings.HasPrefix(statement, "--") {
				_, statement, _ = strings.Cut(statement[i+1:], "\n")
			}
			if !strings.HasPrefix(statement, "SELECT") {
				exec(statement)
				continue
			}
			rows, err := pool.Query(statement)
			require.NoError(t, err, statement)
			var drops []string
			for rows.Next() {
				var drop string
				require.NoError(t, rows.Scan(&drop))
				drops = append(drops, drop)
			}
			require.NoError(t, rows.Err())
			require.Greater(t, len(drops), 20)
			for _, drop := range drops {
				exec(drop)
			}
		}
		var n int
		require.NoError(t, pool.QueryRow("SELECT COUNT(*) FROM gdprcontacts").Scan(&n), "the CRM's own table")
		require.Equal(t, 1, n)
		require.ErrorContains(t, db.Check(t.Context()), "schema")
		require.NoError(t, db.Migrate(t.Context()), "it can come back")
		require.NoError(t, db.Check(t.Context()))
	})
}
