package retention

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	deleteHoldsOf   = &storage.Write{Verb: storage.Delete, Table: schema.Hold, Where: []storage.Term{{Column: "subject"}, {Column: "released", Cmp: storage.Gt}}}
	deleteSettledOf = &storage.Write{Verb: storage.Delete, Table: schema.Settled, Where: storage.By("subject")}
	deleteToldOf    = &storage.Write{Verb: storage.Delete, Table: schema.Told, Where: storage.By("subject")}
	deleteAsidesOf  = &storage.Write{Verb: storage.Delete, Table: schema.PlanAside, Where: storage.By("subject")}
	countHoldsOf    = &storage.Select{From: schema.Hold, Columns: []string{storage.Count}, Where: storage.By("subject", "released")}
	countBlocksOf   = &storage.Select{From: schema.Blocked, Columns: []string{storage.Count}, Where: storage.By("subject")}
	asidesBy        = &storage.Select{From: schema.PlanAside, Columns: []string{"plan", "source", "record", "outcome"}, Where: storage.By("subject"), Order: []string{"plan", "source", "record"}}
)

// Export yields what this package itself holds about a person, one JSON object per
// row: holds, blocked and settled records, notices, records set aside, keys that may
// have to go. The names of staff are left out (GDPR art. 15(4)). Field "kind" of an
// object is one of hold, blocked, settled, notice, aside and departed, and the field
// of that name holds the row.
func (e *Engine) Export(ctx context.Context, subject string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		if err := gdpr.CheckSubject("Export.Subject", subject, e.opt.LooseSubjects); err != nil {
			yield(nil, err)
			return
		}
		put := func(kind string, v any, err error) bool {
			if err != nil {
				yield(nil, err)
				return false
			}
			text, err := json.Marshal(map[string]any{"kind": kind, kind: v})
			return yield(text, err) && err == nil
		}
		for h, err := range e.scanHolds(ctx, holdsOf, subject) {
			if h != nil {
				h.Actor, h.ReleasedBy = "", ""
			}
			if !put("hold", h, err) {
				return
			}
		}
		for b, err := range e.scanBlocks(ctx, blocksOf, subject) {
			if !put("blocked", b, err) {
				return
			}
		}
		e.exportRest(ctx, subject, put)
	}
}

func (e *Engine) exportRest(ctx context.Context, subject string, put func(string, any, error) bool) {
	for row, err := range e.store.Scan(ctx, settledOf, []any{subject}) {
		var category, record, rule string
		var at int64
		if err == nil {
			err = row.Scan(&category, &record, &rule, &at)
		}
		if !put("settled", map[string]any{"category": category, "record": record, "rule": rule, "at": storage.Time(at)}, err) {
			return
		}
	}
	for row, err := range e.store.Scan(ctx, toldOf, []any{subject}) {
		var category, record, owner string
		var due, at int64
		if err == nil {
			err = row.Scan(&category, &record, &due, &owner, &at)
		}
		if !put("notice", map[string]any{"category": category, "record": record, "due": storage.Time(due), "at": storage.Time(at)}, err) {
			return
		}
	}
	for row, err := range e.store.Scan(ctx, asidesBy, []any{subject}) {
		var plan, source, record, outcome string
		if err == nil {
			err = row.Scan(&plan, &source, &record, &outcome)
		}
		if !put("aside", map[string]any{"plan": plan, "source": source, "record": record, "outcome": outcome}, err) {
			return
		}
	}
	plan, rule, ok, err := e.departed(ctx, subject)
	if ok || err != nil {
		put("departed", map[string]any{"plan": plan, "rule": rule}, err)
	}
}

// Forget erases what this package itself holds about a person: released holds,
// settled records, notices, records set aside. Holds that stand and blocked records
// stay, since they protect what is kept; they go with what they protect. Until is
// ignored. It returns how many rows went and how many stayed.
func (e *Engine) Forget(ctx context.Context, subject, ground string, until time.Time) (erased, kept int, err error) {
	if err := gdpr.CheckSubject("Forget.Subject", subject, e.opt.LooseSubjects); err != nil {
		return 0, 0, err
	}
	if ground == "" || len(ground) > 400 {
		return 0, 0, gdpr.Invalid("Forget.Ground", "needs the legal ground, 1 to 400 bytes")
	}
	err = e.store.InTx(ctx, func(ctx context.Context) error {
		erased, kept = 0, 0
		n, err := e.store.Apply(ctx, deleteHoldsOf.With(subject, 0), deleteSettledOf.With(subject), deleteToldOf.With(subject), deleteAsidesOf.With(subject))
		if err != nil {
			return err
		}
		for _, rows := range n {
			erased += int(rows)
		}
		var holds, blocks int
		if err := e.store.Get(ctx, countHoldsOf, []any{subject, 0}, &holds); err != nil {
			return err
		}
		if err := e.store.Get(ctx, countBlocksOf, []any{subject}, &blocks); err != nil {
			return err
		}
		kept = holds + blocks
		return e.audit(ctx, "retention.forgotten", subject, gdpr.Clear("ground", ground), slog.Int("erased", erased), slog.Int("kept", kept))
	})
	return erased, kept, err
}
