package dsar

import (
	"context"
	"errors"
	"slices"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	deferredDue = &storage.Select{From: schema.RequestItem, Columns: itemColumns,
		Where: []storage.Term{{Column: "state"}, {Column: "again", Cmp: storage.Le}}, Order: []string{"again", "request", "plan", "n"}}
	countRest = &storage.Select{From: schema.RequestItem, Columns: []string{storage.Count},
		Where: []storage.Term{{Column: "state"}, {Column: "again", Cmp: storage.Le}}}
)

// Backlog returns how many kept records have reached the date on which they can go,
// or on which they are asked about again.
func (d *Desk) Backlog(ctx context.Context) (int, error) {
	var n int64
	err := d.store.Get(ctx, countRest, []any{itemDeferred, storage.Micros(d.now())}, &n)
	return int(n), err
}

// Rest erases what an earlier erasure had to leave for a duty or a claim, once its
// date is reached, or, where there was no date, once a hold is released (asked
// every 30 days): some [MaxBatch] records per call, each asked of the Keeper
// again. It must not run inside a transaction; call it from the host's daily work
// until it returns 0. It returns how many records were settled. After an error it goes
// on with other requests and sources, and returns each such error once at the end.
func (d *Desk) Rest(ctx context.Context, act Act) (int, error) {
	if d.store.State(ctx) != storage.Outside {
		return 0, storage.ErrInTx
	}
	if err := d.checkAct(&act); err != nil {
		return 0, err
	}
	settled, failed := 0, troubles{}
	var due []item // of one request, source and subject
	flush := func() {
		if len(due) > 0 && !failed.hangs(due[0].source) {
			n, err := d.restOf(ctx, due, act)
			settled += n
			failed.add(err)
		}
		due = nil // a source that hangs may still have the old ones
	}
	for rec, err := range d.store.Scan(ctx, deferredDue, []any{itemDeferred, storage.Micros(d.now())}) {
		var i item
		if err == nil {
			err = rec.Scan(i.pointers()...)
		}
		if err != nil {
			failed.add(err)
			break
		}
		if len(due) == MaxBatch || len(due) > 0 && (due[0].request != i.request || due[0].source != i.source || due[0].subject != i.subject) {
			flush()
		}
		if settled >= MaxBatch || ctx.Err() != nil {
			break
		}
		due = append(due, i)
	}
	flush()
	return settled, failed.err()
}

// troubles are the errors of work that goes on after one.
type troubles []error

// add notes an error that says something new.
func (t *troubles) add(err error) {
	if err != nil && !slices.ContainsFunc(*t, func(had error) bool { return had.Error() == err.Error() }) {
		*t = append(*t, err)
	}
}

// hangs reports whether a source ran out of its time, which it would do each time.
func (t troubles) hangs(source string) bool {
	return slices.ContainsFunc(t, func(err error) bool {
		var se *SourceError
		return errors.As(err, &se) && se.Source == source && se.Fault == FaultTimeout
	})
}

// err returns the error if there is one, or all joined.
func (t troubles) err() error {
	if len(t) == 1 {
		return t[0]
	}
	return errors.Join(t...)
}

// restOf erases records of one request, source and subject.
func (d *Desk) restOf(ctx context.Context, b []item, act Act) (int, error) {
	r, err := d.load(ctx, b[0].request)
	if err != nil {
		return 0, err
	}
	if _, _, ok := next(r.state, EventRest); !ok {
		return 0, nil // it is not answered yet, so they wait for the answer
	}
	f, err := d.file(ctx, r)
	if err != nil {
		return 0, err
	}
	s := d.byName[b[0].source]
	if s == nil {
		return 0, invalid("Options.Sources", "lacks %s, in which records of an erasure wait", b[0].source)
	}
	w := &worker{d: d, r: r, f: f}
	batch := slices.Clone(b)
	for n := range batch {
		i := &batch[n]
		i.action, i.kind, i.ground, i.until, i.again, i.fields, i.state, i.outcome = ActErase, "", r.ground, 0, 0, "", itemPlanned, ""
		sec, fields := d.section(i), f.Scope.Fields // a source refuses fields that it has no more
		if sec != nil {
			if here := selected(sec, fields); len(here) > 0 {
				fields = here
			}
		}
		if len(fields) > 0 || sec != nil && sec.InPlace {
			i.action, i.fields = ActMask, encodeFields(fields)
		}
	}
	settle := func(ctx context.Context) error {
		if err := w.settle(ctx, s.Name(), batch); err != nil {
			return err
		}
		return w.unblock(ctx, b, batch)
	}
	err = d.guarded(ctx, s, func(ctx context.Context) error {
		if w.remote(s.Name()) {
			if err := w.eraseBatch(ctx, s, batch); err != nil {
				return err
			}
			return d.store.InTx(ctx, settle)
		}
		return d.store.InTx(ctx, func(ctx context.Context) error {
			if err := w.eraseBatch(ctx, s, batch); err != nil {
				return err
			}
			return settle(ctx)
		})
	})
	if err != nil {
		return 0, err
	}
	gone := 0
	for i := range batch {
		if batch[i].settled() {
			gone++
		}
	}
	if gone > 0 {
		_, err = d.do(ctx, stepping{id: r.id, event: EventRest, act: Act{By: act.By}, code: "records:" + itoa(int64(gone))})
	}
	return gone, err
}

// settled reports whether the erasure of the record is complete.
func (i *item) settled() bool {
	return i.outcome == Erased || i.outcome == Masked || i.outcome == Anonymised || i.outcome == NotHeld
}

// unblock ends the shield of the records of before that are settled now, whoever
// erased them: this desk, or a sweep of retention.
func (w *worker) unblock(ctx context.Context, before, now []item) error {
	u, ok := w.d.o.Blocker.(Unblocker)
	for n := range now {
		if !ok || before[n].action != ActBlock || !now[n].settled() {
			continue
		}
		if err := u.Unblock(ctx, now[n].subject, now[n].category, w.d.recordName(&now[n])); err != nil {
			return err
		}
	}
	return nil
}
