package storetest

import "github.com/gdprkit/gdprkit/storage"

var countCases = []testCase{
	{"counts/one number for each run of the same shape", func(e *env) {
		n := e.apply(e.ctx,
			insertRow.With("p", "a", 1, "", nil, []byte{}),
			insertRow.With("p", "b", 1, "", nil, []byte{}),
			insertNew.With("p", "b", 1, "", nil, []byte{}),
			insertNew.With("p", "c", 1, "", nil, []byte{}),
			insertNew.With("p", "c", 1, "", nil, []byte{}),
			setNum.With(2, "p", "a"),
			setNum.With(3, "p", "a"),
			setNum.With(2, "p", "missing"),
			setPart.With("x", "p"),
			setNum.With(4, "p", "a"),
			deleteRow.With("p", "a"),
			deleteRow.With("p", "missing"),
		)
		e.eq(n, []int64{2, 1, 2, 3, 1, 1}, "rows affected")
	}},
	{"counts/shapes are told apart by their address", func(e *env) {
		twin := *insertRow
		n := e.apply(e.ctx,
			insertRow.With("p", "a", 1, "", nil, []byte{}),
			twin.With("p", "b", 1, "", nil, []byte{}),
			insertRow.With("p", "c", 1, "", nil, []byte{}),
		)
		e.eq(n, []int64{1, 1, 1}, "rows affected")
	}},
	{"counts/insert-new tells what was new", func(e *env) {
		op := func(id string) storage.Op { return insertNew.With("p", id, 1, "", nil, []byte{}) }
		e.eq(e.apply(e.ctx, op("a")), []int64{1}, "first")
		e.eq(e.apply(e.ctx, op("a")), []int64{0}, "again")
		e.eq(e.apply(e.ctx, op("a"), op("b"), op("b"), op("c")), []int64{2}, "two of four are new")
	}},
}
