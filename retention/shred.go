package retention

import (
	"context"
	"errors"
	"fmt"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Shredder destroys the keys of a person, except those of the compartments to keep.
// It is called inside a transaction of the engine's store and decided by its commit.
// *pseudonym.Vault is one.
type Shredder interface {
	Shred(ctx context.Context, subject string, keep ...string) error
}

var (
	newDeparted    = &storage.Write{Verb: storage.InsertNew, Table: schema.Departed, Set: []string{"subject", "plan", "rule"}}
	deleteDeparted = &storage.Write{Verb: storage.Delete, Table: schema.Departed, Where: storage.By("subject")}
	allDeparted    = &storage.Select{From: schema.Departed, Columns: []string{"subject", "plan", "rule"}, Order: []string{"subject"}}
	departedOf     = &storage.Select{From: schema.Departed, Columns: []string{"plan", "rule"}, Where: storage.By("subject")}
)

// shredDeparted destroys the keys of those persons of whom records were erased and
// nothing is left. It looks after the batches have committed, so that of two that
// erase the last two records of a person one certainly sees that nothing is left.
func (e *Engine) shredDeparted(ctx context.Context) error {
	if e.opt.Shredder == nil {
		return nil
	}
	for row, err := range e.store.Scan(ctx, allDeparted, nil) {
		var subject, plan, rule string
		if err == nil {
			err = row.Scan(&subject, &plan, &rule)
		}
		if err == nil {
			err = e.shred(ctx, subject, plan, rule)
		}
		if err != nil {
			return fmt.Errorf("retention: destroying keys: %w", err)
		}
	}
	return nil
}

func (e *Engine) shred(ctx context.Context, subject, plan, rule string) error {
	if wait, err := e.unshreddable(ctx, subject); err != nil || wait {
		return err // a later execution looks again
	}
	return e.store.InTx(ctx, func(ctx context.Context) error {
		n, err := e.store.Apply(ctx, deleteDeparted.With(subject))
		if err != nil || n[0] == 0 {
			return err // another process was first
		}
		if left, err := e.left(ctx, subject); err != nil || left {
			return err // the erasure of what is left notes the person again
		}
		if err := e.audit(ctx, "retention.shredded", subject, gdpr.Clear("plan", plan), gdpr.Clear("rule", rule)); err != nil {
			return err
		}
		return e.opt.Shredder.Shred(ctx, subject, e.opt.KeepCompartments...)
	})
}

// unshreddable reports whether a hold, a restriction, an open request or a blocked
// record stands in the way.
func (e *Engine) unshreddable(ctx context.Context, subject string) (bool, error) {
	holds, err := e.holdsNow(ctx)
	if err != nil {
		return false, err
	}
	for k := range holds.covers {
		if k[0] == subject {
			return true, nil
		}
	}
	for _, s := range e.opt.Stoppers {
		for _, category := range e.schedule.names {
			if stopped, _, err := s.Stops(ctx, subject, category); err != nil || stopped {
				return stopped, err
			}
		}
	}
	var blocked int
	err = e.store.Get(ctx, countBlocksOf, []any{subject}, &blocked)
	return blocked > 0, err
}

// left reports whether any source has a row of the person.
func (e *Engine) left(ctx context.Context, subject string) (bool, error) {
	for _, s := range e.opt.Sources {
		c, err := e.condition(s.Category())
		if err != nil {
			return false, err
		}
		for _, err := range s.(SubjectLister).ListSubject(ctx, &Query{Condition: c, Find: FindAll}, subject) {
			return err == nil, err
		}
	}
	return false, nil
}

// departed reports whether the keys of a person may have to go, and by which plan.
func (e *Engine) departed(ctx context.Context, subject string) (plan, rule string, ok bool, err error) {
	err = e.store.Get(ctx, departedOf, []any{subject}, &plan, &rule)
	if errors.Is(err, storage.ErrNotFound) {
		return "", "", false, nil
	}
	return plan, rule, err == nil, err
}
