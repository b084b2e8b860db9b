package storetest

import (
	"context"

	"github.com/gdprkit/gdprkit/storage"
)

var doneCases = []testCase{
	{"done/a finished transaction is never a fall-back to the pool", func(e *env) {
		for _, end := range []error{nil, errHost} {
			var old context.Context
			e.is(e.s.InTx(e.ctx, func(ctx context.Context) error { old = ctx; return end }), end)
			var n int64
			e.is(e.s.Get(old, getNum, []any{"p", "a"}, &n), storage.ErrTxDone)
			_, err := e.s.Apply(old, insertRow.With("p", "a", 1, "", nil, []byte{}))
			e.is(err, storage.ErrTxDone)
			e.is(e.s.Claim(old, claimNum, []any{"p", "a"}, &n), storage.ErrTxDone)
			ran := false
			e.is(e.s.InTx(old, func(context.Context) error { ran = true; return nil }), storage.ErrTxDone)
			e.yes(!ran, "the function of an InTx in a finished transaction does not run")
			times := 0
			for _, err := range e.s.Scan(old, scanPart, []any{"p"}) {
				e.is(err, storage.ErrTxDone)
				times++
			}
			e.eq(times, 1, "results of a Scan in a finished transaction")
		}
		e.eq(e.count(e.ctx), 0, "rows written through a finished transaction")
	}},
	{"done/a detached context is free of the transaction", func(e *env) {
		type key struct{}
		parent, cancel := context.WithCancel(context.WithValue(e.ctx, key{}, "kept"))
		var free context.Context
		e.ok(e.s.InTx(parent, func(ctx context.Context) error {
			free = storage.Detach(ctx)
			return nil
		}))
		cancel()
		e.eq(free.Value(key{}), any("kept"), "value of the host in a detached context")
		e.row(free, "a", 1)
		e.yes(!storage.AfterCommit(free, func() {}), "a detached context has no commit to wait for")
		e.eq(e.num(e.ctx, "a"), int64(1), "row written with a detached context")
	}},
}

var claimNum = &storage.Claim{Into: rows, Columns: []string{"part", "id"}, Read: []string{"num"}}
