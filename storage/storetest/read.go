package storetest

import (
	"fmt"

	"github.com/gdprkit/gdprkit/storage"
)

var (
	firstNum = &storage.Select{From: rows, Columns: []string{"id"}, Where: storage.By("part"), Order: []string{"num", "id"}}
	lastNum  = &storage.Select{From: rows, Columns: []string{"id"}, Where: storage.By("part"), Order: []string{"num", "id"}, Desc: true}
	lastFew  = &storage.Select{From: rows, Columns: []string{"id"}, Where: []storage.Term{{Column: "part"}, {Column: "num", Cmp: storage.Le}}, Order: []string{"num", "id"}, Desc: true, Limit: 1}
)

var readCases = []testCase{
	{"read/a row that is not there", func(e *env) {
		n := int64(7)
		e.is(e.s.Get(e.ctx, getNum, []any{"p", "a"}, &n), storage.ErrNotFound)
		e.eq(n, int64(7), "destination")
		e.eq(e.count(e.ctx), 0, "rows counted")
		e.eq(len(e.ids(e.ctx, scanPart, "p")), 0, "rows scanned")
	}},
	{"read/the first in the order", func(e *env) {
		for i, num := range []int64{5, 2, 9, 2, 9} {
			e.row(e.ctx, fmt.Sprint(i), num)
		}
		e.apply(e.ctx, insertRow.With("q", "x", -1, "", nil, []byte{}))
		for sel, want := range map[*storage.Select]string{firstNum: "1", lastNum: "4"} {
			var id string
			e.ok(e.s.Get(e.ctx, sel, []any{"p"}, &id))
			e.eq(id, want, "first row")
		}
		var id string
		e.ok(e.s.Get(e.ctx, lastFew, []any{"p", 8}, &id))
		e.eq(id, "0", "last row up to a limit")
	}},
	{"read/every comparison", func(e *env) {
		for i := range 5 {
			e.row(e.ctx, fmt.Sprint(i), int64(i))
		}
		for cmp, want := range map[storage.Cmp]int{storage.Eq: 1, storage.Ne: 4, storage.Lt: 2, storage.Le: 3, storage.Gt: 2, storage.Ge: 3} {
			var byNum, byID, both int
			e.ok(e.s.Get(e.ctx, compared[cmp][0], []any{2}, &byNum))
			e.ok(e.s.Get(e.ctx, compared[cmp][1], []any{"2"}, &byID))
			e.ok(e.s.Get(e.ctx, compared[cmp][2], []any{"p", "2", 2}, &both))
			e.eq([]int{byNum, byID, both}, []int{want, want, want}, fmt.Sprintf("rows by comparison %d", cmp))
		}
	}},
	{"read/counting honours the conditions", func(e *env) {
		for i := range 1500 {
			e.apply(e.ctx, insertRow.With([]string{"p", "q", "p"}[i%3], fmt.Sprint(i), i, "", nil, []byte{}))
		}
		var n int
		e.ok(e.s.Get(e.ctx, countRows, []any{"p"}, &n))
		e.eq(n, 1000, "rows of a part")
		e.eq(e.count(e.ctx), 1500, "all rows")
	}},
	{"read/a range has two ends", func(e *env) {
		for i := range 10 {
			e.row(e.ctx, fmt.Sprint(i), int64(i))
		}
		e.eq(e.ids(e.ctx, between, "p", 3, 6), []string{"3", "4", "5"}, "rows of a range")
		e.eq(len(e.ids(e.ctx, between, "p", 6, 3)), 0, "rows of an empty range")
	}},
}

var between = &storage.Select{
	From: rows, Columns: []string{"id", "num"}, Order: []string{"num", "id"},
	Where: []storage.Term{{Column: "part"}, {Column: "num", Cmp: storage.Ge}, {Column: "num", Cmp: storage.Lt}},
}

var compared = func() (out [6][3]*storage.Select) {
	count := func(terms ...storage.Term) *storage.Select {
		return &storage.Select{From: rows, Columns: []string{storage.Count}, Where: terms}
	}
	for cmp := storage.Eq; cmp <= storage.Ge; cmp++ {
		out[cmp][0] = count(storage.Term{Column: "num", Cmp: cmp})
		out[cmp][1] = count(storage.Term{Column: "id", Cmp: cmp})
		out[cmp][2] = count(storage.Term{Column: "part"}, storage.Term{Column: "id", Cmp: cmp}, storage.Term{Column: "num", Cmp: cmp})
	}
	return out
}()
