package storetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/gdprkit/gdprkit/storage"
)

var writeCases = []testCase{
	{"write/insert refuses a second row", func(e *env) {
		e.row(e.ctx, "a", 1)
		_, err := e.s.Apply(e.ctx, insertRow.With("p", "a", 2, "", nil, []byte{}))
		e.is(err, storage.ErrDuplicate)
		e.eq(e.num(e.ctx, "a"), int64(1), "first row")
		_, err = e.s.Apply(e.ctx, addUnique.With(1, "x", nil))
		e.ok(err)
		_, err = e.s.Apply(e.ctx, addUnique.With(2, "x", nil))
		e.is(err, storage.ErrDuplicate)
	}},
	{"write/insert gives zero values to the rest", func(e *env) {
		e.apply(e.ctx, insertPart.With("p", "a"))
		e.yes(e.get(e.s, "p", "a").same(rec{part: "p", id: "a"}), "zero values")
	}},
	{"write/insert-new does nothing to a row that is there", func(e *env) {
		e.inTx(func(ctx context.Context) {
			again := insertNew.With("p", "a", 2, "second", nil, []byte{})
			e.eq(e.apply(ctx, insertNew.With("p", "a", 1, "first", nil, []byte{})), []int64{1}, "rows inserted first")
			e.eq(e.apply(ctx, again), []int64{0}, "rows inserted again")
			e.eq(e.num(ctx, "a"), int64(1), "first row")
			e.row(ctx, "b", 1) // the transaction lives
		})
		e.eq(e.get(e.s, "p", "a").txt, "first", "first row")
		n, err := e.s.Apply(e.ctx, newUnique.With(1, "x", nil), newUnique.With(2, "x", nil), newUnique.With(1, "y", nil), newUnique.With(3, "z", nil))
		e.ok(err)
		e.eq(n, []int64{2}, "rows inserted, two of four being met by a constraint")
		var id int
		e.is(e.s.Get(e.ctx, uniqueBy, []any{"y"}, &id), storage.ErrNotFound)
	}},
	{"write/put inserts or replaces the given columns only", func(e *env) {
		e.apply(e.ctx, putNum.With("p", "new", 1))
		e.yes(e.get(e.s, "p", "new").same(rec{part: "p", id: "new", num: 1}), "new row")
		e.apply(e.ctx, insertRow.With("p", "old", 1, "kept", []byte("kept"), []byte("kept")))
		e.apply(e.ctx, putNum.With("p", "old", 2), putNum.With("p", "more", 3), putNum.With("p", "more", 4))
		want := rec{"p", "old", 2, "kept", []byte("kept"), []byte("kept")}
		e.yes(e.get(e.s, "p", "old").same(want), "row that was there keeps its other columns")
		e.eq(e.num(e.ctx, "more"), int64(4), "row that was put twice in a step")
	}},
	{"write/update changes the rows that match", func(e *env) {
		for i := range 4 {
			e.apply(e.ctx, insertRow.With([]string{"p", "q"}[i/2], fmt.Sprint(i), i, "", []byte("b"), []byte("r")))
		}
		e.eq(e.apply(e.ctx, setPart.With("new", "p")), []int64{2}, "rows updated")
		for i := range 4 {
			r := e.get(e.s, []string{"p", "q"}[i/2], fmt.Sprint(i))
			want := rec{[]string{"p", "q"}[i/2], fmt.Sprint(i), int64(i), []string{"new", ""}[i/2], []byte("b"), []byte("r")}
			e.yes(r.same(want), "row "+r.id)
		}
		e.eq(e.apply(e.ctx, swapNum.With(9, "p", "1", 1)), []int64{1}, "rows of a compare-and-set that fits")
		e.eq(e.apply(e.ctx, swapNum.With(8, "p", "1", 1)), []int64{0}, "rows of a compare-and-set that does not fit")
		e.eq(e.num(e.ctx, "1"), int64(9), "row after both")
		e.eq(e.apply(e.ctx, setPart.With("x", "none")), []int64{0}, "rows of a condition that nothing meets")
	}},
	{"write/add increases", func(e *env) {
		e.row(e.ctx, "a", 10)
		e.apply(e.ctx, addNum.With(5, "p", "a"), addNum.With(-20, "p", "a"), addNum.With(1, "p", "a"))
		e.eq(e.num(e.ctx, "a"), int64(-4), "sum")
		e.apply(e.ctx, addAndSet.With("text", 4, "p", "a"))
		e.yes(e.get(e.s, "p", "a").same(rec{part: "p", id: "a", txt: "text"}), "sum and text")
	}},
	{"write/delete removes the rows that match", func(e *env) {
		for i := range 6 {
			e.row(e.ctx, fmt.Sprint(i), int64(i))
		}
		e.apply(e.ctx, insertRow.With("q", "0", 0, "", nil, []byte{}))
		e.eq(e.apply(e.ctx, deleteOld.With("p", 2)), []int64{2}, "rows deleted by a range")
		e.eq(e.apply(e.ctx, deleteRow.With("p", "3"), deleteRow.With("p", "3"), deleteRow.With("p", "4")), []int64{2}, "rows deleted by key")
		e.eq(e.ids(e.ctx, scanPart, "p"), []string{"2", "5"}, "rows left")
		e.eq(e.count(e.ctx), 3, "rows left in all parts")
	}},
	{"write/must asks for exactly one row", func(e *env) {
		e.row(e.ctx, "a", 1)
		e.row(e.ctx, "b", 1)
		e.apply(e.ctx, mustSet.With(2, "p", "a"))
		for _, op := range []storage.Op{mustSet.With(3, "p", "missing"), mustPart.With("two", "p"), mustDelete.With("p", "missing")} {
			_, err := e.s.Apply(e.ctx, setNum.With(9, "p", "b"), op)
			e.is(err, storage.ErrStale)
			e.is(e.s.InTx(e.ctx, func(ctx context.Context) error {
				_, err := e.s.Apply(ctx, setNum.With(9, "p", "b"), op)
				return err
			}), storage.ErrStale)
		}
		_, err := e.s.Apply(e.ctx, mustSet.With(4, "p", "a"), mustSet.With(4, "p", "missing"))
		e.is(err, storage.ErrStale)
		e.eq(e.num(e.ctx, "a"), int64(2), "row of the only step that fitted")
		e.eq(e.num(e.ctx, "b"), int64(1), "row of the steps that did not")
		e.eq(e.get(e.s, "p", "b").txt, "", "row of the steps that did not")
	}},
	{"write/operations happen in their order", func(e *env) {
		e.eq(e.apply(e.ctx,
			insertRow.With("p", "a", 1, "first", nil, []byte{}),
			setNum.With(2, "p", "a"),
			deleteRow.With("p", "a"),
			insertRow.With("p", "a", 3, "second", nil, []byte{}),
			addNum.With(4, "p", "a"),
		), []int64{1, 1, 1, 1, 1}, "counts")
		e.yes(e.get(e.s, "p", "a").same(rec{part: "p", id: "a", num: 7, txt: "second"}), "row after all")
	}},
	{"write/a step of thousands", func(e *env) {
		const n = 6000
		var ops []storage.Op
		for i := range n {
			ops = append(ops, insertRow.With("p", fmt.Sprintf("%05d", i), i, "t", []byte("b"), []byte("r")))
		}
		e.eq(e.apply(e.ctx, ops...), []int64{n}, "rows inserted")
		e.eq(e.count(e.ctx), n, "rows")
		for _, i := range []int{0, 1, 999, 1000, 1001, n / 2, n - 1} {
			e.eq(e.num(e.ctx, fmt.Sprintf("%05d", i)), int64(i), "row of the step")
		}
		ops = append(ops[:0], deleteOld.With("p", n), insertRow.With("q", "last", 1, "", nil, []byte{}))
		e.eq(e.apply(e.ctx, ops...), []int64{n, 1}, "rows deleted and inserted")
	}},
	{"write/many keys deleted at once", func(e *env) {
		ids := slices.Clone(nasty[:len(nasty)-1])
		for i := range 1200 {
			ids = append(ids, fmt.Sprintf("%05d", i))
		}
		var rows, blobs, drop, dropBlobs []storage.Op
		for i, id := range ids {
			rows = append(rows, insertRow.With("p", id, i, "", nil, []byte{}), insertRow.With(`"p"`, id, i, "", nil, []byte{}))
			drop = append(drop, deleteRow.With("p", id))
			if i < 256 {
				ref := []byte{byte(i), '\\', byte(i)}[:i%4]
				ref = append(ref, byte(i))
				blobs = append(blobs, addBlob.With(ref, i))
				dropBlobs = append(dropBlobs, dropBlob.With(ref))
			}
		}
		for _, s := range []storage.Store{e.s, e.other()} {
			_, err := s.Apply(e.ctx, slices.Concat(rows, blobs)...)
			e.ok(err)
		}
		drop = append(drop, drop[:20]...) // gone by then
		drop = append(drop, deleteRow.With("p", "missing"), deleteRow.With("'p'", ids[0]))
		e.eq(e.apply(e.ctx, slices.Concat(dropBlobs[:200], drop)...), []int64{200, int64(len(ids))}, "rows deleted")
		e.eq(e.count(e.ctx), len(ids), "rows of the other part")
		e.eq(e.apply(e.ctx, dropBlobs...), []int64{56}, "rows left")
		n, err := e.other().Apply(e.ctx, slices.Concat(dropBlobs, drop)...)
		e.ok(err)
		e.eq(n, []int64{256, int64(len(ids))}, "rows of the other tenant")
	}},
	{"write/nothing to do", func(e *env) {
		n, err := e.s.Apply(e.ctx)
		e.ok(err)
		e.eq(len(n), 0, "counts")
	}},
}

var (
	insertPart = &storage.Write{Verb: storage.Insert, Table: rows, Set: []string{"part", "id"}}
	mustDelete = &storage.Write{Verb: storage.Delete, Table: rows, Where: storage.By("part", "id"), Must: true}
)
