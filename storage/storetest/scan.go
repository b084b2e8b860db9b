package storetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/gdprkit/gdprkit/storage"
)

// many is more rows than any store reads in one page.
const many = 2300

var (
	byNum = &storage.Select{From: rows, Columns: []string{"id", "num"}, Where: storage.By("part"), Order: []string{"num", "id"}}
	down  = &storage.Select{From: rows, Columns: []string{"id", "num"}, Where: storage.By("part"), Order: []string{"num", "id"}, Desc: true}
	some  = &storage.Select{From: rows, Columns: []string{"id", "num"}, Where: storage.By("part"), Order: []string{"num", "id"}, Limit: 1234}
	flow  = &storage.Select{From: rows, Columns: []string{"id", "num"}, Where: storage.By("part"), Order: []string{"num", "id"}, Stream: true}
	brief = &storage.Select{From: rows, Columns: []string{"id", "num"}, Where: storage.By("part"), Order: []string{"num", "id"}, Stream: true, Limit: 7}
	paged = &storage.Select{From: rows, Columns: []string{"num", "id", "txt", "bin", "raw"}, Where: storage.By("part"), Order: []string{"num", "id"}}
	lent  = &storage.Select{From: rows, Columns: paged.Columns, Where: storage.By("part"), Order: paged.Order, Stream: true}
	whole = &storage.Select{From: rows, Columns: []string{"part", "id", "num"}, Order: []string{"part", "id"}}
	equal = &storage.Select{From: rows, Columns: []string{"id", "num"}, Where: storage.By("part", "num"), Order: []string{"num", "id"}}
	vague = &storage.Select{From: rows, Columns: []string{"id", "num"}, Where: storage.By("part"), Order: []string{"num"}}
	blind = &storage.Select{From: rows, Columns: []string{"num"}, Where: storage.By("part"), Order: []string{"num", "id"}}
)

// fill writes rows in an order that is not that of their ids; many of them share
// a number, also across the pages of a store.
func (e *env) fill(n int) (ids []string) {
	e.Helper()
	ops := make([]storage.Op, n)
	for i := range ops {
		k := (i * 1009) % n
		ops[i] = insertRow.With("p", fmt.Sprintf("%05d", k), k/700, "", nil, []byte{})
	}
	e.apply(e.ctx, ops...)
	e.apply(e.ctx, insertRow.With("q", "x", 1, "", nil, []byte{}))
	for i := range n {
		ids = append(ids, fmt.Sprintf("%05d", i))
	}
	return ids
}

var scanCases = []testCase{
	{"scan/all rows in their order", func(e *env) {
		want := e.fill(many)
		e.eq(e.ids(e.ctx, byNum, "p"), want, "rows ascending")
		e.eq(e.ids(e.ctx, scanPart, "p"), want, "rows by key")
		e.eq(e.ids(e.ctx, equal, "p", 1), want[700:1400], "rows of one number")
		e.inTx(func(ctx context.Context) {
			e.eq(e.ids(ctx, byNum, "p"), want, "rows ascending, inside")
			e.eq(e.ids(ctx, flow, "p"), want, "stream inside")
		})
		n := 0
		for row, err := range e.s.Scan(e.ctx, whole, nil) {
			e.ok(err)
			var part, id string
			var num int
			e.ok(row.Scan(&part, &id, &num))
			n++
		}
		e.eq(n, many+1, "rows of all parts")
	}},
	{"scan/descending", func(e *env) {
		want := e.fill(many)
		slices.Reverse(want)
		e.eq(e.ids(e.ctx, down, "p"), want, "rows descending")
	}},
	{"scan/limit", func(e *env) {
		want := e.fill(many)
		e.eq(e.ids(e.ctx, some, "p"), want[:1234], "rows up to a limit of some pages")
		e.eq(e.ids(e.ctx, brief, "p"), want[:7], "stream up to a limit")
	}},
	{"scan/stream", func(e *env) {
		want := e.fill(many)
		e.eq(e.ids(e.ctx, flow, "p"), want, "streamed rows")
		for range e.s.Scan(e.ctx, flow, []any{"p"}) {
			break
		}
		e.row(e.ctx, "after", 1) // nothing is held
	}},
	{"scan/lends to a Raw", func(e *env) {
		e.apply(e.ctx, insertRow.With("r", "1", 1, "one", []byte("a"), []byte("A")), insertRow.With("r", "2", 2, "", []byte{}, []byte{}),
			insertRow.With("r", "3", 3, "three", nil, allBytes()))
		for _, s := range []*storage.Select{lent, paged} {
			var got [][3]string
			for row, err := range e.s.Scan(e.ctx, s, []any{"r"}) {
				e.ok(err)
				var num int
				var id, txt, bin, raw storage.Raw
				e.ok(row.Scan(&num, &id, &txt, &bin, &raw))
				e.eq(bin == nil, num == 3, "nil lent")
				got = append(got, [3]string{string(id) + string(txt), string(bin), string(raw)})
			}
			e.eq(got, [][3]string{{"1one", "a", "A"}, {"2", "", ""}, {"3three", "", string(allBytes())}}, "values lent")
		}
		var bin, raw storage.Raw
		e.ok(e.s.Get(e.ctx, getBin, []any{"r", "1"}, &bin, &raw))
		e.eq(string(bin)+string(raw), "aA", "values of Get")
	}},
	{"scan/the loop may use the store", func(e *env) {
		want := e.fill(1200)
		n := 0
		for row, err := range e.s.Scan(e.ctx, byNum, []any{"p"}) {
			e.ok(err)
			var id string
			var num int64
			e.ok(row.Scan(&id, &num))
			if n%100 == 0 {
				e.eq(e.num(e.ctx, id), num, "row read in the loop")
				e.apply(e.ctx, setText.With("seen", "p", id))
				e.inTx(func(ctx context.Context) { e.apply(ctx, setBin.With([]byte("seen"), "p", id)) })
			}
			n++
		}
		e.eq(n, len(want), "rows")
	}},
	{"scan/the loop may use the transaction", func(e *env) {
		want := e.fill(1200)
		e.inTx(func(ctx context.Context) {
			n := 0
			for row, err := range e.s.Scan(ctx, byNum, []any{"p"}) {
				e.ok(err)
				var id string
				var num int64
				e.ok(row.Scan(&id, &num))
				if n%100 == 0 {
					e.apply(ctx, setText.With("seen", "p", id))
					e.eq(len(e.ids(ctx, equal, "p", 1)), 500, "rows of a loop within the loop")
				}
				n++
			}
			e.eq(n, len(want), "rows")
		})
	}},
	{"scan/can be left at any row", func(e *env) {
		want := e.fill(1200)
		for _, stop := range []int{1, 500, 501, 1000, 1200} {
			var got []string
			for row, err := range e.s.Scan(e.ctx, byNum, []any{"p"}) {
				e.ok(err)
				var id string
				var num int64
				e.ok(row.Scan(&id, &num))
				if got = append(got, id); len(got) == stop {
					break
				}
			}
			e.eq(got, want[:stop], "rows up to the break")
		}
		e.row(e.ctx, "after", 1)
	}},
	{"scan/ends with its context", func(e *env) {
		e.fill(many)
		ctx, cancel := context.WithCancel(e.ctx)
		defer cancel()
		n, last := 0, error(nil)
		for _, err := range e.s.Scan(ctx, byNum, []any{"p"}) {
			if n++; n == 10 {
				cancel()
			}
			last = err
		}
		e.is(last, context.Canceled)
		e.yes(n < many, "the scan ended early")
	}},
	{"scan/an error of a row is told", func(e *env) {
		e.fill(3)
		for row, err := range e.s.Scan(e.ctx, byNum, []any{"p"}) {
			e.ok(err)
			var id string
			e.yes(row.Scan(&id) != nil, "fewer destinations than columns are an error")
		}
	}},
	{"scan/an order that is not unique is refused", func(e *env) {
		e.fill(3)
		for _, sel := range []*storage.Select{vague, blind} {
			n := 0
			for _, err := range e.s.Scan(e.ctx, sel, []any{"p"}) {
				e.yes(err != nil, "a scan that could skip rows is refused")
				n++
			}
			e.eq(n, 1, "results of a refused scan")
		}
	}},
}
