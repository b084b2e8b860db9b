package audit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/storage"
)

// group commits what concurrent callers append in as few transactions as the
// engine's commits allow: while the leader commits, the others queue up, and one
// of them leads next. No goroutine is started.
type group struct {
	mu      sync.Mutex
	leading bool
	queue   []*ticket
	last    time.Time // when a sealing transaction last ended
	staged  int       // entries that this process staged since
	crowd   int       // callers whose entries it took
}

// A ticket is one caller's place in the queue.
type ticket struct {
	drafts []*draft
	taken  bool
	done   chan error
	lead   chan struct{}
}

func newTicket(drafts []*draft) *ticket {
	return &ticket{drafts: drafts, done: make(chan error, 1), lead: make(chan struct{}, 1)}
}

// commit appends the drafts outside of any transaction of the caller and returns
// when they are sealed and committed.
func (l *Log) commit(ctx context.Context, drafts []*draft) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g, t := &l.group, newTicket(drafts)
	g.mu.Lock()
	g.queue = append(g.queue, t)
	first := !g.leading
	g.leading = true
	g.mu.Unlock()
	if first {
		return l.lead(ctx, t)
	}
	select {
	case err := <-t.done:
		return err
	case <-t.lead:
		return l.lead(ctx, t)
	case <-ctx.Done():
		return l.giveUp(ctx, t)
	}
}

// giveUp takes a cancelled caller out of the queue, if it is still there.
func (l *Log) giveUp(ctx context.Context, t *ticket) error {
	g := &l.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.taken {
		select {
		case err := <-t.done:
			return err
		default:
			return fmt.Errorf("%w: %w", storage.ErrOutcomeUnknown, ctx.Err())
		}
	}
	g.queue = slices.DeleteFunc(g.queue, func(o *ticket) bool { return o == t })
	select {
	case <-t.lead: // it was to lead
		g.handOver()
	default:
	}
	return ctx.Err()
}

// handOver makes the first in the queue the leader. The lock is held.
func (g *group) handOver() {
	g.last, g.staged = time.Now(), 0
	if len(g.queue) == 0 {
		g.leading = false
		return
	}
	g.queue[0].lead <- struct{}{}
}

// take removes from the queue what fits into one transaction.
func (g *group) take() []*ticket {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, entries := 0, 0
	for _, t := range g.queue {
		if entries += len(t.drafts); n > 0 && entries > batchSize {
			break
		}
		t.taken = true
		n++
	}
	g.crowd = n
	batch := slices.Clone(g.queue[:n])
	g.queue = slices.Delete(g.queue, 0, n)
	return batch
}

// gather lets those whom the last commit woke queue up again, where there were
// several: they would otherwise take turns with the others in commits half as full.
func (g *group) gather() {
	for before := 0; ; {
		g.mu.Lock()
		n, alone := len(g.queue), g.crowd < 2
		g.mu.Unlock()
		if alone || n == before {
			return
		}
		before = n
		runtime.Gosched()
	}
}

// lead seals one batch, which the leader's own ticket is in, since it was first.
func (l *Log) lead(ctx context.Context, own *ticket) error {
	// The others must not fail because the leader's caller went away.
	ctx, cancel := context.WithTimeout(storage.Detach(ctx), l.opt.SealTimeout)
	defer cancel()
	l.group.gather()
	batch := l.group.take()
	err := errLeader
	defer func() { // also when a store panics
		for _, t := range batch {
			t.done <- err
		}
		l.group.mu.Lock()
		l.group.handOver()
		l.group.mu.Unlock()
	}()
	var drafts []*draft
	for _, t := range batch {
		drafts = append(drafts, t.drafts...)
	}
	err = l.sealBatch(ctx, drafts)
	return err
}

var errLeader = errors.New("audit: sealing was interrupted")

// sealBatch drains what is staged and appends the drafts behind it.
func (l *Log) sealBatch(ctx context.Context, drafts []*draft) error {
	if done, err := l.sealFast(ctx, drafts); done {
		if errors.Is(err, storage.ErrOutcomeUnknown) {
			return l.resolve(ctx, drafts, err)
		}
		return err
	}
	for check := false; ; {
		more, err := l.sealOnce(ctx, drafts, check)
		switch {
		case errors.Is(err, storage.ErrDuplicate):
			if l.resolve(ctx, drafts, err) == nil {
				return nil // an attempt whose answer was lost has done it
			}
			if check {
				return err
			}
			check = true // a staged row is in the log already
		case errors.Is(err, storage.ErrOutcomeUnknown):
			return l.resolve(ctx, drafts, err)
		case err != nil || !more:
			return err
		}
	}
}

// sealOnce is one transaction. It reports whether there is more to do.
func (l *Log) sealOnce(ctx context.Context, drafts []*draft, check bool) (more bool, err error) {
	var h *head
	defer func() { l.keepHead(h, err) }()
	err = l.store.InTx(ctx, func(ctx context.Context) error {
		more = false
		var err error
		if h, err = l.lockHead(ctx); err != nil {
			return err
		}
		l.sawMark(h.mark)
		batch, ops := drafts, []storage.Op(nil)
		if !l.inside {
			d, err := l.drain(ctx, h, check)
			if err != nil {
				return err
			}
			ops, more = d.ops, d.full
			if batch = d.drafts; !more {
				batch = append(batch, drafts...)
			}
		}
		if err := h.belong(batch); err != nil {
			return err
		}
		return l.seal(ctx, h, batch, ops...)
	})
	return more, err
}

// belong refuses drafts that were made for an earlier incarnation.
func (h *head) belong(drafts []*draft) error {
	for _, d := range drafts {
		if string(d.leaf[len(leafPrefix):len(leafPrefix)+32]) != h.id {
			return errMoved
		}
	}
	return nil
}

const leafPrefix = `{"v":1,"log":"`

// resolve finds out whether a commit with a lost answer took place.
func (l *Log) resolve(ctx context.Context, drafts []*draft, unknown error) error {
	id, err := l.known(ctx)
	if err != nil || len(drafts) == 0 {
		return unknown
	}
	if _, hash, err := l.sealed(ctx, id.num, drafts[0].id); err == nil && string(hash) == string(drafts[0].hash[:]) {
		return nil
	}
	return unknown
}

// sealAt is the number of staged entries after which sealing is not put off.
const sealAt = 256

// sealSoon seals what transactions of this process staged, unless somebody is at
// it or did so a moment ago.
func (l *Log) sealSoon(n int) {
	g := &l.group
	g.mu.Lock()
	g.staged += n
	if g.leading || g.staged < sealAt && time.Since(g.last) < l.opt.SealEvery {
		g.mu.Unlock()
		return
	}
	g.leading = true
	t := newTicket(nil)
	g.queue = slices.Insert(g.queue, 0, t)
	g.mu.Unlock()
	if err := l.lead(context.Background(), t); err != nil {
		l.opt.Logger.Warn("audit: sealing after a commit failed; the entries stay staged")
	}
}

// Sealed seals every entry that was committed before the call and returns the
// number of entries in the log. On engines that seal inside the writing
// transaction there is never anything left to do.
func (l *Log) Sealed(ctx context.Context) (uint64, error) {
	if !l.outside(ctx) {
		return 0, storage.ErrInTx
	}
	if _, err := l.known(ctx); err != nil {
		return 0, err
	}
	if !l.inside {
		if err := l.commit(ctx, nil); err != nil {
			return 0, err
		}
	}
	h, err := l.readHead(ctx)
	if err != nil {
		return 0, err
	}
	return h.size(), nil
}
