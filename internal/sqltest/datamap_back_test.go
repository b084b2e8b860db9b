package sqltest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// What a trigger of a table or of its partition writes back is found on PostgreSQL,
// although the rows are not looked for where there is none.
func TestDatamapTakenRowsWrittenBackOnPostgres(t *testing.T) {
	const function = `CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO page_views VALUES (OLD.id, OLD.owner_id, OLD.note, OLD.seen_at); RETURN NULL; END $$`
	for name, texts := range map[string][]string{
		"trigger": {function, "CREATE TRIGGER back AFTER DELETE ON page_views FOR EACH ROW WHEN (OLD.id = 8) EXECUTE FUNCTION back()"},
		"partition": {function, "ALTER TABLE page_views RENAME TO page_views_all",
			"CREATE TABLE page_views (LIKE page_views_all INCLUDING ALL) PARTITION BY RANGE (id)",
			"ALTER TABLE page_views ATTACH PARTITION page_views_all FOR VALUES FROM (0) TO (1000000)",
			"CREATE TRIGGER back AFTER DELETE ON page_views_all FOR EACH ROW WHEN (OLD.id = 8) EXECUTE FUNCTION back()"},
	} {
		t.Run(name, func(t *testing.T) {
			For(t, sqlstore.Postgres, func(t *testing.T, e *Engine) {
				if e.Name == "postgres-pq" {
					return // pgx covers PostgreSQL
				}
				db := e.DB(t, e.SQL(t, e.DSN(t)), nil)
				pageViews(t, e, db, "number", 40, 4)
				for _, text := range texts {
					_, err := db.SQL().Exec(text)
					require.NoError(t, err)
				}
				log := new(noted)
				engine := viewEngine(t, db, viewSweep(t, db), log)
				res, err := engine.Execute(t.Context(), approved(t, engine).ID, nil)
				require.NoError(t, err)
				require.Equal(t, []int{9, 0, 1}, []int{res.Handled, res.Skipped, res.Failed})
				require.Len(t, log.records, 9)
				require.Equal(t, [][]string{{"8"}}, cells(t, db, "SELECT id FROM page_views WHERE seen_at < '2021-01-01'"))
			})
		})
	}
}
