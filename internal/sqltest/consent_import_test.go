package sqltest_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/internal/consenttest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// The child imports flags, says how far it has read, and at the end its report and the
// most memory that it had.
var _ = sqltest.Child("consent import", func(c *sqltest.ChildProcess) error {
	l, _, err := auditedLedger(c.DB)
	if err != nil {
		return err
	}
	rows, _ := strconv.Atoi(c.Args[0])
	batch, _ := strconv.Atoi(c.Args[1])
	job := consent.ImportJob{ID: "old", Purpose: "news", Channel: "email", Source: "suite", Batch: batch}
	report, err := l.Import(c, job, told(c, consenttest.Flags(rows, 0), batch))
	if err != nil {
		return err
	}
	doc, err := json.Marshal(report)
	if err != nil {
		return err
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.Say("done %d %s", m.Sys>>20, doc)
	return nil
})

func told(c *sqltest.ChildProcess, flags iter.Seq2[consent.LegacyFlag, error], every int) iter.Seq2[consent.LegacyFlag, error] {
	return func(yield func(consent.LegacyFlag, error) bool) {
		n := 0
		for f, err := range flags {
			if n++; n%every == 0 {
				c.Say("read %d", n)
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// importUntil lets a process import, and kills it when it has read about so many rows;
// it returns what the process said at its end, if it came so far.
func importUntil(t *testing.T, e *sqltest.Engine, dsn string, rows, batch, kill int) string {
	p := e.Spawn(t, "consent import", dsn, strconv.Itoa(rows), strconv.Itoa(batch))
	for line := range p.Lines {
		if rest, ok := strings.CutPrefix(line, "done "); ok {
			return rest
		}
		at, err := strconv.Atoi(strings.TrimPrefix(line, "read "))
		if err == nil && kill > 0 && at >= kill {
			time.Sleep(2 * time.Millisecond) // into the transaction of the batch
			p.Kill()
			return ""
		}
	}
	require.NoError(t, p.Wait())
	return ""
}

// Legacy flags come in by batches, the process is killed in the middle, twice, and
// another goes on: each flag is taken once, counted once, and none is a ground. With
// GDPRKIT_LONG=1 a million on SQLite and a hundred thousand on the servers.
func TestConsentImportsMany(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		rows, batch := 1000, 100
		if os.Getenv("GDPRKIT_LONG") != "" {
			rows, batch = 100_000, 1000
			if e.Dialect == sqlstore.SQLite {
				rows = 1_000_000
			}
		} else if e.Name == "postgres-pq" {
			t.Skip("the same engine as with pgx; GDPRKIT_LONG=1 runs it too")
		}
		dsn := e.DSN(t)
		pool := e.SQL(t, dsn)
		l, log, err := auditedLedger(e.DB(t, pool, nil))
		require.NoError(t, err)
		require.NoError(t, log.Open(t.Context()))
		_, err = l.Suppress(t.Context(), consent.Act{Address: "p77@example.org", At: consenttest.Day(1)})
		require.NoError(t, err)
		start := time.Now()
		require.Empty(t, importUntil(t, e, dsn, rows, batch, rows/3))
		require.Empty(t, importUntil(t, e, dsn, rows, batch, rows/3*2))
		var r consent.ImportReport
		var peak int
		text := importUntil(t, e, dsn, rows, batch, 0)
		_, err = fmt.Sscan(text, &peak)
		require.NoError(t, err, text)
		require.NoError(t, json.Unmarshal([]byte(text[strings.Index(text, "{"):]), &r))
		t.Logf("%d rows in %v, at most %d MB", rows, time.Since(start).Round(time.Millisecond), peak)
		require.Less(t, peak, 150, "the stream is not gathered")
		n := int64(rows)
		require.Equal(t, consent.ImportReport{Rows: n, Objections: n / 10, Unproven: n - n/10 - 1, Suppressed: 1}, r)
		var events, people int64
		require.NoError(t, pool.QueryRow("SELECT COUNT(*), COUNT(DISTINCT subject) FROM gdpr_consent_event").Scan(&events, &people))
		require.Equal(t, []int64{n - 1, n - 1}, []int64{events, people}, "each flag once")
		sel, err := l.Filter(t.Context(), consent.Campaign{Purpose: "news", Channel: "email"}, func(string) error { return nil })
		require.NoError(t, err)
		require.Zero(t, sel.Allowed)
		require.Equal(t, n-n/10-1, sel.Denied[consent.ImportedOnly])
		require.Equal(t, consent.ObjectedMarketing, consenttest.Check(t, l, "old-0000010", "news", "email").Reason)
		for i := 0; i < rows; i += 1 + rows/20 {
			require.NoError(t, l.Verify(t.Context(), fmt.Sprintf("old-%07d", i)))
		}
	})
}
