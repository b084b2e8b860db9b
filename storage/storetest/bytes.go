package storetest

import (
	"bytes"
	"context"
	"errors"

	"github.com/gdprkit/gdprkit/storage"
)

var (
	addBlob   = &storage.Write{Verb: storage.Insert, Table: blobs, Set: []string{"ref", "num"}}
	newBlob   = &storage.Write{Verb: storage.InsertNew, Table: blobs, Set: []string{"ref", "num"}}
	blobNum   = &storage.Select{From: blobs, Columns: []string{"num"}, Where: storage.By("ref")}
	blobOrder = &storage.Select{From: blobs, Columns: []string{"ref"}, Order: []string{"ref"}}
	blobAbove = &storage.Select{From: blobs, Columns: []string{"ref"}, Where: []storage.Term{{Column: "ref", Cmp: storage.Gt}}, Order: []string{"ref"}, Limit: 1}
	setBin    = &storage.Write{Verb: storage.Update, Table: rows, Set: []string{"bin"}, Where: storage.By("part", "id")}
	setText   = &storage.Write{Verb: storage.Update, Table: rows, Set: []string{"txt"}, Where: storage.By("part", "id")}
	byBin     = &storage.Select{From: rows, Columns: []string{storage.Count}, Where: []storage.Term{{Column: "bin", Cmp: storage.Ne}}}
	getBin    = &storage.Select{From: rows, Columns: []string{"bin", "raw"}, Where: storage.By("part", "id")}
)

func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

var bytesCases = []testCase{
	{"bytes/nil and empty differ where nil is allowed", func(e *env) {
		e.apply(e.ctx, insertRow.With("p", "nil", 1, "", nil, []byte{}))
		e.apply(e.ctx, insertRow.With("p", "typed", 1, "", []byte(nil), []byte(nil)))
		e.apply(e.ctx, insertRow.With("p", "empty", 1, "", []byte{}, []byte{}))
		e.apply(e.ctx, putNum.With("p", "left out", 1))
		for id, want := range map[string]bool{"nil": true, "typed": true, "empty": false, "left out": true} {
			r := e.get(e.s, "p", id)
			e.eq(r.bin == nil, want, "nil of row "+id)
			e.eq(len(r.bin), 0, "length of row "+id)
			e.yes(r.raw != nil && len(r.raw) == 0, "a column without Null is empty, not nil, in row "+id)
		}
		e.apply(e.ctx, setBin.With([]byte{}, "p", "nil"), setBin.With(nil, "p", "empty"))
		e.yes(e.get(e.s, "p", "nil").bin != nil, "nil can be replaced by empty")
		e.yes(e.get(e.s, "p", "empty").bin == nil, "empty can be replaced by nil")
	}},
	{"bytes/nil meets no condition", func(e *env) {
		e.apply(e.ctx, insertRow.With("p", "nil", 1, "", nil, []byte{}))
		e.apply(e.ctx, insertRow.With("p", "x", 1, "", []byte("x"), []byte{}))
		var n int
		e.ok(e.s.Get(e.ctx, byBin, []any{[]byte("y")}, &n))
		e.eq(n, 1, "rows whose bytes differ from y")
	}},
	{"bytes/nil is refused elsewhere", func(e *env) {
		for _, op := range []storage.Op{
			insertRow.With("p", "a", 1, "", nil, nil),
			insertRow.With("p", "a", 1, nil, nil, []byte{}),
			insertRow.With("p", "a", nil, "", nil, []byte{}),
			insertRow.With("p", nil, 1, "", nil, []byte{}),
			deleteRow.With("p", nil),
		} {
			_, err := e.s.Apply(e.ctx, op)
			e.invalid(err)
		}
		var n int
		e.invalid(e.s.Get(e.ctx, byBin, []any{nil}, &n))
		e.eq(e.count(e.ctx), 0, "rows")
	}},
	{"bytes/arguments of another kind are refused", func(e *env) {
		for _, op := range []storage.Op{
			insertRow.With("p", "a", "1", "", nil, []byte{}),
			insertRow.With("p", "a", 1, []byte("t"), nil, []byte{}),
			insertRow.With("p", "a", 1, "", "b", []byte{}),
			insertRow.With("p", "a", 1.5, "", nil, []byte{}),
			insertRow.With("p", "a", 1, 7, nil, []byte{}),
		} {
			_, err := e.s.Apply(e.ctx, op)
			e.invalid(err)
		}
		_, err := e.s.Apply(e.ctx, insertRow.With("p", "a"))
		e.yes(err != nil, "too few arguments are refused")
		e.eq(e.count(e.ctx), 0, "rows")
	}},
	{"bytes/every byte and a mebibyte come back", func(e *env) {
		big := bytes.Repeat([]byte("0\x00'\xff\\\n:"), 1<<17)
		for id, b := range map[string][]byte{"all": allBytes(), "big": big} {
			want := rec{"p", id, 1, "", b, b}
			e.apply(e.ctx, insertRow.With(want.args()...))
			e.yes(e.get(e.s, "p", id).same(want), "row "+id+" came back as it was")
		}
	}},
	{"bytes/are copied in and out", func(e *env) {
		in := []byte("before")
		e.apply(e.ctx, insertRow.With("p", "a", 1, "", in, in))
		copy(in, "change")
		r := e.get(e.s, "p", "a")
		e.eq(string(r.bin), "before", "row after its argument was changed")
		copy(r.bin, "change")
		copy(r.raw, "change")
		e.eq(string(e.get(e.s, "p", "a").bin), "before", "row after a result was changed")
		e.eq(string(e.get(e.s, "p", "a").raw), "before", "row after a result was changed")
	}},
	{"bytes/sort and compare byte by byte", func(e *env) {
		want := [][]byte{{}, {0}, {0, 0}, {0, 1}, {1}, []byte("A"), []byte("a"), []byte("a "), {0x7f}, {0x80}, {0xff}, {0xff, 0}}
		for i := range want {
			j := (i * 5) % len(want)
			e.apply(e.ctx, addBlob.With(want[j], j))
		}
		i := 0
		for row, err := range e.s.Scan(e.ctx, blobOrder, nil) {
			e.ok(err)
			var ref []byte
			e.ok(row.Scan(&ref))
			e.eq(ref, want[i], "bytes in order")
			i++
		}
		e.eq(i, len(want), "number of rows")
		for i, ref := range want {
			var n int
			e.ok(e.s.Get(e.ctx, blobNum, []any{ref}, &n))
			e.eq(n, i, "row by its bytes")
			var next []byte
			if err := e.s.Get(e.ctx, blobAbove, []any{ref}, &next); !errors.Is(err, storage.ErrNotFound) {
				e.ok(err)
				e.eq(next, want[i+1], "next row")
			}
		}
	}},
	{"bytes/too long is refused, never cut", func(e *env) {
		_, err := e.s.Apply(e.ctx, addBlob.With(make([]byte, 65), 1))
		e.invalid(err)
		e.apply(e.ctx, addBlob.With(make([]byte, 64), 1))
		var n int
		e.is(e.s.Get(e.ctx, blobNum, []any{make([]byte, 63)}, &n), storage.ErrNotFound)
	}},
	{"bytes/rows with nil meet no unique constraint", func(e *env) {
		e.inTx(func(ctx context.Context) {
			e.eq(e.apply(ctx, newUnique.With(1, "a", nil), newUnique.With(2, "b", nil), newUnique.With(3, "c", []byte("x")),
				newUnique.With(4, "d", []byte("x")), newUnique.With(5, "e", []byte{}), newUnique.With(6, "f", []byte{})),
				[]int64{4}, "rows inserted")
		})
	}},
}
