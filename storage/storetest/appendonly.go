package storetest

import (
	"context"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	addEntry    = &storage.Write{Verb: storage.Insert, Table: entries, Set: []string{"id", "subject", "note"}}
	newEntry    = &storage.Write{Verb: storage.InsertNew, Table: entries, Set: []string{"id", "subject", "note"}}
	putEntry    = &storage.Write{Verb: storage.Put, Table: entries, Set: []string{"id", "subject", "note"}}
	setEntry    = &storage.Write{Verb: storage.Update, Table: entries, Set: []string{"note"}, Where: storage.By("id")}
	deleteEntry = &storage.Write{Verb: storage.Delete, Table: entries, Where: storage.By("subject")}
	clearAll    = &storage.Write{Verb: storage.Delete, Table: entries, Where: []storage.Term{{Column: "id", Cmp: storage.Ge}}}
	scanEntries = &storage.Select{From: entries, Columns: []string{"id", "note"}, Order: []string{"id"}}

	permit = &storage.Write{Verb: storage.Insert, Table: schema.Permit, Set: []string{"subject"}}
	revoke = &storage.Write{Verb: storage.Delete, Table: schema.Permit, Where: storage.By("subject")}
)

func (e *env) entries() (notes []string) {
	e.Helper()
	for row, err := range e.s.Scan(e.ctx, scanEntries, nil) {
		e.ok(err)
		var id int
		var note string
		e.ok(row.Scan(&id, &note))
		notes = append(notes, note)
	}
	return notes
}

func (e *env) fillEntries() {
	e.Helper()
	e.apply(e.ctx, addEntry.With(1, "ann", "a1"), addEntry.With(2, "bob", "b1"), addEntry.With(3, "ann", "a2"))
}

// refused applies operations, outside and inside a transaction, and expects that
// nothing comes of it.
func (e *env) refused(about string, ops ...storage.Op) {
	e.Helper()
	_, err := e.s.Apply(e.ctx, ops...)
	e.yes(err != nil, about+" is refused")
	err = e.s.InTx(e.ctx, func(ctx context.Context) error {
		_, err := e.s.Apply(ctx, ops...)
		return err
	})
	e.yes(err != nil, about+" is refused inside a transaction")
	e.eq(e.entries(), []string{"a1", "b1", "a2"}, "entries")
}

var appendOnlyCases = []testCase{
	{"append-only/takes new rows", func(e *env) {
		e.fillEntries()
		e.eq(e.apply(e.ctx, newEntry.With(3, "ann", "again"), newEntry.With(4, "ann", "a3")), []int64{1}, "rows inserted")
		e.eq(e.entries(), []string{"a1", "b1", "a2", "a3"}, "entries")
	}},
	{"append-only/refuses changes", func(e *env) {
		e.fillEntries()
		e.refused("an update", setEntry.With("forged", 1))
		e.refused("a put over a row", putEntry.With(1, "ann", "forged"))
		e.refused("an update with a permit", permit.With("ann"), setEntry.With("forged", 1), revoke.With("ann"))
	}},
	{"append-only/refuses deletion without a permit", func(e *env) {
		e.fillEntries()
		e.refused("a deletion", deleteEntry.With("ann"))
		e.refused("a deletion with the permit of another", permit.With("bob"), deleteEntry.With("ann"), revoke.With("bob"))
		e.refused("a deletion of all with one permit", permit.With("ann"), clearAll.With(0), revoke.With("ann"))
		e.refused("a deletion after the permit was revoked", permit.With("ann"), revoke.With("ann"), deleteEntry.With("ann"))
		_, err := e.other().Apply(e.ctx, permit.With("ann"))
		e.ok(err)
		e.refused("a deletion with a permit of another tenant", deleteEntry.With("ann"))
		_, err = e.other().Apply(e.ctx, revoke.With("ann"))
		e.ok(err)
	}},
	{"append-only/deletes a subject with a permit", func(e *env) {
		e.fillEntries()
		e.eq(e.apply(e.ctx, permit.With("ann"), deleteEntry.With("ann"), revoke.With("ann")), []int64{1, 2, 1}, "rows affected")
		e.eq(e.entries(), []string{"b1"}, "entries")
		e.apply(e.ctx, addEntry.With(5, "ann", "later"))
		_, err := e.s.Apply(e.ctx, deleteEntry.With("ann"))
		e.yes(err != nil, "the permit is gone")
		e.inTx(func(ctx context.Context) {
			e.apply(ctx, permit.With("bob"), permit.With("ann"))
			e.apply(ctx, deleteEntry.With("ann"))
			e.apply(ctx, revoke.With("bob"), revoke.With("ann"))
		})
		e.eq(e.entries(), []string{"b1"}, "entries")
	}},
}
