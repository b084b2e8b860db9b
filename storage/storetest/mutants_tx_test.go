package storetest

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

type ownKey struct{}

func inside(f *fake, ctx context.Context) bool { return f.Store.State(ctx) != storage.Outside }

var transactionMutants = []mutant{
	{"ignores transactions", stores(func(f *fake) {
		f.state = func(ctx context.Context) storage.State { return storage.Owned }
		f.inTx = func(ctx context.Context, g func(context.Context) error) error { return g(ctx) }
		f.claim = func(ctx context.Context, c *storage.Claim, args []any, dest ...any) error {
			defer runtime.Gosched()
			return f.Store.InTx(ctx, func(ctx context.Context) error { return f.Store.Claim(ctx, c, args, dest...) })
		}
	}), []string{
		"visible/nothing outside before the commit", "rollback/an error undoes every write", "rollback/a panic undoes every write and goes on",
		"nested/joins the outer transaction", "claim/is undone with its transaction", "claim/needs a transaction",
		"concurrent/claimed rows lose no update", "visible/state of the context",
	}},
	{"reads only what is committed", stores(func(f *fake) {
		f.get = func(ctx context.Context, s *storage.Select, args []any, dest ...any) error {
			return f.Store.Get(storage.Detach(ctx), s, args, dest...)
		}
	}), []string{"visible/own writes inside", "visible/each mode reads own and committed rows"}},
	{"reads history from a replica inside a transaction", stores(func(f *fake) {
		f.get = func(ctx context.Context, s *storage.Select, args []any, dest ...any) error {
			if s.Mode == storage.History {
				ctx = storage.Detach(ctx)
			}
			return f.Store.Get(ctx, s, args, dest...)
		}
	}), []string{"visible/each mode reads own and committed rows"}},
	{"never commits", stores(func(f *fake) {
		f.inTx = func(ctx context.Context, g func(context.Context) error) error {
			failed := errors.New("quiet")
			err := f.Store.InTx(ctx, func(ctx context.Context) error { return errors.Join(failed, g(ctx)) })
			if err.Error() == failed.Error() {
				return nil
			}
			return err
		}
	}), []string{"visible/everything after the commit", "nested/commits with the outer transaction", "claim/inserts what is missing and reads it"}},
	{"one database per tenant", func() storage.Directory {
		var mu sync.Mutex
		dbs := map[string]*memstore.DB{}
		return &fakeDir{Directory: memstore.New(nil), tenant: func(name string) storage.Store {
			mu.Lock()
			defer mu.Unlock()
			if dbs[name] == nil {
				dbs[name] = memstore.New(nil)
			}
			return dbs[name].Tenant(name)
		}}
	}, []string{"visible/one transaction for all tenants of a database", "visible/state of the context"}},
	{"joins the transaction of another database", stores(func(f *fake) {
		own := *f
		f.inTx = func(ctx context.Context, g func(context.Context) error) error {
			return f.Store.InTx(ctx, func(ctx context.Context) error { return g(context.WithValue(ctx, ownKey{}, &own)) })
		}
		f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
			if first, ok := ctx.Value(ownKey{}).(*fake); ok && first.Store.Scope() == f.Store.Scope() {
				return first.Apply(ctx, ops...)
			}
			return f.Store.Apply(ctx, ops...)
		}
	}), []string{"visible/a transaction is joined only by its own database"}},
	{"keeps its transaction where Detach does not find it", stores(func(f *fake) {
		f.inTx = func(ctx context.Context, g func(context.Context) error) error {
			return f.Store.InTx(ctx, func(ctx context.Context) error { return g(context.WithValue(ctx, ownKey{}, ctx)) })
		}
		f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
			if tx, ok := ctx.Value(ownKey{}).(context.Context); ok {
				ctx = tx
			}
			return f.Store.Apply(ctx, ops...)
		}
	}), []string{"done/a detached context is free of the transaction"}},
	{"falls back to the pool", stores(func(f *fake) {
		f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
			n, err := f.Store.Apply(ctx, ops...)
			if errors.Is(err, storage.ErrTxDone) {
				return f.Store.Apply(storage.Detach(ctx), ops...)
			}
			return n, err
		}
	}), []string{"done/a finished transaction is never a fall-back to the pool"}},
	{"begins anew in a finished transaction", stores(func(f *fake) {
		f.inTx = func(ctx context.Context, g func(context.Context) error) error {
			err := f.Store.InTx(ctx, g)
			if errors.Is(err, storage.ErrTxDone) {
				return f.Store.InTx(storage.Detach(ctx), g)
			}
			return err
		}
	}), []string{"done/a finished transaction is never a fall-back to the pool"}},
	{"applies operations one by one", stores(func(f *fake) {
		f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
			var counts []int64
			for i, op := range ops {
				n, err := f.Store.Apply(ctx, op)
				if err != nil {
					return nil, err
				}
				if i == 0 || op.Write != ops[i-1].Write {
					counts = append(counts, 0)
				}
				counts[len(counts)-1] += n[0]
				runtime.Gosched()
			}
			return counts, nil
		}
	}), []string{
		"rollback/a failed Apply leaves nothing", "rollback/bad values are refused before anything is written",
		"concurrent/a read sees whole steps", "write/must asks for exactly one row",
	}},
	{"catches duplicates and leaves the rest of the step", func() storage.Directory {
		quiet := memo(func(w *storage.Write) *storage.Write { c := *w; c.Verb = storage.InsertNew; return &c })
		return stores(func(f *fake) {
			f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
				var counts []int64
				for _, op := range ops {
					if op.Write.Verb == storage.Insert {
						op.Write = quiet(op.Write)
					}
					n, err := f.Store.Apply(ctx, op)
					if err == nil && n[0] == 0 {
						err = storage.ErrDuplicate
					}
					if err != nil {
						return nil, err
					}
					counts = append(counts, n...)
				}
				return counts, nil
			}
		})()
	}, []string{"rollback/a failed Apply inside leaves nothing of itself"}},
	{"ignores the end of a context", stores(func(f *fake) {
		f.inTx = func(ctx context.Context, g func(context.Context) error) error {
			return f.Store.InTx(context.WithoutCancel(ctx), g)
		}
		f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
			return f.Store.Apply(context.WithoutCancel(ctx), ops...)
		}
		f.scan = func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
			return f.Store.Scan(context.WithoutCancel(ctx), s, args)
		}
	}), []string{"rollback/a context that is done", "rollback/a context that ends inside", "scan/ends with its context"}},
	{"hides that a cancelled transaction was not committed", stores(func(f *fake) {
		f.inTx = func(ctx context.Context, g func(context.Context) error) error {
			if err := f.Store.InTx(ctx, g); !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		}
	}), []string{"rollback/a swallowed cancellation is not half a commit"}},
	{"swallows the error of the function", stores(func(f *fake) {
		f.inTx = func(ctx context.Context, g func(context.Context) error) error {
			_ = f.Store.InTx(ctx, g)
			return nil
		}
	}), []string{"nested/an error passes to the outside", "rollback/an error undoes every write"}},
	{"takes no notice of a failed nested step", stores(func(f *fake) {
		f.inTx = func(ctx context.Context, g func(context.Context) error) error {
			if inside(f, ctx) && f.Store.State(storage.Detach(ctx)) == storage.Outside {
				return g(ctx)
			}
			return f.Store.InTx(ctx, g)
		}
	}), []string{"nested/a swallowed error prevents the commit", "hooks/of a rolled back transaction never run"}},
	{"runs hooks before the commit", stores(func(f *fake) {
		f.inTx = func(ctx context.Context, g func(context.Context) error) error {
			return f.Store.InTx(ctx, func(ctx context.Context) error {
				ctx, hooks := storage.WithHooks(ctx)
				err := g(ctx)
				hooks.Run()
				return err
			})
		}
	}), []string{
		"hooks/run in order after the commit", "hooks/of a nested transaction wait for the outer commit",
		"hooks/of a rolled back transaction never run", "hooks/may use the store",
	}},
	{"gives up at a deadlock", func() storage.Directory {
		var calls atomic.Int64
		return stores(func(f *fake) {
			f.inTx = func(ctx context.Context, g func(context.Context) error) error {
				if calls.Add(1)%7 == 0 {
					return errors.New("deadlock found")
				}
				return f.Store.InTx(ctx, g)
			}
		})()
	}, []string{"concurrent/rows locked in opposite orders"}},
}
