package sqltest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/datamap"
	suite "github.com/gdprkit/gdprkit/internal/datamaptest"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

const chinookSchedule = `{"version": "1", "timeZone": "UTC", "country": "NL", "rules": [
	{"id": "invoice-duty", "category": "invoice", "kind": "minimum", "period": "P7Y", "ground": "AWR art. 52", "fields": ["InvoiceId"],
	 "start": {"anchor": "end_of_calendar_year", "events": ["invoice_date"]}},
	{"id": "invoice-end", "category": "invoice", "kind": "maximum", "period": "P7Y", "ground": "AVG 5(1)(e)", "basis": "c",
	 "start": {"anchor": "end_of_calendar_year", "events": ["invoice_date"]}},
	{"id": "contact-end", "category": "contact", "kind": "maximum", "period": "P5Y", "ground": "AVG 6(1)(b)", "basis": "b", "then": "mask", "start": {"events": ["last_purchase"]}}
]}`

// sweepOnce plans, approves and executes, and returns the number of rows planned.
func sweepOnce(t *testing.T, db *sqlstore.DB, schedule string, sources []retention.Source, now time.Time) *retention.Result {
	t.Helper()
	s, err := retention.ParseSchedule([]byte(schedule))
	require.NoError(t, err)
	e, err := retention.New(db.Tenant("acme"), s, &retention.Options{Sources: sources, Now: func() time.Time { return now }, SelfApproval: true})
	require.NoError(t, err)
	p, err := e.Plan(t.Context(), retention.PlanOptions{By: "planner"})
	require.NoError(t, err)
	require.NoError(t, e.Approve(t.Context(), p.ID, p.Hash, "planner"))
	r, err := e.Execute(t.Context(), p.ID, nil)
	require.NoError(t, err)
	return r
}

func TestDatamapSweepOverChinook(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		db := Chinook(t, e)
		now := time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)
		l := openChinook(t, e, db, now)
		schema := schemaText(t, db)
		keep := invoice + " WHERE InvoiceDate >= '2023-01-01' ORDER BY InvoiceId"
		lines := line + " WHERE InvoiceId IN ( SELECT InvoiceId FROM Invoice WHERE InvoiceDate >= '2023-01-01' ) ORDER BY InvoiceLineId"
		active := customer + " WHERE CustomerId IN ( SELECT CustomerId FROM Invoice WHERE InvoiceDate > '2025-06-01 12:00:00' ) ORDER BY CustomerId"
		wantInvoices, wantLines, wantCustomers := cells(t, db, keep), cells(t, db, lines), cells(t, db, active)

		first := sweepOnce(t, db, chinookSchedule, l.Sweeps(), now)
		require.Zero(t, first.Failed+first.Skipped)
		require.Equal(t, wantInvoices, cells(t, db, invoice+" ORDER BY InvoiceId"))
		require.Equal(t, wantLines, cells(t, db, line+" ORDER BY InvoiceLineId"), "lines go with their invoice")
		require.Equal(t, wantCustomers, cells(t, db, active))
		for _, row := range cells(t, db, customer+" WHERE CustomerId NOT IN ( SELECT CustomerId FROM Invoice WHERE InvoiceDate > '2025-06-01 12:00:00' )") {
			require.Regexp(t, "^erased-", row[1])
		}
		require.Equal(t, schema, schemaText(t, db), "the schema is unchanged")
		state := dump(t, db, "Customer", "Invoice", "InvoiceLine")
		require.Zero(t, sweepOnce(t, db, chinookSchedule, l.Sweeps(), now).Plan.Rows)
		require.Equal(t, state, dump(t, db, "Customer", "Invoice", "InvoiceLine"), "a second run does nothing")
	})
}

// watched is a DB that notes the statements inside transactions.
type watched struct {
	*sqlstore.DB
	query string
	args  []any
}

func (w *watched) Tx(ctx context.Context) sqlstore.TX {
	if tx := w.DB.Tx(ctx); tx != nil {
		return watchedTx{tx, w}
	}
	return nil
}

type watchedTx struct {
	sqlstore.TX
	w *watched
}

func (x watchedTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	x.w.query, x.w.args = query, args
	return x.TX.QueryContext(ctx, query, args...)
}

func TestDatamapSweepUsesTheIndex(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		c := openCRM(t, e)
		for i := range 40 { // 4000 calls, one in a hundred due
			var rows []string
			for j := range 100 {
				year := 2025
				if j == 0 {
					year = 2012
				}
				rows = append(rows, fmt.Sprintf("('%s', 'People', '%s', 'x', '%d-02-03 04:05:06', 1)", suite.UUID('c', 1000+i*100+j), bob[7:], year))
			}
			c.exec("INSERT INTO calls VALUES " + strings.Join(rows, ", "))
		}
		c.exec(map[sqlstore.Dialect]string{sqlstore.SQLite: "ANALYZE", sqlstore.Postgres: "ANALYZE calls", sqlstore.MySQL: "ANALYZE TABLE calls"}[e.Dialect])

		w := &watched{DB: c.db}
		m, err := datamap.Parse([]byte(suite.Map))
		require.NoError(t, err)
		now := time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC)
		l, err := datamap.Open(t.Context(), w, m, c.options(now))
		require.NoError(t, err)
		s, err := retention.ParseSchedule([]byte(`{"version": "1", "timeZone": "UTC", "country": "NL", "rules": [{"id": "calls", "category": "calls", "kind": "maximum", "period": "P2Y",
			"ground": "AVG 6(1)(f)", "basis": "f", "start": {"events": ["started"]}}]}`))
		require.NoError(t, err)
		cond, err := s.On(now).Condition("calls")
		require.NoError(t, err)
		for _, source := range l.Sweeps() {
			if source.Category() != "calls" {
				continue
			}
			n := 0
			require.NoError(t, c.db.InTx(t.Context(), func(ctx context.Context) error {
				for rec, err := range source.List(ctx, &retention.Query{Condition: cond, Find: retention.FindDue}) {
					require.NoError(t, err)
					require.Equal(t, bob, rec.Subject)
					n++
				}
				var plan []string
				rows, err := w.DB.Tx(ctx).QueryContext(ctx, map[sqlstore.Dialect]string{sqlstore.SQLite: "EXPLAIN QUERY PLAN "}[e.Dialect]+ // SQLite
					map[sqlstore.Dialect]string{sqlstore.Postgres: "EXPLAIN ", sqlstore.MySQL: "EXPLAIN "}[e.Dialect]+w.query, w.args...)
				require.NoError(t, err)
				defer rows.Close()
				cols, err := rows.Columns()
				require.NoError(t, err)
				for rows.Next() {
					vals, dest := make([]any, len(cols)), make([]any, len(cols))
					for i := range vals {
						dest[i] = &vals[i]
					}
					require.NoError(t, rows.Scan(dest...))
					for _, v := range vals {
						plan = append(plan, cell(v))
					}
				}
				require.Contains(t, strings.Join(plan, " "), "calls_start", w.query)
				return rows.Err()
			}))
			require.Equal(t, 40, n)
		}
	})
}
