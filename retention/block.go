package retention

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Blocking is a record that is kept for a duty or a claim only and used for nothing
// else. It is not the restriction of GDPR art. 18, which is a right of the person, so
// that nobody is told before it ends (art. 18(3)).
//
// Its ground is that the use is over (art. 5(1)(b), (e)). When a purpose stands again,
// by a new contract or consent, or because the schedule now allows more, the ground is
// gone: the next plan lists the record with [Unblock], and the execution ends the
// block. What was nulled stays so. A block for which the person asked (Asked) does not
// end by that: a contact is no withdrawal of a request for erasure. Who learns that the
// person wants it otherwise calls [Engine.Unblock].
type Blocking struct {
	Category string    `json:"category"`
	Record   string    `json:"record"`
	Subject  string    `json:"subject"`
	Rule     string    `json:"rule"` // the rule or ground for which it is kept
	Ground   string    `json:"ground"`
	Since    time.Time `json:"since"` // UTC
	Until    time.Time `json:"until"` // UTC; zero: no end is known
	Asked    bool      `json:"asked"` // erasure was asked for and waits for the end
}

var (
	blockColumns   = []string{"category", "record", "subject", "rule", "ground", "since", "until", "asked"}
	putBlock       = &storage.Write{Verb: storage.Put, Table: schema.Blocked, Set: blockColumns}
	newBlock       = &storage.Write{Verb: storage.InsertNew, Table: schema.Blocked, Set: blockColumns}
	deleteBlock    = &storage.Write{Verb: storage.Delete, Table: schema.Blocked, Where: storage.By("category", "record")}
	blockByKey     = &storage.Select{From: schema.Blocked, Columns: blockColumns, Where: storage.By("category", "record"), Mode: storage.Current}
	blocksOf       = &storage.Select{From: schema.Blocked, Columns: blockColumns, Where: storage.By("subject"), Order: []string{"category", "record"}}
	anyBlocked     = &storage.Select{From: schema.Blocked, Columns: []string{"record"}, Where: storage.By("category"), Limit: 1}
	allBlocks      = &storage.Select{From: schema.Blocked, Columns: blockColumns, Order: []string{"category", "record"}}
	countBlocked   = &storage.Select{From: schema.Blocked, Columns: []string{storage.Count}}
	blockedUnasked = &storage.Select{From: schema.Blocked, Columns: []string{"until", "record"}, Order: []string{"until", "record"}, Where: storage.By("asked", "category")}
	// deferred lists erasures whose duty has ended, with the index (asked, category, until, record).
	deferred = &storage.Select{From: schema.Blocked, Columns: []string{"until", "record"}, Order: []string{"until", "record"},
		Where: []storage.Term{{Column: "asked"}, {Column: "category"}, {Column: "until", Cmp: storage.Gt}, {Column: "until", Cmp: storage.Le}}}

	putSettled    = &storage.Write{Verb: storage.Put, Table: schema.Settled, Set: []string{"category", "record", "rule", "subject", "at"}}
	deleteSettled = &storage.Write{Verb: storage.Delete, Table: schema.Settled, Where: storage.By("category", "record")}
	settledByKey  = &storage.Select{From: schema.Settled, Columns: []string{"at"}, Where: storage.By("category", "record", "rule"), Mode: storage.Current}
	settledOf     = &storage.Select{From: schema.Settled, Columns: []string{"category", "record", "rule", "at"}, Where: storage.By("subject"), Order: []string{"category", "record", "rule"}}
	anySettled    = &storage.Select{From: schema.Settled, Columns: []string{"record"}, Where: storage.By("category"), Limit: 1}
)

// Block marks a record as kept for a duty only, because its person asked for
// erasure and rule holds it back: the id or the ground of a rule of the schedule,
// or another ground. The erasure completes by itself: the first plan after until
// lists the record, if the schedule agrees. For a rule of the schedule the dates of
// the record decide, whatever until says; for another ground until does, and the
// zero time waits until Block is called again. Block is the bridge that package
// dsar calls.
func (e *Engine) Block(ctx context.Context, subject, category, record, rule string, until time.Time) error {
	if err := e.checkRecord("Block", subject, category, record, true); err != nil {
		return err
	}
	if rule == "" || len(rule) > 400 {
		return gdpr.Invalid("Block.Rule", "needs the rule or ground, 1 to 400 bytes")
	}
	id, ground := e.ruleOrGround(category, rule)
	now := storage.Micros(e.now())
	return e.store.InTx(ctx, func(ctx context.Context) error {
		if _, err := e.store.Apply(ctx, putBlock.With(category, record, subject, id, ground, now, storage.Micros(until), 1)); err != nil {
			return err
		}
		return e.audit(ctx, "retention.blocked", subject, gdpr.Clear("category", category), gdpr.Clear("record", e.digest(category, record)),
			gdpr.Clear("rule", id), gdpr.Clear("ground", ground), gdpr.Clear("until", stamp(until)))
	})
}

// Unblock ends the blocking of a record whose erasure was completed elsewhere, with
// it or by masking it, or that may be used again sooner than the next plan would
// find out. A record that is not blocked for the subject is left alone. Unblock is the
// bridge that package dsar calls.
func (e *Engine) Unblock(ctx context.Context, subject, category, record string) error {
	if err := e.checkRecord("Unblock", subject, category, record, true); err != nil {
		return err
	}
	return e.store.InTx(ctx, func(ctx context.Context) error {
		b, err := e.blockOf(ctx, category, record)
		if err != nil || b == nil || b.Subject != subject {
			return err
		}
		if _, err := e.store.Apply(ctx, deleteBlock.With(category, record)); err != nil {
			return err
		}
		return e.audit(ctx, "retention.unblocked", subject, gdpr.Clear("category", category), gdpr.Clear("record", e.digest(category, record)),
			gdpr.Clear("rule", b.Rule), gdpr.Clear("ground", b.Ground))
	})
}

// revives reports whether the block of a record ends when the rules say that it is
// active.
func (b *Blocking) revives(r *Record) bool { return b != nil && !b.Asked && b.Subject == r.Subject }

// ruleOrGround finds the rule of a category by its id or its ground.
func (e *Engine) ruleOrGround(category, s string) (id, ground string) {
	for _, r := range e.schedule.policies[category].rules {
		if r.ID == s || r.Ground == s {
			return r.ID, r.Ground
		}
	}
	return "", s
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "until released"
	}
	return t.UTC().Format(time.RFC3339)
}

// IsBlocked reports whether a record is kept for a duty only, and for which. A
// host asks it before it uses a record, and leaves blocked ones out of its lists by
// one anti-join with view gdpr_blocked_records, which has an index for it:
//
//	SELECT i.* FROM invoices i WHERE NOT EXISTS (
//		SELECT 1 FROM gdpr_blocked_records g
//		WHERE g.tenant = 'acme' AND g.category = 'invoice' AND g.record = CAST(i.id AS TEXT))
//
// Record is the key as the source spells it (Record.Key). For tables of a data map
// datamap's Live.Unblocked writes that condition for each kind of key and engine.
func (e *Engine) IsBlocked(ctx context.Context, category, record string) (Blocking, bool, error) {
	b, err := e.blockOf(ctx, category, record)
	if err != nil || b == nil {
		return Blocking{}, false, err
	}
	return *b, true, nil
}

// Blocks yields every blocked record with its ground and release date, by category
// and key.
func (e *Engine) Blocks(ctx context.Context) iter.Seq2[*Blocking, error] {
	return e.scanBlocks(ctx, allBlocks)
}

func (e *Engine) scanBlocks(ctx context.Context, s *storage.Select, args ...any) iter.Seq2[*Blocking, error] {
	return func(yield func(*Blocking, error) bool) {
		for row, err := range e.store.Scan(ctx, s, args) {
			var b *Blocking
			if err == nil {
				b, err = scanBlock(row.Scan)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

func (e *Engine) blockOf(ctx context.Context, category, record string) (*Blocking, error) {
	b, err := scanBlock(func(dest ...any) error { return e.store.Get(ctx, blockByKey, []any{category, record}, dest...) })
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return b, err
}

func scanBlock(scan func(dest ...any) error) (*Blocking, error) {
	var b Blocking
	var since, until int64
	err := scan(&b.Category, &b.Record, &b.Subject, &b.Rule, &b.Ground, &since, &until, &b.Asked)
	if err != nil {
		return nil, err
	}
	b.Since, b.Until = storage.Time(since), storage.Time(until)
	return &b, nil
}

// Keep answers a request for erasure: whether the record must or may stay all the
// same, until when, and why. Kind is "must" for a duty of law (GDPR art. 17(3)(b)),
// "claim" for a legal claim or a hold (art. 17(3)(e)), "basis" for a running
// purpose that a request does not end: contract, duty, vital interest, public task.
// A zero until means until released, or that the start of the period is not known.
// Dates are those of the record's events, by name. With an error keep is true: what
// nobody can judge stays. Keep is the bridge that package dsar calls.
func (e *Engine) Keep(ctx context.Context, subject, category, record string, dates map[string]time.Time) (keep bool, until time.Time, kind, ground string, err error) {
	if err := e.checkRecord("Keep", subject, category, record, true); err != nil {
		return true, time.Time{}, "", "", err
	}
	c, err := e.condition(category)
	if err != nil {
		return true, time.Time{}, "", "", err
	}
	f := c.Facts(dates)
	if t := c.running(c.firm, &f); t != nil {
		return true, c.instant(t, &f), "must", t.rule.Ground, nil
	}
	holds, err := e.holdsNow(ctx)
	if err != nil {
		return true, time.Time{}, "", "", err
	}
	if h := holds.covering(subject, category, record); h != nil {
		return true, time.Time{}, "claim", h.Ground, nil
	}
	if t := c.running(c.keepers, &f); t != nil {
		kind := "claim"
		if t.rule.Kind == Minimum {
			kind = "basis"
		}
		return true, c.instant(t, &f), kind, t.rule.Ground, nil
	}
	for i := range c.enders {
		t := &c.enders[i]
		if b := t.rule.Basis; b >= "b" && b <= "e" && !t.ended(&f.At) {
			return true, c.instant(t, &f), "basis", t.rule.Ground, nil
		}
	}
	return false, time.Time{}, "", "", nil
}

// running returns the test among those that have not ended which ends last.
func (c *Condition) running(tests []test, f *Facts) *test {
	if allEnded(tests, &f.At) {
		return nil
	}
	sub := Condition{day: c.day, policy: c.policy, keepers: tests}
	return sub.lastKeeper(f)
}
