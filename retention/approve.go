package retention

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	planByID     = &storage.Select{From: schema.Plan, Columns: planColumns, Where: storage.By("id"), Mode: storage.Current}
	pagesOf      = &storage.Select{From: schema.PlanPage, Columns: []string{"page", "source", "body"}, Where: storage.By("plan"), Order: []string{"page"}}
	approvePlan  = &storage.Write{Verb: storage.Update, Table: schema.Plan, Set: []string{"state", "approver", "approved"}, Where: storage.By("id", "state"), Must: true}
	expiredPlans = &storage.Select{From: schema.Plan, Columns: []string{"id"}, Order: []string{"id"},
		Where: []storage.Term{{Column: "state"}, {Column: "expires", Cmp: storage.Le}}}
)

// Open returns a plan, or ErrNotFound.
func (e *Engine) Open(ctx context.Context, id string) (*Plan, error) {
	var p Plan
	var made, approved, finished, expires int64
	var pages int
	err := e.store.Get(ctx, planByID, []any{id}, &p.ID, &p.State, &p.Hash, &p.Schedule, &p.Edition, &p.By, &p.Approver,
		&made, &approved, &finished, &expires, &p.Rows, &p.Stopped, &pages)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("%w: plan", ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	p.Made, p.Approved, p.Finished, p.Expires = storage.Time(made), storage.Time(approved), storage.Time(finished), storage.Time(expires)
	return &p, nil
}

// Items yields the records of a plan, for review before approval, in the order in
// which they were found. Of a plan that is done or expired it yields none: the keys
// are gone.
func (e *Engine) Items(ctx context.Context, plan string) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for row, err := range e.store.Scan(ctx, pagesOf, []any{plan}) {
			var page int
			var source string
			var body []byte
			var items []Item
			if err == nil {
				err = row.Scan(&page, &source, &body)
			}
			if err == nil {
				items, err = decodeItems(source, body)
			}
			if err != nil {
				yield(Item{}, err)
				return
			}
			for _, i := range items {
				if !yield(i, nil) {
					return
				}
			}
		}
	}
}

// expire drops the keys of plans whose time ran out before they were executed.
func (e *Engine) expire(ctx context.Context) error {
	now := storage.Micros(e.now())
	for _, state := range []string{planMaking, planMade, planApproved} {
		var old []string
		for row, err := range e.store.Scan(ctx, expiredPlans, []any{state, now}) {
			var id string
			if err == nil {
				err = row.Scan(&id)
			}
			if err != nil {
				return err
			}
			old = append(old, id)
		}
		for _, id := range old {
			if _, err := e.store.Apply(ctx, startPlan.With(planExpired, id, state), deletePages.With(id)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Approve lets a plan be executed. The hash is that of the plan as it was looked
// at; by (1 to 191 bytes) is someone else than the planner, unless
// Options.SelfApproval is set. Else it returns ErrHash or ErrFourEyes; ErrPlanState
// for a plan that expired, was approved before or was made under another schedule;
// an error that wraps gdpr.ErrDenied if the guard says no.
func (e *Engine) Approve(ctx context.Context, id, hash, by string) error {
	if by == "" || len(by) > 191 {
		return gdpr.Invalid("Approve.By", "needs 1 to 191 bytes")
	}
	guarded, err := e.allow(ctx, "retention.approve", "", slog.String("plan", id))
	if err != nil {
		return err
	}
	return e.store.InTx(ctx, func(ctx context.Context) error {
		if err := e.lockSweeps(ctx); err != nil {
			return err
		}
		p, err := e.Open(ctx, id)
		switch {
		case err != nil:
			return err
		case p.State != planMade:
			return fmt.Errorf("%w: it is %s", ErrPlanState, p.State)
		case !e.now().Before(p.Expires):
			return fmt.Errorf("%w: it has expired", ErrPlanState)
		case p.Schedule != e.schedule.Hash():
			return fmt.Errorf("%w: it was made under another schedule", ErrPlanState)
		case p.Hash != hash:
			return ErrHash
		case p.By == by && !e.opt.SelfApproval:
			return ErrFourEyes
		}
		if _, err := e.store.Apply(ctx, approvePlan.With(planApproved, by, storage.Micros(e.now()), id, planMade)); err != nil {
			return err
		}
		return e.audit(ctx, "retention.approved", "", gdpr.Clear("plan", id), gdpr.Clear("hash", hash), guarded)
	})
}
