package storetest

import (
	"context"

	"github.com/gdprkit/gdprkit/storage"
)

var claimCases = []testCase{
	{"claim/inserts what is missing and reads it", func(e *env) {
		e.inTx(func(ctx context.Context) {
			n, txt, bin, raw := int64(-1), "old", []byte("old"), []byte(nil)
			e.ok(e.s.Claim(ctx, claimRow, []any{"p", "a", 5}, &n, &txt, &bin, &raw))
			e.yes(n == 5 && txt == "" && bin == nil && raw != nil && len(raw) == 0, "given and zero values are read")
			e.eq(e.num(ctx, "a"), int64(5), "row inside")
		})
		e.eq(e.num(e.ctx, "a"), int64(5), "row after the commit")
	}},
	{"claim/reads what is there and leaves it", func(e *env) {
		want := rec{"p", "a", 1, "text", []byte("bin"), []byte("raw")}
		e.apply(e.ctx, insertRow.With(want.args()...))
		e.inTx(func(ctx context.Context) {
			for range 2 {
				got := rec{part: "p", id: "a"}
				e.ok(e.s.Claim(ctx, claimRow, []any{"p", "a", 5}, &got.num, &got.txt, &got.bin, &got.raw))
				e.yes(got.same(want), "row as it was")
			}
		})
		e.yes(e.get(e.s, "p", "a").same(want), "row after the claim")
	}},
	{"claim/is undone with its transaction", func(e *env) {
		e.is(e.s.InTx(e.ctx, func(ctx context.Context) error {
			var n int64
			e.ok(e.s.Claim(ctx, claimNum, []any{"p", "a"}, &n))
			return errHost
		}), errHost)
		e.eq(e.num(e.ctx, "a"), int64(-1), "claimed row after a rollback")
	}},
	{"claim/needs a transaction", func(e *env) {
		var n int64
		e.is(e.s.Claim(e.ctx, claimNum, []any{"p", "a"}, &n), storage.ErrNoTx)
		e.eq(e.count(e.ctx), 0, "rows")
	}},
	{"claim/refuses bad values", func(e *env) {
		e.inTx(func(ctx context.Context) {
			var n int64
			e.invalid(e.s.Claim(ctx, claimNum, []any{"p", "nul \x00"}, &n))
			e.ok(e.s.Claim(ctx, claimNum, []any{"p", "good"}, &n))
		})
		e.eq(e.ids(e.ctx, scanPart, "p"), []string{"good"}, "rows")
	}},
}
