package sqltest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/retention"
)

// Every row of a person in mapped tables that have a clock is explained, and none
// of another's.
func TestRetentionExplainsMappedTables(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		c := openClearing(t, e, func(s string) string { return s })
		seen := map[string]retention.Explanation{}
		for x, err := range c.engine.Explain(t.Context(), "customer:7") {
			require.NoError(t, err)
			require.Empty(t, x.Unknown)
			require.NotContains(t, seen, x.Key)
			seen[x.Key] = x
		}
		own := c.held("customer:7")
		for record := range own {
			if strings.HasPrefix(record, "crm.InvoiceLine/") { // goes with its invoice
				delete(own, record)
			}
		}
		require.NotEmpty(t, own)
		own[c.live.Record("Customer", "7")] = "customer:7"
		require.Len(t, seen, len(own))
		for record := range own {
			x, ok := seen[record]
			require.True(t, ok, record)
			require.True(t, strings.HasPrefix(record, x.Source+"/"), record)
			require.NotEmpty(t, x.Rule, record)
			require.NotEmpty(t, x.Ground, record)
		}
		for range c.engine.Explain(t.Context(), "staff:999") {
			t.Fatal("nobody has no rows")
		}
		for range c.engine.Explain(t.Context(), "stranger:1") {
			t.Fatal("a subject of another system has no rows here")
		}
	})
}
