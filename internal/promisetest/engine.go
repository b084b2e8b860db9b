package promisetest

import (
	"context"
	"time"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/internal/retentiontest"
	"github.com/gdprkit/gdprkit/retention"
)

var claim = retention.Hold{Subject: subject, Ground: "ZPO § 142", Reason: "a claim is pending", Actor: "s-1"}

// plan fills the host's table and plans a sweep of it.
func (h *house) plan() *retention.Plan {
	for _, id := range []string{"i1", "i2"} {
		h.ok(h.rows.Insert(h.ctx, retentiontest.Row{ID: id, Subject: subject, Issued: start.AddDate(-20, 0, 0), LastContact: start.AddDate(-20, 0, 0), Name: ada, Number: id}))
	}
	p, err := h.Engine.Plan(h.ctx, retention.PlanOptions{By: "s-1"})
	h.ok(err)
	return p
}

func (h *house) approved() *retention.Plan {
	p := h.plan()
	h.ok(h.Engine.Approve(h.ctx, p.ID, p.Hash, "s-2"))
	return p
}

// planned makes a case of a method that needs a plan.
func planned(do func(p *retention.Plan) act) func(h *house) act {
	return func(h *house) act { return do(h.plan()) }
}

func (h *house) blocked() {
	h.ok(h.Engine.Block(h.ctx, subject, "invoice", "i1", "duty", start.AddDate(5, 0, 0)))
}

func blocked(do act) func(h *house) act {
	return func(h *house) act {
		h.blocked()
		return do
	}
}

var engineMethods = map[string]method{
	"Engine.Approve": {writes, planned(func(p *retention.Plan) act {
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return nil, k.Engine.Approve(ctx, p.ID, p.Hash, "s-2")
		}
	})},
	"Engine.Asides": {reads, planned(func(p *retention.Plan) act {
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return all(k.Engine.Asides(ctx, p.ID)) }
	})},
	"Engine.Block": {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return nil, k.Engine.Block(ctx, subject, "invoice", "i1", "duty", start.AddDate(5, 0, 0))
	})},
	"Engine.Blocks": {reads, blocked(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return all(k.Engine.Blocks(ctx)) })},
	"Engine.Execute": {alone, func(h *house) act {
		p := h.approved()
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Engine.Execute(ctx, p.ID, nil) }
	}},
	"Engine.Explain": {reads, func(h *house) act {
		h.plan()
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return all(k.Engine.Explain(ctx, subject)) }
	}},
	"Engine.Export": {reads, blocked(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return all(k.Engine.Export(ctx, subject)) })},
	"Engine.Forget": {writes, blocked(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		erased, _, err := k.Engine.Forget(ctx, subject, "A17-1-b", time.Time{})
		return erased, err
	})},
	"Engine.Hold": {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		c := claim
		c.Key = keyOf(ctx)
		return k.Engine.Hold(ctx, c)
	})},
	"Engine.Holds": {reads, func(h *house) act {
		_, err := h.Engine.Hold(h.ctx, claim)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return all(k.Engine.Holds(ctx)) }
	}},
	"Engine.IsBlocked": {reads, blocked(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		b, _, err := k.Engine.IsBlocked(ctx, "invoice", "i1")
		return b, err
	})},
	"Engine.Items": {reads, planned(func(p *retention.Plan) act {
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return all(k.Engine.Items(ctx, p.ID)) }
	})},
	"Engine.Keep": {reads, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		_, until, _, ground, err := k.Engine.Keep(ctx, subject, "invoice", "i1", map[string]time.Time{"issued": start})
		return []any{until, ground}, err
	})},
	"Engine.Lint": {promise: nothing},
	"Engine.Open": {reads, planned(func(p *retention.Plan) act {
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Engine.Open(ctx, p.ID) }
	})},
	"Engine.Outcome": {reads, func(h *house) act {
		p := h.approved()
		_, err := h.Engine.Execute(h.ctx, p.ID, nil)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Engine.Outcome(ctx, p.ID) }
	}},
	"Engine.Override": {writes, func(h *house) act {
		held, err := h.Engine.Hold(h.ctx, claim)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return nil, k.Engine.Override(ctx, held.ID, "invoice", "i1", "s-2", "not part of the claim")
		}
	}},
	"Engine.Plan": {alone, func(h *house) act {
		h.plan()
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return k.Engine.Plan(ctx, retention.PlanOptions{By: "s-1"})
		}
	}},
	"Engine.Release": {writes, func(h *house) act {
		held, err := h.Engine.Hold(h.ctx, claim)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return nil, k.Engine.Release(ctx, held.ID, "s-1", "settled")
		}
	}},
	"Engine.Report": {reads, blocked(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return k.Engine.Report(ctx, start.AddDate(0, -1, 0), start.AddDate(0, 1, 0))
	})},
	"Engine.Reviews":  {reads, blocked(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return all(k.Engine.Reviews(ctx)) })},
	"Engine.Schedule": {promise: nothing},
	"Engine.Unblock": {writes, blocked(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return nil, k.Engine.Unblock(ctx, subject, "invoice", "i1")
	})},
	"Engine.Upcoming": {writes, func(h *house) act { // each owner is told once, which is noted
		h.ok(h.rows.Insert(h.ctx, retentiontest.Row{ID: "i3", Subject: subject, Owner: "s-1", Issued: start.AddDate(-20, 0, 0), Verified: start, LastContact: start.AddDate(-2, 0, 3), Name: ada}))
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return all(k.Engine.Upcoming(ctx, 10*24*time.Hour))
		}
	}},
}
