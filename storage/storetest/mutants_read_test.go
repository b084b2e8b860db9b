package storetest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/gdprkit/gdprkit/storage"
)

// quietRow is a row whose Scan never fails.
type quietRow struct{ storage.Row }

func (r quietRow) Scan(dest ...any) error { _ = r.Row.Scan(dest...); return nil }

func swapCmp(from, to storage.Cmp) func(storage.Select) storage.Select {
	return func(s storage.Select) storage.Select {
		s.Where = slices.Clone(s.Where)
		for i := range s.Where {
			if s.Where[i].Cmp == from {
				s.Where[i].Cmp = to
			}
		}
		return s
	}
}

var everyComparison = []string{"read/every comparison"}

var readMutants = []mutant{
	{"finds zero values", stores(func(f *fake) {
		f.get = func(ctx context.Context, s *storage.Select, args []any, dest ...any) error {
			if err := f.Store.Get(ctx, s, args, dest...); !errors.Is(err, storage.ErrNotFound) {
				return err
			}
			return nil
		}
	}), []string{"read/a row that is not there"}},
	{"reads upwards only", selects(func(s storage.Select) storage.Select { s.Desc = false; return s }),
		[]string{"read/the first in the order", "scan/descending"}},
	{"reads in the order of the key", selects(func(s storage.Select) storage.Select {
		if s.From == rows && len(s.Order) > 0 {
			s.Order = slices.Sorted(slices.Values(s.Order))
		}
		return s
	}), []string{"read/the first in the order"}},
	{"takes Ne for Eq", selects(swapCmp(storage.Ne, storage.Eq)), everyComparison},
	{"takes Lt for Le", selects(swapCmp(storage.Lt, storage.Le)), append([]string{"read/a range has two ends"}, everyComparison...)},
	{"takes Le for Lt", selects(swapCmp(storage.Le, storage.Lt)), everyComparison},
	{"takes Gt for Ge", selects(swapCmp(storage.Gt, storage.Ge)), everyComparison},
	{"takes Ge for Gt", selects(swapCmp(storage.Ge, storage.Gt)), everyComparison},
	{"takes Eq for Ge", selects(swapCmp(storage.Eq, storage.Ge)), everyComparison},
	{"forgets the last condition of a read", selects(func(s storage.Select) storage.Select {
		s.Where = s.Where[:max(0, len(s.Where)-1)]
		return s
	}), []string{"read/a range has two ends", "read/counting honours the conditions"}},
	{"counts up to a thousand", stores(func(f *fake) {
		f.get = func(ctx context.Context, s *storage.Select, args []any, dest ...any) error {
			err := f.Store.Get(ctx, s, args, dest...)
			if n, ok := dest[0].(*int); ok && err == nil && s.Columns[0] == storage.Count {
				*n = min(*n, 1000)
			}
			return err
		}
	}), []string{"read/counting honours the conditions"}},
	{"loses the row after a page", filtered(func(_ *storage.Select, n int) bool { return n != 1000 }), []string{"scan/all rows in their order", "scan/limit"}},
	{"ignores the limit", selects(func(s storage.Select) storage.Select { s.Limit = 0; return s }), []string{"scan/limit"}},
	{"loses the end of a stream", filtered(func(s *storage.Select, n int) bool { return !s.Stream || n < 2000 }), []string{"scan/stream"}},
	{"lends nothing for what is empty", stores(func(f *fake) {
		f.scan = func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
			return func(yield func(storage.Row, error) bool) {
				f.Store.Scan(ctx, s, args)(func(row storage.Row, err error) bool {
					return yield(rowFunc(func(dest ...any) error {
						err := row.Scan(dest...)
						for _, d := range dest {
							if raw, ok := d.(*storage.Raw); ok && len(*raw) == 0 {
								*raw = nil
							}
						}
						return err
					}), err)
				})
			}
		}
	}), []string{"scan/lends to a Raw"}},
	{"sorts without case", stores(func(f *fake) {
		f.scan = func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
			return func(yield func(storage.Row, error) bool) {
				type kept struct {
					id  string
					num int64
				}
				var all []kept
				for row, err := range f.Store.Scan(ctx, s, args) {
					var k kept
					if err = errors.Join(err, row.Scan(&k.id, &k.num)); err != nil {
						yield(nil, err)
						return
					}
					all = append(all, k)
				}
				slices.SortStableFunc(all, func(a, b kept) int { return strings.Compare(strings.ToLower(a.id), strings.ToLower(b.id)) })
				for _, k := range all {
					if !yield(rowFunc(func(dest ...any) error {
						*dest[0].(*string), *dest[1].(*int64) = k.id, k.num
						return nil
					}), nil) {
						return
					}
				}
			}
		}
	}), []string{"text/sorts and compares by bytes"}},
	{"holds the writer while it scans", stores(func(f *fake) {
		f.scan = func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
			return func(yield func(storage.Row, error) bool) {
				_ = f.Store.InTx(ctx, func(ctx context.Context) error {
					f.Store.Scan(ctx, s, args)(yield)
					return nil
				})
			}
		}
	}), []string{"scan/the loop may use the store"}},
	{"has one statement per transaction", func() storage.Directory {
		var busy atomic.Int64
		return stores(func(f *fake) {
			f.scan = func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
				return func(yield func(storage.Row, error) bool) {
					busy.Add(1)
					defer busy.Add(-1)
					f.Store.Scan(ctx, s, args)(yield)
				}
			}
			f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
				if f.Store.State(ctx) != storage.Outside && busy.Load() > 0 {
					return nil, errors.New("conn busy")
				}
				return f.Store.Apply(ctx, ops...)
			}
		})()
	}, []string{"scan/the loop may use the transaction"}},
	{"goes on after a break", stores(func(f *fake) {
		f.scan = func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
			return func(yield func(storage.Row, error) bool) {
				f.Store.Scan(ctx, s, args)(func(r storage.Row, err error) bool { yield(r, err); return true })
			}
		}
	}), []string{"scan/can be left at any row"}},
	{"hides the error of a row", stores(func(f *fake) {
		f.scan = func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
			return func(yield func(storage.Row, error) bool) {
				f.Store.Scan(ctx, s, args)(func(r storage.Row, err error) bool { return yield(quietRow{r}, err) })
			}
		}
	}), []string{"scan/an error of a row is told"}},
	{"ends a scan in silence", stores(func(f *fake) {
		f.scan = func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
			return func(yield func(storage.Row, error) bool) {
				f.Store.Scan(ctx, s, args)(func(r storage.Row, err error) bool { return err == nil && yield(r, nil) })
			}
		}
	}), []string{"scan/an order that is not unique is refused", "scan/ends with its context"}},
}

// rowFunc is a row made of a function.
type rowFunc func(dest ...any) error

func (f rowFunc) Scan(dest ...any) error { return f(dest...) }
