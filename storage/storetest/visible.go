package storetest

import (
	"context"

	"github.com/gdprkit/gdprkit/storage"
)

var visibleCases = []testCase{
	{"visible/own writes inside", func(e *env) {
		e.inTx(func(ctx context.Context) {
			e.row(ctx, "a", 1)
			e.eq(e.num(ctx, "a"), int64(1), "own insert")
			e.apply(ctx, setNum.With(2, "p", "a"))
			e.eq(e.num(ctx, "a"), int64(2), "own update")
			e.eq(e.ids(ctx, scanPart, "p"), []string{"a"}, "own rows in a scan")
			e.eq(e.count(ctx), 1, "own rows counted")
			e.apply(ctx, deleteRow.With("p", "a"))
			e.eq(e.num(ctx, "a"), int64(-1), "own delete")
		})
	}},
	{"visible/nothing outside before the commit", func(e *env) {
		e.needsSecondConnection()
		e.row(e.ctx, "old", 1)
		e.inTx(func(ctx context.Context) {
			e.row(ctx, "new", 1)
			e.apply(ctx, setNum.With(2, "p", "old"))
			e.eq(e.num(e.ctx, "new"), int64(-1), "uncommitted insert, read outside")
			e.eq(e.num(e.ctx, "old"), int64(1), "uncommitted update, read outside")
			e.eq(e.count(e.ctx), 1, "rows counted outside")
			e.eq(e.ids(e.ctx, scanPart, "p"), []string{"old"}, "rows scanned outside")
		})
	}},
	{"visible/everything after the commit", func(e *env) {
		e.inTx(func(ctx context.Context) {
			e.row(ctx, "a", 1)
			e.row(ctx, "b", 2)
		})
		e.eq(e.ids(e.ctx, scanPart, "p"), []string{"a", "b"}, "committed rows")
		e.eq(e.num(e.ctx, "b"), int64(2), "committed row")
	}},
	{"visible/state of the context", func(e *env) {
		e.eq(e.s.State(e.ctx), storage.Outside, "state outside")
		e.inTx(func(ctx context.Context) {
			e.eq(e.s.State(ctx), storage.Owned, "state inside")
			e.eq(e.other().State(ctx), storage.Owned, "state for another tenant of the database")
			e.eq(e.s.State(storage.Detach(ctx)), storage.Outside, "state of a detached context")
		})
	}},
	{"visible/each mode reads own and committed rows", func(e *env) {
		e.row(e.ctx, "a", 1)
		e.inTx(func(ctx context.Context) {
			e.apply(ctx, setNum.With(2, "p", "a"))
			for _, sel := range []*storage.Select{currentNum, historyNum} {
				var n int64
				e.ok(e.s.Get(ctx, sel, []any{"p", "a"}, &n))
				e.eq(n, int64(2), "own write")
			}
		})
		var n int64
		e.ok(e.s.Get(e.ctx, currentNum, []any{"p", "a"}, &n))
		e.eq(n, int64(2), "committed write")
	}},
	{"visible/one transaction for all tenants of a database", func(e *env) {
		other := e.other()
		err := e.s.InTx(e.ctx, func(ctx context.Context) error {
			e.row(ctx, "a", 1)
			_, err := other.Apply(ctx, insertRow.With("p", "a", 2, "", nil, []byte{}))
			e.ok(err)
			return errHost
		})
		e.is(err, errHost)
		e.eq(e.num(e.ctx, "a"), int64(-1), "row of the first tenant")
		n, err := readNum(e.ctx, other, "a")
		e.ok(err)
		e.eq(n, int64(-1), "row of the second tenant")
	}},
	{"visible/a transaction is joined only by its own database", func(e *env) {
		second := e.open().Tenant(e.name)
		err := e.s.InTx(e.ctx, func(ctx context.Context) error {
			e.eq(second.State(ctx), storage.Outside, "state for another database")
			e.row(ctx, "a", 1)
			_, err := second.Apply(ctx, insertRow.With("p", "a", 2, "", nil, []byte{}))
			e.ok(err)
			return errHost
		})
		e.is(err, errHost)
		e.eq(e.num(e.ctx, "a"), int64(-1), "row of the database that rolled back")
		n, err := readNum(e.ctx, second, "a")
		e.ok(err)
		e.eq(n, int64(2), "row of the other database")
	}},
}

var (
	currentNum = &storage.Select{From: rows, Columns: []string{"num"}, Where: storage.By("part", "id"), Mode: storage.Current}
	historyNum = &storage.Select{From: rows, Columns: []string{"num"}, Where: storage.By("part", "id"), Mode: storage.History}
)
