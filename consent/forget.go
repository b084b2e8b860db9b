package consent

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	putPermit    = &storage.Write{Verb: storage.Put, Table: schema.Permit, Set: []string{"subject"}}
	deletePermit = &storage.Write{Verb: storage.Delete, Table: schema.Permit, Where: storage.By("subject")}
	deleteEvents = &storage.Write{Verb: storage.Delete, Table: schema.ConsentEvent, Where: []storage.Term{{Column: "subject"}, {Column: "seq", Cmp: storage.Le}}}
	deleteProofs = &storage.Write{Verb: storage.Delete, Table: schema.ConsentProof, Where: storage.By("subject")}
	keepProofs   = &storage.Write{Verb: storage.Update, Table: schema.ConsentProof, Set: []string{"keep_until", "ground"}, Where: storage.By("subject")}
	deleteTokens = &storage.Write{Verb: storage.Delete, Table: schema.ConsentToken, Where: storage.By("subject")}
	deleteLinks  = &storage.Write{Verb: storage.Delete, Table: schema.ConsentLink, Where: storage.By("subject")}
	deleteOrigin = &storage.Write{Verb: storage.Delete, Table: schema.ConsentOrigin, Where: storage.By("subject")}
	unlinkList   = &storage.Write{Verb: storage.Update, Table: schema.Suppression, Set: []string{"subject"}, Where: storage.By("subject")}
	listedOf     = &storage.Select{From: schema.Suppression, Columns: []string{"purpose", "channel", "at", "ground", "digest"},
		Where: storage.By("subject"), Order: []string{"digest", "purpose", "channel"}}
)

// Forget erases what the ledger holds of a person. Origins, tokens and links go at
// once. With until zero the records and their evidence go too; otherwise they are
// kept as proof under the ground (GDPR art. 17(3)(e)) until that time, after which
// [Ledger.Expire] erases them. What stays for good is a tombstone: the subject key,
// that it was erased, and the stops, so that a later import is refused; and the
// keyed hashes of the suppression list, without the subject. It returns how many rows
// were erased and kept. Forgetting again erases what was kept.
func (l *Ledger) Forget(ctx context.Context, subject, ground string, until time.Time) (erased, kept int, err error) {
	if err := gdpr.CheckSubject("Forget.subject", subject, l.loose); err != nil {
		return 0, 0, err
	}
	if !isReference(ground) || len(ground) > 64 {
		return 0, 0, gdpr.Invalid("Forget.ground", "must be a code of at most 64 bytes")
	}
	keep := !until.IsZero() && until.After(l.now())
	e := l.event(EventErased, &Act{Subject: subject, Reference: ground, At: l.now()})
	if keep {
		e.until = storage.Micros(until)
	}
	if err := l.prepare(ctx, []*event{e}, e); err != nil {
		return 0, 0, err
	}
	err = l.store.InTx(ctx, func(ctx context.Context) error {
		erased, kept, err = l.forget(ctx, e, ground, keep)
		return err
	})
	return erased, kept, err
}

func (l *Ledger) forget(ctx context.Context, e *event, ground string, keep bool) (erased, kept int, err error) {
	people, err := l.claim(ctx, []*event{e})
	if err != nil {
		return 0, 0, err
	}
	p := &people[0]
	e.detail.State = &state{Stops: slices.Clone(p.old.Stops)}
	rows, err := l.operations(people, []*event{e})
	if err != nil {
		return 0, 0, err
	}
	ops := []storage.Op{
		deleteTokens.With(e.subject), deleteLinks.With(e.subject), deleteOrigin.With(e.subject),
		unlinkList.With("", e.subject),
	}
	if keep {
		// The last row marks the date also where no record has evidence of its own.
		ops = append(ops, keepProofs.With(e.until, ground, e.subject), insertProof.With(e.subject, e.id[:], []byte{}, e.until, ground))
	} else {
		ops = append(ops, putPermit.With(e.subject), deleteEvents.With(e.subject, p.seq), deletePermit.With(e.subject), deleteProofs.With(e.subject))
	}
	counts, err := l.store.Apply(ctx, append(ops, rows...)...)
	if err != nil {
		return 0, 0, err
	}
	erased = int(counts[0] + counts[1] + counts[2])
	if keep {
		kept = int(counts[4] + p.seq)
	} else {
		erased += int(counts[5] + counts[7])
	}
	return erased, kept, l.record(ctx, "consent.erased", e.subject, gdpr.Clear("ground", ground), slog.Int("erased", erased), slog.Int("kept", kept))
}

// Readmit lets a person who was erased come back, by an explicit decision. The stops
// stay; a new consent of the person ends them as usual. Of the records that it was
// merged with the erased one remembers none: merge it with them anew, or what the
// person says under this record does not reach them.
func (l *Ledger) Readmit(ctx context.Context, a Act) (Record, error) {
	if err := l.checkAct(&a); err != nil {
		return Record{}, err
	}
	a.Purpose, a.Channel = "", ""
	wasErased := func(states []*state) error {
		if states[0].Erased == nil {
			return refuse(ErrNoRecord, "Act.Subject", "was not erased")
		}
		if states[0].Erased.At > storage.Micros(a.At) {
			return refuse(ErrTime, "Act.At", "lies before the erasure")
		}
		return nil
	}
	return l.commit(ctx, &change{events: []*event{l.event(EventReadmitted, &a)}, check: wasErased})
}

// Export yields everything that the ledger holds of a person, one JSON object each,
// with "type": state, record (with its evidence opened), origin, suppression. The
// guard is asked first.
func (l *Ledger) Export(ctx context.Context, subject string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		x := exporter{l: l, subject: subject, yield: yield}
		if err := x.run(ctx); err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

var errStopped = errors.New("consent: stopped by the caller")

type exporter struct {
	l       *Ledger
	subject string
	yield   func(json.RawMessage, error) bool
}

func (x *exporter) put(kind string, v any) error {
	doc, err := json.Marshal(map[string]any{"type": kind, kind: v})
	if err != nil {
		return err
	}
	if !x.yield(doc, nil) {
		return errStopped
	}
	return nil
}

func (x *exporter) run(ctx context.Context) error {
	l := x.l
	if err := gdpr.CheckSubject("Export.subject", x.subject, l.loose); err != nil {
		return err
	}
	if err := l.allow(ctx, "consent.export", x.subject); err != nil {
		return err
	}
	s, err := l.peek(ctx, x.subject)
	if err != nil {
		return err
	}
	if !reflect.ValueOf(*s).IsZero() { // nothing is recorded of a stranger
		if err := x.put("state", s); err != nil {
			return err
		}
	}
	if err := x.records(ctx); err != nil {
		return err
	}
	for o, err := range l.Origins(ctx, x.subject) {
		if err == nil {
			err = x.put("origin", map[string]any{"origin": o, "due": o.Due, "informed": o.Informed})
		}
		if err != nil {
			return err
		}
	}
	return x.listed(ctx)
}

func (x *exporter) records(ctx context.Context) error {
	for e, err := range x.l.events(ctx, historyOf, x.subject) {
		if err != nil {
			return err
		}
		out := struct {
			Record
			Evidence json.RawMessage `json:"evidence,omitempty"`
			Shredded bool            `json:"evidenceUnreadable,omitempty"`
		}{Record: e.public()}
		if len(e.proof) > 0 {
			out.Evidence, out.Shredded = x.evidence(ctx, e.id)
		}
		if err := x.put("record", out); err != nil {
			return err
		}
	}
	return nil
}

// evidence opens the evidence of a record; what cannot be opened is said to be so.
func (x *exporter) evidence(ctx context.Context, id ids.ID) (json.RawMessage, bool) {
	var sealed []byte
	if x.l.sealer == nil || x.l.store.Get(ctx, proofOf, []any{x.subject, id[:]}, &sealed) != nil {
		return nil, true
	}
	plain, err := x.l.sealer.Open(ctx, x.subject, proofPlace(id), sealed)
	return plain, err != nil
}

func (x *exporter) listed(ctx context.Context) error {
	for r, err := range x.l.store.Scan(ctx, listedOf, []any{x.subject}) {
		var purpose, channel, ground string
		var at int64
		var digest []byte
		if err == nil {
			err = r.Scan(&purpose, &channel, &at, &ground, &digest)
		}
		if err == nil {
			err = x.put("suppression", map[string]any{"purpose": purpose, "channel": channel, "at": micros(at), "ground": ground, "hash": hexOf(digest)})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
