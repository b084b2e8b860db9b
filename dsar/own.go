package dsar

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Export yields the desk's own records of a subject: each closed request with its
// letters and refusals. Requests
// belong in the access answer too: New registers this as the source [OwnSource].
//
// Within the work on a request, what came after its plan is left out, the request
// itself included: it would change the answer that it is part of.
func (d *Desk) Export(ctx context.Context, subject string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		for r, err := range d.rowsOf(ctx, Filter{Subject: subject}) {
			if err != nil {
				yield(nil, err)
				return
			}
			if r.state.Open() || r.closed >= planned(ctx) {
				continue
			}
			b, err := d.own(ctx, r)
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

type answering struct{}

// during returns a context for the work on r, in which the desk's own records are
// those of the time of the plan.
func during(ctx context.Context, r *row) context.Context {
	return context.WithValue(ctx, answering{}, r.planAt)
}

// planned returns the time of the plan that ctx works on, or the end of time.
func planned(ctx context.Context) int64 {
	if at, ok := ctx.Value(answering{}).(int64); ok {
		return at
	}
	return endOfTime
}

// Forget is the desk's part in an erasure of the person: it counts the files of
// requests, which stay under their own rule, since the controller must be able to
// show what it did (GDPR art. 5(2)); see [Desk.Expire] for that rule. Who received
// the data is forgotten by [Desk.Fulfil], once the recipients were told.
func (d *Desk) Forget(ctx context.Context, subject, ground string, until time.Time) (erased, kept int, err error) {
	for _, err := range d.rowsOf(ctx, Filter{Subject: subject}) {
		if err != nil {
			return 0, 0, err
		}
		kept++
	}
	return 0, kept, nil
}

var (
	closedBefore   = &storage.Select{From: schema.Request, Columns: rowColumns, Where: []storage.Term{{Column: "forgotten"}, {Column: "closed", Cmp: storage.Gt}, {Column: "closed", Cmp: storage.Lt}}, Order: []string{"closed", "id"}}
	dropLetterText = &storage.Write{Verb: storage.Update, Table: schema.RequestLetter, Set: []string{"text"}, Where: storage.By("request")}
)

// Expire erases the files of requests that were closed longer than
// Options.FileFor ago, at most [MaxBatch] per call: the key of each file is
// shredded, its contents, items and links to subjects go, and the line in the
// register stays. A file with records that still wait for their date stays too, and so
// does that of a restriction that was not lifted. Without a Shredder the sealed notes of
// the history stay as they are. Call it daily until it returns 0. It returns how many
// files were erased. After an error it goes on with other files, and returns each such
// error once at the end.
func (d *Desk) Expire(ctx context.Context, act Act) (int, error) {
	if d.store.State(ctx) != storage.Outside {
		return 0, storage.ErrInTx
	}
	before := d.now().Add(-d.o.FileFor)
	var ids []string
	for r, err := range d.scanRows(ctx, Filter{}, closedBefore, []any{0, 0, storage.Micros(before)}) {
		if err != nil {
			return 0, err
		}
		if r.lift != 0 {
			continue // its restriction has to be lifted first
		}
		if r.kind == Restriction && r.state == StateFulfilled {
			lifted, err := d.happened(ctx, r, EventLift)
			if err != nil {
				return 0, err
			}
			if !lifted {
				continue
			}
		}
		waits, err := d.deferredIn(ctx, r.id)
		if err != nil {
			return 0, err
		}
		if waits {
			continue
		}
		if ids = append(ids, r.id); len(ids) == MaxBatch {
			break
		}
	}
	n, failed := 0, troubles{}
	for _, id := range ids {
		if err := d.expire(ctx, id, act); err != nil {
			failed.add(err)
			continue
		}
		n++
	}
	return n, failed.err()
}

func (d *Desk) expire(ctx context.Context, id string, act Act) error {
	_, err := d.do(ctx, stepping{id: id, event: EventForget, act: Act{By: act.By}, code: "expired",
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			r.forgotten, r.body, r.ground = 1, nil, ""
			return []storage.Op{
				dropSubjects.With(r.id), allItems.With(r.id), bundlesOf.With(r.id), dropChallenges.With(r.id), dropLetterText.With(nil, r.id),
			}, nil
		}})
	if err != nil || d.o.Shredder == nil {
		return err
	}
	return d.o.Shredder.Shred(ctx, fileKey(id))
}

var deferredOf = &storage.Select{From: schema.RequestItem, Columns: []string{storage.Count}, Where: storage.By("request", "state")}

// deferredIn reports whether items of the request still wait for their date.
func (d *Desk) deferredIn(ctx context.Context, id string) (bool, error) {
	var n int64
	err := d.store.Get(ctx, deferredOf, []any{id, itemDeferred}, &n)
	return n > 0, err
}
