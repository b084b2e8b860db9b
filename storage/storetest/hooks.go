package storetest

import (
	"context"

	"github.com/gdprkit/gdprkit/storage"
)

var hookCases = []testCase{
	{"hooks/run in order after the commit", func(e *env) {
		var ran []int
		e.inTx(func(ctx context.Context) {
			e.row(ctx, "a", 1)
			for i := range 3 {
				e.yes(storage.AfterCommit(ctx, func() {
					e.eq(e.num(e.ctx, "a"), int64(1), "row read by a hook")
					ran = append(ran, i)
				}), "AfterCommit takes a function in an owned transaction")
			}
			e.eq(len(ran), 0, "hooks that ran before the commit")
		})
		e.eq(ran, []int{0, 1, 2}, "hooks")
	}},
	{"hooks/of a nested transaction wait for the outer commit", func(e *env) {
		ran := 0
		e.inTx(func(ctx context.Context) {
			e.ok(e.s.InTx(ctx, func(ctx context.Context) error {
				e.yes(storage.AfterCommit(ctx, func() { ran++ }), "AfterCommit takes a function in a nested transaction")
				return nil
			}))
			e.eq(ran, 0, "hooks that ran before the commit")
		})
		e.eq(ran, 1, "hooks")
	}},
	{"hooks/of a rolled back transaction never run", func(e *env) {
		ran := 0
		hook := func() { ran++ }
		e.is(e.s.InTx(e.ctx, func(ctx context.Context) error {
			storage.AfterCommit(ctx, hook)
			return errHost
		}), errHost)
		_ = e.s.InTx(e.ctx, func(ctx context.Context) error {
			storage.AfterCommit(ctx, hook)
			_ = e.s.InTx(ctx, func(context.Context) error { return errHost })
			return nil
		})
		e.eq(ran, 0, "hooks of transactions that did not commit")
	}},
	{"hooks/may use the store", func(e *env) {
		e.inTx(func(ctx context.Context) {
			e.row(ctx, "a", 1)
			storage.AfterCommit(ctx, func() {
				e.inTx(func(ctx context.Context) { e.row(ctx, "b", 1) })
			})
		})
		e.eq(e.ids(e.ctx, scanPart, "p"), []string{"a", "b"}, "rows after the hook")
	}},
}
