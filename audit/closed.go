package audit

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/storage"
)

var allHeads = &storage.Select{
	From: auditHead, Columns: append([]string{"slot"}, headColumns...), Order: []string{"slot"},
}

// heads reads the present head and, the newest first, those of the logs that Reopen
// closed, as far as they are there: Prune goes from the oldest on, so nothing is left
// of the logs before one that is pruned. It is one statement, so they fit together.
func (l *Log) heads(ctx context.Context) ([]*head, error) {
	slots := map[int64]*head{}
	for row, err := range l.store.Scan(ctx, allHeads, nil) {
		var slot int64
		var r headRow
		if err == nil {
			err = row.Scan(append([]any{&slot}, r.dest()...)...)
		}
		if err == nil {
			slots[slot], err = r.head()
		}
		if err != nil {
			return nil, err
		}
	}
	if slots[0] == nil {
		return nil, ErrNoLog
	}
	list := []*head{slots[0]}
	for next := slots[0]; next.num > 1 && next.pruned == 0; next = list[len(list)-1] {
		h := slots[next.num-1]
		if h == nil || h.num != next.num-1 {
			return nil, foundLog("the head of closed log %d is missing", next.num-1)
		}
		list = append(list, h)
	}
	if len(slots) != len(list) {
		return nil, foundLog("there is the head of a log that does not exist or was pruned")
	}
	return list, nil
}

// headOf returns the head of the log with a number, or ErrNotFound.
func headOf(heads []*head, num int64) (*head, error) {
	if i := heads[0].num - num; i >= 0 && i < int64(len(heads)) {
		return heads[i], nil
	}
	return nil, ErrNotFound
}

// slot returns the key of the row of h.
func (h *head) slot(present *head) int64 {
	if h.num == present.num {
		return 0
	}
	return h.num
}

// whole reports whether nothing is left of a log but its head.
func (h *head) whole() bool { return h.pruned == h.size() }

// closedLogs verifies the logs that Reopen closed, each by itself and against what
// the first entry of the next says about it.
func (v *verifier) closedLogs(ctx context.Context, heads []*head) error {
	for i, h := range heads[1:] {
		c := &verifier{l: v.l, h: h, r: new(Report), slot: h.num, later: heads[:i+1], trusted: v.l.trusted(h.origin)}
		err := c.run(ctx)
		if err == nil {
			err = v.l.succeeds(ctx, heads[i], h)
		}
		if f := (*Finding)(nil); errors.As(err, &f) {
			f.Log = int(h.num)
		}
		if err != nil {
			return err
		}
		v.r.Closed += h.size() - h.pruned
	}
	return nil
}

// succeeds demands that the first entry of a log names the one before as it still is.
func (l *Log) succeeds(ctx context.Context, next, old *head) error {
	var x leafView
	if _, err := l.firstLeaf(ctx, next, &x); err != nil {
		return err
	}
	size, ok := x.uint("previous.size")
	if !ok || size != old.size() || x.text("previous.origin") != old.origin || !bytes.Equal(x.bytes("previous.root"), old.root[:]) {
		return foundLog("closed log %d is not as log %d found it", old.num, next.num)
	}
	return nil
}

// firstLeaf reads the first entry, which nothing may drop before the logs before it.
func (l *Log) firstLeaf(ctx context.Context, h *head, v *leafView) ([]byte, error) {
	text, err := l.readLeaf(ctx, h, 0, v)
	if errors.Is(err, ErrNotFound) {
		err = found(0, "the entry is missing")
	}
	return text, err
}

// linked demands that the roots of the logs lead from the present one down to h: each
// holds the first entry, which names the log before.
func (l *Log) linked(ctx context.Context, heads []*head, h *head) error {
	for i, next := range heads {
		if next.num == h.num {
			break
		}
		p, err := prove(0, next.size(), l.nodes(ctx, next))
		if err != nil {
			return err
		}
		text, err := l.firstLeaf(ctx, next, new(leafView))
		if err != nil {
			return err
		}
		if p.Root != next.root || merkle.Leaf(text) != p.Hash {
			return foundLog("the first entry of log %d is not the one that its root proves", next.num)
		}
		if err := l.succeeds(ctx, next, heads[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// gone verifies what is left of a log that was pruned as a whole: a head, all of
// which the log.pruned in a later log says again.
func (v *verifier) gone(ctx context.Context) error {
	p, err := v.l.prunedState(ctx, v.h, v.later)
	if err != nil {
		return err
	}
	h := v.h
	if h.root != h.tree.Root() || !p.fits(h.root, h.base) || !bytes.Equal(h.base, h.chain[:]) ||
		p.mark != h.mark || !slices.Equal(p.keys, h.keys) {
		return foundLog("the log.pruned of the closed log names another end of it")
	}
	return v.surplus(ctx)
}
