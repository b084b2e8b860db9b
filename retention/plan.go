package retention

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"iter"
	"log/slog"
	"strconv"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// The states of a plan.
const (
	planMaking   = "making"
	planMade     = "planned"
	planApproved = "approved"
	planRunning  = "running"
	planDone     = "done"
	planExpired  = "expired"
)

// PlanOptions says what to plan.
type PlanOptions struct {
	By      string   // who plans: an opaque id of staff or of a job, 1 to 191 bytes
	Sources []string // names; default all
}

// Plan is a list of records to handle, each with action and rule, in the store.
type Plan struct {
	ID       string
	Hash     string // SHA-256 over schedule, records, actions and rules, in hex: what is approved
	Edition  string // of the schedule
	Schedule string // hash of the schedule
	State    string // making, planned, approved, running, done, expired
	By       string
	Approver string
	Made     time.Time // UTC
	Approved time.Time // UTC
	Finished time.Time // UTC
	Expires  time.Time // UTC; from then on it can be neither approved nor begun
	Rows     int       // records to handle
	Stopped  int       // records that would be due but for a stop
}

// Item is one record of a plan.
type Item struct {
	Source  string
	Key     string
	Action  Action // what it comes to: Mask for an erasure in place, see [Effecter]
	Rule    string // id of the deciding rule; empty when only the person's request decides
	Limited bool   // the action concerns some fields only
}

var (
	planColumns = []string{"id", "state", "hash", "schedule", "edition", "planner", "approver", "made", "approved", "finished", "expires", "rows_due", "stopped", "pages"}
	insertPlan  = &storage.Write{Verb: storage.Insert, Table: schema.Plan, Set: planColumns}
	finishPlan  = &storage.Write{Verb: storage.Update, Table: schema.Plan, Set: []string{"state", "hash", "rows_due", "stopped", "pages"}, Where: storage.By("id", "state"), Must: true}
	deletePlan  = &storage.Write{Verb: storage.Delete, Table: schema.Plan, Where: storage.By("id")}

	insertPage  = &storage.Write{Verb: storage.Insert, Table: schema.PlanPage, Set: []string{"plan", "page", "source", "rows_due", "body"}}
	deletePages = &storage.Write{Verb: storage.Delete, Table: schema.PlanPage, Where: storage.By("plan")}
	pageByKey   = &storage.Select{From: schema.PlanPage, Columns: []string{"source", "body"}, Where: storage.By("plan", "page")}
	insertShard = &storage.Write{Verb: storage.Insert, Table: schema.PlanShard, Set: []string{"plan", "shard", "next", "item", "last"}}
)

// Plan lists what is to be done now: records that are due, records to block, and
// erasures that waited for a duty to end. It changes nothing of the host's. It
// works in short transactions of its own and returns storage.ErrInTx inside one. After
// an error, such as an [ErrSource], no plan is left.
func (e *Engine) Plan(ctx context.Context, o PlanOptions) (*Plan, error) {
	if o.By == "" || len(o.By) > 191 {
		return nil, gdpr.Invalid("PlanOptions.By", "needs 1 to 191 bytes")
	}
	if e.store.State(ctx) != storage.Outside {
		return nil, storage.ErrInTx
	}
	sources, err := e.chosen(o.Sources)
	if err != nil {
		return nil, err
	}
	if err := e.expire(ctx); err != nil {
		return nil, err
	}
	p := &planner{e: e, at: e.now(), digest: sha256.New()}
	p.day = e.schedule.On(p.at)
	p.plan = Plan{ID: ids.New().String(), State: planMaking, Edition: e.schedule.Version(), Schedule: e.schedule.Hash(), By: o.By,
		Made: storage.Time(storage.Micros(p.at)), Expires: storage.Time(storage.Micros(p.at.Add(e.opt.PlanFor)))}
	if _, err := e.store.Apply(ctx, insertPlan.With(p.plan.args(0)...)); err != nil {
		return nil, err
	}
	if err := p.make(ctx, sources); err != nil {
		_, clean := e.store.Apply(context.WithoutCancel(ctx), deletePages.With(p.plan.ID), deletePlan.With(p.plan.ID))
		return nil, errors.Join(err, clean)
	}
	e.opt.Logger.InfoContext(ctx, "retention: planned", "plan", p.plan.ID, "rows", p.plan.Rows, "stopped", p.plan.Stopped)
	return &p.plan, nil
}

func (e *Engine) chosen(names []string) ([]Source, error) {
	if len(names) == 0 {
		return e.opt.Sources, nil
	}
	var out []Source
	for _, n := range names {
		s := e.source(n)
		if s == nil {
			return nil, gdpr.Invalid("PlanOptions.Sources", "%q is not a source", clip(n))
		}
		out = append(out, s)
	}
	return out, nil
}

func (p *Plan) args(pages int) []any {
	return []any{p.ID, p.State, p.Hash, p.Schedule, p.Edition, p.By, p.Approver, storage.Micros(p.Made), storage.Micros(p.Approved),
		storage.Micros(p.Finished), storage.Micros(p.Expires), p.Rows, p.Stopped, pages}
}

// planner makes one plan, holding one page of it in memory.
type planner struct {
	e      *Engine
	at     time.Time
	day    *Day
	plan   Plan
	digest hash.Hash
	pages  int
	source Source
	items  []Item
}

func (p *planner) make(ctx context.Context, sources []Source) error {
	p.digest.Write(frame.Append(nil, "gdprkit/retention/plan/v1", p.e.store.Scope(), p.plan.Schedule, p.day.date.String()))
	for _, s := range sources {
		c, err := p.day.Condition(s.Category())
		if err != nil {
			return err
		}
		p.source = s
		finds := []Find{FindDue}
		if len(c.enders)+len(c.blockers) > 0 {
			finds = append(finds, FindBlocked)
		}
		if p.e.opt.Grounds != nil && len(c.policy.purposes) > 0 {
			finds = []Find{FindAll} // a purpose may have lapsed for any row
		}
		for _, find := range finds {
			if err := p.sweep(ctx, c, find); err != nil {
				return err
			}
		}
		if finds[0] != FindAll { // else every row was considered
			if err := p.marked(ctx, c); err != nil {
				return err
			}
		}
		if err := p.flush(ctx); err != nil {
			return err
		}
	}
	return p.finish(ctx)
}

// sweep takes the rows of a source in pages, so that no cursor of the host is open
// while the store is asked.
func (p *planner) sweep(ctx context.Context, c *Condition, find Find) error {
	for rows, err := range p.e.pages(ctx, p.source, c, find) {
		if err != nil {
			return err
		}
		q, err := p.e.inquire(ctx, c)
		if err != nil {
			return err
		}
		for i := range rows {
			if err := p.consider(ctx, q, &rows[i], find); err != nil {
				return err
			}
		}
	}
	return nil
}

// pages yields the rows of a source, some at a time, and checks their order.
func (e *Engine) pages(ctx context.Context, s Source, c *Condition, find Find) iter.Seq2[[]Record, error] {
	return func(yield func([]Record, error) bool) {
		order := ascending(s)
		q := &Query{Condition: c, Find: find, Limit: e.opt.BatchRows, Settled: true}
		rows := make([]Record, 0, e.opt.BatchRows)
		var events []int64 // of all rows of the page
		for {
			rows, events = rows[:0], events[:0]
			for r, err := range s.List(ctx, q) {
				if err == nil {
					err = ctx.Err()
				}
				if err == nil && r.Key == "" {
					err = &SourceError{Source: s.Name(), Field: "key", Reason: "is missing in the row after " + strconv.Quote(q.After) + ": every row needs a key"}
				}
				if err == nil && q.After != "" && !order.ok(q.After, r.Key) {
					err = &SourceError{Source: s.Name(), Field: "key", Value: r.Key, Reason: "is not after " + q.After + ": rows must come in strictly ascending order of their keys"}
				}
				if err != nil {
					yield(nil, err)
					return
				}
				at := len(events)
				events = append(events, r.Events...)
				rows = append(rows, Record{Key: r.Key, Subject: r.Subject, Owner: r.Owner, Events: events[at:len(events):len(events)]})
				q.After = r.Key
				if len(rows) == e.opt.BatchRows {
					break
				}
			}
			if len(rows) > 0 && !yield(rows, nil) || len(rows) < e.opt.BatchRows {
				return
			}
		}
	}
}

// consider puts a row into the plan if something is to be done with it.
func (p *planner) consider(ctx context.Context, q *inquiry, r *Record, find Find) error {
	f, err := q.cond.facts(p.source, r, storage.Micros(p.at))
	if err != nil {
		return err
	}
	if err := q.complete(ctx, r, &f); err != nil {
		return err
	}
	d := q.cond.Evaluate(&f)
	if d.State == Stopped {
		f.Stop = ""
		if d = q.cond.Evaluate(&f); d.State == Due {
			p.plan.Stopped++
		}
		return nil
	}
	switch find {
	case FindDue:
		if d.State != Due {
			return nil
		}
	case FindBlocked:
		if d.State != Blocked {
			return nil
		}
	case findRevived:
		if d.State != Active {
			return nil
		}
	}
	item, ok, err := q.item(ctx, p.source, r, &d)
	if err != nil || !ok {
		return err
	}
	return p.add(ctx, item)
}

// item turns a decision into what a plan holds; ok is false when nothing is to be
// done, or was done before.
func (q *inquiry) item(ctx context.Context, s Source, r *Record, d *Decision) (item Item, ok bool, err error) {
	item = Item{Source: s.Name(), Key: r.Key, Action: effect(s, d), Limited: len(d.Fields()) > 0}
	if rule := d.Rule(); rule != nil {
		item.Rule = rule.ID
	} else {
		item.Rule = q.waited[r.Key]
	}
	switch mark := q.marks[r.Key]; {
	case d.State == Active:
		if !mark.revives(r) {
			return item, false, nil
		}
		item.Action, item.Rule, item.Limited = Unblock, mark.Rule, false
		return item, true, nil
	case d.Action() == Block:
		return item, mark == nil, nil
	case item.stays() && q.settled:
		var at int64
		err := q.e.store.Get(ctx, settledByKey, []any{q.cond.Category(), r.Key, item.Rule}, &at)
		if errors.Is(err, storage.ErrNotFound) {
			return item, true, nil
		}
		return item, err == nil && d.dueAfter(at, q.e.now()), err
	}
	return item, true, nil
}

// dueAfter reports whether the record became due between two instants: a later
// contact moved its dates and may have filled again what was masked at the first.
func (d *Decision) dueAfter(at int64, now time.Time) bool {
	since := d.dueSince()
	return !since.IsZero() && storage.Micros(since) > at && !since.After(now)
}

// stays reports whether the record is still there after the action.
func (i *Item) stays() bool { return i.Action != Erase || i.Limited }

// marked looks at the blocked records: erasures that waited for a duty to end and
// are not due otherwise, and records that may be used again.
func (p *planner) marked(ctx context.Context, c *Condition) error {
	due, past := Query{Condition: c, Find: FindDue}, Query{Condition: c, Find: FindBlocked}
	err := p.recall(ctx, c, FindDue, func(events []int64) bool { return !due.Match(events) },
		deferred, 1, c.Category(), 0, storage.Micros(p.at))
	if err != nil {
		return err
	}
	return p.recall(ctx, c, findRevived, func(events []int64) bool { return !due.Match(events) && !past.Match(events) },
		blockedUnasked, 0, c.Category())
}

// recall considers the records that a reading of gdpr_blocked names, if their events
// let them.
func (p *planner) recall(ctx context.Context, c *Condition, find Find, let func(events []int64) bool, from *storage.Select, args ...any) error {
	var keys []string
	take := func() error {
		if len(keys) == 0 {
			return nil
		}
		q, err := p.e.inquire(ctx, c)
		if err != nil {
			return err
		}
		rows, err := p.e.load(ctx, p.source, c, keys)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if r := rows[key]; r != nil && let(r.Events) {
				if err := p.consider(ctx, q, r, find); err != nil {
					return err
				}
			}
		}
		keys = keys[:0]
		return nil
	}
	for row, err := range p.e.store.Scan(ctx, from, args) {
		var until int64
		var key string
		if err == nil {
			err = row.Scan(&until, &key)
		}
		if err != nil {
			return err
		}
		if keys = append(keys, key); len(keys) == p.e.opt.BatchRows {
			if err := take(); err != nil {
				return err
			}
		}
	}
	return take()
}

// load reads rows by their keys as they are now.
func (e *Engine) load(ctx context.Context, s Source, c *Condition, keys []string) (map[string]*Record, error) {
	return e.gather(s.Load(ctx, &Query{Condition: c, Find: FindAll}, keys), c, len(keys))
}

// gather copies the rows that a source yields, n of them or about so many.
func (e *Engine) gather(list iter.Seq2[*Record, error], c *Condition, n int) (map[string]*Record, error) {
	rows := make(map[string]*Record, n)
	all, events := make([]Record, 0, n), make([]int64, 0, n*len(c.policy.events))
	for r, err := range list {
		if err != nil {
			return nil, err
		}
		at := len(events)
		events = append(events, r.Events...)
		all = append(all, Record{Key: r.Key, Subject: r.Subject, Owner: r.Owner, Events: events[at:len(events):len(events)]})
		rows[r.Key] = &all[len(all)-1] // stays what it is when all grows
	}
	return rows, nil
}

func (p *planner) add(ctx context.Context, i Item) error {
	p.items = append(p.items, i)
	p.plan.Rows++
	if len(p.items) == p.e.opt.BatchRows {
		return p.flush(ctx)
	}
	return nil
}

// flush writes the page.
func (p *planner) flush(ctx context.Context) error {
	if len(p.items) == 0 {
		return nil
	}
	body := encodeItems(p.items)
	p.digest.Write(frame.Append(nil, []byte(p.source.Name()), body))
	if _, err := p.e.store.Apply(ctx, insertPage.With(p.plan.ID, p.pages, p.source.Name(), len(p.items), body)); err != nil {
		return err
	}
	p.pages++
	p.items = p.items[:0]
	return nil
}

// finish writes hash and shards, and records the plan.
func (p *planner) finish(ctx context.Context) error {
	p.plan.Hash, p.plan.State = hex.EncodeToString(p.digest.Sum(nil)), planMade
	shards := min(p.e.opt.Shards, (p.pages+15)/16) // taking one costs two commits
	ops := []storage.Op{finishPlan.With(planMade, p.plan.Hash, p.plan.Rows, p.plan.Stopped, p.pages, p.plan.ID, planMaking)}
	for i := range shards {
		ops = append(ops, insertShard.With(p.plan.ID, i, i*p.pages/shards, 0, (i+1)*p.pages/shards))
	}
	return p.e.store.InTx(ctx, func(ctx context.Context) error {
		if _, err := p.e.store.Apply(ctx, ops...); err != nil {
			return err
		}
		return p.e.audit(ctx, "retention.planned", "", gdpr.Clear("plan", p.plan.ID), gdpr.Clear("hash", p.plan.Hash),
			gdpr.Clear("edition", p.plan.Edition), slog.Int("rows", p.plan.Rows), slog.Int("stopped", p.plan.Stopped))
	})
}
