package storetest

import (
	"context"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// sound returns a memstore that says Joined in transactions of hosted.
func sound() func() storage.Directory {
	return stores(func(f *fake) {
		f.state = func(ctx context.Context) storage.State {
			if s := f.Store.State(ctx); s == storage.Outside || ctx.Value(hostKey{}) == nil {
				return s
			}
			return storage.Joined
		}
	})
}

var hostMutants = []mutant{
	{"takes a transaction of the host for its own", func() storage.Directory { return memstore.New(nil) },
		[]string{"host/commit and rollback decide"}},
	{"has no savepoint in a joined transaction", stores(func(f *fake) {
		f.inTx = func(ctx context.Context, g func(context.Context) error) error {
			if ctx.Value(hostKey{}) != nil {
				return g(ctx)
			}
			return f.Store.InTx(ctx, g)
		}
	}), []string{"host/a swallowed error of a step does not commit half of it"}},
	{"forgets the lock of a joined transaction", stores(func(f *fake) {
		f.claim = func(ctx context.Context, c *storage.Claim, args []any, dest ...any) error {
			if ctx.Value(hostKey{}) != nil {
				return nil
			}
			return f.Store.Claim(ctx, c, args, dest...)
		}
	}), []string{"host/locks are kept until the host ends"}},
}
