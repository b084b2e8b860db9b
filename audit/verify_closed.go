package audit

import (
	"bytes"
	"context"
	"errors"
)

// closedLogs verifies the incarnations that Reopen closed, each by itself and against
// what the first entry of the next says about it.
func (v *verifier) closedLogs(ctx context.Context) error {
	next := v.h
	for num := v.h.num - 1; num > 0; num-- {
		h, err := v.l.closedHead(ctx, num)
		if err != nil {
			return err
		}
		c := &verifier{l: v.l, h: h, r: new(Report), slot: num, trusted: v.l.trusted(h.origin)}
		if err := c.run(ctx); err != nil {
			return err
		}
		if err := v.l.succeeds(ctx, next, h); err != nil {
			return err
		}
		v.r.Closed += c.r.Size - h.pruned
		next = h
	}
	return nil
}

// succeeds demands that the first entry of a log, unless it was pruned, names the one
// before as it still is.
func (l *Log) succeeds(ctx context.Context, next, old *head) error {
	if next.pruned > 0 {
		return nil
	}
	var x leafView
	if _, err := l.readLeaf(ctx, next, 0, &x); err != nil {
		return err
	}
	size, ok := x.uint("previous.size")
	if !ok || size != old.size() || x.text("previous.origin") != old.origin || !bytes.Equal(x.bytes("previous.root"), old.root[:]) {
		return foundLog("closed log %d is not as log %d found it", old.num, next.num)
	}
	return nil
}

// closedHead reads the head of a log that Reopen closed.
func (l *Log) closedHead(ctx context.Context, num int64) (*head, error) {
	h, err := l.readSlot(ctx, num)
	if errors.Is(err, ErrNoLog) || err == nil && h.num != num {
		return nil, foundLog("the head of closed log %d is missing", num)
	}
	return h, err
}
