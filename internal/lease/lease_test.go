package lease_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/lease"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

type clock struct{ t atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_700_000_000, c.t.Load()) }
func (c *clock) advance(d time.Duration) { c.t.Add(int64(d)) }

func two(t *testing.T) (a, b *lease.Keeper, c *clock, s storage.Store) {
	t.Helper()
	c, s = new(clock), memstore.New(nil).Tenant("acme")
	a = lease.New(s, &lease.Options{Owner: "a", Now: c.now})
	b = lease.New(s, &lease.Options{Owner: "b", Now: c.now})
	return a, b, c, s
}

func TestOneHolderAtATime(t *testing.T) {
	ctx := context.Background()
	a, b, c, _ := two(t)
	first, err := a.Acquire(ctx, "sweep", time.Minute)
	require.NoError(t, err)
	require.EqualValues(t, 1, first.Turn())
	require.Equal(t, c.now().Add(time.Minute).UTC(), first.Until())

	_, err = b.Acquire(ctx, "sweep", time.Minute)
	require.ErrorIs(t, err, lease.ErrHeld)
	_, err = a.Acquire(ctx, "sweep", time.Minute)
	require.ErrorIs(t, err, lease.ErrHeld, "two goroutines of one process")
	_, err = b.Acquire(ctx, "other", time.Minute)
	require.NoError(t, err)

	require.NoError(t, first.Release(ctx))
	require.ErrorIs(t, first.Release(ctx), lease.ErrLost)
	second, err := b.Acquire(ctx, "sweep", time.Minute)
	require.NoError(t, err)
	require.EqualValues(t, 2, second.Turn())
}

func TestAnExpiredLeasePassesOnAndTheOldHolderNoticesIt(t *testing.T) {
	ctx := context.Background()
	a, b, c, s := two(t)
	first, err := a.Acquire(ctx, "sweep", time.Minute)
	require.NoError(t, err)

	c.advance(50 * time.Second)
	require.NoError(t, first.Renew(ctx, time.Minute))
	require.NoError(t, first.Renew(ctx, time.Minute), "twice at the same instant")
	c.advance(50 * time.Second)
	_, err = b.Acquire(ctx, "sweep", time.Minute)
	require.ErrorIs(t, err, lease.ErrHeld)

	c.advance(11 * time.Second)
	require.NoError(t, first.Renew(ctx, time.Minute), "late, but nobody took it")
	c.advance(2 * time.Minute)
	second, err := b.Acquire(ctx, "sweep", time.Minute)
	require.NoError(t, err)
	require.Greater(t, second.Turn(), first.Turn())
	require.ErrorIs(t, first.Renew(ctx, time.Minute), lease.ErrLost)
	require.ErrorIs(t, first.Release(ctx), lease.ErrLost)

	check := func(l *lease.Lease) error {
		return s.InTx(ctx, func(ctx context.Context) error { return l.Check(ctx) })
	}
	require.ErrorIs(t, check(first), lease.ErrLost)
	require.NoError(t, check(second))
	require.ErrorIs(t, second.Check(ctx), storage.ErrNoTx)
}

func TestManyAskAndOneGetsIt(t *testing.T) {
	_, _, c, s := two(t)
	for round := range 20 {
		var got atomic.Int64
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if _, err := lease.New(s, &lease.Options{Now: c.now}).Acquire(context.Background(), "sweep", time.Second); err == nil {
					got.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, got.Load(), "round %d", round)
		c.advance(2 * time.Second)
	}
}

func TestBadInput(t *testing.T) {
	ctx := context.Background()
	a, _, _, s := two(t)
	for name, ttl := range map[string]time.Duration{"": time.Minute, "x": 0, strings.Repeat("x", 129): time.Minute} {
		_, err := a.Acquire(ctx, name, ttl)
		require.ErrorIs(t, err, gdpr.ErrInvalid)
	}
	require.NoError(t, s.InTx(ctx, func(ctx context.Context) error {
		_, err := a.Acquire(ctx, "sweep", time.Minute)
		require.ErrorIs(t, err, storage.ErrInTx)
		return nil
	}))
}
