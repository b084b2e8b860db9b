package storetest

import (
	"bytes"
	"context"
	"errors"
	"reflect"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatalf("unexpected error: %v", err)
	}
}

func (e *env) is(err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Fatalf("got error %v, want %v", err, want)
	}
}

func (e *env) invalid(err error) {
	e.Helper()
	e.is(err, gdpr.ErrInvalid)
}

func (e *env) eq(got, want any, about string) {
	e.Helper()
	if !reflect.DeepEqual(got, want) {
		e.Fatalf("%s: got %#v, want %#v", about, got, want)
	}
}

func (e *env) yes(cond bool, about string) {
	e.Helper()
	if !cond {
		e.Fatalf("not so: %s", about)
	}
}

// rec is a row of table rows in clear.
type rec struct {
	part, id string
	num      int64
	txt      string
	bin, raw []byte
}

var allOfRow = []string{"part", "id", "num", "txt", "bin", "raw"}

func (r rec) args() []any { return []any{r.part, r.id, r.num, r.txt, r.bin, r.raw} }

func (r rec) same(o rec) bool {
	return r.part == o.part && r.id == o.id && r.num == o.num && r.txt == o.txt &&
		(r.bin == nil) == (o.bin == nil) && bytes.Equal(r.bin, o.bin) && bytes.Equal(r.raw, o.raw)
}

var (
	insertRow = &storage.Write{Verb: storage.Insert, Table: rows, Set: allOfRow}
	insertNew = &storage.Write{Verb: storage.InsertNew, Table: rows, Set: allOfRow}
	putNum    = &storage.Write{Verb: storage.Put, Table: rows, Set: []string{"part", "id", "num"}}
	setNum    = &storage.Write{Verb: storage.Update, Table: rows, Set: []string{"num"}, Where: storage.By("part", "id")}
	mustSet   = &storage.Write{Verb: storage.Update, Table: rows, Set: []string{"num"}, Where: storage.By("part", "id"), Must: true}
	swapNum   = &storage.Write{Verb: storage.Update, Table: rows, Set: []string{"num"}, Where: storage.By("part", "id", "num")}
	mustPart  = &storage.Write{Verb: storage.Update, Table: rows, Set: []string{"txt"}, Where: storage.By("part"), Must: true}
	setPart   = &storage.Write{Verb: storage.Update, Table: rows, Set: []string{"txt"}, Where: storage.By("part")}
	addNum    = &storage.Write{Verb: storage.Update, Table: rows, Add: []string{"num"}, Where: storage.By("part", "id")}
	addAndSet = &storage.Write{Verb: storage.Update, Table: rows, Set: []string{"txt"}, Add: []string{"num"}, Where: storage.By("part", "id")}
	deleteRow = &storage.Write{Verb: storage.Delete, Table: rows, Where: storage.By("part", "id")}
	deleteOld = &storage.Write{Verb: storage.Delete, Table: rows, Where: []storage.Term{{Column: "part"}, {Column: "num", Cmp: storage.Lt}}}

	getRow    = &storage.Select{From: rows, Columns: allOfRow, Where: storage.By("part", "id")}
	getNum    = &storage.Select{From: rows, Columns: []string{"num"}, Where: storage.By("part", "id")}
	countRows = &storage.Select{From: rows, Columns: []string{storage.Count}, Where: storage.By("part")}
	countAll  = &storage.Select{From: rows, Columns: []string{storage.Count}}
	scanPart  = &storage.Select{From: rows, Columns: []string{"id", "num"}, Where: storage.By("part"), Order: []string{"id"}}

	claimRow = &storage.Claim{Into: rows, Columns: []string{"part", "id", "num"}, Read: []string{"num", "txt", "bin", "raw"}}
)

// apply writes and expects success.
func (e *env) apply(ctx context.Context, ops ...storage.Op) []int64 {
	e.Helper()
	n, err := e.s.Apply(ctx, ops...)
	e.ok(err)
	return n
}

// row writes a row with part "p", an id and a number.
func (e *env) row(ctx context.Context, id string, num int64) {
	e.Helper()
	e.apply(ctx, insertRow.With("p", id, num, "", nil, []byte{}))
}

// num returns the number of row ("p", id), or -1 if there is none.
func (e *env) num(ctx context.Context, id string) int64 {
	e.Helper()
	n, err := readNum(ctx, e.s, id)
	e.ok(err)
	return n
}

func readNum(ctx context.Context, s storage.Store, id string) (n int64, err error) {
	err = s.Get(ctx, getNum, []any{"p", id}, &n)
	if errors.Is(err, storage.ErrNotFound) {
		return -1, nil
	}
	return n, err
}

func (e *env) count(ctx context.Context) (n int) {
	e.Helper()
	e.ok(e.s.Get(ctx, countAll, nil, &n))
	return n
}

func (e *env) get(s storage.Store, part, id string) (r rec) {
	e.Helper()
	e.ok(s.Get(e.ctx, getRow, []any{part, id}, &r.part, &r.id, &r.num, &r.txt, &r.bin, &r.raw))
	return r
}

func (e *env) inTx(f func(ctx context.Context)) {
	e.Helper()
	e.ok(e.s.InTx(e.ctx, func(ctx context.Context) error { f(ctx); return nil }))
}

// ids scans the ids of part "p".
func (e *env) ids(ctx context.Context, sel *storage.Select, args ...any) (ids []string) {
	e.Helper()
	for row, err := range e.s.Scan(ctx, sel, args) {
		e.ok(err)
		var id string
		var num int64
		e.ok(row.Scan(&id, &num))
		ids = append(ids, id)
	}
	return ids
}
