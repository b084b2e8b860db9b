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

// sealFast appends the drafts behind the head that this process wrote last, in one
// step without reading or locking it first: the compare-and-set fails if somebody
// else was faster, and then, as when there is more to do, it reports false. Where
// entries are staged nothing is when it looks, so whatever was committed before the
// call stands before the drafts. The head comes first, as where it is locked: two
// that take it and a place in another order would deadlock.
func (l *Log) sealFast(ctx context.Context, drafts []*draft) (done bool, err error) {
	l.mu.Lock()
	last := l.last
	l.last = nil
	l.mu.Unlock()
	if last == nil || len(drafts) == 0 {
		return false, nil
	}
	h := *last
	if h.stored = h.size(); h.stored/merkle.TileWidth != (h.stored+uint64(len(drafts)))/merkle.TileWidth {
		return false, nil // tiles are due
	}
	if h.belong(drafts) != nil {
		return false, nil
	}
	if !l.inside {
		var id []byte
		if err := l.store.Get(ctx, oldestStage, []any{pending}, &id); !errors.Is(err, storage.ErrNotFound) {
			return false, nil
		}
	}
	ops := h.extend(drafts)
	_, err = l.store.Apply(ctx, append([]storage.Op{h.advance()}, ops...)...)
	if err != nil && !errors.Is(err, storage.ErrOutcomeUnknown) {
		return false, nil
	}
	l.keepHead(&h, err)
	return true, err
}
