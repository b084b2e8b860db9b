package sqltest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// The few consents that lapse are found by their index, which holds no others where the
// engine can leave them out, and the pairs that there are by the key.
func TestConsentPlans(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		pool := e.SQL(t, e.DSN(t))
		e.DB(t, pool, nil)
		exec := func(query string) {
			_, err := pool.Exec(query)
			require.NoError(t, err, query)
		}
		for _, purpose := range []string{"*", "news", "survey"} {
			var rows []string
			for i := range 2000 {
				until := 0
				if i%100 == 0 && purpose == "news" {
					until = 1000 + i
				}
				rows = append(rows, fmt.Sprintf("('acme', '%s', 'email', 'c-%d', %d)", purpose, i, until))
			}
			exec("INSERT INTO gdpr_consent (tenant, purpose, channel, subject, valid_until) VALUES " + strings.Join(rows, ","))
		}
		exec(map[sqlstore.Dialect]string{sqlstore.SQLite: "ANALYZE", sqlstore.Postgres: "ANALYZE", sqlstore.MySQL: "ANALYZE TABLE gdpr_consent"}[e.Dialect])
		only := " AND valid_until <> 0"
		key := map[sqlstore.Dialect]string{sqlstore.SQLite: "sqlite_autoindex_gdpr_consent_1", sqlstore.Postgres: "gdpr_consent_pkey", sqlstore.MySQL: "PRIMARY"}[e.Dialect]
		if e.Dialect == sqlstore.MySQL {
			only = ""
		}
		for query, want := range map[string]string{
			"SELECT valid_until, purpose, channel, subject, status, event, warned FROM gdpr_consent WHERE tenant = 'acme' AND valid_until > 1500 AND valid_until <= 2500" +
				only + " ORDER BY valid_until, purpose, channel, subject LIMIT 500": "gdpr_consent_i1",
			"SELECT purpose, channel FROM gdpr_consent WHERE tenant = 'acme' AND purpose = 'news' AND channel > 'email' ORDER BY channel, subject LIMIT 1": key,
			"SELECT purpose, channel FROM gdpr_consent WHERE tenant = 'acme' AND purpose > 'news' ORDER BY purpose, channel, subject LIMIT 1":              key,
		} {
			tx, err := pool.Begin()
			require.NoError(t, err)
			if e.Dialect == sqlstore.Postgres { // whatever the arguments
				_, err = tx.Exec("SET LOCAL plan_cache_mode = force_generic_plan")
				require.NoError(t, err)
				_, err = tx.Exec("PREPARE p AS " + strings.NewReplacer("1500", "$1", "2500", "$2").Replace(query))
				require.NoError(t, err)
				query = map[bool]string{true: "EXECUTE p(1500, 2500)", false: "EXECUTE p"}[strings.Contains(query, "1500")]
			}
			plan := explained(t, e, tx, query, nil)
			require.Contains(t, plan, want, query)
			for _, sorted := range []string{"TEMP B-TREE", "Sort", "filesort"} {
				require.NotContains(t, plan, sorted, query)
			}
			if e.Dialect == sqlstore.Postgres {
				_, err = tx.Exec("DEALLOCATE p")
				require.NoError(t, err)
			}
			require.NoError(t, tx.Rollback())
		}
	})
}
