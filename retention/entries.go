package retention

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/storage"
)

// sides keeps the side tables in step: runs of the same write, since a store makes
// one statement of a run.
func (b *batch) sides(q *inquiry) []storage.Op {
	if q == nil {
		return nil
	}
	category, now := b.page.source.Category(), storage.Micros(b.r.e.now())
	var blocks, settles, unblock, unsettle, untell, gone []storage.Op
	last := ""
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
		case x.item.Action == Unblock:
			unblock = append(unblock, deleteBlock.With(category, x.item.Key))
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
		if b.r.e.opt.Shredder != nil && !x.item.stays() && x.row.Subject != "" && x.row.Subject != last {
			last = x.row.Subject
			gone = append(gone, newDeparted.With(last, b.r.plan.ID, x.item.Rule))
		}
	}
	out := append(blocks, settles...)
	out = append(out, unblock...)
	out = append(out, unsettle...)
	out = append(out, untell...)
	return append(out, gone...)
}

// entries records one entry for each record, with rule and ground.
func (b *batch) entries(ctx context.Context) error {
	if b.r.e.opt.Auditor == nil || len(b.done) == 0 {
		return nil
	}
	names := b.names()
	for from, to := 0, 0; from < len(b.done); from = to {
		action := b.done[from].entry()
		for to = from; to < len(b.done) && b.done[to].entry() == action; to++ {
		}
		if err := b.record(ctx, action, b.done[from:to], names[from:to]); err != nil {
			return err
		}
	}
	return nil
}

// entry is the action under which a record is recorded.
func (x *done) entry() string {
	if x.item.Action == Unblock {
		return "retention.unblocked"
	}
	return "retention.handled"
}

func (b *batch) record(ctx context.Context, action string, list []done, names []string) error {
	e := b.r.e
	subjects, attrs := make([]string, len(list)), make([][]slog.Attr, len(list))
	var common []slog.Attr // of the last order; all of its records share them
	var all []slog.Attr
	for i := range list {
		x := &list[i]
		if i == 0 || x.order != list[i-1].order || x.ground != list[i-1].ground {
			common = b.attrs(x)
		}
		if all == nil {
			all = make([]slog.Attr, 0, len(list)*(len(common)+1))
		}
		at := len(all)
		all = append(append(all, common...), gdpr.Clear("record", names[i]))
		subjects[i], attrs[i] = x.row.Subject, all[at:len(all):len(all)]
	}
	if many, ok := e.opt.Auditor.(BatchAuditor); ok {
		if err := many.RecordBatch(ctx, action, subjects, attrs); err != nil {
			return fmt.Errorf("%w: %w", ErrAudit, err)
		}
		return nil
	}
	for i := range subjects {
		if err := e.audit(ctx, action, subjects[i], attrs[i]...); err != nil {
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

// digestSize is half of a SHA-256.
const digestSize = sha256.Size / 2

// names are the digests of the records that were handled. All are parts of one
// string.
func (b *batch) names() []string {
	prefix := b.r.e.digestOf(b.page.source.Category())
	text := make([]byte, 0, 2*digestSize*len(b.done))
	for i := range b.done {
		sum := sha256.Sum256(frame.Append(prefix, b.done[i].item.Key))
		text = hex.AppendEncode(text, sum[:digestSize])
	}
	all, names := string(text), make([]string, len(b.done))
	for i := range names {
		names[i] = all[2*digestSize*i : 2*digestSize*(i+1)]
	}
	return names
}

// digestOf is what is hashed before the key of a record, with room for it.
func (e *Engine) digestOf(category string) []byte {
	label := append(make([]byte, 0, 512), "gdprkit/retention/record/v1\x00"...)
	return frame.Append(label, e.store.Scope(), category)
}

// digest names a record in an entry without its key.
func (e *Engine) digest(category, record string) string {
	sum := sha256.Sum256(frame.Append(e.digestOf(category), record))
	return hex.EncodeToString(sum[:digestSize])
}
