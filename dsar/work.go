package dsar

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// SourceState is how far the work on one source is, and what came of it.
type SourceState string

// The states of a source.
const (
	SourcePending  SourceState = "pending"
	SourceData     SourceState = "data"     // read, and holds records
	SourceEmpty    SourceState = "empty"    // holds nothing in scope
	SourceWithheld SourceState = "withheld" // holds records, all withheld on a ground
	SourceDone     SourceState = "done"     // changed as planned; see the items
	SourceFailed   SourceState = "failed"   // see Fault; Work tries again
	// SourceCancelled: the request was closed before the source was done.
	SourceCancelled SourceState = "cancelled"
)

// Receipt is what came of one source.
type Receipt struct {
	Source   string
	State    SourceState
	Attempts int
	Records  int
	Withheld int
	Redacted int
	Done     int    // items carried out
	Fault    string // of the last attempt, if it failed
	Hash     string // SHA-256 over the records that were read, hex
	At       time.Time
}

var (
	sourceColumns = []string{"request", "source", "state", "attempts", "records", "withheld", "redacted", "done", "fault", "hash", "at"}
	addSource     = &storage.Write{Verb: storage.InsertNew, Table: schema.RequestSource, Set: sourceColumns}
	putSource     = &storage.Write{Verb: storage.Put, Table: schema.RequestSource, Set: sourceColumns}
	sourcesOf     = &storage.Select{From: schema.RequestSource, Columns: sourceColumns, Where: storage.By("request"), Order: []string{"source"}}
	endSources    = &storage.Write{Verb: storage.Update, Table: schema.RequestSource, Set: []string{"state"}, Where: storage.By("request", "state")}
	dropSources   = &storage.Write{Verb: storage.Delete, Table: schema.RequestSource, Where: storage.By("request")}
)

func (r *Receipt) op(id string) storage.Op {
	return putSource.With(id, r.Source, string(r.State), r.Attempts, r.Records, r.Withheld, r.Redacted, r.Done, r.Fault, r.Hash, storage.Micros(r.At))
}

// Receipts returns what came of each source so far, by name.
func (d *Desk) Receipts(ctx context.Context, id string) ([]Receipt, error) {
	var out []Receipt
	for rec, err := range d.store.Scan(ctx, sourcesOf, []any{id}) {
		if err != nil {
			return nil, err
		}
		var r Receipt
		var at int64
		var request string
		if err := rec.Scan(&request, &r.Source, &r.State, &r.Attempts, &r.Records, &r.Withheld, &r.Redacted, &r.Done, &r.Fault, &r.Hash, &at); err != nil {
			return nil, err
		}
		r.At = storage.Time(at)
		out = append(out, r)
	}
	return out, nil
}

// Work carries out the approved plan, and nothing else: it asks every source, or
// changes what the items name. It must not run inside a transaction, and may be
// called again, with the same Key, after an error or a crash; each item is carried out
// once, as far as the source keeps its contract. When every source is done the request
// is in StateWorked; otherwise the error names the sources that failed and the request
// stays in StateWorking.
func (d *Desk) Work(ctx context.Context, id string, act Act) (*Request, error) {
	if d.store.State(ctx) != storage.Outside {
		return nil, storage.ErrInTx
	}
	begin := stepping{id: id, event: EventWork, act: act,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) { return d.pending(r), nil }}
	again, err := d.taken(ctx, begin)
	if err != nil {
		return nil, err
	}
	r, err := d.startable(ctx, id)
	switch {
	case again && errors.Is(err, ErrTransition): // it was done
		return d.Get(ctx, id)
	case err != nil:
		return nil, err
	case again && r.state == StateApproved: // it was about an earlier plan
		return nil, storage.ErrKeyReuse
	}
	if r.state == StateApproved {
		if r, err = d.doRow(ctx, begin); err != nil {
			return nil, err
		}
	}
	f, err := d.file(ctx, r)
	if err != nil {
		return nil, err
	}
	w := &worker{d: d, r: r, f: f}
	if err := w.run(ctx); err != nil {
		return nil, err
	}
	return d.worked(ctx, r, act)
}

// worked takes the last step, unless another process has just done so.
func (d *Desk) worked(ctx context.Context, r *row, act Act) (*Request, error) {
	out, err := d.do(ctx, stepping{id: r.id, event: EventWorked, act: Act{By: act.By}})
	if errors.Is(err, ErrTransition) {
		if now, lerr := d.Get(ctx, r.id); lerr == nil && now.State == StateWorked {
			return now, nil
		}
	}
	return out, err
}

// startable loads a request whose plan may be carried out now.
func (d *Desk) startable(ctx context.Context, id string) (*row, error) {
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, _, ok := next(r.state, EventWork); !ok {
		return nil, &TransitionError{r.state, EventWork}
	}
	switch {
	case !r.identity.settled():
		return nil, ErrIdentity
	case r.policy != d.o.Policy:
		return nil, wrap(ErrPlan, invalid("Options.Policy", "is another version than the plan's; plan again"))
	case r.state == StateApproved && storage.Micros(d.now()) >= r.planExpires:
		return nil, ErrPlan
	}
	return r, d.registered(ctx, r)
}

var nextSource = &storage.Select{From: schema.RequestItem, Columns: []string{"source"},
	Where: append(storage.By("request", "plan"), storage.Term{Column: "source", Cmp: storage.Gt}), Order: []string{"source"}, Limit: 1}

// registered reports an error if the desk lacks a source that the plan, or the work
// that has begun on it, still needs.
func (d *Desk) registered(ctx context.Context, r *row) error {
	var needed []string
	if r.state == StateWorking {
		receipts, err := d.Receipts(ctx, r.id)
		if err != nil {
			return err
		}
		for _, c := range receipts {
			if c.State == SourcePending || c.State == SourceFailed {
				needed = append(needed, c.Source)
			}
		}
	} else {
		source := ""
		for {
			err := d.store.Get(ctx, nextSource, []any{r.id, r.plan, source}, &source)
			if errors.Is(err, storage.ErrNotFound) {
				break
			}
			if err != nil {
				return err
			}
			needed = append(needed, source)
		}
	}
	for _, s := range needed {
		if s != deskSource && d.byName[s] == nil {
			return invalid("Options.Sources", "lacks %s, which the plan of the request needs", s)
		}
	}
	return nil
}

// pending returns a row for every source, so that none is forgotten.
func (d *Desk) pending(r *row) []storage.Op {
	var ops []storage.Op
	for _, s := range d.sources {
		ops = append(ops, addSource.With(r.id, s.Name(), string(SourcePending), 0, 0, 0, 0, 0, "", "", 0))
	}
	return append(ops, addSource.With(r.id, deskSource, string(SourcePending), 0, 0, 0, 0, 0, "", "", 0))
}

// worker carries out one plan.
type worker struct {
	d *Desk
	r *row
	f *file
}

// run works on the sources in parallel, then on what the desk does itself.
func (w *worker) run(ctx context.Context) error {
	ctx = during(ctx, w.r)
	receipts, err := w.d.Receipts(ctx, w.r.id)
	if err != nil {
		return err
	}
	if w.r.kind == Erasure {
		if err := w.journal(ctx); err != nil {
			return err
		}
	}
	todo := map[string]Receipt{}
	for _, r := range receipts {
		if r.State == SourcePending || r.State == SourceFailed {
			todo[r.Source] = r
		}
	}
	if len(todo) > 0 {
		if err := w.suppress(ctx); err != nil {
			return err
		}
	}
	if err := w.parallel(ctx, todo); err != nil {
		return err
	}
	if last, ok := todo[deskSource]; ok {
		return w.desk(ctx, last)
	}
	return nil
}

func (w *worker) parallel(ctx context.Context, todo map[string]Receipt) error {
	var wg sync.WaitGroup
	slots := make(chan struct{}, w.d.o.Parallel)
	errs := make([]error, len(w.d.sources))
	for i, s := range w.d.sources {
		last, ok := todo[s.Name()]
		if !ok {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = w.source(ctx, s, last)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// source works on one source and writes its receipt, also for a failure.
func (w *worker) source(ctx context.Context, s Source, last Receipt) error {
	var done Receipt // read only after the goroutine of guarded has ended
	err := w.d.guarded(ctx, s, func(ctx context.Context) error {
		rec, err := w.one(ctx, s)
		if err == nil {
			done = rec
		}
		return err
	})
	out := Receipt{State: SourceFailed, Fault: FaultError}
	var se *SourceError
	if err == nil {
		out = done
	} else if errors.As(err, &se) {
		out.Fault = se.Fault
	}
	if err != nil {
		w.d.o.Logger.WarnContext(ctx, "dsar: a source failed; Work may be called again", "source", s.Name(), "fault", out.Fault, "attempt", last.Attempts+1)
	}
	out.Source, out.Attempts = s.Name(), last.Attempts+1
	out.At = w.d.now()
	if _, werr := w.d.store.Apply(ctx, out.op(w.r.id)); werr != nil {
		return errors.Join(err, werr)
	}
	return err
}

// one does what the kind of request asks of a source.
func (w *worker) one(ctx context.Context, s Source) (Receipt, error) {
	switch w.r.kind {
	case Access, Portability:
		return w.read(ctx, s)
	case Erasure:
		return w.erase(ctx, s)
	case Rectification:
		return w.batches(ctx, s.Name(), func(ctx context.Context, b []item) error { return w.rectify(ctx, s, b) })
	case Restriction:
		return w.batches(ctx, s.Name(), func(ctx context.Context, b []item) error { return w.restrict(ctx, s, b) })
	}
	return Receipt{State: SourceDone}, nil
}

// read counts and hashes what a source holds, as the bundle will.
func (w *worker) read(ctx context.Context, s Source) (Receipt, error) {
	e := newEncoder(w.d, w.r, w.f, nil)
	var out Receipt
	for _, subject := range w.r.subjects {
		if err := e.source(ctx, s, subject, &out); err != nil {
			return out, err
		}
	}
	out.Hash = e.hash()
	out.State = readState(&out)
	return out, nil
}

func readState(r *Receipt) SourceState {
	switch {
	case r.Records == 0:
		return SourceEmpty
	case r.Records == r.Withheld:
		return SourceWithheld
	}
	return SourceData
}
