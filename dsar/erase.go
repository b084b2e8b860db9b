package dsar

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	lockSource  = &storage.Claim{Into: schema.RequestSource, Columns: []string{"request", "source"}, Read: []string{"done"}}
	itemsTodo   = &storage.Select{From: schema.RequestItem, Columns: itemColumns, Where: storage.By("request", "plan", "source", "state"), Order: []string{"n"}, Limit: MaxBatch, Mode: storage.Current}
	setItem     = &storage.Write{Verb: storage.Update, Table: schema.RequestItem, Set: []string{"state", "outcome", "evidence", "kind", "ground", "until", "again", "action"}, Where: storage.By("request", "plan", "n")}
	tryItem     = &storage.Write{Verb: storage.Update, Table: schema.RequestItem, Set: []string{"state"}, Where: storage.By("request", "plan", "n")}
	addDone     = &storage.Write{Verb: storage.Update, Table: schema.RequestSource, Add: []string{"done"}, Where: storage.By("request", "source")}
	countSource = &storage.Select{From: schema.RequestItem, Columns: []string{storage.Count}, Where: storage.By("request", "plan", "source")}
)

// batches carries out the planned items of a source, at most MaxBatch at a time.
// Each batch commits with its outcomes; f sets outcome, state and evidence.
func (w *worker) batches(ctx context.Context, source string, f func(context.Context, []item) error) (Receipt, error) {
	out := Receipt{Source: source, State: SourceDone}
	var n int64
	if err := w.d.store.Get(ctx, countSource, []any{w.r.id, w.r.plan, source}, &n); err != nil {
		return out, err
	}
	out.Records = int(n)
	if n == 0 {
		out.State = SourceEmpty
		return out, nil
	}
	for {
		n, err := w.batch(ctx, source, f)
		if err != nil {
			return out, err
		}
		if n == 0 {
			out.Done = out.Records
			return out, nil
		}
	}
}

// batch takes the next items of a source. A remote source is called before the
// transaction.
func (w *worker) batch(ctx context.Context, source string, f func(context.Context, []item) error) (int, error) {
	if w.remote(source) {
		return w.remoteBatch(ctx, source, f)
	}
	count := 0
	err := w.d.store.InTx(ctx, func(ctx context.Context) error {
		count = 0
		var done int64
		if err := w.d.store.Claim(ctx, lockSource, []any{w.r.id, source}, &done); err != nil {
			return err
		}
		b, err := w.todo(ctx, source, itemPlanned)
		if err != nil || len(b) == 0 {
			return err
		}
		if err := f(ctx, b); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		count = len(b)
		return w.settle(ctx, source, b)
	})
	return count, err
}

// remoteBatch marks the items before it calls the source: one that is gone
// although the plan found it was erased by the call that a crash cut off.
func (w *worker) remoteBatch(ctx context.Context, source string, f func(context.Context, []item) error) (int, error) {
	b, err := w.todo(ctx, source, itemTried)
	if err != nil {
		return 0, err
	}
	again := len(b) > 0
	if !again {
		if b, err = w.todo(ctx, source, itemPlanned); err != nil || len(b) == 0 {
			return 0, err
		}
		ops := make([]storage.Op, len(b))
		for n, i := range b {
			ops[n] = tryItem.With(itemTried, i.request, i.plan, i.n)
		}
		if _, err := w.d.store.Apply(ctx, ops...); err != nil {
			return 0, err
		}
	}
	if err := f(ctx, b); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	for n := range b {
		if again && b[n].outcome == NotHeld && b[n].action == ActErase {
			b[n].outcome = Erased
		}
	}
	return len(b), w.d.store.InTx(ctx, func(ctx context.Context) error { return w.settle(ctx, source, b) })
}

func (w *worker) remote(source string) bool {
	s, ok := w.d.byName[source].(RemoteSource)
	return ok && s.Remote()
}

func (w *worker) todo(ctx context.Context, source, state string) ([]item, error) {
	var out []item
	for rec, err := range w.d.store.Scan(ctx, itemsTodo, []any{w.r.id, w.r.plan, source, state}) {
		if err != nil {
			return nil, err
		}
		var i item
		if err := rec.Scan(i.pointers()...); err != nil {
			return nil, err
		}
		if len(out) > 0 && out[0].subject != i.subject {
			break // one subject per call
		}
		out = append(out, i)
	}
	return out, nil
}

// settle writes the outcomes of a batch and its audit entry.
func (w *worker) settle(ctx context.Context, source string, b []item) error {
	ops := make([]storage.Op, 0, len(b)+1)
	counts := map[Outcome]int{}
	for _, i := range b {
		counts[i.outcome]++
		ops = append(ops, setItem.With(i.state, string(i.outcome), i.evidence, i.kind, i.ground, i.until, i.again, string(i.action), i.request, i.plan, i.n))
	}
	ops = append(ops, addDone.With(len(b), w.r.id, source))
	if _, err := w.d.store.Apply(ctx, ops...); err != nil {
		return err
	}
	if w.d.o.Auditor == nil {
		return nil
	}
	attrs := []slog.Attr{gdpr.Clear("request", w.r.id), gdpr.Clear("source", source), gdpr.Clear("ground", w.r.ground), slog.Int("items", len(b))}
	for _, o := range sortedKeys(counts) {
		attrs = append(attrs, slog.Int(string(o), counts[o]))
	}
	return w.d.o.Auditor.Record(ctx, "request.items", b[0].subject, attrs...)
}

// erase carries out the items of one source, then looks whether what should be
// gone is gone.
func (w *worker) erase(ctx context.Context, s Source) (Receipt, error) {
	out, err := w.batches(ctx, s.Name(), func(ctx context.Context, b []item) error { return w.eraseBatch(ctx, s, b) })
	if err != nil || out.State == SourceEmpty {
		return out, err
	}
	if _, whole := s.(forgetter); whole {
		return out, nil
	}
	for _, subject := range w.r.subjects {
		if err := w.residue(ctx, s, subject); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (w *worker) eraseBatch(ctx context.Context, s Source, b []item) error {
	if f, ok := s.(forgetter); ok {
		return w.forget(ctx, f, b)
	}
	var call []Item
	var at []int
	for n := range b {
		if err := w.hold(ctx, &b[n]); err != nil {
			return err
		}
		if it, ok := eraserItem(&b[n]); ok {
			call, at = append(call, it), append(at, n)
		}
	}
	if len(call) > 0 {
		e, ok := s.(Eraser)
		if !ok {
			return ErrCapability
		}
		res, err := e.Erase(ctx, b[0].subject, call)
		if err != nil {
			return err
		}
		if len(res) != len(call) {
			return errContract
		}
		for k, r := range res {
			if err := w.d.took(&b[at[k]], r); err != nil {
				return err
			}
		}
	}
	return w.shield(ctx, b)
}

// hold asks the Keeper once more, under the transaction that erases: a duty or a
// hold that came after the plan protects the record. What the plan keeps stays
// kept: nothing is erased that was not approved.
func (w *worker) hold(ctx context.Context, i *item) error {
	if i.action != ActErase && i.action != ActMask {
		return nil
	}
	keep, until, kind, ground, err := w.d.keep(ctx, i.subject, i.category, w.d.recordName(i), i.dateMap())
	if err != nil || !keep {
		return err
	}
	i.action, i.kind, i.ground, i.until = ActKeep, kind, clip(ground), storage.Micros(until)
	if kind == keptMust {
		i.action = ActBlock
	}
	i.fields = ""
	return nil
}

// eraserItem returns what the eraser is to do with i, if anything.
func eraserItem(i *item) (Item, bool) {
	it := Item{Category: i.category, Table: i.table, Key: i.record, Action: i.action, Fields: i.fieldList(), Ground: i.ground}
	switch {
	case i.action == ActBlock && len(it.Fields) > 0:
		it.Action = ActMask
	case i.action == ActMask && len(it.Fields) == 0:
		it.Action = ActErase // in place, by what the source knows of the table
	}
	return it, it.Action == ActErase || it.Action == ActMask
}

// took takes over the result of an eraser.
func (d *Desk) took(i *item, r Result) error {
	switch r.Outcome {
	case Erased, Masked, Anonymised, NotHeld:
	case Blocked, KeptBasis, KeptClaim: // the source knows a reason that nobody else does
		if r.Evidence != "" {
			i.ground = clip(r.Evidence)
		}
		i.outcome = r.Outcome
		d.deferItem(i)
		return nil
	case Failed:
		return itemFailed(d.section(i), "", r)
	default:
		return errContract
	}
	i.outcome, i.state = r.Outcome, itemDone
	if checkCode("Result.Evidence", r.Evidence) == nil {
		i.evidence = r.Evidence
	}
	return nil
}

// itemError is what a source says of an item that it could not do. It names the place
// and a code, never the record.
type itemError struct{ place, code string }

func (e *itemError) Error() string { return e.place + ": " + e.code }

// itemFailed names only what a section declares: the rest is what the person wrote.
func itemFailed(sec *Section, field string, r Result) error {
	e := &itemError{"an item", r.Evidence}
	if sec != nil {
		e.place = sec.Table
		if slices.ContainsFunc(sec.Columns, func(c Column) bool { return c.Name == field }) {
			e.place += "." + field
		}
	}
	if r.Evidence == "" || checkCode("Result.Evidence", r.Evidence) != nil {
		e.code = "failed"
	}
	return e
}

// shield gives kept items their outcome and blocks what stays for a duty.
func (w *worker) shield(ctx context.Context, b []item) error {
	for n := range b {
		i := &b[n]
		switch {
		case i.action == ActBlock:
			i.evidence = ""
			if i.outcome == Masked || i.outcome == Anonymised {
				i.evidence = "rest-masked"
			}
			if i.outcome == NotHeld {
				continue
			}
			i.outcome = Blocked
			if w.d.o.Blocker != nil && len(w.f.Scope.Fields) == 0 { // else the record itself stays in use
				if err := w.d.o.Blocker.Block(ctx, i.subject, i.category, w.d.recordName(i), i.ground, storage.Time(i.until)); err != nil {
					return err
				}
			}
		case i.action == ActKeep && i.kind == keptClaim:
			i.outcome = KeptClaim
		case i.action == ActKeep:
			i.outcome = KeptBasis
		default:
			continue
		}
		w.d.deferItem(i)
		if w.freeText(i) {
			i.evidence = joinCode(i.evidence, "free-text-remains")
		}
	}
	return nil
}

// retryAfter is when a kept record is asked about again that nobody gave a date for,
// such as one under a legal hold: its release must not be missed.
const retryAfter = 30 * 24 * time.Hour

// deferItem has a record that is kept for a duty or a claim wait for its date; one
// whose basis stands is done.
func (d *Desk) deferItem(i *item) {
	i.state, i.again = itemDeferred, i.until
	switch {
	case i.outcome == KeptBasis:
		i.state = itemDone
	case i.until <= storage.Micros(d.now()):
		i.again = storage.Micros(d.now().Add(retryAfter))
	}
}

// freeText reports whether a kept record still has a column of prose: a name in it
// stays readable, and the person is told so.
func (w *worker) freeText(i *item) bool {
	masked := i.fieldList()
	sec := w.d.section(i)
	return sec != nil && slices.ContainsFunc(sec.Columns, func(c Column) bool { return c.FreeText && !slices.Contains(masked, c.Name) })
}

// section returns the section in which the record of an item lies, or nil.
func (d *Desk) section(i *item) *Section {
	if s := d.byName[i.source]; s != nil {
		for _, sec := range s.Sections() {
			if sec.Table == i.table {
				return sec
			}
		}
	}
	return nil
}

// recordName is the name of a record for a Keeper and a Blocker.
func (d *Desk) recordName(i *item) string {
	if sec := d.section(i); sec != nil {
		return sec.RecordPrefix + i.record
	}
	return i.record
}

func joinCode(a, b string) string {
	if a == "" {
		return b
	}
	return a + "/" + b
}

// forget has a part of this library decide for itself.
func (w *worker) forget(ctx context.Context, f forgetter, b []item) error {
	for n := range b {
		erased, kept, err := f.forgetFunc()(ctx, b[n].subject, b[n].ground, time.Time{})
		if err != nil {
			return err
		}
		b[n].state, b[n].outcome = itemDone, Erased
		switch {
		case erased == 0 && kept == 0:
			b[n].outcome = NotHeld
		case kept > 0:
			b[n].outcome, b[n].ground = KeptBasis, "A17-3"
		}
		b[n].evidence = "erased:" + itoa(int64(erased)) + "/kept:" + itoa(int64(kept))
	}
	return nil
}

var erasedItem = &storage.Select{From: schema.RequestItem, Columns: []string{"n"},
	Where: storage.By("request", "plan", "tbl", "record", "source", "subject", "outcome"), Order: []string{"n"}, Limit: 1}

// residue reads the source again: a record that it said was erased and still
// holds is a fault, for example a cached copy that was written back.
func (w *worker) residue(ctx context.Context, s Source, subject string) error {
	for rec, err := range s.Collect(ctx, subject, w.f.Scope) {
		if err != nil {
			return err
		}
		var n int64
		err := w.d.store.Get(ctx, erasedItem, []any{w.r.id, w.r.plan, rec.Section.Table, rec.Key, s.Name(), subject, string(Erased)}, &n)
		if err == nil {
			return &SourceError{s.Name(), FaultResidue, nil}
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
	}
	return nil
}
