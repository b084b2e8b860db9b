package sqltest_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/internal/consenttest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// A million legacy flags come in by batches, with a break in the middle, and none of
// them is a ground. GDPRKIT_LONG=1 runs the whole million, otherwise 3000.
func TestConsentImportsMany(t *testing.T) {
	rows := 3000
	if os.Getenv("GDPRKIT_LONG") != "" {
		rows = 1_000_000
	}
	sqltest.For(t, sqlstore.SQLite, func(t *testing.T, e *sqltest.Engine) {
		l := consenttest.Ledger(t, e.Open(t), "acme")
		_, err := l.Suppress(t.Context(), consent.Act{Address: "p77@example.org", At: consenttest.Day(1)})
		require.NoError(t, err)
		job := consent.ImportJob{ID: "old", Purpose: "news", Channel: "email", Source: "suite"}
		start := time.Now()
		_, err = l.Import(t.Context(), job, consenttest.Flags(rows, rows/2))
		require.Error(t, err)
		r, err := l.Import(t.Context(), job, consenttest.Flags(rows, 0))
		require.NoError(t, err)
		t.Logf("%d rows in %v", rows, time.Since(start))
		require.EqualValues(t, rows, r.Rows)
		require.EqualValues(t, rows/10, r.Objections)
		require.EqualValues(t, rows-rows/10-1, r.Unproven)
		require.EqualValues(t, 1, r.Suppressed)
		sel, err := l.Filter(t.Context(), consent.Campaign{Purpose: "news", Channel: "email"}, func(string) error { return nil })
		require.NoError(t, err)
		require.Zero(t, sel.Allowed)
		require.EqualValues(t, rows-rows/10-1, sel.Denied[consent.ImportedOnly])
	})
}
