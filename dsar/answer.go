package dsar

import (
	"context"
	"iter"
	"time"

	"github.com/gdprkit/gdprkit/storage"
)

// answer gathers what the closing letter says.
func (d *Desk) answer(ctx context.Context, r *row) (*letterExtra, error) {
	x := &letterExtra{}
	receipts, err := d.Receipts(ctx, r.id)
	if err != nil {
		return nil, err
	}
	for _, c := range receipts {
		if c.Source == deskSource {
			continue
		}
		x.Sources++
		x.Records += c.Records
		x.Redacted += c.Redacted
	}
	if x.Items, err = d.outcomes(ctx, r); err != nil {
		return nil, err
	}
	if x.Kept, err = d.kept(ctx, r); err != nil {
		return nil, err
	}
	for n, err := range d.Notices(ctx, r.id) {
		if err != nil {
			return nil, err
		}
		x.Recipients = append(x.Recipients, n)
	}
	if r.kind == Erasure && d.o.Suppress != nil {
		f, err := d.file(ctx, r)
		if err != nil {
			return nil, err
		}
		x.Suppressed = d.suppresses(r, f)
	}
	return x, nil
}

// kept sums up what stays, by category, ground and date.
func (d *Desk) kept(ctx context.Context, r *row) ([]KeptLine, error) {
	type key struct {
		category, ground, until string
		outcome                 Outcome
	}
	at := map[key]int{}
	var out []KeptLine
	for i, err := range d.Items(ctx, r.id) {
		if err != nil {
			return nil, err
		}
		switch i.Outcome {
		case Blocked, KeptBasis, KeptClaim:
		default:
			continue
		}
		k := key{i.Category, i.Ground, "", i.Outcome}
		if !i.Until.IsZero() {
			k.until = d.day(i.Until)
		}
		n, ok := at[k]
		if !ok {
			n = len(out)
			at[k] = n
			out = append(out, KeptLine{Category: k.category, Outcome: k.outcome, Ground: k.ground, Until: k.until})
		}
		out[n].Records++
		out[n].FreeText = out[n].FreeText || containsCode(i.Evidence, "free-text-remains")
	}
	return out, nil
}

// HistoryEvent is one step in the history of a request.
type HistoryEvent struct {
	N     int
	At    time.Time
	Event Event
	State State // after the step
	By    string
	Code  string
	Due   string // last day of the period after the step
	Note  string // only in a [Dossier]
	// Detail is the content of the step as JSON, only in a [Dossier].
	Detail []byte

	enclosed []byte
	key      string
}

// events yields the history without the sealed notes.
func (d *Desk) events(ctx context.Context, id string) iter.Seq2[HistoryEvent, error] {
	return func(yield func(HistoryEvent, error) bool) {
		for rec, err := range d.store.Scan(ctx, eventsOf, []any{id}) {
			var e HistoryEvent
			var at, due int64
			if err == nil {
				err = rec.Scan(&e.N, &at, &e.Event, &e.State, &e.By, &e.Code, &due, &e.key, &e.enclosed)
			}
			e.At, e.Due = storage.Time(at), d.lastDay(due)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// History yields the steps of a request in their order, without personal content.
func (d *Desk) History(ctx context.Context, id string) iter.Seq2[HistoryEvent, error] {
	return func(yield func(HistoryEvent, error) bool) {
		if _, err := d.load(ctx, id); err != nil {
			yield(HistoryEvent{}, err)
			return
		}
		for e, err := range d.events(ctx, id) {
			e.enclosed = nil
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
