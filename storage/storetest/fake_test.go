package storetest

import (
	"context"
	"iter"
	"sync"
	"testing"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// fake is a store of which single methods can be broken.
type fake struct {
	storage.Store
	scope func() string
	state func(ctx context.Context) storage.State
	inTx  func(ctx context.Context, f func(context.Context) error) error
	get   func(ctx context.Context, s *storage.Select, args []any, dest ...any) error
	scan  func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error]
	claim func(ctx context.Context, c *storage.Claim, args []any, dest ...any) error
	apply func(ctx context.Context, ops ...storage.Op) ([]int64, error)
}

func (f *fake) Scope() string {
	if f.scope != nil {
		return f.scope()
	}
	return f.Store.Scope()
}

func (f *fake) State(ctx context.Context) storage.State {
	if f.state != nil {
		return f.state(ctx)
	}
	return f.Store.State(ctx)
}

func (f *fake) InTx(ctx context.Context, g func(context.Context) error) error {
	if f.inTx != nil {
		return f.inTx(ctx, g)
	}
	return f.Store.InTx(ctx, g)
}

func (f *fake) Get(ctx context.Context, s *storage.Select, args []any, dest ...any) error {
	if f.get != nil {
		return f.get(ctx, s, args, dest...)
	}
	return f.Store.Get(ctx, s, args, dest...)
}

func (f *fake) Scan(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
	if f.scan != nil {
		return f.scan(ctx, s, args)
	}
	return f.Store.Scan(ctx, s, args)
}

func (f *fake) Claim(ctx context.Context, c *storage.Claim, args []any, dest ...any) error {
	if f.claim != nil {
		return f.claim(ctx, c, args, dest...)
	}
	return f.Store.Claim(ctx, c, args, dest...)
}

func (f *fake) Apply(ctx context.Context, ops ...storage.Op) ([]int64, error) {
	if f.apply != nil {
		return f.apply(ctx, ops...)
	}
	return f.Store.Apply(ctx, ops...)
}

// fakeDir is a database whose stores are fakes.
type fakeDir struct {
	storage.Directory
	tenant func(name string) storage.Store
	scopes func(ctx context.Context, t *storage.Table) iter.Seq2[string, error]
}

func (d *fakeDir) Tenant(name string) storage.Store { return d.tenant(name) }

func (d *fakeDir) Scopes(ctx context.Context, t *storage.Table) iter.Seq2[string, error] {
	if d.scopes != nil {
		return d.scopes(ctx, t)
	}
	return d.Directory.Scopes(ctx, t)
}

// stores returns a way to open databases whose stores are changed by alter.
func stores(alter func(f *fake)) func() storage.Directory {
	return func() storage.Directory {
		db := memstore.New(nil)
		return &fakeDir{Directory: db, tenant: func(name string) storage.Store {
			f := &fake{Store: db.Tenant(name)}
			alter(f)
			return f
		}}
	}
}

// memo keeps one result for each shape, as stores know shapes by their address.
func memo[T any](f func(*T) *T) func(*T) *T {
	var known sync.Map
	return func(in *T) *T {
		if out, ok := known.Load(in); ok {
			return out.(*T)
		}
		out, _ := known.LoadOrStore(in, f(in))
		return out.(*T)
	}
}

// writes returns stores that carry out every Write as change makes it.
func writes(change func(w storage.Write) storage.Write) func() storage.Directory {
	shape := memo(func(w *storage.Write) *storage.Write { c := change(*w); return &c })
	return stores(func(f *fake) {
		f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
			changed := make([]storage.Op, len(ops))
			for i, op := range ops {
				w := shape(op.Write)
				changed[i] = w.With(op.Args[:min(len(op.Args), len(w.Set)+len(w.Add)+len(w.Where))]...)
			}
			return f.Store.Apply(ctx, changed...)
		}
	})
}

// selects returns stores that carry out every Select as change makes it.
func selects(change func(s storage.Select) storage.Select) func() storage.Directory {
	shape := memo(func(s *storage.Select) *storage.Select { c := change(*s); return &c })
	return stores(func(f *fake) {
		f.get = func(ctx context.Context, s *storage.Select, args []any, dest ...any) error {
			c := shape(s)
			return f.Store.Get(ctx, c, args[:len(c.Where)], dest...)
		}
		f.scan = func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
			c := shape(s)
			return f.Store.Scan(ctx, c, args[:len(c.Where)])
		}
	})
}

// arguments returns stores that see every argument as change makes it. The column
// is nil for more arguments than places.
func arguments(change func(c *storage.Column, arg any) any) func() storage.Directory {
	all := func(t *storage.Table, args []any, names []string) []any {
		out := append([]any(nil), args...)
		for i := range min(len(out), len(names)) {
			out[i] = change(t.Column(names[i]), out[i])
		}
		return out
	}
	named := func(names []string, terms []storage.Term) []string {
		out := append([]string(nil), names...)
		for _, t := range terms {
			out = append(out, t.Column)
		}
		return out
	}
	return stores(func(f *fake) {
		f.get = func(ctx context.Context, s *storage.Select, args []any, dest ...any) error {
			return f.Store.Get(ctx, s, all(s.From, args, named(nil, s.Where)), dest...)
		}
		f.scan = func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
			return f.Store.Scan(ctx, s, all(s.From, args, named(nil, s.Where)))
		}
		f.claim = func(ctx context.Context, c *storage.Claim, args []any, dest ...any) error {
			return f.Store.Claim(ctx, c, all(c.Into, args, c.Columns), dest...)
		}
		f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
			changed := make([]storage.Op, len(ops))
			for i, op := range ops {
				w := op.Write
				changed[i] = w.With(all(w.Table, op.Args, named(append(append([]string(nil), w.Set...), w.Add...), w.Where))...)
			}
			return f.Store.Apply(ctx, changed...)
		}
	})
}

// filtered returns stores whose scans keep the rows that keep is true for; n
// counts from 0 on.
func filtered(keep func(s *storage.Select, n int) bool) func() storage.Directory {
	return stores(func(f *fake) {
		f.scan = func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
			return func(yield func(storage.Row, error) bool) {
				n := 0
				for row, err := range f.Store.Scan(ctx, s, args) {
					if (err != nil || keep(s, n)) && !yield(row, err) {
						return
					}
					n++
				}
			}
		}
	})
}

type hostKey struct{}

// hosted gives a memstore transactions of a host, so that the cases about them
// can be tried here too.
func hosted(t testing.TB, d storage.Directory) (context.Context, func() error, func() error) {
	begun, end, result := make(chan context.Context), make(chan error), make(chan error, 1)
	go func() {
		result <- d.Tenant("host").InTx(context.Background(), func(ctx context.Context) error {
			begun <- ctx
			return <-end
		})
	}()
	ctx := storage.WithoutHooks(context.WithValue(<-begun, hostKey{}, true))
	var once sync.Once
	var err error
	finish := func(how error) error {
		once.Do(func() { end <- how; err = <-result })
		return err
	}
	t.Cleanup(func() { _ = finish(errHost) })
	commit := func() error { return finish(nil) }
	rollback := func() error { _ = finish(errHost); return nil }
	return ctx, commit, rollback
}
