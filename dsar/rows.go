package dsar

import (
	"context"
	"errors"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	requestByID  = &storage.Select{From: schema.Request, Columns: rowColumns, Where: storage.By("id"), Mode: storage.Current}
	lockRequest  = &storage.Claim{Into: schema.Request, Columns: []string{"id"}, Read: rowColumns}
	insertReq    = &storage.Write{Verb: storage.Insert, Table: schema.Request, Set: rowColumns}
	updateReq    = &storage.Write{Verb: storage.Update, Table: schema.Request, Set: rowColumns, Where: storage.By("id"), Must: true}
	subjectsOf   = &storage.Select{From: schema.RequestSubject, Columns: []string{"subject"}, Where: storage.By("request"), Order: []string{"subject"}}
	requestsOf   = &storage.Select{From: schema.RequestSubject, Columns: []string{"request"}, Where: storage.By("subject"), Order: []string{"request"}}
	linkSubject  = &storage.Write{Verb: storage.InsertNew, Table: schema.RequestSubject, Set: []string{"request", "subject", "at"}}
	dropSubjects = &storage.Write{Verb: storage.Delete, Table: schema.RequestSubject, Where: storage.By("request")}

	eventColumns = []string{"request", "n", "subject", "at", "event", "state", "actor", "code", "due", "key", "hash", "note"}
	insertEvent  = &storage.Write{Verb: storage.InsertNew, Table: schema.RequestEvent, Set: eventColumns}
	eventByKey   = &storage.Select{From: schema.RequestEvent, Columns: []string{"request", "hash"}, Where: storage.By("key"), Mode: storage.Current}
	eventsOf     = &storage.Select{From: schema.RequestEvent, Columns: []string{"n", "at", "event", "state", "actor", "code", "due", "key", "note"}, Where: storage.By("request"), Order: []string{"n"}}
)

// load reads a request with its subjects.
func (d *Desk) load(ctx context.Context, id string) (*row, error) {
	if len(id) != 36 {
		return nil, ErrNoRequest
	}
	r := new(row)
	err := d.store.Get(ctx, requestByID, []any{id}, r.pointers()...)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ErrNoRequest
	}
	if err != nil {
		return nil, err
	}
	return r, d.loadSubjects(ctx, r)
}

// lock reads a request that exists and locks it to the end of the transaction.
func (d *Desk) lock(ctx context.Context, id string) (*row, error) {
	r := new(row)
	if err := d.store.Claim(ctx, lockRequest, []any{id}, r.pointers()...); err != nil {
		return nil, err
	}
	return r, d.loadSubjects(ctx, r)
}

func (d *Desk) loadSubjects(ctx context.Context, r *row) error {
	r.subject, r.subjects = "", nil
	for rec, err := range d.store.Scan(ctx, subjectsOf, []any{r.id}) {
		if err != nil {
			return err
		}
		var s string
		if err := rec.Scan(&s); err != nil {
			return err
		}
		r.subjects = append(r.subjects, s)
	}
	if len(r.subjects) > 0 {
		r.subject = r.subjects[0]
	}
	return nil
}

// Get returns the present state of a request.
func (d *Desk) Get(ctx context.Context, id string) (*Request, error) {
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	return d.view(r), nil
}
