package sqltest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	turns "github.com/gdprkit/gdprkit/internal/lease"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
)

// Sixteen keepers with pools of their own compete; a lease has one holder at a
// time, and a holder that comes too late notices it.
func TestLease(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		dsn := e.DSN(t)
		a, b := e.DB(t, e.SQL(t, dsn), nil).Tenant("acme"), e.DB(t, e.SQL(t, dsn), nil).Tenant("acme")
		var now atomic.Int64
		clock := func() time.Time { return time.Unix(1_700_000_000, now.Load()) }
		var keepers []*turns.Keeper
		for i := range 8 {
			keepers = append(keepers,
				turns.New(a, &turns.Options{Owner: fmt.Sprint("a", i), Now: clock}),
				turns.New(b, &turns.Options{Owner: fmt.Sprint("b", i), Now: clock}))
		}
		type holder struct {
			*turns.Lease
			s storage.Store
		}
		check := func(h holder) error {
			return h.s.InTx(t.Context(), func(ctx context.Context) error { return h.Check(ctx) })
		}
		var last holder
		for round := range 5 {
			var mu sync.Mutex
			var held []holder
			var wg sync.WaitGroup
			for i, k := range keepers {
				wg.Go(func() {
					l, err := k.Acquire(t.Context(), "sweep", time.Second)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						held = append(held, holder{l, []storage.Store{a, b}[i%2]})
					} else if !errors.Is(err, turns.ErrHeld) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			require.Len(t, held, 1, "round %d", round)
			require.EqualValues(t, round+1, held[0].Turn())
			if round > 0 {
				require.ErrorIs(t, last.Renew(t.Context(), time.Second), turns.ErrLost)
				require.ErrorIs(t, check(last), turns.ErrLost)
			}
			last = held[0]
			require.NoError(t, last.Renew(t.Context(), time.Second))
			require.NoError(t, check(last))
			now.Add(int64(2 * time.Second))
		}
		require.NoError(t, last.Release(t.Context()))
	})
}
