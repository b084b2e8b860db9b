package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	last    *Order // of the record decided last
	taken   int    // records that the source has erased already, the first of done
	handled int
}

// errTaken says that a row was taken that must stay: the batch is undone.
var errTaken = errors.New("retention: a row was taken that must stay")

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
	facts := make([]Facts, len(b.items)) // decisions refer to them
	b.done = make([]done, 0, len(b.items))
	items := b.items
	if s, ok := b.takes(); ok {
		if items, err = b.take(ctx, q, s, keys, facts); err != nil {
			return err
		}
		keys, facts = keys[:0], facts[len(b.items)-len(items):]
		for i := range items {
			keys = append(keys, items[i].Key)
		}
	}
	rows := map[string]*Record{}
	if len(items) > 0 {
		if rows, err = e.load(ctx, b.page.source, c, keys); err != nil {
			return err
		}
	}
	for i := range items {
		if err := b.decide(ctx, q, &items[i], rows[keys[i]], &facts[i]); err != nil {
			return err
		}
	}
	if err := b.carry(ctx); err != nil {
		return err
	}
	return b.write(ctx, q)
}

// takes reports whether the source can take the whole batch at once.
func (b *batch) takes() (Taker, bool) {
	s, ok := b.page.source.(Taker)
	if !ok || b.r.untaken || len(b.items) < 2 {
		return nil, false
	}
	return s, !slices.ContainsFunc(b.items, func(it Item) bool { return it.stays() })
}

// take has the source erase the rows that are due and looks at what it took. It
// returns the items of rows that are not due, or not there.
func (b *batch) take(ctx context.Context, q *inquiry, s Taker, keys []string, facts []Facts) (left []Item, err error) {
	rows, err := b.r.e.gather(s.Take(ctx, &Query{Condition: q.cond, Find: FindDue}, keys), q.cond, len(keys))
	if err != nil {
		return nil, b.classify(ctx, err)
	}
	for i := range b.items {
		it := &b.items[i]
		row := rows[it.Key]
		if row == nil {
			left = append(left, *it)
			continue
		}
		if err := b.decide(ctx, q, it, row, &facts[i-len(left)]); err != nil {
			return nil, err
		}
		if len(b.asides) > 0 {
			return nil, errTaken
		}
	}
	if b.taken = len(b.done); b.taken != len(rows) {
		return nil, errTaken // more than was asked for
	}
	return left, b.check(ctx, b.done)
}

// check asks the source whether what it took is gone.
func (b *batch) check(ctx context.Context, group []done) error {
	check, is := b.page.source.(Checker)
	for is && len(group) > 0 {
		o, n := group[0].order, 1
		for n < len(group) && group[n].order.same(o) {
			n++
		}
		keys := make([]string, n)
		for i := range keys {
			keys[i] = group[i].item.Key
		}
		if err := b.gone(ctx, check, o, keys); err != nil {
			return err
		}
		group = group[n:]
	}
	return nil
}

// gone fails if some of the records still hold what the order should have removed.
func (b *batch) gone(ctx context.Context, check Checker, o *Order, keys []string) error {
	remaining, err := check.CheckCarried(ctx, o, keys)
	if err != nil {
		return b.classify(ctx, err)
	}
	if len(remaining) > 0 {
		return &carryError{fmt.Errorf("%d of %d records still hold what was to go", len(remaining), len(keys))}
	}
	return nil
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
	x := done{item: it, row: row, asked: f.Asked}
	o := Order{Action: d.Action(), Rule: it.Rule, Fields: d.Fields()}
	switch it.Action {
	case Block:
		o.Keep, o.KeepAll = d.Keep()
		x.ground, x.until = d.Ground(), storage.Micros(d.Until())
	case Unblock:
		o.Action, x.ground = Unblock, q.marks[it.Key].Ground
	default:
		x.ground = d.Ground()
	}
	if b.last == nil || !o.same(b.last) {
		last := o
		b.last = &last
	}
	x.order = b.last
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

// same reports whether two orders are one.
func (o *Order) same(p *Order) bool {
	return o == p || o.Action == p.Action && o.Rule == p.Rule && o.KeepAll == p.KeepAll &&
		slices.Equal(o.Fields, p.Fields) && slices.Equal(o.Keep, p.Keep)
}

// carry has the source carry out one order after the other.
func (b *batch) carry(ctx context.Context) error {
	kept := b.done[:b.taken:b.taken]
	b.done = b.done[b.taken:]
	for len(b.done) > 0 {
		first, group, rest := b.done[0].order, b.done, []done(nil)
		if slices.ContainsFunc(b.done, func(x done) bool { return !x.order.same(first) }) {
			group = nil
			for _, x := range b.done {
				if x.order.same(first) {
					x.order = first
					group = append(group, x)
				} else {
					rest = append(rest, x)
				}
			}
		}
		ok, err := b.order(ctx, first, group)
		if err != nil {
			return err
		}
		if b.done = rest; len(kept) == 0 {
			kept = ok
		} else {
			kept = append(kept, ok...)
		}
	}
	b.done = kept
	return nil
}

func (b *batch) order(ctx context.Context, o *Order, group []done) (ok []done, err error) {
	if o.Action == Unblock {
		return group, nil // the host's row stays as it is
	}
	keys := make([]string, len(group))
	for i := range group {
		keys[i] = group[i].item.Key
	}
	failed, err := b.page.source.Carry(ctx, o, keys)
	if err != nil {
		return nil, b.classify(ctx, err)
	}
	if len(failed) > 0 {
		keys = slices.DeleteFunc(keys, func(key string) bool { _, bad := failed[key]; return bad })
	}
	if check, is := b.page.source.(Checker); is && len(keys) > 0 {
		if err := b.gone(ctx, check, o, keys); err != nil {
			return nil, err
		}
	}
	if len(failed) == 0 {
		return group, nil
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
	b.count()
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

// count counts the records by their outcomes, those that follow one another at once.
func (b *batch) count() {
	var key countKey
	n := 0
	for i := range b.done {
		x := &b.done[i]
		if k := (countKey{x.item.Source, x.item.Rule, x.outcome()}); k != key {
			if n > 0 {
				b.counts[key] += n
			}
			key, n = k, 0
		}
		n++
	}
	if n > 0 {
		b.counts[key] += n
	}
}

func (x *done) outcome() string {
	switch x.item.Action {
	case Erase:
		if x.item.Limited {
			return "fields_erased"
		}
		return "erased"
	case Mask:
		return "masked"
	case Anonymise:
		if x.item.Limited { // nobody judged what the other fields tell
			return "masked"
		}
		return "anonymised"
	case Unblock:
		return "unblocked"
	}
	return "blocked"
}
