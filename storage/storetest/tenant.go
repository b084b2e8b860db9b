package storetest

import (
	"context"
	"reflect"
	"strings"

	"github.com/gdprkit/gdprkit/storage"
)

// pairs are names of two tenants that something might take for one.
var pairs = [][2]string{
	{"acme", "globex"}, {"acme", "Acme"}, {"acme", "acme "}, {"acme", "acm\u00e9"}, {"caf\u00e9", "cafe\u0301"},
	{"a", "aa"}, {"a_b", "axb"}, {"a%", "ab"}, {"1", "01"}, {"a' OR '1'='1", "b"}, {"ß", "ss"}, {"😀", "😁"},
}

// probes has, for every method of a Store, a function that tries to reach the
// rows of a through b. The tenant a has the row ("p", "a") with number 1, a row
// of table uniques and one of entries.
var probes = map[string]func(e *env, a, b storage.Store){
	"Scope": func(e *env, a, b storage.Store) {
		e.yes(a.Scope() != b.Scope(), "the scopes differ")
	},
	"Traits": func(e *env, a, b storage.Store) {
		e.eq(a.Traits(), b.Traits(), "traits of one database")
	},
	"State": func(e *env, a, b storage.Store) {
		e.eq([]storage.State{a.State(e.ctx), b.State(e.ctx)}, []storage.State{storage.Outside, storage.Outside}, "states")
	},
	"InTx": func(e *env, a, b storage.Store) {
		e.ok(b.InTx(e.ctx, func(ctx context.Context) error {
			probeGet(e, ctx, b)
			probeScan(e, ctx, b)
			return a.InTx(ctx, func(ctx context.Context) error {
				probeGet(e, ctx, b)
				probeScan(e, ctx, b)
				return nil
			})
		}))
	},
	"Get":  func(e *env, a, b storage.Store) { probeGet(e, e.ctx, b) },
	"Scan": func(e *env, a, b storage.Store) { probeScan(e, e.ctx, b) },
	"Claim": func(e *env, a, b storage.Store) {
		e.is(b.InTx(e.ctx, func(ctx context.Context) error {
			n := int64(-1)
			e.ok(b.Claim(ctx, claimNum, []any{"p", "a"}, &n))
			e.eq(n, int64(0), "claimed row")
			return errHost
		}), errHost)
	},
	"Apply": func(e *env, a, b storage.Store) {
		for verb := storage.Insert; verb <= storage.Delete; verb++ {
			e.is(b.InTx(e.ctx, func(ctx context.Context) error {
				ops := map[storage.Verb][]storage.Op{
					storage.Insert:    {insertRow.With("p", "a", 2, "b", nil, []byte{}), addUnique.With(1, "name", []byte("mark")), addEntry.With(1, "ann", "b")},
					storage.InsertNew: {insertNew.With("p", "a", 2, "b", nil, []byte{}), newUnique.With(1, "name", []byte("mark")), newEntry.With(1, "ann", "b")},
					storage.Put:       {putNum.With("p", "a", 2)},
					storage.Update:    {setNum.With(2, "p", "a"), setPart.With("b", "p"), addNum.With(5, "p", "a")},
					storage.Delete:    {deleteRow.With("p", "a"), deleteOld.With("p", 100), permit.With("ann"), deleteEntry.With("ann")},
				}[verb]
				e.yes(len(ops) > 0, "every verb has a probe")
				for _, op := range ops {
					n, err := b.Apply(ctx, op)
					e.ok(err)
					if op.Write.Verb == storage.InsertNew {
						e.eq(n, []int64{1}, "rows inserted beside those of another tenant")
					}
					if op.Write.Verb >= storage.Update {
						e.eq(n, []int64{0}, "rows of another tenant affected")
					}
				}
				untouched(e, ctx, a)
				return errHost
			}), errHost)
		}
	},
}

func probeGet(e *env, ctx context.Context, b storage.Store) {
	var n int64
	e.is(b.Get(ctx, getNum, []any{"p", "a"}, &n), storage.ErrNotFound)
	e.is(b.Get(ctx, currentNum, []any{"p", "a"}, &n), storage.ErrNotFound)
	e.is(b.Get(ctx, historyNum, []any{"p", "a"}, &n), storage.ErrNotFound)
	e.is(b.Get(ctx, uniqueBy, []any{"name"}, &n), storage.ErrNotFound)
	e.ok(b.Get(ctx, countAll, nil, &n))
	e.eq(n, int64(0), "rows of another tenant counted")
}

func probeScan(e *env, ctx context.Context, b storage.Store) {
	for _, sel := range []*storage.Select{scanPart, byNum, down, flow} {
		for range b.Scan(ctx, sel, []any{"p"}) {
			e.Fatalf("a row of another tenant was scanned")
		}
	}
	for range b.Scan(ctx, scanEntries, nil) {
		e.Fatalf("an entry of another tenant was scanned")
	}
}

func untouched(e *env, ctx context.Context, a storage.Store) {
	var txt string
	var num, n int64
	e.ok(a.Get(ctx, getNumText, []any{"p", "a"}, &num, &txt))
	e.ok(a.Get(ctx, countEntries, nil, &n))
	e.yes(num == 1 && txt == "a" && n == 1, "the rows of the tenant are as they were")
}

var (
	getNumText   = &storage.Select{From: rows, Columns: []string{"num", "txt"}, Where: storage.By("part", "id")}
	countEntries = &storage.Select{From: entries, Columns: []string{storage.Count}}
)

var badNames = []string{"", strings.Repeat("x", 192), "a\xff", "a\x00", "a\nb", "\x7f"}

var tenantCases = []testCase{
	{"tenants/nothing crosses by any method", func(e *env) {
		store := reflect.TypeFor[storage.Store]()
		for i := range store.NumMethod() {
			e.yes(probes[store.Method(i).Name] != nil, "there is a probe for "+store.Method(i).Name)
		}
		for _, pair := range pairs {
			a, b := e.dir.Tenant(e.name+pair[0]), e.dir.Tenant(e.name+pair[1])
			_, err := a.Apply(e.ctx, insertRow.With("p", "a", 1, "a", nil, []byte{}), addUnique.With(1, "name", []byte("mark")), addEntry.With(1, "ann", "a"))
			e.ok(err)
			for _, probe := range probes {
				probe(e, a, b)
				untouched(e, e.ctx, a)
			}
			_, err = a.Apply(e.ctx, deleteRow.With("p", "a"), clearUnique.With(1), permit.With("ann"), deleteEntry.With("ann"), revoke.With("ann"))
			e.ok(err)
		}
	}},
	{"tenants/names", func(e *env) {
		for _, name := range []string{"x", " ", "'", strings.Repeat("é", 95) + "x", "a/b\\c", "\u200b"} {
			e.eq(e.dir.Tenant(name).Scope(), name, "scope")
			n := 0
			e.ok(e.dir.Tenant(name).Get(e.ctx, countAll, nil, &n))
		}
	}},
	{"tenants/bad names are refused", func(e *env) {
		for _, name := range badNames {
			s, n := e.dir.Tenant(name), 0
			e.invalid(s.Get(e.ctx, getNum, []any{"p", "a"}, &n))
			e.invalid(s.InTx(e.ctx, func(context.Context) error { return nil }))
			_, err := s.Apply(e.ctx, insertRow.With("p", "a", 1, "", nil, []byte{}))
			e.invalid(err)
			for _, err := range s.Scan(e.ctx, scanPart, []any{"p"}) {
				e.invalid(err)
			}
			e.inTx(func(ctx context.Context) {
				e.invalid(s.Claim(ctx, claimNum, []any{"p", "a"}, &n))
			})
		}
	}},
}

var clearUnique = &storage.Write{Verb: storage.Delete, Table: uniques, Where: storage.By("id")}
