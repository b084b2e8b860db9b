package audit

import (
	"context"
	"errors"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/storage"
)

// keepHead remembers the head after a transaction that advanced it, or nothing.
func (l *Log) keepHead(h *head, err error) {
	if err != nil {
		h = nil
	}
	l.mu.Lock()
	l.last = h
	l.mu.Unlock()
}

// takeHead returns a copy of the head that this process wrote last, and forgets it, or
// nil where the drafts cannot just be put behind it.
func (l *Log) takeHead(drafts []*draft) *head {
	l.mu.Lock()
	last := l.last
	l.last = nil
	l.mu.Unlock()
	if last == nil || len(drafts) == 0 || last.belong(drafts) != nil {
		return nil
	}
	h := *last
	if h.settle(); h.stored/merkle.TileWidth != (h.stored+uint64(len(drafts)))/merkle.TileWidth {
		return nil // tiles are due
	}
	return &h
}

// sealFast appends the drafts behind the head that this process wrote last, in one
// step without reading or locking it first: the compare-and-set fails if somebody
// else was faster, and then, as when there is more to do, it reports false. Where
// entries are staged nothing is when it looks, so whatever was committed before the
// call stands before the drafts. The head comes first, as where it is locked: two
// that take it and a place in another order would deadlock.
func (l *Log) sealFast(ctx context.Context, drafts []*draft) (done bool, err error) {
	h := l.takeHead(drafts)
	if h == nil {
		return false, nil
	}
	if !l.inside {
		var id []byte
		if err := l.store.Get(ctx, oldestStage, []any{pending}, &id); !errors.Is(err, storage.ErrNotFound) {
			return false, nil
		}
	}
	ops := h.extend(drafts)
	_, err = l.store.Apply(ctx, append([]storage.Op{h.advance(updateHead)}, ops...)...)
	if err != nil && !errors.Is(err, storage.ErrOutcomeUnknown) {
		return false, nil
	}
	l.keepHead(h, err)
	return true, err
}

// follow does the same as a step of the transaction that ctx holds, with more
// operations. Where somebody else was faster the compare-and-set changes nothing.
func (l *Log) follow(ctx context.Context, drafts []*draft, more []storage.Op) (h *head, err error) {
	if h = l.takeHead(drafts); h == nil {
		return nil, nil
	}
	ops := h.extend(drafts)
	n, err := l.store.Apply(ctx, h.advance(tryHead))
	if err != nil || n[0] == 0 {
		return nil, err
	}
	_, err = l.store.Apply(ctx, append(ops, more...)...)
	return h, err
}
