package audit

import (
	"context"
	"errors"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/storage"
)

// keepHead remembers the head after a transaction that advanced it.
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
// else was faster, and then, as when there is more to do, it reports false. Nothing
// is staged when it looks, so whatever was committed before the call stands before
// the drafts.
func (l *Log) sealFast(ctx context.Context, drafts []*draft) (done bool, err error) {
	l.mu.Lock()
	last := l.last
	l.last = nil
	l.mu.Unlock()
	if last == nil || l.inside || len(drafts) == 0 {
		return false, nil
	}
	h := *last
	if h.stored = h.size(); h.stored/merkle.TileWidth != (h.stored+uint64(len(drafts)))/merkle.TileWidth {
		return false, nil // tiles are due
	}
	if h.belong(drafts) != nil {
		return false, nil
	}
	var id []byte
	if err := l.store.Get(ctx, oldestStage, []any{pending}, &id); !errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	_, err = l.store.Apply(ctx, append(h.extend(drafts), h.advance())...)
	if err != nil && !errors.Is(err, storage.ErrOutcomeUnknown) {
		return false, nil
	}
	l.keepHead(&h, err)
	return true, err
}
