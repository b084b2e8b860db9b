package dsar

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"iter"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Plan is what will be done for a request, counted before anything is done. The
// records that it names are read with [Desk.Items].
type Plan struct {
	Request string
	// Hash identifies the plan: every item with its action and ground, the counts
	// and the policy version. Approve takes it back.
	Hash    string
	Policy  string
	Made    time.Time
	Expires time.Time
	Sources []PlannedSource // in the order of Options.Sources
	// Missing lists, for an access request, what the answer still lacks of GDPR art.
	// 15(1) and (2), in the words of [IncompleteError]. Bundle and Fulfil fail until
	// Options.Information says it; the plan stays as it is.
	Missing []string
}

// PlannedSource counts what a plan has for one source.
type PlannedSource struct {
	Source   string
	Records  int            // records found
	Actions  map[Action]int // records per action
	Grounds  map[string]int // kept, blocked and withheld records per ground
	Redacted int            // values of third parties that will be redacted
	Withheld int            // records that will not be given
}

// Records returns how many records all sources hold.
func (p *Plan) Records() int {
	n := 0
	for _, s := range p.Sources {
		n += s.Records
	}
	return n
}

// Redactions returns how many values will be redacted. Approving the plan signs
// them off (GDPR art. 15(4)).
func (p *Plan) Redactions() int {
	n := 0
	for _, s := range p.Sources {
		n += s.Redacted
	}
	return n
}

var itemColumns = []string{
	"request", "plan", "n", "subject", "source", "category", "tbl", "record", "action", "kind", "ground", "until", "again",
	"fields", "dates", "state", "outcome", "evidence",
}

var (
	insertItem = &storage.Write{Verb: storage.Insert, Table: schema.RequestItem, Set: itemColumns}
	allItems   = &storage.Write{Verb: storage.Delete, Table: schema.RequestItem, Where: storage.By("request")}
	dropUndone = &storage.Write{Verb: storage.Delete, Table: schema.RequestItem, Where: append(storage.By("request", "state"), storage.Term{Column: "plan", Cmp: storage.Lt})}
	endItems   = &storage.Write{Verb: storage.Update, Table: schema.RequestItem, Set: []string{"state"}, Where: storage.By("request", "state")}
	itemsOf    = &storage.Select{From: schema.RequestItem, Columns: itemColumns, Where: storage.By("request"), Order: []string{"request", "plan", "n"}}
)

// item is a row of gdpr_request_item.
type item struct {
	request                                  string
	plan, n                                  int64
	subject, source, category, table, record string
	action                                   Action
	kind, ground                             string
	until, again                             int64  // again: when a kept record is asked about again
	fields                                   string // JSON of []string
	dates                                    string // JSON of map[string]int64
	state                                    string
	outcome                                  Outcome
	evidence                                 string
}

func (i *item) pointers() []any {
	return []any{&i.request, &i.plan, &i.n, &i.subject, &i.source, &i.category, &i.table, &i.record, &i.action,
		&i.kind, &i.ground, &i.until, &i.again, &i.fields, &i.dates, &i.state, &i.outcome, &i.evidence}
}

func (i *item) values() []any {
	return []any{i.request, i.plan, i.n, i.subject, i.source, i.category, i.table, i.record, string(i.action),
		i.kind, i.ground, i.until, i.again, i.fields, i.dates, i.state, string(i.outcome), i.evidence}
}

func (i *item) fieldList() []string {
	var f []string
	if i.fields != "" {
		_ = json.Unmarshal([]byte(i.fields), &f) // written by encodeFields
	}
	return f
}

// encodeFields is the inverse of item.fieldList.
func encodeFields(fields []string) string {
	if len(fields) == 0 {
		return ""
	}
	b, _ := json.Marshal(fields) // strings always encode
	return string(b)
}

// encodeDates is the inverse of item.dateMap.
func encodeDates(dates map[string]time.Time) (string, error) {
	if len(dates) == 0 {
		return "", nil
	}
	us := make(map[string]int64, len(dates))
	for k, t := range dates {
		us[k] = storage.Micros(t)
	}
	b, err := json.Marshal(us)
	return string(b), err
}

// on returns the item for one field.
func (i item) on(field string) item {
	i.fields = encodeFields([]string{field})
	return i
}

func (i *item) dateMap() map[string]time.Time {
	var us map[string]int64
	if i.dates != "" {
		_ = json.Unmarshal([]byte(i.dates), &us) // written by encodeDates
	}
	m := make(map[string]time.Time, len(us))
	for k, v := range us {
		m[k] = storage.Time(v)
	}
	return m
}

// Plan asks every source what it holds and writes down what will be done with it.
// The counts are those of the run. Until the plan is approved it may be made
// again; a plan that is not carried out in Options.PlanFor expires. What an access
// answer will lack is in [Plan.Missing]. Repeated with its Key it returns the plan that
// was made, whatever the sources hold by now.
func (d *Desk) Plan(ctx context.Context, id string, act Act) (*Plan, error) {
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if again, err := d.taken(ctx, stepping{id: id, event: EventPlan, act: act, asked: []string{}}); err != nil {
		return nil, err
	} else if again {
		return d.formerPlan(ctx, id, act.Key)
	}
	if _, identity, ok := next(r.state, EventPlan); !ok {
		return nil, &TransitionError{r.state, EventPlan}
	} else if identity && !r.identity.settled() {
		return nil, ErrIdentity
	}
	if r.role == gdpr.RoleProcessor {
		return nil, invalid("Controller.Role", "is processor; a processor forwards (GDPR art. 28(3)(e))")
	}
	f, err := d.file(ctx, r)
	if err != nil {
		return nil, err
	}
	p := &planner{d: d, r: r, f: f, plan: planNumber(r), now: d.now(), sum: sha256.New()}
	if err := p.make(during(ctx, &row{planAt: storage.Micros(p.now)})); err != nil {
		return nil, err
	}
	return p.out, p.commit(ctx, act)
}

var noteByKey = &storage.Select{From: schema.RequestEvent, Columns: []string{"note"}, Where: storage.By("key")}

// formerPlan returns the plan of a request that was made with a key.
func (d *Desk) formerPlan(ctx context.Context, id, key string) (*Plan, error) {
	var enclosed []byte
	if err := d.store.Get(ctx, noteByKey, []any{key}, &enclosed); err != nil {
		return nil, err
	}
	var n note
	if err := d.disclose(ctx, id, notePlace(id, key), enclosed, &n); err != nil {
		return nil, err
	}
	p := new(Plan)
	return p, json.Unmarshal(n.Detail, p)
}

// planNumber returns the number under which a plan of r is written: greater than those
// of the plans before, and another for each of two desks that plan at once, so that
// neither writes among the items of the other.
func planNumber(r *row) int64 {
	var b [4]byte
	rand.Read(b[:])
	return (r.version+1)<<32 | int64(binary.BigEndian.Uint32(b[:]))
}

// planner writes the items of one plan.
type planner struct {
	d    *Desk
	r    *row
	f    *file
	plan int64
	now  time.Time
	n    int64
	sum  hash.Hash
	ops  []storage.Op
	out  *Plan
	at   *PlannedSource
}

func (p *planner) make(ctx context.Context) error {
	p.out = &Plan{Request: p.r.id, Policy: p.d.o.Policy, Made: p.now, Expires: p.now.Add(p.d.o.PlanFor)}
	p.sum.Write(frame.Append([]byte("gdprkit/dsar/plan/v1\x00"), p.r.id, string(p.r.kind), p.d.o.Policy))
	if len(p.r.subjects) == 0 {
		return invalid("Plan", "the request names no subject; call Identify, or NoDataHeld")
	}
	if err := p.kind(ctx); err != nil {
		return err
	}
	for i := range p.out.Sources {
		b, err := json.Marshal(p.out.Sources[i])
		if err != nil {
			return err
		}
		p.sum.Write(frame.Append(nil, b))
	}
	p.out.Hash = hex.EncodeToString(p.sum.Sum(nil))
	if err := p.missing(ctx); err != nil {
		return err
	}
	return p.flush(ctx)
}

func (p *planner) kind(ctx context.Context) error {
	switch p.r.kind {
	case Access, Portability:
		return p.each(ctx, p.reading)
	case Erasure:
		return p.each(ctx, p.erasing)
	case Rectification:
		return p.rectifying(ctx)
	case Restriction:
		return p.restricting(ctx)
	case Objection, Withdrawal:
		return p.choosing(ctx)
	}
	return nil // an automated decision is reviewed, not worked on
}

// each runs f for every source, and has an entry for each in the plan.
func (p *planner) each(ctx context.Context, f func(context.Context, Source, string) error) error {
	for _, s := range p.d.sources {
		p.begin(s.Name())
		for _, subject := range p.r.subjects {
			if err := p.d.guarded(ctx, s, func(ctx context.Context) error { return f(ctx, s, subject) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// missing says early what Bundle would fail for.
func (p *planner) missing(ctx context.Context) error {
	if p.r.kind != Access {
		return nil
	}
	cats, shown, err := p.d.disclosed(ctx, p.r)
	if err != nil {
		return err
	}
	var found []*Section
	for i := range p.out.Sources {
		if s := p.d.byName[p.out.Sources[i].Source]; s != nil && p.out.Sources[i].Records > 0 {
			found = append(found, s.Sections()...)
		}
	}
	in := p.d.o.Information.in(p.d.letters.pick(p.r.language))
	var lacks *IncompleteError
	if errors.As(in.check(found, p.d.controller.Authority, cats, shown), &lacks) {
		p.out.Missing = lacks.Missing
	}
	return nil
}

func (p *planner) begin(source string) {
	p.out.Sources = append(p.out.Sources, PlannedSource{Source: source, Actions: map[Action]int{}, Grounds: map[string]int{}})
	p.at = &p.out.Sources[len(p.out.Sources)-1]
}

// reading counts what a copy would hold.
func (p *planner) reading(ctx context.Context, s Source, subject string) error {
	c := p.d.newCopier(p.r, p.f)
	for rec, err := range s.Collect(ctx, subject, p.f.Scope) {
		if err != nil {
			return err
		}
		if err := c.check(s, rec); err != nil {
			return err
		}
		if !c.wanted(rec) {
			continue
		}
		p.at.Records++
		if rec.Withhold != "" {
			p.at.Withheld++
			p.at.Grounds[rec.Withhold]++
			continue
		}
		p.at.Redacted += c.redactions(rec)
	}
	return nil
}

// add appends an item to the plan.
func (p *planner) add(ctx context.Context, i item) error {
	p.n++
	i.request, i.plan, i.n, i.state = p.r.id, p.plan, p.n, itemPlanned
	p.at.Records++
	p.at.Actions[i.action]++
	if i.action == ActKeep || i.action == ActBlock {
		p.at.Grounds[i.ground]++
	}
	p.sum.Write(frame.Append(nil, i.subject, i.source, i.category, i.table, i.record, string(i.action), i.kind, i.ground, itoa(i.until), i.fields))
	p.ops = append(p.ops, insertItem.With(i.values()...))
	if len(p.ops) >= MaxBatch {
		return p.flush(ctx)
	}
	return nil
}

func (p *planner) flush(ctx context.Context) error {
	if len(p.ops) == 0 {
		return nil
	}
	_, err := p.d.store.Apply(ctx, p.ops...)
	p.ops = p.ops[:0]
	return err
}

// commit makes the plan the current one.
func (p *planner) commit(ctx context.Context, act Act) error {
	_, err := p.d.do(ctx, stepping{id: p.r.id, event: EventPlan, act: act, code: p.out.Hash, detail: p.out, plain: true, asked: []string{},
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			if r.version != p.r.version {
				return nil, ErrPlan
			}
			r.plan, r.planHash, r.planner, r.approver = p.plan, p.out.Hash, act.By, ""
			r.planAt, r.planExpires, r.policy = storage.Micros(p.now), storage.Micros(p.out.Expires), p.out.Policy
			return []storage.Op{dropSources.With(r.id), dropUndone.With(r.id, itemPlanned, p.plan)}, nil
		}})
	return err
}

// Approve agrees to the plan with that hash, and to no other. Unless
// Options.SelfApproval is set, the planner cannot approve. It signs off the redactions
// that the plan counts.
func (d *Desk) Approve(ctx context.Context, id, hash string, act Act) (*Request, error) {
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := d.allow(ctx, "request.approve", r); err != nil {
		return nil, err
	}
	return d.do(ctx, stepping{id: id, event: EventApprove, act: act, code: hash,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			switch {
			case hash == "" || !strings.EqualFold(hash, r.planHash):
				return nil, ErrPlan
			case storage.Micros(d.now()) >= r.planExpires:
				return nil, ErrPlan
			case !d.o.SelfApproval && act.By == r.planner:
				return nil, ErrFourEyes
			}
			r.approver = act.By
			return nil, nil
		}})
}

// alone marks an approver without a second person, until the review.
const alone = "!"

// BreakGlass approves the plan with that hash alone, where a second person cannot
// be waited for. The reason is a short clear code; [Request.AwaitsReview] stays set
// until somebody else calls [Desk.AfterReview].
func (d *Desk) BreakGlass(ctx context.Context, id, hash, reason string, act Act) (*Request, error) {
	if err := checkCode("BreakGlass.reason", reason); err != nil {
		return nil, err
	}
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := d.allow(ctx, "request.break_glass", r); err != nil {
		return nil, err
	}
	return d.do(ctx, stepping{id: id, event: EventBreakGlass, act: act, code: reason, asked: []string{reason, hash},
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			if hash == "" || !strings.EqualFold(hash, r.planHash) || storage.Micros(d.now()) >= r.planExpires {
				return nil, ErrPlan
			}
			if len(act.By) >= 191 {
				return nil, invalid("Act.By", "has 191 bytes; 190 are the limit here")
			}
			r.approver = alone + act.By
			return nil, nil
		}})
}

// AfterReview records that somebody other than planner and approver looked at an
// approval by [Desk.BreakGlass]. The verdict is a short clear code.
func (d *Desk) AfterReview(ctx context.Context, id, verdict string, act Act) (*Request, error) {
	if err := checkCode("AfterReview.verdict", verdict); err != nil {
		return nil, err
	}
	return d.do(ctx, stepping{id: id, event: EventAfterReview, act: act, code: verdict,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			by, waits := strings.CutPrefix(r.approver, alone)
			switch {
			case !waits:
				return nil, invalid("AfterReview", "no approval waits for a review")
			case act.By == by || act.By == r.planner:
				return nil, ErrFourEyes
			}
			r.approver = by
			return nil, nil
		}})
}

// PlannedItem is one record in a plan, and after the work what became of it.
type PlannedItem struct {
	Item
	Source   string
	Subject  string
	Until    time.Time // when a kept record is due; zero: until released, or not kept
	Done     bool
	Deferred bool // waits for Until
	// Cancelled says that the request was closed without being carried out before this
	// was done, or while it waited: it will never run.
	Cancelled bool
	Outcome   Outcome
	Evidence  string
}

// Items yields the items of the current plan in their order, after those that an
// earlier plan had already carried out.
func (d *Desk) Items(ctx context.Context, id string) iter.Seq2[PlannedItem, error] {
	return func(yield func(PlannedItem, error) bool) {
		r, err := d.load(ctx, id)
		if err != nil {
			yield(PlannedItem{}, err)
			return
		}
		for rec, err := range d.store.Scan(ctx, itemsOf, []any{r.id}) {
			var i item
			if err == nil {
				err = rec.Scan(i.pointers()...)
			}
			if err == nil && i.plan != r.plan && i.outcome == "" {
				continue // left by a planning that did not end
			}
			if !yield(i.public(), err) || err != nil {
				return
			}
		}
	}
}

func (i *item) public() PlannedItem {
	return PlannedItem{
		Item:   Item{Category: i.category, Table: i.table, Key: i.record, Action: i.action, Fields: i.fieldList(), Ground: i.ground},
		Source: i.source, Subject: i.subject, Until: storage.Time(i.until), Done: i.state == itemDone || i.state == itemDeferred,
		Deferred: i.state == itemDeferred, Cancelled: i.state == itemCancelled, Outcome: i.outcome, Evidence: i.evidence,
	}
}
