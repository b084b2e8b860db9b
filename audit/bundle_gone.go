package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// gone is an entry without payload that the bundle has not explained yet.
type gone struct {
	index     uint64
	hash      merkle.Hash
	explained bool
}

// explain takes what an entry of the log about itself says of what is no longer
// there: log.redacted of one payload, log.pruned of everything below an index.
func (b *bundleReader) explain() error {
	v := &b.view
	switch string(v.act) {
	case "log.redacted":
		seq, ok := v.uint("seq")
		i, known := slices.BinarySearchFunc(b.gone, seq, func(g gone, n uint64) int { return cmp.Compare(g.index, n) })
		if !ok || !known || b.gone[i].explained {
			return nil // of an entry that the bundle does not have
		}
		if string(v.bytes("leafHash")) != string(b.gone[i].hash[:]) {
			return found(seq, "the redaction names another leaf hash")
		}
		b.gone[i].explained = true
	case "log.pruned":
		n, ok := v.uint("upTo")
		if ok && b.head.Kind == KindLog && n == b.head.First && string(v.bytes("root")) == string(b.prunedRoot[:]) {
			b.pruned = true
		}
	}
	return nil
}

// explained demands, where the bundle reaches to the end of the log, that each
// payload and each entry that it lacks was dropped by an entry that says so. A bundle
// that ends earlier only counts: the entry may stand behind its end.
func (b *bundleReader) explained() error {
	first := -1
	for i := range b.gone {
		if !b.gone[i].explained {
			b.report.Unexplained++
			if first < 0 {
				first = i
			}
		}
	}
	if h := &b.head; !b.contiguous() || h.Count == 0 || h.First+h.Count != h.Size {
		return nil
	}
	if first >= 0 {
		return found(b.gone[first].index, "the payload is missing and no log.redacted says so")
	}
	if b.head.Kind == KindLog && b.head.First > 0 && !b.pruned {
		return found(b.head.First, "entries are missing and no log.pruned says so")
	}
	return nil
}

// lateRedactions counts payloads whose log.redacted stands behind a size.
var lateRedactions = &storage.Select{
	From: schema.AuditRedaction, Columns: []string{storage.Count},
	Where: append(append(storage.By("log"), seqRange...), storage.Term{Column: "entry", Cmp: storage.Ge}),
}

// tells demands that the signed size covers what explains the payloads and entries
// that are gone: a reader of the bundle will.
func (o *bundleWriter) tells(ctx context.Context, first uint64) error {
	late := 0
	args := []any{o.h.num, int64(first), int64(o.c.Size), int64(o.c.Size)}
	if err := o.l.store.Get(ctx, lateRedactions, args, &late); err != nil {
		return err
	}
	if late == 0 && o.h.pruned > 0 && first == o.h.pruned {
		late = 1
		for r, err := range o.l.scanRows(ctx, actionDown, o.h.num, "log.pruned", int64(o.h.pruned), int64(o.c.Size)) {
			if err != nil {
				return err
			}
			var v leafView
			if v.parse(r.leaf) {
				if n, ok := v.uint("upTo"); ok && n == o.h.pruned {
					late = 0
				}
			}
			break
		}
	}
	switch {
	case late == 0:
		return nil
	case o.l.signerKey() == nil:
		return fmt.Errorf("%w: entries were redacted or pruned after the newest checkpoint, so that a bundle up to it would not say why they are gone", ErrNoSigner)
	}
	return storage.ErrStale // dropped since the checkpoint was signed
}
