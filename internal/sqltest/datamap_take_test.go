package sqltest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	suite "github.com/gdprkit/gdprkit/internal/datamaptest"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// noted is an auditor that remembers the records of a transaction that committed.
type noted struct {
	records []string
}

func (n *noted) Record(context.Context, string, string, ...slog.Attr) error { return nil }

func (n *noted) RecordBatch(ctx context.Context, _ string, subjects []string, attrs [][]slog.Attr) error {
	var batch []string
	for i, list := range attrs {
		for _, a := range list {
			if v, ok := a.Value.Any().(gdpr.ClearValue); ok && a.Key == "record" {
				batch = append(batch, subjects[i]+" "+string(v))
			}
		}
	}
	storage.AfterCommit(ctx, func() { n.records = append(n.records, batch...) })
	return nil
}

func viewEngine(t testing.TB, db *sqlstore.DB, source retention.Source, log *noted) *retention.Engine {
	t.Helper()
	s, err := retention.ParseSchedule([]byte(viewSchedule))
	require.NoError(t, err)
	e, err := retention.New(db.Tenant("acme"), s, &retention.Options{Sources: []retention.Source{source}, Auditor: log, BatchRows: 50, Now: func() time.Time { return viewsNow }, SelfApproval: true})
	require.NoError(t, err)
	return e
}

func approved(t testing.TB, e *retention.Engine) *retention.Plan {
	t.Helper()
	p, err := e.Plan(t.Context(), retention.PlanOptions{By: "planner"})
	require.NoError(t, err)
	require.NoError(t, e.Approve(t.Context(), p.ID, p.Hash, "planner"))
	return p
}

// Rows of a table on which nothing hangs go in one statement, each with its entry;
// what changed in between stays.
func TestDatamapTakesRows(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		for _, key := range []string{"number", "text"} {
			t.Run(key, func(t *testing.T) {
				db := e.Open(t)
				pageViews(t, e, db, key, 400, 2)
				log := new(noted)
				source := viewSweep(t, db)
				_, takes := source.(retention.Taker)
				require.True(t, takes, "SQLite, PostgreSQL and MariaDB return what they delete")
				engine := viewEngine(t, db, source, log)
				p := approved(t, engine)
				require.Equal(t, 200, p.Rows)
				last := cells(t, db, "SELECT MAX(id) FROM page_views WHERE seen_at < '2021-01-01'")[0][0]
				_, err := db.SQL().Exec("UPDATE page_views SET seen_at = '2026-05-01 00:00:00' WHERE id = '" + last + "'")
				require.NoError(t, err)

				res, err := engine.Execute(t.Context(), p.ID, nil)
				require.NoError(t, err)
				require.Equal(t, []int{199, 1, 0}, []int{res.Handled, res.Skipped, res.Failed})
				require.Len(t, cells(t, db, "SELECT id FROM page_views"), 201)
				require.Empty(t, cells(t, db, "SELECT id FROM page_views WHERE seen_at < '2021-01-01'"))
				slices.Sort(log.records)
				require.Len(t, slices.Compact(log.records), 199, "one entry each")
				require.Contains(t, log.records[0], "owner:1 ", "with the subject as it was")
			})
		}
	})
}

// What a trigger writes back is found although the rows went in one statement.
func TestDatamapTakenRowsWrittenBack(t *testing.T) {
	For(t, sqlstore.SQLite, func(t *testing.T, e *Engine) {
		db := e.Open(t)
		pageViews(t, e, db, "number", 40, 4)
		_, err := db.SQL().Exec("CREATE TRIGGER back AFTER DELETE ON page_views WHEN OLD.id = 8 BEGIN INSERT INTO page_views VALUES (OLD.id, OLD.owner_id, OLD.note, OLD.seen_at); END")
		require.NoError(t, err)
		log := new(noted)
		engine := viewEngine(t, db, viewSweep(t, db), log)
		p := approved(t, engine)
		res, err := engine.Execute(t.Context(), p.ID, nil)
		require.NoError(t, err)
		require.Equal(t, []int{9, 0, 1}, []int{res.Handled, res.Skipped, res.Failed})
		require.Len(t, log.records, 9)
		require.Equal(t, [][]string{{"8"}}, cells(t, db, "SELECT id FROM page_views WHERE seen_at < '2021-01-01'"))
	})
}

// A table on which another one hangs, or whose subject is read from another, is not
// taken from: its rows are looked at one after the other.
func TestDatamapTakesOnlyWhereNothingHangs(t *testing.T) {
	For(t, sqlstore.SQLite, func(t *testing.T, e *Engine) {
		c := openCRM(t, e)
		taken := map[string]bool{}
		for _, s := range c.live.Sweeps() {
			_, taken[s.Name()] = s.(retention.Taker)
		}
		require.True(t, taken["crm.calls"], fmt.Sprint(taken))
		for _, name := range []string{"crm.people", "crm.invoices", "crm.deals"} {
			require.False(t, taken[name], name)
		}
		require.Contains(t, suite.Tables, "calls")
	})
}
