package consent

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/gdprkit/gdprkit/storage"
)

// stager is what an Auditor can do besides: name the operations that write an entry,
// so that they go into the statement of what the entry is about. *audit.Log is one.
// Without operations and error the entry has to be recorded by itself. The function
// is called after the commit.
type stager interface {
	Stage(ctx context.Context, action, subject string, attrs ...slog.Attr) ([]storage.Op, func(), error)
}

// joined are the audit entries of a change that are written together with it.
type joined struct {
	ops      []storage.Op
	after    []func()
	complete bool // there is nothing left to record
}

func (n *joined) committed() {
	for _, f := range n.after {
		f()
	}
}

// stage returns the entries that can be written together with a change. With an
// idempotency key there are none, since no entry must stand beside a repeated act.
func (l *Ledger) stage(ctx context.Context, c *change) (joined, error) {
	if c.audit != nil || c.main.key != "" {
		return joined{}, nil
	}
	return l.entries(ctx, c.events)
}

func (l *Ledger) entries(ctx context.Context, events []*event) (n joined, err error) {
	if l.auditor == nil {
		return joined{complete: true}, nil
	}
	s, ok := l.auditor.(stager)
	if !ok || l.store.Traits().SealInside { // there Stage has nothing to name
		return n, nil
	}
	for _, e := range events {
		ops, after, err := s.Stage(ctx, "consent."+string(e.kind), e.subject, e.attrs()...)
		if err != nil || ops == nil {
			return joined{}, err
		}
		n.ops, n.after = append(n.ops, ops...), append(n.after, after)
	}
	n.complete = true
	return n, nil
}

// atOnce writes an act without a transaction around it, where the store writes a step
// in one statement: it reads the person without a lock, and the row of the person as
// a whole is compared and set. It reports false, having written nothing, when that
// cannot be done or the answer is anything but success: the way with a lock has the
// last word then.
func (l *Ledger) atOnce(ctx context.Context, c *change) (done bool, err error) {
	if !l.store.Traits().Whole || l.store.State(ctx) != storage.Outside || c.audit != nil || !c.oneSubject() {
		return false, nil
	}
	p, err := l.readPerson(ctx, c.events[0].subject)
	p.free = true
	if err != nil || c.check != nil && c.check([]*state{p.old}) != nil {
		return false, nil
	}
	ops, err := l.operations([]locked{p}, c.events)
	if err != nil {
		return false, nil
	}
	n, err := l.entries(ctx, c.events) // where a key was used before, the statement fails and leaves none
	if err != nil || !n.complete {
		return false, nil
	}
	_, err = l.store.Apply(ctx, slices.Concat(ops, c.more, n.ops)...)
	if err != nil {
		return errors.Is(err, storage.ErrOutcomeUnknown), err
	}
	n.committed()
	l.drain(ctx, c.events)
	return true, nil
}

func (c *change) oneSubject() bool {
	return !slices.ContainsFunc(c.events, func(e *event) bool { return e.subject != c.events[0].subject })
}
