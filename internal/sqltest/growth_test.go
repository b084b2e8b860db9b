package sqltest_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
)

// TestGrowth measures what a read by key and a write cost in a small table and in a
// large one. It logs a table; 10 million rows only with GDPRKIT_LONG=10M.
func TestGrowth(t *testing.T) {
	long := os.Getenv("GDPRKIT_LONG")
	if long == "" {
		t.Skip("fills large tables: set GDPRKIT_LONG=1")
	}
	sizes := []int{10_000, 100_000, 1_000_000}
	if long == "10M" {
		sizes = append(sizes, 10_000_000)
	}
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		s := db.Tenant("acme")
		have := 0
		for _, size := range sizes {
			for have < size {
				ops := make([]storage.Op, min(5000, size-have))
				for i := range ops {
					ops[i] = newLease.With(leaseName(have), "owner", have, 0)
					have++
				}
				_, err := s.Apply(t.Context(), ops...)
				require.NoError(t, err)
			}
			var gets, sets []time.Duration
			for i := range 3000 {
				name := leaseName(i * 7919 % size)
				begin := time.Now()
				owner(t, t.Context(), s, name)
				gets = append(gets, time.Since(begin))
				if i%10 == 0 {
					begin = time.Now()
					_, err := s.Apply(t.Context(), setOwner.With(fmt.Sprint(size, i), name))
					require.NoError(t, err)
					sets = append(sets, time.Since(begin))
				}
			}
			t.Logf("%9d rows: read %v, write %v (medians)", size, middle(gets), middle(sets))
		}
	})
}

func middle(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2].Round(100 * time.Nanosecond)
}

// leaseName spreads neighbours over the table, as keys of persons are.
func leaseName(i int) string { return fmt.Sprintf("%08x", uint32(i)*2654435761) }
