package storetest

import (
	"context"

	"github.com/gdprkit/gdprkit/storage"
)

var nestedCases = []testCase{
	{"nested/joins the outer transaction", func(e *env) {
		err := e.s.InTx(e.ctx, func(ctx context.Context) error {
			e.row(ctx, "outer", 1)
			e.ok(e.s.InTx(ctx, func(ctx context.Context) error {
				e.eq(e.num(ctx, "outer"), int64(1), "row of the outer transaction, read in the inner")
				e.row(ctx, "inner", 1)
				return nil
			}))
			e.eq(e.num(ctx, "inner"), int64(1), "row of the inner transaction, read in the outer")
			return errHost
		})
		e.is(err, errHost)
		e.eq(e.count(e.ctx), 0, "rows after the outer rollback")
	}},
	{"nested/commits with the outer transaction", func(e *env) {
		e.inTx(func(ctx context.Context) {
			for _, id := range []string{"a", "b"} {
				e.ok(e.s.InTx(ctx, func(ctx context.Context) error {
					return e.s.InTx(ctx, func(ctx context.Context) error { e.row(ctx, id, 1); return nil })
				}))
			}
		})
		e.eq(e.ids(e.ctx, scanPart, "p"), []string{"a", "b"}, "rows of nested transactions")
	}},
	{"nested/an error passes to the outside", func(e *env) {
		err := e.s.InTx(e.ctx, func(ctx context.Context) error {
			e.row(ctx, "outer", 1)
			return e.s.InTx(ctx, func(ctx context.Context) error { e.row(ctx, "inner", 1); return errHost })
		})
		e.is(err, errHost)
		e.eq(e.count(e.ctx), 0, "rows after a nested error")
	}},
	{"nested/a swallowed error prevents the commit", func(e *env) {
		err := e.s.InTx(e.ctx, func(ctx context.Context) error {
			e.row(ctx, "outer", 1)
			e.is(e.s.InTx(ctx, func(ctx context.Context) error { e.row(ctx, "inner", 1); return errHost }), errHost)
			return nil
		})
		e.is(err, storage.ErrRolledBack)
		e.eq(e.count(e.ctx), 0, "rows after a swallowed error")
	}},
}
