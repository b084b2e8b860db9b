package storetest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// leaking returns stores that also know all stores opened before them.
func leaking(alter func(f *fake, others func() []storage.Store)) func() storage.Directory {
	return func() storage.Directory {
		db := memstore.New(nil)
		var mu sync.Mutex
		var all []storage.Store
		return &fakeDir{Directory: db, tenant: func(name string) storage.Store {
			f := &fake{Store: db.Tenant(name)}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, f.Store)
			alter(f, func() []storage.Store {
				mu.Lock()
				defer mu.Unlock()
				return slices.DeleteFunc(slices.Clone(all), func(s storage.Store) bool { return s.Scope() == name })
			})
			return f
		}}
	}
}

// leaks lets one kind of write reach the rows of other tenants.
func leaks(verb storage.Verb) func() storage.Directory {
	return leaking(func(f *fake, others func() []storage.Store) {
		f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
			n, err := f.Store.Apply(ctx, ops...)
			for _, op := range ops {
				for _, o := range others() {
					if err == nil && op.Write.Verb == verb && op.Write.Table == rows {
						_, err = o.Apply(ctx, op)
					}
				}
			}
			return n, err
		}
	})
}

var crossing = []string{"tenants/nothing crosses by any method"}

func renamed(rename func(string) string) func() storage.Directory {
	return func() storage.Directory {
		db := memstore.New(nil)
		return &fakeDir{Directory: db, tenant: func(name string) storage.Store {
			return &fake{Store: db.Tenant(rename(name)), scope: func() string { return name }}
		}}
	}
}

func listed(change func(names []string) []string) func() storage.Directory {
	return func() storage.Directory {
		db := memstore.New(nil)
		return &fakeDir{Directory: db, tenant: db.Tenant, scopes: func(ctx context.Context, t *storage.Table) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				var names []string
				for name, err := range db.Scopes(ctx, t) {
					if err != nil {
						yield("", err)
						return
					}
					names = append(names, name)
				}
				for _, name := range change(names) {
					if !yield(name, nil) {
						return
					}
				}
			}
		}}
	}
}

var tenantMutants = []mutant{
	{"has one tenant", renamed(func(string) string { return "all" }), crossing},
	{"folds the case of tenants", renamed(strings.ToLower), crossing},
	{"trims tenants", renamed(strings.TrimSpace), append([]string{"tenants/names"}, crossing...)},
	{"folds the accents of tenants", renamed(foldAccents), crossing},
	{"repairs the names of tenants", renamed(func(s string) string {
		s = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return '_'
			}
			return r
		}, strings.ToValidUTF8(s, "_"))
		return "t" + s[:min(len(s), 180)]
	}), []string{"tenants/bad names are refused"}},
	{"gets rows of others", leaking(func(f *fake, others func() []storage.Store) {
		f.get = func(ctx context.Context, s *storage.Select, args []any, dest ...any) error {
			err := f.Store.Get(ctx, s, args, dest...)
			for _, o := range others() {
				if errors.Is(err, storage.ErrNotFound) {
					err = o.Get(ctx, s, args, dest...)
				}
			}
			return err
		}
	}), crossing},
	{"counts rows of others", leaking(func(f *fake, others func() []storage.Store) {
		f.get = func(ctx context.Context, s *storage.Select, args []any, dest ...any) error {
			err := f.Store.Get(ctx, s, args, dest...)
			for _, o := range others() {
				if n, ok := dest[0].(*int64); ok && err == nil && s.Columns[0] == storage.Count && *n == 0 {
					err = o.Get(ctx, s, args, n)
				}
			}
			return err
		}
	}), crossing},
	{"scans rows of others", leaking(func(f *fake, others func() []storage.Store) {
		f.scan = func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
			return func(yield func(storage.Row, error) bool) {
				for _, o := range append(others(), f.Store) {
					for row, err := range o.Scan(ctx, s, args) {
						if !yield(row, err) {
							return
						}
					}
				}
			}
		}
	}), crossing},
	{"claims rows of others", leaking(func(f *fake, others func() []storage.Store) {
		f.claim = func(ctx context.Context, c *storage.Claim, args []any, dest ...any) error {
			for _, o := range others() {
				var n int64
				if c == claimNum && o.Get(ctx, getNum, args, &n) == nil {
					*dest[0].(*int64) = n
					return nil
				}
			}
			return f.Store.Claim(ctx, c, args, dest...)
		}
	}), crossing},
	{"inserts into others", leaks(storage.Insert), crossing},
	{"puts into others", leaks(storage.Put), crossing},
	{"updates rows of others", leaks(storage.Update), crossing},
	{"deletes rows of others", leaks(storage.Delete), crossing},
	{"lists tenants backwards", listed(func(n []string) []string { slices.Reverse(n); return n }), []string{"scopes/tenants with a row, by bytes"}},
	{"lists tenants once per row", listed(func(n []string) []string { return append(n, n...) }), []string{"scopes/tenants with a row, by bytes"}},
	{"lists a thousand tenants", listed(func(n []string) []string { return n[:min(len(n), 1000)] }), []string{"scopes/more than a page"}},
	{"lists tenants outside the transaction", func() storage.Directory {
		db := memstore.New(nil)
		return &fakeDir{Directory: db, tenant: db.Tenant, scopes: func(ctx context.Context, t *storage.Table) iter.Seq2[string, error] {
			return db.Scopes(storage.Detach(ctx), t)
		}}
	}, []string{"scopes/follow the transaction"}},
}
