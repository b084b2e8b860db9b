package storetest

import (
	"context"
	"errors"

	"github.com/gdprkit/gdprkit/storage"
)

// host begins a transaction of the host's own.
func (e *env) host() (ctx context.Context, commit, rollback func() error) {
	e.Helper()
	if e.f.Host == nil {
		e.Skip("the store joins no transactions of a host")
	}
	return e.f.Host(e.TB, e.dir)
}

var hostCases = []testCase{
	{"host/commit and rollback decide", func(e *env) {
		ctx, _, rollback := e.host()
		e.eq(e.s.State(ctx), storage.Joined, "state")
		e.yes(!storage.AfterCommit(ctx, func() {}), "nobody sees the commit of a host")
		e.row(ctx, "a", 1)
		e.ok(e.s.InTx(ctx, func(ctx context.Context) error {
			e.eq(e.s.State(ctx), storage.Joined, "state in a nested transaction")
			e.row(ctx, "b", 1)
			return nil
		}))
		e.eq(e.num(ctx, "b"), int64(1), "own row")
		e.ok(rollback())
		e.eq(e.count(e.ctx), 0, "rows of a host that rolled back")

		ctx, commit, _ := e.host()
		e.row(ctx, "c", 1)
		e.ok(commit())
		e.eq(e.ids(e.ctx, scanPart, "p"), []string{"c"}, "rows of a host that committed")
	}},
	{"host/a swallowed error of a step does not commit half of it", func(e *env) {
		for _, id := range []string{"a", "b"} {
			e.row(e.ctx, id, 1)
		}
		steps := map[string]func(context.Context) error{
			"InTx": func(ctx context.Context) error {
				return e.s.InTx(ctx, func(ctx context.Context) error {
					e.apply(ctx, setNum.With(2, "p", "a"))
					return errHost
				})
			},
			"Apply": func(ctx context.Context) error {
				_, err := e.s.Apply(ctx, setNum.With(2, "p", "a"), mustSet.With(2, "p", "missing"))
				return err
			},
		}
		for name, step := range steps {
			ctx, commit, rollback := e.host()
			e.yes(step(ctx) != nil, name+" fails")
			_, err := e.s.Apply(ctx, setNum.With(5, "p", "b"))
			if !errors.Is(err, storage.ErrTxFailed) {
				e.ok(err)
			}
			if commit() != nil {
				_ = rollback()
			}
			e.eq(e.num(e.ctx, "a"), int64(1), "row of the failed "+name)
			e.yes(err != nil || e.num(e.ctx, "b") == 5 || e.num(e.ctx, "b") == 1, "the rest is whole")
			e.apply(e.ctx, setNum.With(6, "p", "b"), setNum.With(1, "p", "b"))
		}
	}},
	{"host/locks are kept until the host ends", func(e *env) {
		ctx, commit, _ := e.host()
		var n int64
		e.ok(e.s.Claim(ctx, claimNum, []any{"p", "a"}, &n))
		e.apply(ctx, setNum.With(7, "p", "a"))
		e.ok(commit())
		e.eq(e.num(e.ctx, "a"), int64(7), "row that was claimed")
	}},
}
