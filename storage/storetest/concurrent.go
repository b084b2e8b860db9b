package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gdprkit/gdprkit/storage"
)

// together runs f in n goroutines and waits for all. It fails with their errors.
func (e *env) together(n int, f func(i int) error) {
	e.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	e.ok(errors.Join(errs...))
}

// retry repeats f while the store gives up on conflicts, which it may.
func retry(f func() error) error {
	for {
		if err := f(); !errors.Is(err, storage.ErrConflict) {
			return err
		}
	}
}

var concurrentCases = []testCase{
	{"concurrent/claimed rows lose no update", func(e *env) {
		const each = 3
		e.together(e.writers(), func(int) error {
			for range each {
				err := retry(func() error {
					return e.s.InTx(e.ctx, func(ctx context.Context) error {
						var n int64
						if err := e.s.Claim(ctx, claimNum, []any{"p", "a"}, &n); err != nil {
							return err
						}
						_, err := e.s.Apply(ctx, mustSet.With(n+1, "p", "a"))
						return err
					})
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		e.eq(e.num(e.ctx, "a"), int64(each*e.writers()), "sum of all increments")
	}},
	{"concurrent/additions lose no update", func(e *env) {
		e.row(e.ctx, "a", 0)
		e.together(e.writers(), func(i int) error {
			return retry(func() error {
				_, err := e.s.Apply(e.ctx, addNum.With(1, "p", "a"), insertRow.With("q", fmt.Sprint(i), 1, "", nil, []byte{}))
				return err
			})
		})
		e.eq(e.num(e.ctx, "a"), int64(e.writers()), "sum")
		e.eq(e.count(e.ctx), e.writers()+1, "rows")
	}},
	{"concurrent/one of many inserts is new", func(e *env) {
		var won atomic.Int64
		e.together(e.writers(), func(i int) error {
			return retry(func() error {
				n, err := e.s.Apply(e.ctx, insertNew.With("p", "a", i, "", nil, []byte{}))
				if err == nil {
					won.Add(n[0])
				}
				return err
			})
		})
		e.eq(won.Load(), int64(1), "inserts that were new")
	}},
	{"concurrent/one of many compare-and-sets wins", func(e *env) {
		e.row(e.ctx, "a", 0)
		for round := range 3 {
			var won atomic.Int64
			now := e.num(e.ctx, "a")
			e.together(e.writers(), func(i int) error {
				return retry(func() error {
					n, err := e.s.Apply(e.ctx, swapNum.With(1000*(round+1)+i, "p", "a", now))
					if err == nil {
						won.Add(n[0])
					}
					return err
				})
			})
			e.eq(won.Load(), int64(1), "compare-and-sets that won")
		}
	}},
	{"concurrent/rows locked in opposite orders", func(e *env) {
		e.row(e.ctx, "a", 1000)
		e.row(e.ctx, "b", 1000)
		e.together(min(e.writers(), 8), func(i int) error {
			from, to := "a", "b"
			if i%2 == 1 {
				from, to = to, from
			}
			for range 4 {
				err := retry(func() error {
					return e.s.InTx(e.ctx, func(ctx context.Context) error {
						var n, m int64
						if err := e.s.Claim(ctx, claimNum, []any{"p", from}, &n); err != nil {
							return err
						}
						if err := e.s.Claim(ctx, claimNum, []any{"p", to}, &m); err != nil {
							return err
						}
						_, err := e.s.Apply(ctx, setNum.With(n-1, "p", from), setNum.With(m+1, "p", to))
						return err
					})
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		e.eq([]int64{e.num(e.ctx, "a"), e.num(e.ctx, "b")}, []int64{1000, 1000}, "balance of as many transfers each way")
	}},
	{"concurrent/a read sees whole steps", func(e *env) {
		e.needsSecondConnection()
		e.row(e.ctx, "a", 0)
		e.row(e.ctx, "b", 0)
		var stop atomic.Bool
		e.together(4, func(i int) error {
			if i == 0 {
				defer stop.Store(true)
				for n := range 50 {
					if _, err := e.s.Apply(e.ctx, setNum.With(n+1, "p", "a"), setNum.With(n+1, "p", "b")); err != nil {
						return err
					}
				}
				return nil
			}
			for !stop.Load() {
				var seen []int64
				for row, err := range e.s.Scan(e.ctx, scanPart, []any{"p"}) {
					if err != nil {
						return err
					}
					var id string
					var n int64
					if err := row.Scan(&id, &n); err != nil {
						return err
					}
					seen = append(seen, n)
				}
				if len(seen) != 2 || seen[0] != seen[1] {
					return fmt.Errorf("half a step is visible: %v", seen)
				}
			}
			return nil
		})
	}},
}
