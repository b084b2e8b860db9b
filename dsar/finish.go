package dsar

import (
	"context"
	"errors"
	"strconv"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// desk does what the desk itself has to do, after all sources: bridges of the
// other kinds, and for an erasure the recipients, stored bundles and keys, in this
// order. Each step may be repeated.
func (w *worker) desk(ctx context.Context, last Receipt) error {
	out, err := w.batches(ctx, deskSource, w.bridge)
	if err == nil {
		err = w.aftermath(ctx)
	}
	if errors.Is(err, ErrTransition) || errors.Is(err, ErrPlan) {
		return err // the receipts are those of another plan, or of none
	}
	out.Source, out.Attempts, out.At = deskSource, last.Attempts+1, w.d.now()
	if err != nil {
		out.State, out.Fault = SourceFailed, FaultError
	}
	if _, werr := w.d.store.Apply(ctx, out.op(w.r.id)); werr != nil {
		return errors.Join(err, werr)
	}
	return err
}

// bridge carries out the items of the desk's own.
func (w *worker) bridge(ctx context.Context, b []item) error {
	for n := range b {
		i := &b[n]
		var err error
		switch i.action {
		case actObject:
			err = w.d.o.Object(ctx, i.subject, i.record)
		case actWithdraw:
			err = w.d.o.Withdraw(ctx, i.subject, i.record)
		case actRestrict:
			err = w.d.o.Restricter.RestrictSubject(ctx, i.subject, i.record, i.ground)
		}
		if err != nil {
			return err
		}
		i.state, i.outcome = itemDone, OutcomeDone
	}
	return nil
}

// OutcomeDone is the outcome of an item of another kind than erasure.
const OutcomeDone Outcome = "done"

// rectify corrects values in one source. A record that one key of the person does not
// hold is looked for under the next.
func (w *worker) rectify(ctx context.Context, s Source, b []item) error {
	todo := make([]int, len(b))
	for n := range b {
		todo[n] = n
	}
	for _, subject := range w.r.subjects {
		var changes []Change
		for _, n := range todo {
			c, err := strconv.Atoi(b[n].evidence)
			if err != nil || c < 0 || c >= len(w.f.Changes) {
				return errContract
			}
			changes = append(changes, w.f.Changes[c])
		}
		res, err := s.(Rectifier).Rectify(ctx, subject, changes)
		if err != nil {
			return err
		}
		if len(res) != len(todo) {
			return errContract
		}
		var left []int
		for k, r := range res {
			i := &b[todo[k]]
			switch r.Outcome {
			case NotHeld:
				left = append(left, todo[k])
			case Rectified:
			default:
				return itemFailed(w.d.section(i), changes[k].Field, r)
			}
			i.state, i.outcome = itemDone, r.Outcome
		}
		if todo = left; len(todo) == 0 {
			return nil
		}
	}
	return nil
}

// restrict marks the records of one source.
func (w *worker) restrict(ctx context.Context, s Source, b []item) error {
	for n := range b {
		count, err := s.(SourceRestricter).RestrictSource(ctx, b[n].subject, w.f.Scope, true)
		if err != nil {
			return err
		}
		b[n].state, b[n].outcome, b[n].evidence = itemDone, OutcomeDone, "records:"+itoa(int64(count))
	}
	return nil
}

// current reports an error unless the plan is still the one to carry out: another desk
// may have planned anew meanwhile, and the person taken the request back.
func (w *worker) current(ctx context.Context) error {
	now := new(row)
	if err := w.d.store.Get(ctx, requestByID, []any{w.r.id}, now.pointers()...); err != nil {
		return err
	}
	switch {
	case now.state != StateWorking && now.state != StateWorked: // a second worker on the plan does no harm
		return &TransitionError{now.state, EventWorked}
	case now.plan != w.r.plan:
		return ErrPlan
	}
	return nil
}

// aftermath does what follows when every source is done.
func (w *worker) aftermath(ctx context.Context) error {
	if err := w.current(ctx); err != nil {
		return err
	}
	switch w.r.kind {
	case Rectification, Erasure, Restriction:
		if err := w.recipients(ctx); err != nil {
			return err
		}
	}
	if w.r.kind != Erasure {
		return nil
	}
	if err := w.dropBundles(ctx); err != nil {
		return err
	}
	return w.shred(ctx)
}

// suppress puts the person on the block list while the sources still hold the
// addresses. Repeated, it finds fewer of them and does no harm.
func (w *worker) suppress(ctx context.Context) error {
	if !w.d.suppresses(w.r, w.f) {
		return nil
	}
	for _, s := range w.r.subjects {
		if err := w.d.o.Suppress(ctx, s, w.r.ground); err != nil {
			return err
		}
	}
	return nil
}

// suppresses tells whether a request puts the person on the block list: an erasure
// of everything does, unless the person declined.
func (d *Desk) suppresses(r *row, f *file) bool {
	return r.kind == Erasure && d.o.Suppress != nil && !f.NoSuppress && f.Scope.all()
}

// shred destroys the keys, last of all, and only for an erasure of everything:
// with a scope, or with records kept because their basis stands, the person is
// still one of the CRM's.
func (w *worker) shred(ctx context.Context) error {
	if w.d.o.Shredder == nil || !w.f.Scope.all() {
		return nil
	}
	for _, s := range w.r.subjects {
		kept, err := w.standing(ctx, s)
		if err != nil {
			return err
		}
		if kept {
			continue
		}
		if err := w.current(ctx); err != nil {
			return err
		}
		if err := w.d.o.Shredder.Shred(ctx, s, w.d.o.KeepCompartments...); err != nil {
			return err
		}
	}
	return nil
}

var keptItem = &storage.Select{From: schema.RequestItem, Columns: []string{"n"},
	Where: storage.By("request", "plan", "subject", "kind"), Order: []string{"n"}, Limit: 1}

// standing reports whether something of the subject stays for other reasons than
// a duty or claim.
func (w *worker) standing(ctx context.Context, subject string) (bool, error) {
	var n int64
	err := w.d.store.Get(ctx, keptItem, []any{w.r.id, w.r.plan, subject, keptBasis}, &n)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

var (
	bundlesOf  = &storage.Write{Verb: storage.Delete, Table: schema.RequestBundle, Where: storage.By("request")}
	addNotice  = &storage.Write{Verb: storage.InsertNew, Table: schema.RequestNotice, Set: []string{"request", "recipient", "state", "attempts", "reason", "at"}}
	disclosees = &storage.Select{From: schema.Disclosure, Columns: []string{"at", "id", "recipient"}, Where: storage.By("subject"), Order: []string{"at", "id"}}
)

// dropBundles removes the stored answers of earlier requests of the person: an
// export that stays downloadable would undo the erasure.
func (w *worker) dropBundles(ctx context.Context) error {
	for _, subject := range w.r.subjects {
		for rec, err := range w.d.store.Scan(ctx, requestsOf, []any{subject}) {
			if err != nil {
				return err
			}
			var id string
			if err := rec.Scan(&id); err != nil {
				return err
			}
			if _, err := w.d.store.Apply(ctx, bundlesOf.With(id)); err != nil {
				return err
			}
		}
	}
	return nil
}

// recipients opens a notice for everybody who received data of the person.
func (w *worker) recipients(ctx context.Context) error {
	for _, subject := range w.r.subjects {
		for rec, err := range w.d.store.Scan(ctx, disclosees, []any{subject}) {
			if err != nil {
				return err
			}
			var at int64
			var id, recipient string
			if err := rec.Scan(&at, &id, &recipient); err != nil {
				return err
			}
			op := addNotice.With(w.r.id, recipient, string(NoticeDue), 0, "", storage.Micros(w.d.now()))
			if _, err := w.d.store.Apply(ctx, op); err != nil {
				return err
			}
		}
	}
	return nil
}
