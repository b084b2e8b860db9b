package consent

import (
	"bytes"
	"context"
	"errors"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	keptRow     = &storage.Select{From: schema.ConsentState, Columns: append([]string{"seq"}, rowColumns...), Where: storage.By("purpose", "channel", "subject")}
	nextChannel = &storage.Select{From: schema.ConsentState, Columns: []string{"purpose", "channel"},
		Where: []storage.Term{{Column: "purpose"}, {Column: "channel", Cmp: storage.Gt}}, Order: []string{"channel", "subject"}}
	nextPurpose = &storage.Select{From: schema.ConsentState, Columns: []string{"purpose", "channel"},
		Where: []storage.Term{{Column: "purpose", Cmp: storage.Gt}}, Order: []string{"purpose", "channel", "subject"}}
)

// Verify reports whether the state kept of a person, from which decisions are made,
// is what the records add up to: nil, or [ErrDiverged] when somebody changed rows
// past the library. It reads in one transaction and changes nothing.
func (l *Ledger) Verify(ctx context.Context, subject string) error {
	if err := gdpr.CheckSubject("Verify.subject", subject, l.loose); err != nil {
		return err
	}
	return l.store.InTx(ctx, func(ctx context.Context) error {
		var all []event
		for e, err := range l.events(ctx, eventsOf, subject) {
			if err != nil {
				return err
			}
			all = append(all, *e)
		}
		return l.verify(ctx, subject, all)
	})
}

func (l *Ledger) verify(ctx context.Context, subject string, events []event) error {
	want := derive(events)
	rows := map[string]row{}
	for _, key := range sortedKeys(want.Pairs) {
		rows[key] = want.project(key)
	}
	star := pairKey(AllPurposes, "")
	if len(events) > 0 {
		rows[star] = want.star()
	}
	found, err := l.foundPairs(ctx)
	if err != nil {
		return err
	}
	for _, key := range found {
		var r row
		var id []byte
		var seq int64
		purpose, channel := splitKey(key)
		switch err := l.store.Get(ctx, keptRow, []any{purpose, channel, subject}, &seq, &r.status, &r.stops, &r.version, &r.from, &r.until, &id, &r.body); {
		case errors.Is(err, storage.ErrNotFound):
			continue
		case err != nil:
			return err
		}
		if len(id) == len(ids.ID{}) {
			r.event = ids.ID(id)
		}
		w, ok := rows[key]
		if key == star && len(events) == 0 && len(r.body) <= 2 {
			continue // claimed by a write that came to nothing
		}
		if !ok || !r.equal(&w) || key == star && seq != events[len(events)-1].seq {
			return ErrDiverged
		}
		delete(rows, key)
	}
	if len(rows) > 0 {
		return ErrDiverged
	}
	return nil
}

// foundPairs returns every purpose and channel of which there are rows, of anybody: the
// key begins with them, so one look-up each leads to the next.
func (l *Ledger) foundPairs(ctx context.Context) (keys []string, err error) {
	var purpose, channel string
	for {
		err := l.store.Get(ctx, nextChannel, []any{purpose, channel}, &purpose, &channel)
		if errors.Is(err, storage.ErrNotFound) {
			err = l.store.Get(ctx, nextPurpose, []any{purpose}, &purpose, &channel)
		}
		switch {
		case errors.Is(err, storage.ErrNotFound):
			return keys, nil
		case err != nil:
			return nil, err
		}
		keys = append(keys, pairKey(purpose, channel))
	}
}

// sameBody compares encodings, where nil says that the columns say it all.
func sameBody(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
