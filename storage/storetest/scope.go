package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/storage"
)

// scopes returns the tenants of this case that have a row in t.
func (e *env) scopes(ctx context.Context, t *storage.Table) (names []string) {
	e.Helper()
	last := ""
	for name, err := range e.dir.Scopes(ctx, t) {
		e.ok(err)
		e.yes(last < name, "scopes ascend and come once: "+last+" before "+name)
		last = name
		if own, ok := strings.CutPrefix(name, e.name+"/"); ok {
			names = append(names, own)
		}
	}
	return names
}

var scopeCases = []testCase{
	{"scopes/tenants with a row, by bytes", func(e *env) {
		for i := range alike {
			id := alike[(i*7)%len(alike)]
			for n := range 3 {
				_, err := e.dir.Tenant(e.name+"/"+strings.ReplaceAll(id, "\t", "!")).Apply(e.ctx, newBlob.With([]byte{byte(i), byte(n)}, 1))
				e.ok(err)
			}
		}
		want := slices.Clone(alike)
		for i := range want {
			want[i] = strings.ReplaceAll(want[i], "\t", "!")
		}
		slices.Sort(want)
		e.eq(e.scopes(e.ctx, blobs), want, "tenants")
		e.eq(len(e.scopes(e.ctx, uniques)), 0, "tenants with a row in another table")

	}},
	{"scopes/follow the transaction", func(e *env) {
		a := e.dir.Tenant(e.name + "/a")
		_, err := a.Apply(e.ctx, addBlob.With([]byte{1}, 1))
		e.ok(err)
		e.is(e.s.InTx(e.ctx, func(ctx context.Context) error {
			_, err := e.dir.Tenant(e.name+"/b").Apply(ctx, addBlob.With([]byte{1}, 1))
			e.ok(err)
			_, err = a.Apply(ctx, dropBlob.With([]byte{1}))
			e.ok(err)
			e.eq(e.scopes(ctx, blobs), []string{"b"}, "tenants inside")
			return errHost
		}), errHost)
		e.eq(e.scopes(e.ctx, blobs), []string{"a"}, "tenants after the rollback")
	}},
	{"scopes/more than a page", func(e *env) {
		var want []string
		e.inTx(func(ctx context.Context) {
			for i := range 1100 {
				want = append(want, fmt.Sprintf("%04d", i))
				_, err := e.dir.Tenant(e.name+"/"+want[i]).Apply(ctx, addBlob.With([]byte{1}, 1))
				e.ok(err)
			}
		})
		e.eq(e.scopes(e.ctx, blobs), want, "tenants")
		for range e.dir.Scopes(e.ctx, blobs) {
			break
		}
	}},
}

var dropBlob = &storage.Write{Verb: storage.Delete, Table: blobs, Where: storage.By("ref")}
