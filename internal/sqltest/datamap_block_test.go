package sqltest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// clearing is a desk and an engine over Chinook, where invoices and their lines
// share a category.
type clearing struct {
	*testing.T
	db     *sqlstore.DB
	live   *datamap.Live
	engine *retention.Engine
	desk   *dsar.Desk
	clock  time.Time
	log    *dsartest.Audit // of the engine
}

func openClearing(t *testing.T, e *Engine, edit func(string) string) *clearing {
	c := &clearing{T: t, db: Chinook(t, e), clock: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	now := func() time.Time { return c.clock }
	text, err := os.ReadFile("../../datamap/testdata/chinook.yaml")
	require.NoError(t, err)
	m, err := datamap.Parse([]byte(edit(string(text))))
	require.NoError(t, err)
	o := &datamap.Options{Now: now}
	if e.Dialect == sqlstore.Postgres {
		o.Names = datamap.SnakeCase
	}
	c.live, err = datamap.Open(t.Context(), c.db, m, o)
	require.NoError(t, err)
	s, err := retention.ParseSchedule([]byte(strings.Replace(chinookSchedule, `"basis": "b", "then": "mask"`, `"basis": "f"`, 1)))
	require.NoError(t, err)
	c.log = new(dsartest.Audit)
	c.engine, err = retention.New(c.db.Tenant("acme"), s, &retention.Options{Sources: c.live.Sweeps(), Now: now, SelfApproval: true, Auditor: c.log})
	require.NoError(t, err)
	c.desk, err = dsar.New(c.db.Tenant("acme"), dsartest.Controller(), &dsar.Options{Sources: c.live.Sources(), Secret: gdpr.NewSecret(make([]byte, 32)), Now: now,
		Keeper: c.engine, Blocker: c.engine, Sealer: new(dsartest.Sealer), Policy: "1"})
	require.NoError(t, err)
	return c
}

// owners returns the customers of an invoice and of a line with the same number.
func (c *clearing) owners(n int) (invoice, line string) {
	id := fmt.Sprint(n)
	invoice = cells(c, c.db, "SELECT CustomerId FROM Invoice WHERE InvoiceId = "+id)[0][0]
	line = cells(c, c.db, "SELECT CustomerId FROM Invoice WHERE InvoiceId = ( SELECT InvoiceId FROM InvoiceLine WHERE InvoiceLineId = "+id+" )")[0][0]
	require.NotEqual(c, invoice, line)
	return "customer:" + invoice, "customer:" + line
}

// erase takes an erasure to its answer, and returns the plan.
func (c *clearing) erase(subject string) *dsar.Plan {
	ctx := context.Background()
	r, err := c.desk.Receive(ctx, dsar.Intake{Kind: dsar.Erasure, Ground: "A17-1-b", Subjects: []string{subject}})
	require.NoError(c, err)
	_, err = c.desk.Waive(ctx, r.ID, "known", s1)
	require.NoError(c, err)
	p, err := c.desk.Plan(ctx, r.ID, s1)
	require.NoError(c, err)
	_, err = c.desk.Approve(ctx, r.ID, p.Hash, s2)
	require.NoError(c, err)
	_, err = c.desk.Work(ctx, r.ID, s1)
	require.NoError(c, err)
	_, err = c.desk.Fulfil(ctx, r.ID, s1)
	require.NoError(c, err)
	for i, err := range c.desk.Items(ctx, r.ID) {
		require.NoError(c, err)
		require.NotEqual(c, dsar.ActErase, i.Action, "%s: every table here masks or keeps", i.Table)
		if i.Action == dsar.ActMask {
			require.Equal(c, dsar.Masked, i.Outcome)
		}
	}
	return p
}

// held returns the records of a customer's invoices and lines that are there, with
// their subject.
func (c *clearing) held(subjects ...string) map[string]string {
	out := map[string]string{}
	for _, s := range subjects {
		of := " WHERE CustomerId = " + strings.TrimPrefix(s, "customer:")
		for _, row := range cells(c, c.db, "SELECT InvoiceId FROM Invoice"+of) {
			out[c.live.Record("Invoice", row[0])] = s
		}
		for _, row := range cells(c, c.db, "SELECT InvoiceLineId FROM InvoiceLine WHERE InvoiceId IN ( SELECT InvoiceId FROM Invoice"+of+" )") {
			out[c.live.Record("InvoiceLine", row[0])] = s
		}
	}
	return out
}

// blocks returns the blocked records with their subject.
func (c *clearing) blocks() map[string]string {
	out := map[string]string{}
	for b, err := range c.engine.Blocks(c.Context()) {
		require.NoError(c, err)
		require.True(c, b.Asked)
		out[b.Record] = b.Subject
	}
	return out
}

func (c *clearing) sweep() *retention.Result {
	p, err := c.engine.Plan(c.Context(), retention.PlanOptions{By: "planner"})
	require.NoError(c, err)
	require.NoError(c, c.engine.Approve(c.Context(), p.ID, p.Hash, "planner"))
	r, err := c.engine.Execute(c.Context(), p.ID, nil)
	require.NoError(c, err)
	require.Zero(c, r.Failed+r.Skipped)
	return r
}

// rest settles what waited, and returns how much.
func (c *clearing) rest() int {
	total := 0
	for {
		n, err := c.desk.Rest(context.Background(), s1)
		require.NoError(c, err)
		if total += n; n == 0 {
			return total
		}
	}
}

func outcomes(r *retention.Result, source string) map[string]int {
	out := map[string]int{}
	for _, n := range r.Counts {
		if n.Source == source {
			out[n.Outcome] += n.N
		}
	}
	return out
}

// An erasure blocks records of two tables that share a category and have the same
// keys; sweep and desk complete it together, whichever comes first.
func TestDatamapBlocksAcrossTables(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		if e.Name == "postgres-pq" {
			t.Skip("the same dialect as postgres-pgx")
		}
		c := openClearing(t, e, func(text string) string { return text })
		a, b := c.owners(77)
		p := c.erase(a)
		require.Equal(t, 1, p.Sources[0].Actions[dsar.ActMask], "the plan says what becomes of the customer")
		require.Equal(t, c.held(a), c.blocks())
		_, blocked, err := c.engine.IsBlocked(t.Context(), "invoice", c.live.Record("InvoiceLine", "77"))
		require.NoError(t, err)
		require.False(t, blocked, "another person's line with the number of the invoice")
		c.erase(b)
		require.Equal(t, c.held(a, b), c.blocks())
		for record, subject := range map[string]string{"crm.Invoice/77": a, "crm.InvoiceLine/77": b} {
			x, blocked, err := c.engine.IsBlocked(t.Context(), "invoice", record)
			require.NoError(t, err)
			require.True(t, blocked, record)
			require.Equal(t, subject, x.Subject)
		}

		c.clock = time.Date(2029, 6, 1, 9, 0, 0, 0, time.UTC) // the first year is over
		c.sweep()
		require.NotContains(t, c.held(a), "crm.Invoice/77")
		c.rest()
		require.Equal(t, c.held(a, b), c.blocks(), "what is left is what is blocked")

		c.clock = time.Date(2030, 6, 1, 9, 0, 0, 0, time.UTC) // the other way round
		before := len(c.held(a, b))
		require.Positive(t, c.rest())
		require.Less(t, len(c.held(a, b)), before)
		require.Equal(t, c.held(a, b), c.blocks())
		c.sweep()
		require.Equal(t, c.held(a, b), c.blocks())

		c.clock = time.Date(2040, 1, 1, 9, 0, 0, 0, time.UTC)
		c.sweep()
		c.rest()
		require.Empty(t, c.held(a, b))
		require.Empty(t, c.blocks())
		left, err := c.desk.Backlog(t.Context())
		require.NoError(t, err)
		require.Zero(t, left)
		require.Contains(t, c.log.Text(), "retention.unblocked")
	})
}

// The same where both tables have a sweep of their own, one of which erases in
// place: it masks, and says so.
func TestDatamapBlocksInPlace(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		if e.Name == "postgres-pq" {
			t.Skip("the same dialect as postgres-pgx")
		}
		c := openClearing(t, e, func(text string) string {
			text = strings.Replace(text, "    dates: {invoice_date: InvoiceDate}", "    erase: in_place\n    dates: {invoice_date: InvoiceDate}", 1)
			return strings.Replace(text, "{name: [InvoiceDate, Total]}", `{name: [InvoiceDate, Total], erase: {do: keep, ground: "statistics"}}`, 1)
		})
		a, b := c.owners(77)
		c.erase(a)
		c.erase(b)
		all := c.held(a, b)
		require.Equal(t, all, c.blocks())

		c.clock = time.Date(2040, 1, 1, 9, 0, 0, 0, time.UTC)
		invoices, lines := len(cells(t, c.db, "SELECT InvoiceId FROM Invoice")), len(cells(t, c.db, "SELECT InvoiceLineId FROM InvoiceLine"))
		customers := len(cells(t, c.db, "SELECT CustomerId FROM Customer"))
		r := c.sweep()
		require.Equal(t, map[string]int{"masked": invoices}, outcomes(r, "crm.Invoice"))
		require.Equal(t, map[string]int{"erased": lines}, outcomes(r, "crm.InvoiceLine"))
		require.Equal(t, map[string]int{"masked": customers}, outcomes(r, "crm.Customer"), "although the rule says erase")
		require.Empty(t, c.blocks(), "the duty and the erasure are over for both tables")
		require.Equal(t, []string{"NULL"}, slices.Compact(column(cells(t, c.db, "SELECT BillingCity FROM Invoice"))))
		require.Len(t, c.held(a, b), len(all)-len(linesOf(all)), "invoices stay, without their lines")
		require.NotRegexp(t, `crm\.Customer[^\n]*erased`, c.log.Text())
		require.Zero(t, c.sweep().Plan.Rows, "masked once")
		require.Equal(t, len(all), c.rest())
		require.Zero(t, c.rest())
	})
}

func column(rows [][]string) (out []string) {
	for _, r := range rows {
		out = append(out, r[0])
	}
	return out
}

func linesOf(records map[string]string) (out []string) {
	for r := range records {
		if strings.HasPrefix(r, "crm.InvoiceLine/") {
			out = append(out, r)
		}
	}
	return out
}
