package storetest

import (
	"math"
	"time"

	"github.com/gdprkit/gdprkit/storage"
)

type (
	number int
	wide   int64
	flag   bool
	word   string
	blob   []byte
)

var numberCases = []testCase{
	{"numbers/every int64 comes back and compares", func(e *env) {
		nums := []int64{math.MinInt64, math.MinInt64 + 1, -1 << 53, -1, 0, 1, 1<<31 - 1, 1 << 31, 1<<53 + 1, 1<<53 + 2, math.MaxInt64 - 1, math.MaxInt64}
		for i, n := range nums {
			id := string(rune('a' + i))
			e.row(e.ctx, id, n)
			e.eq(e.num(e.ctx, id), n, "number")
		}
		for i, n := range nums {
			for c, want := range map[*storage.Select]int{numLess: i, numFrom: len(nums) - i, numEqual: 1} {
				var got int
				e.ok(e.s.Get(e.ctx, c, []any{"p", n}, &got))
				e.eq(got, want, "rows that compare so")
			}
		}
	}},
	{"numbers/times keep their microseconds", func(e *env) {
		for i, at := range []time.Time{
			time.Date(2026, 3, 29, 1, 59, 59, 999_999_000, time.UTC),
			time.Date(2026, 10, 25, 2, 30, 0, 1_000, time.FixedZone("CEST", 7200)),
			time.Date(1582, 10, 4, 0, 0, 0, 0, time.UTC),
			time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
			time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
			{},
		} {
			id := string(rune('a' + i))
			e.apply(e.ctx, insertRow.With("p", id, storage.Micros(at), "", nil, []byte{}))
			got := storage.Time(e.num(e.ctx, id))
			e.yes(got.Equal(at), "time came back: "+at.String())
			e.eq(got.Location(), time.UTC, "location")
		}
	}},
	{"numbers/named types go in and out", func(e *env) {
		e.apply(e.ctx, insertRow.With(word("p"), word("a"), number(7), word("text"), blob("bin"), blob("raw")))
		e.apply(e.ctx, insertRow.With("p", "b", wide(8), "", blob(nil), blob{}))
		e.apply(e.ctx, insertRow.With("p", "c", flag(true), "", nil, []byte{}))
		e.apply(e.ctx, insertRow.With("p", "d", false, "", nil, []byte{}))
		var n number
		var w word
		var b, r blob
		e.ok(e.s.Get(e.ctx, getNamed, []any{word("p"), word("a")}, &n, &w, &b, &r))
		e.eq([]any{n, w, b, r}, []any{number(7), word("text"), blob("bin"), blob("raw")}, "named types")
		var i int
		var x wide
		var yes, no flag
		var t, f bool
		e.ok(e.s.Get(e.ctx, getNum, []any{"p", "b"}, &i))
		e.ok(e.s.Get(e.ctx, getNum, []any{"p", "b"}, &x))
		e.ok(e.s.Get(e.ctx, getNum, []any{"p", "c"}, &yes))
		e.ok(e.s.Get(e.ctx, getNum, []any{"p", "c"}, &t))
		e.ok(e.s.Get(e.ctx, getNum, []any{"p", "d"}, &no))
		e.ok(e.s.Get(e.ctx, getNum, []any{"p", "d"}, &f))
		e.eq([]any{i, x, yes, t, no, f}, []any{8, wide(8), flag(true), true, flag(false), false}, "numbers and booleans")
	}},
	{"numbers/a destination of another kind is an error", func(e *env) {
		e.row(e.ctx, "a", 1)
		var s string
		var f float64
		var n int
		e.yes(e.s.Get(e.ctx, getNum, []any{"p", "a"}, &f) != nil, "a float is no destination")
		e.yes(e.s.Get(e.ctx, getNum, []any{"p", "a"}, &n, &s) != nil, "more destinations than columns are an error")
		e.yes(e.s.Get(e.ctx, getNum, []any{"p", "a"}) != nil, "fewer destinations than columns are an error")
		e.yes(e.s.Get(e.ctx, getBin, []any{"p", "a"}, &n, &n) != nil, "an int is no destination for bytes")
	}},
}

var (
	numLess  = &storage.Select{From: rows, Columns: []string{storage.Count}, Where: []storage.Term{{Column: "part"}, {Column: "num", Cmp: storage.Lt}}}
	numFrom  = &storage.Select{From: rows, Columns: []string{storage.Count}, Where: []storage.Term{{Column: "part"}, {Column: "num", Cmp: storage.Ge}}}
	numEqual = &storage.Select{From: rows, Columns: []string{storage.Count}, Where: storage.By("part", "num")}
	getNamed = &storage.Select{From: rows, Columns: []string{"num", "txt", "bin", "raw"}, Where: storage.By("part", "id")}
)
