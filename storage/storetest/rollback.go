package storetest

import (
	"context"
	"errors"

	"github.com/gdprkit/gdprkit/storage"
)

var errHost = errors.New("storetest: the host says no")

var rollbackCases = []testCase{
	{"rollback/an error undoes every write", func(e *env) {
		e.row(e.ctx, "kept", 1)
		e.row(e.ctx, "changed", 1)
		err := e.s.InTx(e.ctx, func(ctx context.Context) error {
			e.row(ctx, "new", 1)
			e.apply(ctx, setNum.With(2, "p", "changed"))
			e.apply(ctx, deleteRow.With("p", "kept"))
			e.apply(ctx, putNum.With("p", "put", 1))
			return errHost
		})
		e.is(err, errHost)
		e.eq(e.ids(e.ctx, scanPart, "p"), []string{"changed", "kept"}, "rows after the rollback")
		e.eq(e.num(e.ctx, "changed"), int64(1), "row that was updated")
	}},
	{"rollback/a panic undoes every write and goes on", func(e *env) {
		var got any
		func() {
			defer func() { got = recover() }()
			_ = e.s.InTx(e.ctx, func(ctx context.Context) error {
				e.row(ctx, "new", 1)
				panic("host")
			})
		}()
		e.eq(got, any("host"), "value of the panic")
		e.eq(e.count(e.ctx), 0, "rows after the panic")
		e.row(e.ctx, "next", 1) // no lock is left behind
	}},
	{"rollback/a failed Apply leaves nothing", func(e *env) {
		e.row(e.ctx, "b", 1)
		_, err := e.s.Apply(e.ctx,
			setNum.With(9, "p", "b"),
			insertRow.With("p", "a", 1, "", nil, []byte{}),
			insertRow.With("p", "b", 1, "", nil, []byte{}))
		e.is(err, storage.ErrDuplicate)
		e.eq(e.ids(e.ctx, scanPart, "p"), []string{"b"}, "rows after the failed step")
		e.eq(e.num(e.ctx, "b"), int64(1), "row that the step had updated")
	}},
	{"rollback/a failed Apply inside leaves nothing of itself", func(e *env) {
		err := e.s.InTx(e.ctx, func(ctx context.Context) error {
			e.row(ctx, "first", 1)
			_, err := e.s.Apply(ctx,
				insertRow.With("p", "half", 1, "", nil, []byte{}),
				insertRow.With("p", "first", 1, "", nil, []byte{}))
			e.is(err, storage.ErrDuplicate)
			return nil // the host swallows it
		})
		e.eq(e.num(e.ctx, "half"), int64(-1), "row of the failed step")
		if err == nil {
			e.eq(e.num(e.ctx, "first"), int64(1), "row of the committed transaction")
		} else {
			e.yes(errors.Is(err, storage.ErrRolledBack) || errors.Is(err, storage.ErrTxFailed), "the commit fails by a sentinel: "+err.Error())
			e.eq(e.count(e.ctx), 0, "rows of a transaction that did not commit")
		}
	}},
	{"rollback/bad values are refused before anything is written", func(e *env) {
		bad := func(ctx context.Context) error {
			_, err := e.s.Apply(ctx,
				insertRow.With("p", "a", 1, "", nil, []byte{}),
				insertRow.With("p", "b", 1, "nul \x00", nil, []byte{}))
			return err
		}
		e.invalid(bad(e.ctx))
		e.eq(e.count(e.ctx), 0, "rows after a refused step")
		e.inTx(func(ctx context.Context) {
			e.invalid(bad(ctx))
			e.row(ctx, "c", 1) // the transaction goes on
		})
		e.eq(e.ids(e.ctx, scanPart, "p"), []string{"c"}, "rows after a refused step inside")
	}},
	{"rollback/a context that is done", func(e *env) {
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		_, err := e.s.Apply(ctx, insertRow.With("p", "a", 1, "", nil, []byte{}))
		e.is(err, context.Canceled)
		e.is(e.s.InTx(ctx, func(context.Context) error { return nil }), context.Canceled)
		var n int64
		e.is(e.s.Get(ctx, getNum, []any{"p", "a"}, &n), context.Canceled)
		for _, err := range e.s.Scan(ctx, scanPart, []any{"p"}) {
			e.is(err, context.Canceled)
		}
		e.eq(e.count(e.ctx), 0, "rows written with a context that was done")
	}},
	{"rollback/a context that ends inside", func(e *env) {
		ctx, cancel := context.WithCancel(e.ctx)
		defer cancel()
		err := e.s.InTx(ctx, func(ctx context.Context) error {
			e.row(ctx, "before", 1)
			cancel()
			_, err := e.s.Apply(ctx, insertRow.With("p", "after", 1, "", nil, []byte{}))
			e.is(err, context.Canceled)
			return err
		})
		e.is(err, context.Canceled)
		e.eq(e.count(e.ctx), 0, "rows of a cancelled transaction")
	}},
	{"rollback/a swallowed cancellation is not half a commit", func(e *env) {
		ctx, cancel := context.WithCancel(e.ctx)
		defer cancel()
		err := e.s.InTx(ctx, func(ctx context.Context) error {
			e.row(ctx, "before", 1)
			cancel()
			_, _ = e.s.Apply(ctx, insertRow.With("p", "after", 1, "", nil, []byte{}))
			return nil
		})
		want := -1
		if err == nil {
			want = 1
		}
		e.eq(e.num(e.ctx, "before"), int64(want), "row written before the cancellation")
		e.eq(e.num(e.ctx, "after"), int64(-1), "row written after the cancellation")
	}},
}
