package sqltest_test

import (
	"fmt"
	"log/slog"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/audittest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// A log of a million entries is verified in 64 MiB, garbage included.
func TestAuditVerifyMemory(t *testing.T) {
	if !audittest.Long() {
		t.Skip("GDPRKIT_LONG=1 fills a log of a million entries")
	}
	const entries, batch = 1_000_000, 1000
	sqltest.For(t, sqlstore.SQLite, func(t *testing.T, e *sqltest.Engine) {
		log, err := audit.New(e.Open(t).Tenant("acme"), nil)
		require.NoError(t, err)
		subjects, attrs := make([]string, batch), make([][]slog.Attr, batch)
		for i := range entries / batch {
			for j := range subjects {
				subjects[j], attrs[j] = fmt.Sprintf("c-%03d", j), []slog.Attr{slog.Int("round", i), gdpr.Clear("text", "news")}
			}
			require.NoError(t, log.RecordBatch(t.Context(), "contact.read", subjects, attrs))
		}
		before, peak := heap(), uint64(0)
		done, seen := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(seen)
			for tick := time.Tick(time.Millisecond); ; {
				select {
				case <-tick:
					peak = max(peak, heap())
				case <-done:
					return
				}
			}
		}()
		r, err := log.Verify(t.Context())
		close(done)
		<-seen
		require.NoError(t, err)
		require.Greater(t, r.Size, uint64(entries))
		t.Logf("%d entries, heap %d MiB before, %d MiB at most", r.Size, before>>20, peak>>20)
		require.Less(t, peak, uint64(64<<20))
	})
}

func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
