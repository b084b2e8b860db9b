package audit_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/internal/audittest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
	"github.com/stretchr/testify/require"
)

// countingStore counts the rows that scans read.
type countingStore struct {
	storage.Store
	rows *int
}

func (s countingStore) Scan(ctx context.Context, q *storage.Select, args []any) iter.Seq2[storage.Row, error] {
	return func(yield func(storage.Row, error) bool) {
		for r, err := range s.Store.Scan(ctx, q, args) {
			*s.rows++
			if !yield(r, err) {
				return
			}
		}
	}
}

// TestRedactDueGoesOn: each period is served when it is over, and an hourly call reads
// what has become old since the last one, not the whole log.
func TestRedactDueGoesOn(t *testing.T) {
	ctx := t.Context()
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	now, rows := start, 0
	l, err := audit.New(countingStore{memstore.New(nil).Tenant("acme"), &rows}, &audit.Options{
		Now: func() time.Time { return now }, Payload: map[string]string{"view.": "P10D", "call.": "P40D"},
	})
	require.NoError(t, err)
	const perDay = 60
	for day := range 60 {
		now = start.AddDate(0, 0, day)
		for i := range perDay {
			action := []string{"view.card", "call.noted", "other.thing"}[i%3]
			require.NoError(t, l.Record(ctx, action, ""))
		}
	}
	redactDue := func() (n int) {
		for {
			rows = 0
			k, err := l.RedactDue(ctx, 700)
			require.NoError(t, err)
			if n += k; k < 700 {
				return n
			}
		}
	}
	count := func() map[string]int {
		left := map[string]int{}
		for e, err := range l.Entries(ctx, audit.Filter{}) {
			require.NoError(t, err)
			left[e.Action]++
		}
		return left
	}
	// On day 59, views of day 0 to 48 are over, calls of day 0 to 18.
	require.Equal(t, (49+19)*perDay/3, redactDue())
	require.Equal(t, 11*perDay/3, count()["view.card"])
	require.Equal(t, 41*perDay/3, count()["call.noted"])
	require.Zero(t, redactDue())
	require.Less(t, rows, 1000, "of some 7000 entries")
	now = now.AddDate(0, 0, 1)
	require.Equal(t, 2*perDay/3, redactDue())
	require.Zero(t, redactDue())
	require.Less(t, rows, 1000)
	now = now.AddDate(1, 0, 0)
	require.Equal(t, (10+40)*perDay/3, redactDue())
	left := count()
	require.Zero(t, left["view.card"]+left["call.noted"])
	require.Equal(t, 60*perDay/3, left["other.thing"])
	_, err = l.Verify(ctx)
	require.NoError(t, err)
}

// TestRedactDueAfterRestore: payloads that a restored backup brings back are dropped
// again by a process that lived through the restore, with and without a Reopen.
func TestRedactDueAfterRestore(t *testing.T) {
	for _, reopen := range []bool{false, true} {
		ctx := t.Context()
		now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		dir := memstore.New(nil)
		l, err := audit.New(dir.Tenant("acme"), &audit.Options{
			Now: func() time.Time { return now }, Payload: map[string]string{"view.": "P10D"},
		})
		require.NoError(t, err)
		for range 20 {
			require.NoError(t, l.Record(ctx, "view.card", ""))
		}
		now = now.AddDate(0, 0, 20)
		restore := audittest.Backup(t, dir.Tenant("acme"))
		n, err := l.RedactDue(ctx, 100)
		require.NoError(t, err)
		require.Equal(t, 20, n)
		restore()
		if reopen {
			require.NoError(t, l.Reopen(ctx, "restored"))
		}
		for range 40 { // longer than before the restore
			require.NoError(t, l.Record(ctx, "other.thing", ""))
		}
		n, err = l.RedactDue(ctx, 100)
		require.NoError(t, err)
		require.Equal(t, 20, n)
		n, err = l.RedactDue(ctx, 100)
		require.NoError(t, err)
		require.Zero(t, n)
		_, err = l.Verify(ctx)
		require.NoError(t, err)
	}
}
