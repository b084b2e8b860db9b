package retention

import (
	"context"
	"errors"
	"fmt"

	"github.com/gdprkit/gdprkit/storage"
)

// holdSet answers which hold covers a record, in memory.
type holdSet struct {
	version int64
	covers  map[[3]string][]*Hold // subject, category, record, each "" when the hold does not name it
	exempt  map[[3]string]bool    // hold, category, record
}

// covering returns the first hold that covers the record and does not exempt it.
func (s *holdSet) covering(subject, category, record string) *Hold {
	if len(s.covers) == 0 {
		return nil
	}
	for _, k := range [...][3]string{
		{subject, "", ""}, {"", category, ""}, {subject, category, ""}, {"", category, record}, {subject, category, record},
	} {
		if k == ([3]string{}) {
			continue
		}
		for _, h := range s.covers[k] {
			if !s.exempt[[3]string{h.ID, category, record}] {
				return h
			}
		}
	}
	return nil
}

// holdsNow returns the holds as they are committed, or written in the transaction
// of ctx. It reads them only when their version has changed.
func (e *Engine) holdsNow(ctx context.Context) (*holdSet, error) {
	var version int64
	if err := e.store.Get(ctx, headVersion, []any{headName}, &version); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	e.mu.Lock()
	known := e.holds
	e.mu.Unlock()
	if known != nil && known.version == version {
		return known, nil
	}
	set := &holdSet{version: version, covers: map[[3]string][]*Hold{}, exempt: map[[3]string]bool{}}
	for h, err := range e.scanHolds(ctx, activeHolds, 0) {
		if err != nil {
			return nil, err
		}
		if h.Parent != "" {
			set.exempt[[3]string{h.Parent, h.Category, h.Record}] = true
			continue
		}
		k := [3]string{h.Subject, h.Category, h.Record}
		set.covers[k] = append(set.covers[k], h)
	}
	if e.store.State(ctx) == storage.Outside { // a transaction may see what is never committed
		e.mu.Lock()
		e.holds = set
		e.mu.Unlock()
	}
	return set, nil
}

// checker of stops and purposes for some rows, which remembers what it asked.
type inquiry struct {
	e       *Engine
	cond    *Condition
	holds   *holdSet
	stops   map[string]string // subject -> ground
	lapsed  map[string]bool   // subject
	waited  map[string]string // record -> rule for which its erasure waited
	marks   map[string]*Blocking
	blocked bool // the category has blocked records
	settled bool // the category has settled records
}

func (e *Engine) inquire(ctx context.Context, c *Condition) (*inquiry, error) {
	holds, err := e.holdsNow(ctx)
	if err != nil {
		return nil, err
	}
	blocked, err := e.any(ctx, anyBlocked, c.Category())
	if err != nil {
		return nil, err
	}
	settled, err := e.any(ctx, anySettled, c.Category())
	return newInquiry(e, c, holds, blocked, settled), err
}

func newInquiry(e *Engine, c *Condition, holds *holdSet, blocked, settled bool) *inquiry {
	return &inquiry{e: e, cond: c, holds: holds, blocked: blocked, settled: settled,
		stops: map[string]string{}, lapsed: map[string]bool{}, waited: map[string]string{}, marks: map[string]*Blocking{}}
}

func (e *Engine) any(ctx context.Context, s *storage.Select, category string) (bool, error) {
	var record string
	err := e.store.Get(ctx, s, []any{category}, &record)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// complete adds to the facts of a record what the rules cannot see: stops, lapsed
// purposes, and an erasure that waits.
func (q *inquiry) complete(ctx context.Context, r *Record, f *Facts) error {
	var err error
	if f.Stop, err = q.stop(ctx, r.Subject, r.Key); err != nil || f.Stop != "" {
		return err
	}
	if q.blocked {
		b, err := q.e.blockOf(ctx, q.cond.Category(), r.Key)
		if err != nil {
			return err
		}
		if b != nil {
			q.marks[r.Key] = b
		}
		if b != nil && b.Subject != r.Subject {
			b = nil // not this row: see Record.Key
		}
		if b != nil && b.Rule == "" && (b.Until.IsZero() || b.Until.After(q.e.now())) {
			f.Stop = b.Ground // a ground that the schedule does not know
			return nil
		}
		if f.Asked = b != nil && b.Asked; f.Asked {
			q.waited[r.Key] = b.Rule
		}
	}
	f.Lapsed, err = q.purposesLapsed(ctx, r.Subject)
	return err
}

func (q *inquiry) stop(ctx context.Context, subject, record string) (string, error) {
	if h := q.holds.covering(subject, q.cond.Category(), record); h != nil {
		return h.Ground, nil
	}
	if subject == "" || len(q.e.opt.Stoppers) == 0 {
		return "", nil
	}
	if ground, ok := q.stops[subject]; ok {
		return ground, nil
	}
	ground := ""
	for _, s := range q.e.opt.Stoppers {
		stopped, why, err := s.Stops(ctx, subject, q.cond.Category())
		if err != nil {
			return "", fmt.Errorf("retention: asking whether records are stopped: %w", err)
		}
		if stopped {
			if ground = why; ground == "" {
				ground = "stopped"
			}
			break
		}
	}
	q.stops[subject] = ground
	return ground, nil
}

func (q *inquiry) purposesLapsed(ctx context.Context, subject string) (bool, error) {
	purposes := q.cond.policy.purposes
	if q.e.opt.Grounds == nil || len(purposes) == 0 || subject == "" {
		return false, nil
	}
	if lapsed, ok := q.lapsed[subject]; ok {
		return lapsed, nil
	}
	lapsed := true
	for _, p := range purposes {
		stands, _, err := q.e.opt.Grounds.Stands(ctx, subject, p, q.e.now())
		if err != nil {
			return false, fmt.Errorf("retention: asking whether a purpose stands: %w", err)
		}
		if stands {
			lapsed = false
			break
		}
	}
	q.lapsed[subject] = lapsed
	return lapsed, nil
}
