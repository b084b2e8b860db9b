package sqltest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

const shopMap = `
version: 1
subjects: {person: {table: people, key: id}}
purposes: {sales: A6-1-b}
tables:
  people: {category: person, purposes: [sales], origin: provided, columns: [{name: email, is: email}]}
  orders: {category: order, purposes: [sales], origin: observed, columns: [{name: note}]}
  items:  {category: order, purposes: [sales], origin: observed, columns: [{name: note}]}
  files:  {category: file, purposes: [sales], origin: observed, columns: [{name: note}]}
  seats:  {category: seat, purposes: [sales], origin: observed, columns: [{name: note}]}
  mails:  {category: mail, purposes: [sales], origin: observed, columns: [{name: note}]}
`

const shopSchedule = `{"version":"1","country":"DE","timeZone":"Europe/Berlin","rules":[
 {"id":"p","category":"person","kind":"maximum","period":"P2Y","start":{"events":["seen"]},"ground":"g"},
 {"id":"o","category":"order","kind":"maximum","period":"P2Y","start":{"events":["seen"]},"ground":"g"},
 {"id":"f","category":"file","kind":"maximum","period":"P2Y","start":{"events":["seen"]},"ground":"g"},
 {"id":"s","category":"seat","kind":"maximum","period":"P2Y","start":{"events":["seen"]},"ground":"g"},
 {"id":"m","category":"mail","kind":"maximum","period":"P2Y","start":{"events":["seen"]},"ground":"g"}]}`

// orderCodes are keys that quoting, escaping or a collation could confuse.
var orderCodes = []string{"a-1", "A-1", "O'Neil", "Ärger", "50%", "a,b", "a%2Cb", `back\slash`, "x/y", "7"}

// shop makes tables with keys of one number, a text, two columns, bytes and, where
// there are such, UUIDs.
func shop(t *testing.T, e *sqltest.Engine, exec func(string)) {
	t.Helper()
	bytes, uuid, hex := map[sqlstore.Dialect]string{sqlstore.SQLite: "BLOB", sqlstore.Postgres: "BYTEA", sqlstore.MySQL: "VARBINARY(16)"}[e.Dialect], "VARCHAR(36)", "x'%02x00ff'"
	if e.Dialect == sqlstore.Postgres {
		uuid, hex = "UUID", `'\x%02x00ff'`
	}
	for _, text := range []string{
		"CREATE TABLE people (id BIGINT PRIMARY KEY, email VARCHAR(80))",
		"CREATE TABLE orders (code VARCHAR(40) PRIMARY KEY, person_id BIGINT REFERENCES people (id), note VARCHAR(40))",
		"CREATE TABLE items (shop VARCHAR(40), n BIGINT, person_id BIGINT REFERENCES people (id), note VARCHAR(40), PRIMARY KEY (shop, n))",
		"CREATE TABLE files (id " + bytes + " PRIMARY KEY, person_id BIGINT REFERENCES people (id), note VARCHAR(40))",
		"CREATE TABLE seats (code CHAR(6) PRIMARY KEY, person_id BIGINT REFERENCES people (id), note VARCHAR(40))",
		"CREATE TABLE mails (id " + uuid + " PRIMARY KEY, person_id BIGINT REFERENCES people (id), note VARCHAR(40))",
	} {
		if e.Dialect == sqlstore.MySQL && strings.Contains(text, "VARCHAR(40) PRIMARY") {
			text = strings.Replace(text, "VARCHAR(40)", "VARCHAR(40) COLLATE utf8mb4_bin", 1) // a-1 is not A-1
		}
		exec(text)
	}
	for i, code := range orderCodes {
		code = strings.ReplaceAll(code, "'", "''")
		if e.Dialect == sqlstore.MySQL {
			code = strings.ReplaceAll(code, `\`, `\\`)
		}
		exec(fmt.Sprintf("INSERT INTO people (id, email) VALUES (%d, 'e')", i+1))
		exec(fmt.Sprintf("INSERT INTO orders (code, person_id, note) VALUES ('%s', %d, 'n')", code, i+1))
		exec(fmt.Sprintf("INSERT INTO items (shop, n, person_id, note) VALUES ('%s%d', %d, %d, 'n')", code, i, i, i+1))
		exec(fmt.Sprintf("INSERT INTO files (id, person_id, note) VALUES ("+hex+", %d, 'n')", i, i+1))
		exec(fmt.Sprintf("INSERT INTO seats (code, person_id, note) VALUES ('s%d', %d, 'n')", i, i+1))
		exec(fmt.Sprintf("INSERT INTO mails (id, person_id, note) VALUES ('0190aaaa-0000-7000-8000-0000000000%02d', %d, 'n')", i, i+1))
	}
}

// The anti-join of a mapped table leaves out exactly the rows that IsBlocked
// names, whatever their key, and finds them by the index.
func TestRetentionAntiJoin(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		db := e.DB(t, pool, nil)
		exec := func(text string) {
			t.Helper()
			_, err := pool.ExecContext(t.Context(), text)
			require.NoError(t, err, text)
		}
		read := func(text string) (out []string) {
			t.Helper()
			rows, err := pool.QueryContext(t.Context(), text)
			require.NoError(t, err, text)
			defer rows.Close()
			columns, err := rows.Columns()
			require.NoError(t, err)
			for rows.Next() {
				cells, dest := make([]any, len(columns)), make([]any, len(columns))
				for i := range cells {
					dest[i] = &cells[i]
				}
				require.NoError(t, rows.Scan(dest...))
				line := ""
				for _, c := range cells {
					if b, ok := c.([]byte); ok {
						c = string(b)
					}
					line += fmt.Sprint(c, " ")
				}
				out = append(out, strings.TrimSpace(line))
			}
			require.NoError(t, rows.Err())
			return out
		}
		shop(t, e, exec)
		m, err := datamap.Parse([]byte(shopMap))
		require.NoError(t, err)
		live, err := datamap.Open(t.Context(), db, m, nil)
		require.NoError(t, err)
		s, err := retention.ParseSchedule([]byte(shopSchedule))
		require.NoError(t, err)
		engine, err := retention.New(db.Tenant("o'acme"), s, nil)
		require.NoError(t, err)
		pad := func(s string) string { // as the driver delivers it
			if e.Dialect == sqlstore.Postgres {
				return fmt.Sprintf("%-6s", s)
			}
			return s
		}
		keys := map[string]func(i int) string{
			"people": func(i int) string { return fmt.Sprint(i + 1) },
			"orders": func(i int) string { return orderCodes[i] },
			"items": func(i int) string {
				return strings.NewReplacer("%", "%25", ",", "%2C").Replace(orderCodes[i]+fmt.Sprint(i)) + fmt.Sprintf(",%d", i)
			},
			"files": func(i int) string { return fmt.Sprintf("%02x00ff", i) },
			"seats": func(i int) string { return pad(fmt.Sprint("s", i)) },
			"mails": func(i int) string { return fmt.Sprintf("0190aaaa-0000-7000-8000-0000000000%02d", i) },
		}
		category := map[string]string{"people": "person", "orders": "order", "items": "order", "files": "file", "mails": "mail", "seats": "seat"}
		for table, key := range keys {
			for i := range orderCodes {
				if i%2 == 0 {
					require.NoError(t, engine.Block(t.Context(), fmt.Sprintf("person:%d", i+1), category[table], live.Record(table, key(i)), "p", time.Time{}))
				}
			}
		}
		other, err := retention.New(db.Tenant("other"), s, nil)
		require.NoError(t, err)
		require.NoError(t, other.Block(t.Context(), "person:2", "person", live.Record("people", "2"), "p", time.Time{}))
		for table := range keys {
			where, err := live.Unblocked("o'acme", table, "x")
			require.NoError(t, err)
			exec("CREATE VIEW " + table + "_in_use AS SELECT x.* FROM " + table + " x WHERE " + where)
			person := "person_id"
			if table == "people" {
				person = "id"
			}
			require.Equal(t, []string{"2", "4", "6", "8", "10"}, read("SELECT "+person+" FROM "+table+"_in_use ORDER BY "+person), table)
		}
		for _, bad := range [][3]string{{"acme", "nowhere", "x"}, {"acme", "people", ""}, {"", "people", "x"}} {
			_, err := live.Unblocked(bad[0], bad[1], bad[2])
			require.ErrorIs(t, err, gdpr.ErrInvalid, "%v", bad)
		}
		var many []string
		for i := range 1000 { // so many that a planner has a choice
			many = append(many, fmt.Sprintf("('o''acme', 'person', 'crm.people/%d', 's', 'p', 'g', 1, 0, 1)", 1000+i))
		}
		exec("INSERT INTO gdpr_blocked (tenant, category, record, subject, rule, ground, since, until, asked) VALUES " + strings.Join(many, ","))
		exec(map[sqlstore.Dialect]string{sqlstore.SQLite: "ANALYZE", sqlstore.Postgres: "ANALYZE", sqlstore.MySQL: "ANALYZE TABLE gdpr_blocked"}[e.Dialect])
		explain := map[sqlstore.Dialect]string{sqlstore.SQLite: "EXPLAIN QUERY PLAN ", sqlstore.Postgres: "EXPLAIN (COSTS OFF) ", sqlstore.MySQL: "EXPLAIN "}[e.Dialect]
		by := map[sqlstore.Dialect]string{sqlstore.SQLite: "(tenant=? AND category=? AND record=?)", sqlstore.Postgres: "gdpr_blocked_pkey", sqlstore.MySQL: "PRIMARY,gdpr_blocked_i1,gdpr_blocked_i2 PRIMARY"}[e.Dialect]
		plan := strings.Join(read(explain+"SELECT * FROM people_in_use WHERE id IN (4, 6)"), "\n")
		require.Contains(t, plan, by)
	})
}
