package retention

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// The outcomes of a record beside those of its action.
const (
	outcomeGone    = "gone"    // it is not there any more
	outcomeChanged = "changed" // the rules ask for something else now
	outcomeStopped = "stopped" // a hold, a restriction or an open request
	outcomeFailed  = "failed"  // the source could not carry it out
)

// carryError is a failure of the source, as opposed to one of the store.
type carryError struct{ err error }

func (e *carryError) Error() string { return fmt.Sprintf("retention: source failed: %v", e.err) }
func (e *carryError) Unwrap() error { return e.err }

type countKey struct{ source, rule, outcome string }

// done is a record whose order the source carried out.
type done struct {
	item   *Item
	row    *Record
	order  *Order
	ground string
	until  int64
	asked  bool
}

// batch is some items of a page within one transaction.
type batch struct {
	r     *runner
	page  *page
	shard *shard
	items []Item

	counts  map[countKey]int
	asides  []storage.Op
	done    []done
	handled int
}

func (b *batch) run(ctx context.Context, refused string) error {
	if refused != "" {
		for i := range b.items {
			b.aside(&b.items[i], "", outcomeFailed, refused)
		}
		return b.write(ctx, nil)
	}
	e := b.r.e
	c, err := e.condition(b.page.source.Category())
	if err != nil {
		return err
	}
	q, err := b.r.inquire(ctx, c)
	if err != nil {
		return err
	}
	keys := make([]string, len(b.items))
	for i := range b.items {
		keys[i] = b.items[i].Key
	}
	rows, err := e.load(ctx, b.page.source, c, keys)
	if err != nil {
		return err
	}
	facts := make([]Facts, len(b.items)) // decisions refer to them
	for i := range b.items {
		if err := b.decide(ctx, q, &b.items[i], rows[keys[i]], &facts[i]); err != nil {
			return err
		}
	}
	if err := b.carry(ctx); err != nil {
		return err
	}
	return b.write(ctx, q)
}

// decide looks at a record again: only what is still asked for is done.
func (b *batch) decide(ctx context.Context, q *inquiry, it *Item, row *Record, f *Facts) error {
	if row == nil {
		b.aside(it, "", outcomeGone, "is not there any more")
		return nil
	}
	var err error
	if *f, err = q.cond.facts(b.page.source, row, storage.Micros(b.r.e.now())); err != nil {
		return err
	}
	if err := q.complete(ctx, row, f); err != nil {
		return err
	}
	d := q.cond.Evaluate(f)
	if d.State == Stopped {
		b.aside(it, row.Subject, outcomeStopped, f.Stop)
		return nil
	}
	now, ok, err := q.item(ctx, b.page.source, row, &d)
	if err != nil {
		return err
	}
	if !ok || now.Action != it.Action || now.Rule != it.Rule || now.Limited != it.Limited {
		b.aside(it, row.Subject, outcomeChanged, "the rules now say: "+d.State.String()+", "+string(d.Action())+" under "+now.Rule)
		return nil
	}
	x := done{item: it, row: row, order: &Order{Action: d.Action(), Rule: it.Rule, Fields: d.Fields()}, ground: d.Ground(), asked: f.Asked}
	if it.Action == Block {
		x.order.Keep, x.order.KeepAll = d.Keep()
		x.until = storage.Micros(d.Until())
	}
	b.done = append(b.done, x)
	return nil
}

func (b *batch) aside(it *Item, subject, outcome, detail string) {
	if len(detail) > 1000 {
		detail = detail[:1000]
	}
	b.asides = append(b.asides, newAside.With(b.r.plan.ID, it.Source, it.Key, subject, it.Rule, outcome, detail))
	b.counts[countKey{it.Source, it.Rule, outcome}]++
}

// same reports whether two records get the same order.
func (x *done) same(o *Order) bool {
	return x.order.Action == o.Action && x.order.Rule == o.Rule && x.order.KeepAll == o.KeepAll &&
		slices.Equal(x.order.Fields, o.Fields) && slices.Equal(x.order.Keep, o.Keep)
}

// carry has the source carry out one order after the other.
func (b *batch) carry(ctx context.Context) error {
	var kept []done
	for len(b.done) > 0 {
		first := b.done[0].order
		var group, rest []done
		for _, x := range b.done {
			if x.same(first) {
				x.order = first
				group = append(group, x)
			} else {
				rest = append(rest, x)
			}
		}
		ok, err := b.order(ctx, first, group)
		if err != nil {
			return err
		}
		kept, b.done = append(kept, ok...), rest
	}
	b.done = kept
	return nil
}

func (b *batch) order(ctx context.Context, o *Order, group []done) (ok []done, err error) {
	keys := make([]string, len(group))
	for i := range group {
		keys[i] = group[i].item.Key
	}
	failed, err := b.page.source.Carry(ctx, o, keys)
	if err != nil {
		return nil, b.classify(ctx, err)
	}
	if check, is := b.page.source.(Checker); is {
		remaining, err := check.CheckCarried(ctx, o, keys)
		if err != nil {
			return nil, b.classify(ctx, err)
		}
		if len(remaining) > 0 {
			return nil, &carryError{fmt.Errorf("%d of %d records still hold what was to go", len(remaining), len(keys))}
		}
	}
	for _, x := range group {
		if why, bad := failed[x.item.Key]; bad {
			b.aside(x.item, x.row.Subject, outcomeFailed, why)
			continue
		}
		ok = append(ok, x)
	}
	return ok, nil
}

// classify tells a failure of the source from one after which the transaction must
// run again or stop.
func (b *batch) classify(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, storage.ErrTxFailed) || errors.Is(err, storage.ErrTxDone) || errors.Is(err, storage.ErrConflict) {
		return err
	}
	return &carryError{err}
}

// write adds entries, side tables, counts and the checkpoint, in one step.
func (b *batch) write(ctx context.Context, q *inquiry) error {
	e, s := b.r.e, b.shard
	if err := b.entries(ctx); err != nil {
		return err
	}
	next, item := s.next, s.item+len(b.items)
	if item == len(b.page.items) {
		next, item = next+1, 0
	}
	ops := append([]storage.Op{advanceShard.With(next, item, b.r.plan.ID, s.number, s.next, s.item)}, b.asides...)
	ops = append(ops, b.sides(q)...)
	for i := range b.done {
		x := &b.done[i]
		b.counts[countKey{x.item.Source, x.item.Rule, x.outcome()}]++
	}
	for k, n := range b.counts {
		if !b.r.counted[shardCount{s.number, k}] {
			ops = append(ops, newCount.With(b.r.plan.ID, k.source, k.rule, k.outcome, s.number, 0))
		}
		ops = append(ops, addCount.With(n, b.r.plan.ID, k.source, k.rule, k.outcome, s.number))
	}
	b.handled = len(b.done)
	_, err := e.store.Apply(ctx, ops...)
	return err
}

func (x *done) outcome() string {
	switch {
	case x.item.Limited && x.item.Action == Erase:
		return "fields_erased"
	case x.item.Limited: // nobody judged what the other fields tell
		return "masked"
	}
	return map[Action]string{Erase: "erased", Mask: "masked", Anonymise: "anonymised", Block: "blocked"}[x.item.Action]
}

// sides keeps the side tables in step: runs of the same write, since a store makes
// one statement of a run.
func (b *batch) sides(q *inquiry) []storage.Op {
	if q == nil {
		return nil
	}
	category, now := b.page.source.Category(), storage.Micros(b.r.e.now())
	var blocks, settles, unblock, unsettle, untell []storage.Op
	for i := range b.done {
		x := &b.done[i]
		switch {
		case x.item.Action == Block:
			asked := 0
			if x.asked {
				asked = 1
			}
			blocks = append(blocks, newBlock.With(category, x.item.Key, x.row.Subject, x.item.Rule, x.ground, now, x.until, asked))
			continue
		case x.item.stays():
			settles = append(settles, putSettled.With(category, x.item.Key, x.item.Rule, x.row.Subject, now))
		case q.settled:
			unsettle = append(unsettle, deleteSettled.With(category, x.item.Key))
		}
		if q.blocked && x.order.Action == Erase && !x.item.Limited { // gone, or masked for good
			unblock = append(unblock, deleteBlock.With(category, x.item.Key))
		}
		if x.row.Owner != "" && !x.item.stays() {
			untell = append(untell, deleteTold.With(category, x.item.Key))
		}
	}
	out := append(blocks, settles...)
	out = append(out, unblock...)
	out = append(out, unsettle...)
	return append(out, untell...)
}

// entries records one entry for each record, with rule and ground.
func (b *batch) entries(ctx context.Context) error {
	e := b.r.e
	if e.opt.Auditor == nil || len(b.done) == 0 {
		return nil
	}
	subjects, attrs := make([]string, len(b.done)), make([][]slog.Attr, len(b.done))
	var common []slog.Attr // of the last order; all of its records share them
	for i := range b.done {
		x := &b.done[i]
		if i == 0 || x.order != b.done[i-1].order || x.ground != b.done[i-1].ground {
			common = b.attrs(x)
		}
		subjects[i] = x.row.Subject
		attrs[i] = append(common[:len(common):len(common)], gdpr.Clear("record", e.digest(b.page.source.Category(), x.item.Key)))
	}
	if many, ok := e.opt.Auditor.(BatchAuditor); ok {
		if err := many.RecordBatch(ctx, "retention.handled", subjects, attrs); err != nil {
			return fmt.Errorf("%w: %w", ErrAudit, err)
		}
		return nil
	}
	for i := range subjects {
		if err := e.audit(ctx, "retention.handled", subjects[i], attrs[i]...); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) attrs(x *done) []slog.Attr {
	return []slog.Attr{
		gdpr.Clear("plan", b.r.plan.ID), gdpr.Clear("source", x.item.Source), gdpr.Clear("category", b.page.source.Category()),
		gdpr.Clear("outcome", x.outcome()), gdpr.Clear("rule", x.item.Rule), gdpr.Clear("ground", x.ground),
	}
}
