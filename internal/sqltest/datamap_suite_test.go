package sqltest

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/dsar"
	suite "github.com/gdprkit/gdprkit/internal/datamaptest"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

const (
	alice = "person:p0000000-0000-4000-8000-000000000001"
	bob   = "person:p0000000-0000-4000-8000-000000000002"
	carol = "person:p0000000-0000-4000-8000-000000000003"
	frank = "person:p0000000-0000-4000-8000-000000000004"
)

// crm is the invented CRM on an engine.
type crm struct {
	*testing.T
	db      *sqlstore.DB
	live    *datamap.Live
	source  *datamap.Source
	called  []datamap.Call
	cleared []string // subjects erased from the uploads
}

func openCRM(t *testing.T, e *Engine) *crm {
	t.Helper()
	return crmOn(t, e, e.SQL(t, e.Migrated(t)))
}

// crmOn makes the CRM in an empty database.
func crmOn(t *testing.T, e *Engine, pool *sql.DB) *crm {
	t.Helper()
	return resetCRM(t, e.DB(t, pool, nil))
}

// resetCRM makes the CRM anew.
func resetCRM(t *testing.T, db *sqlstore.DB) *crm {
	t.Helper()
	tx, err := db.SQL().Begin()
	require.NoError(t, err)
	for _, name := range slices.Backward(parents) {
		_, err := tx.Exec("DROP TABLE IF EXISTS " + name)
		require.NoError(t, err)
	}
	for _, q := range suite.Statements(db.Dialect().String()) {
		_, err := tx.Exec(q)
		require.NoError(t, err, q)
	}
	require.NoError(t, tx.Commit())
	c := &crm{T: t, db: db}
	c.open(suite.Map, time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	return c
}

func (c *crm) options(now time.Time) *datamap.Options {
	return &datamap.Options{Now: func() time.Time { return now }, Callbacks: map[string]func(context.Context, datamap.Call) error{
		"notes": func(_ context.Context, call datamap.Call) error { c.called = append(c.called, call); return nil },
	}, Outside: map[string]datamap.Outside{"uploads": {
		Holds: func(_ context.Context, subject string) (bool, error) {
			return !slices.Contains(c.cleared, subject), nil
		},
		Erase: func(_ context.Context, subject string) error { c.cleared = append(c.cleared, subject); return nil },
	}}}
}

func (c *crm) open(text string, now time.Time) {
	c.Helper()
	m, err := datamap.Parse([]byte(text))
	require.NoError(c, err)
	c.live, err = datamap.Open(c.Context(), c.db, m, c.options(now))
	require.NoError(c, err)
	c.source = c.live.Source()
}

// refused opens a changed map and returns the faults.
func (c *crm) refused(old, new string) string {
	c.Helper()
	require.Contains(c, suite.Map, old)
	m, err := datamap.Parse([]byte(strings.Replace(suite.Map, old, new, 1)))
	if err == nil {
		_, err = datamap.Open(c.Context(), c.db, m, c.options(time.Now()))
	}
	require.ErrorIs(c, err, datamap.ErrMap)
	return err.Error()
}

func (c *crm) all() map[string][][]string { return dump(c, c.db, suite.Tables...) }

// holds counts the cells that contain a text.
func (c *crm) holds(text string) []string {
	var out []string
	for name, rows := range c.all() {
		for _, r := range rows {
			for i, v := range r {
				if strings.Contains(strings.ToUpper(v), text) {
					out = append(out, fmt.Sprintf("%s[%d]", name, i))
				}
			}
		}
	}
	return out
}

// rows returns all rows by table and key.
func (c *crm) rows() map[string]string {
	out := make(map[string]string)
	for name, rows := range c.all() {
		for _, r := range rows {
			out[name+"/"+r[0]] = strings.Join(r, "|")
		}
	}
	return out
}

// others returns the rows that are not Alice's: they name neither her nor her key.
func (c *crm) others() map[string]string {
	out := c.rows()
	for key, r := range out {
		if strings.Contains(r, "ALICE") || strings.Contains(r, alice[7:]) || key == "invoice_lines/1" || key == "invoice_lines/2" {
			delete(out, key)
		}
	}
	return out
}

// unchanged requires that rows are still what they were.
func (c *crm) unchanged(before map[string]string) {
	c.Helper()
	now := c.rows()
	for key, r := range before {
		require.Equal(c, r, now[key], key)
	}
}

func (c *crm) erase(subject string) map[string]dsar.Result {
	c.Helper()
	items := everything(c, c.source, subject)
	out := make(map[string]dsar.Result)
	for i, r := range eraseAll(c, c.source, subject, items) {
		out[items[i].Table+"/"+items[i].Key] = r
	}
	return out
}

func (c *crm) exec(q string) {
	c.Helper()
	_, err := c.db.SQL().Exec(q)
	require.NoError(c, err)
}

func (c *crm) one(q string, args ...any) string {
	c.Helper()
	rows := cells(c, c.db, q, args...)
	require.Len(c, rows, 1)
	return rows[0][0]
}

func TestDatamapSuite(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		c := openCRM(t, e)
		schema := schemaText(t, c.db)
		findings, err := c.live.Check(t.Context())
		require.NoError(t, err)
		for _, f := range findings {
			require.False(t, f.Open(), f)
		}

		got := collect(t, c.source, alice, dsar.Scope{})
		want := map[string]int{"people": 1, "people_extra": 1, "people_audit": 1, "prospects": 1, "mail_addresses": 2, "mail_links": 2, "deals": 2,
			"invoices": 2, "invoice_lines": 2, "quotes": 1, "calls": 1, "mail_stats": 1}
		for table, n := range want {
			require.Len(t, got[table], n, table)
		}
		require.Len(t, got, len(want))
		text := fmt.Sprint(got)
		for _, stranger := range []string{"BOB", "CAROL", "HEIDI", "DAVE", "EVE", "an account"} {
			require.NotContains(t, text, stranger)
		}

		before := c.others()
		results := c.erase(alice)
		c.unchanged(before)
		require.Equal(t, dsar.Result{Outcome: dsar.Masked, Evidence: "referenced-by:invoices"}, results["people/p0000000-0000-4000-8000-000000000001"])
		require.Equal(t, dsar.Blocked, results["invoices/2"].Outcome)
		require.Equal(t, dsar.Erased, results["invoices/1"].Outcome)
		require.Equal(t, dsar.Result{Outcome: dsar.Blocked, Evidence: "BW-3-307"}, results["quotes/1"])
		require.ElementsMatch(t, []string{"invoices[4]", "invoices[5]"}, only(c.holds("ALICE"), "prospects"), "only what the duty names remains of Alice")

		state := c.all()
		c.erase(alice)
		require.Equal(t, state, c.all(), "a second run does nothing")
		require.Equal(t, schema, schemaText(t, c.db), "the schema is unchanged")

		// When the duties have ended, the rest goes.
		c.open(suite.Map, time.Date(2033, 1, 1, 0, 0, 0, 0, time.UTC))
		c.erase(alice)
		require.Empty(t, only(c.holds("ALICE"), "prospects"))
		c.unchanged(before)
		c.erase(bob)
		require.Equal(t, dsar.Erased, c.erase(alice)["people/p0000000-0000-4000-8000-000000000001"].Outcome, "nobody refers to the row any more")
	})
}

// only leaves out the table in which somebody else wrote Alice's address.
func only(found []string, without string) []string {
	var out []string
	for _, f := range found {
		if !strings.HasPrefix(f, without) {
			out = append(out, f)
		}
	}
	return out
}
