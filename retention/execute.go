package retention

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/lease"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// ExecuteOptions configures one execution; nil is the default.
type ExecuteOptions struct {
	// Progress is called after each batch, in the goroutine of Execute. Default none.
	Progress func(Progress)
	// Leave makes Execute return when every free shard is done, without waiting for
	// those that other processes work on. Default false: it waits, and takes over
	// the shard of a process that died.
	Leave bool
}

// Progress is how far an execution has come in this process.
type Progress struct {
	Plan      string
	Total     int           // records of the plan
	Handled   int           // by this process
	Aside     int           // skipped or failed, by this process
	Rate      float64       // records per second of this process
	Remaining time.Duration // an estimate, if this process does all that is left
}

var (
	startPlan    = &storage.Write{Verb: storage.Update, Table: schema.Plan, Set: []string{"state"}, Where: storage.By("id", "state")}
	endPlan      = &storage.Write{Verb: storage.Update, Table: schema.Plan, Set: []string{"state", "finished"}, Where: storage.By("id", "state")}
	advanceShard = &storage.Write{Verb: storage.Update, Table: schema.PlanShard, Set: []string{"next", "item"}, Where: storage.By("plan", "shard", "next", "item"), Must: true}
	newCount     = &storage.Write{Verb: storage.InsertNew, Table: schema.PlanCount, Set: []string{"plan", "source", "rule", "outcome", "shard", "n"}}
	addCount     = &storage.Write{Verb: storage.Update, Table: schema.PlanCount, Add: []string{"n"}, Where: storage.By("plan", "source", "rule", "outcome", "shard")}
	newAside     = &storage.Write{Verb: storage.InsertNew, Table: schema.PlanAside, Set: []string{"plan", "source", "record", "subject", "rule", "outcome", "detail"}}
	deleteTold   = &storage.Write{Verb: storage.Delete, Table: schema.Told, Where: storage.By("category", "record")}
)

// Execute handles the records of an approved plan and returns what became of all of
// them. Several processes may execute the same plan at the same time, and one that
// comes after a crash goes on where the last committed batch ended. Executing a plan
// that is done changes nothing, except that it destroys keys that an earlier one
// could not (Options.Shredder). It returns storage.ErrInTx inside a transaction.
//
// A record is handled only if the rules still ask for the same action under the
// same rule, and nothing stops it; every other one is set aside and named by
// [Engine.Asides].
func (e *Engine) Execute(ctx context.Context, id string, o *ExecuteOptions) (*Result, error) {
	if e.store.State(ctx) != storage.Outside {
		return nil, storage.ErrInTx
	}
	if o == nil {
		o = &ExecuteOptions{}
	}
	p, err := e.begin(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.State != planDone {
		r := &runner{e: e, plan: p, opt: o, keeper: lease.New(e.store, &lease.Options{Now: e.opt.Now}), size: e.opt.BatchRows, started: time.Now(),
			stale: true, settled: map[string]bool{}, blocked: map[string]bool{}, counted: map[shardCount]bool{}}
		if err := r.run(ctx); err != nil {
			return nil, err
		}
	}
	if err := e.shredDeparted(ctx); err != nil {
		return nil, err
	}
	return e.Outcome(ctx, id)
}

// begin checks the plan and marks it as running.
func (e *Engine) begin(ctx context.Context, id string) (*Plan, error) {
	var p *Plan
	err := e.store.InTx(ctx, func(ctx context.Context) (err error) {
		if p, err = e.Open(ctx, id); err != nil {
			return err
		}
		switch {
		case p.State == planDone:
			return nil
		case p.State != planApproved && p.State != planRunning:
			return fmt.Errorf("%w: it is %s, not approved", ErrPlanState, p.State)
		case p.Schedule != e.schedule.Hash():
			return fmt.Errorf("%w: it was made under another schedule", ErrPlanState)
		case p.State == planApproved && !e.now().Before(p.Expires):
			return fmt.Errorf("%w: it has expired", ErrPlanState)
		}
		if p.State == planApproved {
			n, err := e.store.Apply(ctx, startPlan.With(planRunning, id, planApproved))
			if err != nil {
				return err
			}
			if n[0] == 0 { // another process was first, or the plan has just expired
				if p, err = e.Open(ctx, id); err == nil && p.State != planRunning && p.State != planDone {
					err = fmt.Errorf("%w: it is %s", ErrPlanState, p.State)
				}
				return err
			}
		}
		return nil
	})
	return p, err
}

// shard is a run of pages and the place in it.
type shard struct {
	number     int
	next, item int // page, and item within it
	last       int // page after the last
}

func (s *shard) done() bool { return s.next >= s.last }

func (e *Engine) shards(ctx context.Context, plan string) ([]shard, error) {
	var out []shard
	for row, err := range e.store.Scan(ctx, shardsOf, []any{plan}) {
		var s shard
		if err == nil {
			err = row.Scan(&s.number, &s.next, &s.item, &s.last)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// runner executes a plan in one process.
type runner struct {
	e       *Engine
	plan    *Plan
	opt     *ExecuteOptions
	keeper  *lease.Keeper
	size    int // items of the next batch
	started time.Time
	handled int
	aside   int

	untaken bool                // the batch is handled row by row, see Taker
	stale   bool                // holds have changed since they were remembered
	settled map[string]bool     // whether a category has settled records, by category
	blocked map[string]bool     // categories known to have blocked records
	counted map[shardCount]bool // rows of counts that exist
}

type shardCount struct {
	shard int
	key   countKey
}

// inquire is Engine.inquire with what this run knows already.
func (r *runner) inquire(ctx context.Context, c *Condition) (*inquiry, error) {
	e := r.e
	holds, err := e.holdsNow(ctx)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	r.stale = holds != e.holds
	e.mu.Unlock()
	category := c.Category()
	if !r.blocked[category] {
		if r.blocked[category], err = e.any(ctx, anyBlocked, category); err != nil {
			return nil, err
		}
	}
	if _, known := r.settled[category]; !known {
		if r.settled[category], err = e.any(ctx, anySettled, category); err != nil {
			return nil, err
		}
	}
	return newInquiry(e, c, holds, r.blocked[category], r.settled[category]), nil
}

// run takes free shards until all are done.
func (r *runner) run(ctx context.Context) error {
	for {
		shards, err := r.e.shards(ctx, r.plan.ID)
		if err != nil {
			return err
		}
		open, worked := 0, false
		for _, s := range shards {
			if s.done() {
				continue
			}
			held, err := r.keeper.Acquire(ctx, fmt.Sprintf("retention/%s/%d", r.plan.ID, s.number), r.e.opt.Lease)
			if errors.Is(err, lease.ErrHeld) {
				open++
				continue
			}
			if err != nil {
				return err
			}
			worked = true
			if err := r.work(ctx, held, &s); err != nil && !errors.Is(err, lease.ErrLost) {
				_ = held.Release(context.WithoutCancel(ctx))
				return err
			}
			_ = held.Release(ctx)
		}
		switch {
		case open == 0 && !worked:
			return r.finish(ctx)
		case !worked && r.opt.Leave:
			return nil
		case !worked:
			if err := sleep(ctx, max(r.e.opt.Lease/8, time.Millisecond)); err != nil {
				return err
			}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// finish marks the plan as done and drops the keys that it held.
func (r *runner) finish(ctx context.Context) error {
	e := r.e
	return e.store.InTx(ctx, func(ctx context.Context) error {
		n, err := e.store.Apply(ctx, endPlan.With(planDone, storage.Micros(e.now()), r.plan.ID, planRunning))
		if err != nil || n[0] == 0 {
			return err // another process was first
		}
		if _, err := e.store.Apply(ctx, deletePages.With(r.plan.ID)); err != nil {
			return err
		}
		res, err := e.Outcome(ctx, r.plan.ID)
		if err != nil {
			return err
		}
		return e.audit(ctx, "retention.executed", "", gdpr.Clear("plan", r.plan.ID), gdpr.Clear("hash", r.plan.Hash),
			slog.Int("handled", res.Handled), slog.Int("skipped", res.Skipped), slog.Int("failed", res.Failed))
	})
}

// work goes through the pages of a shard.
func (r *runner) work(ctx context.Context, held *lease.Lease, s *shard) error {
	renewed := r.e.now()
	for !s.done() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.e.now().Sub(renewed) > r.e.opt.Lease/3 {
			if err := held.Renew(ctx, r.e.opt.Lease); err != nil {
				return err
			}
			renewed = r.e.now()
		}
		page, err := r.read(ctx, s.next)
		if errors.Is(err, storage.ErrNotFound) {
			return nil // finished by another process
		}
		if err != nil {
			return err
		}
		if s.item == 0 && len(page.items) == 0 {
			return errPage
		}
		if err := r.batch(ctx, s, page); err != nil {
			return err
		}
	}
	return nil
}

// page is a page of the plan with its source.
type page struct {
	source Source
	items  []Item
}

func (r *runner) read(ctx context.Context, number int) (*page, error) {
	var name string
	var body []byte
	if err := r.e.store.Get(ctx, pageByKey, []any{r.plan.ID, number}, &name, &body); err != nil {
		return nil, err
	}
	src := r.e.source(name)
	if src == nil {
		return nil, gdpr.Invalid("Options.Sources", "source %q of the plan is missing", name)
	}
	items, err := decodeItems(name, body)
	return &page{src, items}, err
}

// batch handles the next items of the page, and one by one if they fail together.
func (r *runner) batch(ctx context.Context, s *shard, p *page) error {
	if r.stale { // outside the transaction, so that they are remembered
		if _, err := r.e.holdsNow(ctx); err != nil {
			return err
		}
		r.stale = false
	}
	n := min(r.size, len(p.items)-s.item)
	start := time.Now()
	b, err := r.commit(ctx, s, p, n, "")
	if errors.Is(err, errTaken) {
		r.untaken = true
		b, err = r.commit(ctx, s, p, n, "")
		r.untaken = false
	}
	var carried *carryError
	for i := 0; err != nil && errors.As(err, &carried) && i < n; i++ {
		if b, err = r.commit(ctx, s, p, 1, ""); errors.As(err, &carried) {
			r.e.opt.Logger.WarnContext(ctx, "retention: record set aside", "plan", r.plan.ID, "source", p.source.Name(), "error", carried.Error())
			b, err = r.commit(ctx, s, p, 1, "the source refused the record")
		}
		if err == nil && i < n-1 {
			r.report(b)
			err = carried // go on with the next one
		}
	}
	if err != nil {
		return err
	}
	r.adapt(n, time.Since(start))
	r.report(b)
	return nil
}

// adapt keeps the time of a batch near Options.BatchTime.
func (r *runner) adapt(n int, took time.Duration) {
	switch limit := r.e.opt.BatchTime; {
	case limit == 0:
	case took > limit:
		r.size = max(1, min(r.size, n)/2)
	case took < limit/4 && r.size < r.e.opt.BatchRows:
		r.size = min(r.e.opt.BatchRows, r.size*2)
	}
}

func (r *runner) report(b *batch) {
	r.handled += b.handled
	r.aside += len(b.asides)
	if r.opt.Progress == nil {
		return
	}
	p := Progress{Plan: r.plan.ID, Total: r.plan.Rows, Handled: r.handled, Aside: r.aside}
	if secs := time.Since(r.started).Seconds(); secs > 0 {
		p.Rate = float64(p.Handled+p.Aside) / secs
	}
	if p.Rate > 0 {
		p.Remaining = time.Duration(float64(max(0, p.Total-p.Handled-p.Aside)) / p.Rate * float64(time.Second))
	}
	r.opt.Progress(p)
}

// commit handles n items in one transaction, or sets them aside for a reason. The
// lease only keeps others away; that nothing is done twice follows from the lock on
// the row of the shard and the place that it names.
func (r *runner) commit(ctx context.Context, s *shard, p *page, n int, refused string) (*batch, error) {
	var b *batch
	err := r.e.store.InTx(ctx, func(ctx context.Context) error {
		b = &batch{r: r, page: p, shard: s, items: p.items[s.item : s.item+n], counts: map[countKey]int{}}
		var next, item, last int
		if err := r.e.store.Claim(ctx, claimShard, []any{r.plan.ID, s.number, s.next, s.item, s.last}, &next, &item, &last); err != nil {
			return err
		}
		if next != s.next || item != s.item {
			return lease.ErrLost
		}
		return b.run(ctx, refused)
	})
	if err != nil {
		return nil, err
	}
	for k := range b.counts {
		r.counted[shardCount{s.number, k}] = true
	}
	if s.item += n; s.item == len(p.items) {
		s.next, s.item = s.next+1, 0
	}
	return b, nil
}
