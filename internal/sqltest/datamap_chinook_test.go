package sqltest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

func chinookMap(t testing.TB) *datamap.Map {
	t.Helper()
	text, err := os.ReadFile("../../datamap/testdata/chinook.yaml")
	require.NoError(t, err)
	require.LessOrEqual(t, strings.Count(string(text), "\n"), 80)
	m, err := datamap.Parse(text)
	require.NoError(t, err)
	return m
}

func openChinook(t testing.TB, e *Engine, db *sqlstore.DB, now time.Time) *datamap.Live {
	t.Helper()
	o := &datamap.Options{Now: func() time.Time { return now }}
	if e.Dialect == sqlstore.Postgres {
		o.Names = datamap.SnakeCase
	}
	l, err := datamap.Open(t.Context(), db, chinookMap(t), o)
	require.NoError(t, err)
	return l
}

// cells reads a query as text, cell by cell, without the code under test.
func cells(t testing.TB, db *sqlstore.DB, query string, args ...any) [][]string {
	t.Helper()
	if db.Dialect() == sqlstore.Postgres {
		for i := range args {
			query = strings.Replace(query, "?", fmt.Sprintf("$%d", i+1), 1)
		}
		words := strings.Fields(query)
		for i, w := range words {
			if w != strings.ToUpper(w) && !strings.Contains(w, "'") {
				words[i] = datamap.SnakeCase(w)
			}
		}
		query = strings.Join(words, " ")
	}
	rows, err := db.SQL().Query(query, args...)
	require.NoError(t, err, query)
	defer rows.Close()
	cols, err := rows.Columns()
	require.NoError(t, err)
	var out [][]string
	for rows.Next() {
		vals, dest := make([]any, len(cols)), make([]any, len(cols))
		for i := range vals {
			dest[i] = &vals[i]
		}
		require.NoError(t, rows.Scan(dest...))
		line := make([]string, len(cols))
		for i, v := range vals {
			line[i] = cell(v)
		}
		out = append(out, line)
	}
	require.NoError(t, rows.Err())
	return out
}

func cell(v any) string {
	switch x := v.(type) {
	case nil:
		return "NULL"
	case []byte:
		return cell(string(x))
	case float64: // SQLite's form of a decimal
		return strconv.FormatFloat(x, 'f', 2, 64)
	case string: // a driver may give a date as text
		if at, err := time.Parse(time.DateTime, strings.TrimSuffix(x, ".000000")); err == nil {
			return cell(at)
		}
		return x
	case json.RawMessage:
		return string(x)
	case time.Time:
		return x.UTC().Format(time.RFC3339)
	}
	return fmt.Sprint(v)
}

// dump returns every cell of the given tables, sorted, as text.
func dump(t testing.TB, db *sqlstore.DB, tables ...string) map[string][][]string {
	out := make(map[string][][]string)
	for _, name := range tables {
		rows := cells(t, db, "SELECT * FROM "+name)
		sort.Slice(rows, func(i, j int) bool { return fmt.Sprint(rows[i]) < fmt.Sprint(rows[j]) })
		out[name] = rows
	}
	return out
}

// schemaText is what the database itself says of its tables.
func schemaText(t testing.TB, db *sqlstore.DB) [][]string {
	if db.Dialect() == sqlstore.SQLite {
		return cells(t, db, "SELECT type, name, sql FROM sqlite_master ORDER BY type, name")
	}
	here := map[sqlstore.Dialect]string{sqlstore.Postgres: "current_schema()", sqlstore.MySQL: "DATABASE()"}[db.Dialect()]
	return cells(t, db, "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, IS_NULLABLE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "+here+" ORDER BY TABLE_NAME, COLUMN_NAME")
}

func collect(t testing.TB, s dsar.Source, subject string, scope dsar.Scope) map[string][][]string {
	t.Helper()
	out := make(map[string][][]string)
	for rec, err := range s.Collect(context.Background(), subject, scope) {
		require.NoError(t, err)
		line := make([]string, len(rec.Values))
		for i, v := range rec.Values {
			line[i] = cell(v)
		}
		out[rec.Section.Table] = append(out[rec.Section.Table], line)
	}
	return out
}

// test is a test, also a random one.
type test interface {
	require.TestingT
	Helper()
}

// everything names each record of a subject for erasure, in the order of Collect.
func everything(t test, s dsar.Source, subject string) []dsar.Item {
	t.Helper()
	var items []dsar.Item
	for rec, err := range s.Collect(context.Background(), subject, dsar.Scope{}) {
		require.NoError(t, err)
		items = append(items, dsar.Item{Category: rec.Section.Category, Table: rec.Section.Table, Key: rec.Key, Action: dsar.ActErase, Ground: "A17-1-b"})
	}
	return items
}

func eraseAll(t test, s *datamap.Source, subject string, items []dsar.Item) []dsar.Result {
	t.Helper()
	preview, _, err := s.Preview(context.Background(), subject, items)
	require.NoError(t, err)
	results := []dsar.Result{}
	for len(items) > 0 {
		n := min(len(items), dsar.MaxBatch)
		r, err := s.Erase(context.Background(), subject, items[:n])
		require.NoError(t, err)
		results, items = append(results, r...), items[n:]
	}
	require.Equal(t, preview, results, "the dry run equals the run")
	return results
}

const customer = "SELECT CustomerId , FirstName , LastName , Company , Address , City , State , Country , PostalCode , Phone , Fax , Email , SupportRepId FROM Customer"
const invoice = "SELECT InvoiceId , CustomerId , InvoiceDate , BillingAddress , BillingCity , BillingState , BillingCountry , BillingPostalCode , Total FROM Invoice"
const line = "SELECT InvoiceLineId , InvoiceId , TrackId , UnitPrice , Quantity FROM InvoiceLine"

func TestDatamapChinook(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		db := Chinook(t, e)
		now := time.Date(2030, 6, 1, 0, 0, 0, 0, time.UTC) // invoices of 2021 and 2022 are free
		l := openChinook(t, e, db, now)
		s := l.Source()
		before := schemaText(t, db)

		got := collect(t, s, "customer:17", dsar.Scope{})
		require.Equal(t, cells(t, db, customer+" WHERE CustomerId = 17"), got["Customer"])
		require.Equal(t, cells(t, db, invoice+" WHERE CustomerId = 17 ORDER BY InvoiceId"), got["Invoice"])
		require.Equal(t, cells(t, db, line+" WHERE InvoiceId IN ( SELECT InvoiceId FROM Invoice WHERE CustomerId = 17 ) ORDER BY InvoiceLineId"), got["InvoiceLine"])
		require.Empty(t, got["Employee"], "the support representative is somebody else")
		require.Len(t, got, 3)

		others := []string{customer + " WHERE CustomerId <> 17 ORDER BY CustomerId", invoice + " WHERE CustomerId <> 17 ORDER BY InvoiceId",
			line + " WHERE InvoiceId NOT IN ( SELECT InvoiceId FROM Invoice WHERE CustomerId = 17 ) ORDER BY InvoiceLineId", "SELECT * FROM Employee"}
		var theirs [][][]string
		for _, q := range others {
			theirs = append(theirs, cells(t, db, q))
		}
		wantInvoices := cells(t, db, "SELECT InvoiceId , CustomerId , InvoiceDate , NULL , NULL , NULL , BillingCountry , NULL , Total FROM Invoice WHERE CustomerId = 17 AND InvoiceDate >= '2023-01-01' ORDER BY InvoiceId")
		require.NotEmpty(t, wantInvoices)
		wantLines := cells(t, db, line+" WHERE InvoiceId IN ( SELECT InvoiceId FROM Invoice WHERE CustomerId = 17 AND InvoiceDate >= '2023-01-01' ) ORDER BY InvoiceLineId")
		prefix := cells(t, db, "SELECT PostalCode FROM Customer WHERE CustomerId = 17")[0][0][:2]

		items := everything(t, s, "customer:17")
		results := eraseAll(t, s, "customer:17", items)
		byOutcome := make(map[dsar.Outcome]int)
		for _, r := range results {
			byOutcome[r.Outcome]++
		}
		require.Equal(t, len(wantInvoices)+len(wantLines), byOutcome[dsar.Blocked])

		require.Equal(t, wantInvoices, cells(t, db, invoice+" WHERE CustomerId = 17 ORDER BY InvoiceId"), "exactly the statutory cells")
		require.Equal(t, wantLines, cells(t, db, line+" WHERE InvoiceId IN ( SELECT InvoiceId FROM Invoice WHERE CustomerId = 17 ) ORDER BY InvoiceLineId"))
		row := cells(t, db, customer+" WHERE CustomerId = 17")[0]
		require.Regexp(t, `^erased-`, row[1])
		require.Regexp(t, `^erased-`, row[2])
		require.Regexp(t, `^[0-9a-z]{13}@erased\.invalid$`, row[11])
		require.Equal(t, []string{"NULL", "NULL", "NULL", "NULL", "NULL", prefix, "NULL", "NULL"}, row[3:11])
		for i, q := range others {
			require.Equal(t, theirs[i], cells(t, db, q), "nobody else's cell changed")
		}

		state := dump(t, db, "Customer", "Invoice", "InvoiceLine", "Employee")
		eraseAll(t, s, "customer:17", everything(t, s, "customer:17"))
		again, err := s.Erase(t.Context(), "customer:17", items)
		require.NoError(t, err)
		for i, r := range results {
			if r.Outcome == dsar.Erased {
				require.Equal(t, dsar.NotHeld, again[i].Outcome)
			}
		}
		require.Equal(t, state, dump(t, db, "Customer", "Invoice", "InvoiceLine", "Employee"), "a second run does nothing")
		require.Equal(t, before, schemaText(t, db), "the schema is unchanged")
		require.NoError(t, l.Current(t.Context()))
	})
}
