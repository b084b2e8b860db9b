package consent

import (
	"context"
	"iter"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// A Lapse is a consent that ends soon: its validity runs out, or the child for whom
// a guardian consented comes of age.
type Lapse struct {
	Subject string
	Purpose string
	Channel string
	Until   time.Time
	Record  string // id of the consent
	// Key is the same for every notice about this lapse, for the host's own
	// duplicate check.
	Key string
}

var (
	lapsing = &storage.Select{From: schema.ConsentState, Columns: []string{"valid_until", "purpose", "channel", "subject", "status", "event", "warned"},
		Where: []storage.Term{{Column: "valid_until", Cmp: storage.Gt}, {Column: "valid_until", Cmp: storage.Le}},
		Order: []string{"valid_until", "purpose", "channel", "subject"}}
	setWarned = &storage.Write{Verb: storage.Update, Table: schema.ConsentState, Set: []string{"warned"},
		Where: storage.By("purpose", "channel", "subject", "valid_until")}
)

// Lapsing yields the consents that lapse within the time, the next first.
func (l *Ledger) Lapsing(ctx context.Context, within time.Duration) iter.Seq2[Lapse, error] {
	return func(yield func(Lapse, error) bool) {
		for lapse, err := range l.lapsing(ctx, within, false) {
			if !yield(lapse, err) {
				return
			}
		}
	}
}

// Renewals calls notify for each consent that lapses within the time and was not
// noticed before, so that the responsible member of staff can ask again. It is
// marked after notify returned nil; a crash between repeats the notice under the
// same Key. It returns how many notices succeeded, and stops at the first error.
// Inside a transaction it returns storage.ErrInTx.
func (l *Ledger) Renewals(ctx context.Context, within time.Duration, notify func(context.Context, Lapse) error) (int, error) {
	if notify == nil {
		return 0, gdpr.Invalid("Renewals.notify", "is nil")
	}
	if l.store.State(ctx) != storage.Outside {
		return 0, storage.ErrInTx
	}
	n := 0
	for lapse, err := range l.lapsing(ctx, within, true) {
		if err == nil {
			err = notify(ctx, lapse)
		}
		if err != nil {
			return n, err
		}
		until := storage.Micros(lapse.Until)
		if _, err := l.store.Apply(ctx, setWarned.With(until, lapse.Purpose, lapse.Channel, lapse.Subject, until)); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (l *Ledger) lapsing(ctx context.Context, within time.Duration, fresh bool) iter.Seq2[Lapse, error] {
	return func(yield func(Lapse, error) bool) {
		now := l.now()
		for r, err := range l.store.Scan(ctx, lapsing, []any{storage.Micros(now), storage.Micros(now.Add(within))}) {
			var x Lapse
			var until, warned int64
			var status Status
			var id []byte
			if err == nil {
				err = r.Scan(&until, &x.Purpose, &x.Channel, &x.Subject, &status, &id, &warned)
			}
			if err != nil {
				yield(x, err)
				return
			}
			if status != Given || fresh && warned == until {
				continue
			}
			x.Until, x.Record = micros(until), ids.ID(id).String()
			x.Key = x.Record + "/" + itoa(until)
			if !yield(x, nil) {
				return
			}
		}
	}
}
