package sqltest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

const visitMap = `version: 1
subjects: {owner: {table: owners, key: id}}
tables:
  owners: {columns: [{name: name}]}
  page_views:
    category: views
    via: [owner_id > owners.id]
    dates: {seen: seen_at}
    columns: [{name: note}]
`

const viewSchedule = `{"version": "1", "timeZone": "UTC", "country": "NL", "rules": [{"id": "views", "category": "views", "kind": "maximum", "period": "P2Y",
	"ground": "AVG 6(1)(f)", "basis": "f", "start": {"events": ["seen"]}}]}`

var viewsNow = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// pageViews makes a table of n rows under a kind of key, every step-th of them due.
func pageViews(t testing.TB, e *Engine, db *sqlstore.DB, key string, n, step int) {
	t.Helper()
	kind := map[string]string{"number": "BIGINT", "text": "VARCHAR(36)"}[key]
	if key == "number" && e.Dialect == sqlstore.SQLite {
		kind = "INTEGER"
	}
	at := map[sqlstore.Dialect]string{sqlstore.SQLite: "DATETIME", sqlstore.Postgres: "TIMESTAMP", sqlstore.MySQL: "DATETIME"}[e.Dialect]
	tx, err := db.SQL().Begin()
	require.NoError(t, err)
	exec := func(q string) {
		_, err := tx.Exec(q)
		require.NoError(t, err, q)
	}
	exec("CREATE TABLE owners (id BIGINT PRIMARY KEY, name VARCHAR(20))")
	exec("INSERT INTO owners VALUES (1, 'OWNER')")
	exec("CREATE TABLE page_views (id " + kind + " NOT NULL PRIMARY KEY, owner_id BIGINT NOT NULL, note VARCHAR(20), seen_at " + at + ")")
	exec("CREATE INDEX page_views_seen ON page_views (seen_at)")
	exec("CREATE INDEX page_views_owner ON page_views (owner_id)")
	rows := make([]string, 0, 1000)
	for i := range n {
		id, year := fmt.Sprint(i+1), 2026
		if key == "text" {
			id = fmt.Sprintf("'%08x'", uint32(i+1)*2654435761)
		}
		if i%step == step-1 {
			year = 2020
		}
		rows = append(rows, fmt.Sprintf("(%s, 1, 'canary', '%d-02-03 04:05:%02d')", id, year, i%60))
		if len(rows) == cap(rows) || i == n-1 {
			exec("INSERT INTO page_views VALUES " + strings.Join(rows, ","))
			rows = rows[:0]
		}
	}
	require.NoError(t, tx.Commit())
	if e.Dialect != sqlstore.SQLite { // the others keep their statistics themselves
		_, err = db.SQL().Exec(map[sqlstore.Dialect]string{sqlstore.Postgres: "ANALYZE page_views", sqlstore.MySQL: "ANALYZE TABLE page_views"}[e.Dialect])
		require.NoError(t, err)
	}
}

func viewSweep(t testing.TB, db datamap.DB) retention.Source {
	t.Helper()
	m, err := datamap.Parse([]byte(visitMap))
	require.NoError(t, err)
	l, err := datamap.Open(t.Context(), db, m, &datamap.Options{Now: func() time.Time { return viewsNow }})
	require.NoError(t, err)
	sources := l.Sweeps()
	require.Len(t, sources, 1)
	return sources[0]
}

// Few due rows of a large table are found by the index of their date, in the order
// of the key all the same; no page walks over the table.
func TestDatamapFewDueRowsByTheIndex(t *testing.T) {
	n := 20_000
	if os.Getenv("GDPRKIT_LONG") != "" {
		n = 200_000
	}
	Each(t, func(t *testing.T, e *Engine) {
		if e.Name == "postgres-pq" {
			return // pgx covers PostgreSQL
		}
		for _, key := range []string{"number", "text"} {
			t.Run(key, func(t *testing.T) {
				w := &watched{DB: e.DB(t, e.SQL(t, e.DSN(t)), nil)}
				pageViews(t, e, w.DB, key, n, 1000)
				source := viewSweep(t, w)
				s, err := retention.ParseSchedule([]byte(viewSchedule))
				require.NoError(t, err)
				cond, err := s.On(viewsNow).Condition("views")
				require.NoError(t, err)
				require.NoError(t, w.InTx(t.Context(), func(ctx context.Context) error {
					q := &retention.Query{Condition: cond, Find: retention.FindDue, Limit: 2, Settled: true}
					found := 0
					for pages := 0; ; pages++ {
						got := 0
						for rec, err := range source.List(ctx, q) {
							require.NoError(t, err)
							if q.After != "" {
								require.Positive(t, source.(retention.Comparer).CompareKeys(rec.Key, q.After))
							}
							q.After = rec.Key
							if got++; got == q.Limit {
								break
							}
						}
						if found += got; pages < 2 {
							plan := explained(t, e, w.DB.Tx(ctx), w.query, w.args)
							require.Contains(t, plan, "page_views_seen", w.query)
						}
						if got < q.Limit {
							break
						}
					}
					require.Equal(t, n/1000, found)
					if e.Dialect == sqlstore.Postgres { // from the sixth on, a plan for whatever date would do if it promised less work
						var generic int
						require.NoError(t, w.DB.Tx(ctx).QueryRowContext(ctx,
							"SELECT coalesce(sum(generic_plans), 0) FROM pg_prepared_statements WHERE statement LIKE 'SELECT t0.%'").Scan(&generic))
						require.Zero(t, generic)
					}
					return nil
				}))
			})
		}
	})
}

// Where many rows are due, the pages walk over the table once, in place of sorting
// what is left at each.
func TestDatamapManyDueRowsInOneWalk(t *testing.T) {
	For(t, sqlstore.SQLite, func(t *testing.T, e *Engine) {
		const n = 20_500
		w := &watched{DB: e.DB(t, e.SQL(t, e.DSN(t)), nil)}
		pageViews(t, e, w.DB, "number", n, 1)
		source := viewSweep(t, w)
		s, err := retention.ParseSchedule([]byte(viewSchedule))
		require.NoError(t, err)
		cond, err := s.On(viewsNow).Condition("views")
		require.NoError(t, err)
		require.NoError(t, w.InTx(t.Context(), func(ctx context.Context) error {
			found := 0
			for rec, err := range source.List(ctx, &retention.Query{Condition: cond, Find: retention.FindDue, Settled: true}) {
				require.NoError(t, err)
				if found++; found == 2500 {
					require.NotContains(t, explained(t, e, w.DB.Tx(ctx), w.query, w.args), "TEMP B-TREE", "%s, row %s", w.query, rec.Key)
				}
			}
			require.Equal(t, n, found)
			return nil
		}))
	})
}

// explained returns what an engine says of the plan of a statement.
func explained(t testing.TB, e *Engine, tx sqlstore.TX, query string, args []any) string {
	t.Helper()
	verb := "EXPLAIN "
	if e.Dialect == sqlstore.SQLite {
		verb = "EXPLAIN QUERY PLAN "
	}
	rows, err := tx.QueryContext(t.Context(), verb+query, args...)
	require.NoError(t, err)
	defer rows.Close()
	cols, err := rows.Columns()
	require.NoError(t, err)
	var out []string
	for rows.Next() {
		vals, dest := make([]any, len(cols)), make([]any, len(cols))
		for i := range vals {
			dest[i] = &vals[i]
		}
		require.NoError(t, rows.Scan(dest...))
		for i, v := range vals {
			if cols[i] != "possible_keys" {
				out = append(out, cell(v))
			}
		}
	}
	require.NoError(t, rows.Err())
	return strings.Join(out, " ")
}
