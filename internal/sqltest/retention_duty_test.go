package sqltest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/retention"
)

// A rule may ask for fields that a duty of the map keeps. Such a row is named as
// failed, with the duty, and nothing of it goes until the duty has ended.
func TestRetentionFieldsUnderADutyOfTheMap(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		if e.Name == "postgres-pq" {
			return // pgx covers PostgreSQL
		}
		c := openClearing(t, e, func(s string) string { return s })
		s, err := retention.ParseSchedule([]byte(`{"version": "1", "timeZone": "UTC", "country": "NL", "rules": [
				{"id": "address", "category": "invoice", "kind": "maximum", "period": "P1Y", "ground": "AVG 5(1)(e)", "basis": "f",
				 "fields": ["BillingAddress", "BillingCountry"], "start": {"events": ["invoice_date"]}}]}`))
		require.NoError(t, err)
		now := func() time.Time { return c.clock }
		invoices := slices.DeleteFunc(c.live.Sweeps(), func(s retention.Source) bool { return s.Category() != "invoice" })
		engine, err := retention.New(c.db.Tenant("acme"), s, &retention.Options{Sources: invoices, Now: now, SelfApproval: true, Auditor: c.log})
		require.NoError(t, err)
		sweep := func() *retention.Result {
			p, err := engine.Plan(t.Context(), retention.PlanOptions{By: "planner"})
			require.NoError(t, err)
			require.NoError(t, engine.Approve(t.Context(), p.ID, p.Hash, "planner"))
			r, err := engine.Execute(t.Context(), p.ID, nil)
			require.NoError(t, err)
			return r
		}
		left := func(where string) string {
			return cells(t, c.db, "SELECT COUNT(*) FROM Invoice WHERE "+where+" IS NOT NULL")[0][0]
		}
		before := left("BillingAddress")
		due := cells(t, c.db, "SELECT COUNT(*) FROM Invoice WHERE InvoiceDate < ?", "2025-03-02")[0][0]
		first := sweep()
		require.Equal(t, due, fmt.Sprint(first.Failed), "every duty of seven years runs")
		require.Zero(t, first.Handled)
		require.Equal(t, before, left("BillingAddress"), "a row that failed is whole")
		for a, err := range engine.Asides(t.Context(), first.Plan.ID) {
			require.NoError(t, err)
			require.Equal(t, "failed", a.Outcome)
			require.Equal(t, "a duty of the map keeps BillingCountry: NL-AWR-52", a.Detail)
		}
		c.clock = time.Date(2034, 3, 2, 9, 0, 0, 0, time.UTC)
		after := sweep()
		require.Zero(t, after.Failed)
		require.Equal(t, "fields_erased", after.Counts[0].Outcome)
		require.Equal(t, []string{"0", "0"}, []string{left("BillingAddress"), left("BillingCountry")})
	})
}
