package consent

import (
	"bytes"
	"context"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var rowsOf = &storage.Select{From: schema.ConsentState, Columns: append([]string{"purpose", "channel", "seq"}, rowColumns...),
	Where: storage.By("subject"), Order: []string{"purpose", "channel"}}

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
	for s, err := range l.store.Scan(ctx, rowsOf, []any{subject}) {
		var r row
		var id []byte
		var purpose, channel string
		var seq int64
		if err == nil {
			err = s.Scan(&purpose, &channel, &seq, &r.status, &r.stops, &r.version, &r.from, &r.until, &id, &r.body)
		}
		if err != nil {
			return err
		}
		if len(id) == len(ids.ID{}) {
			r.event = ids.ID(id)
		}
		key := pairKey(purpose, channel)
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

// sameBody compares encodings, where nil says that the columns say it all.
func sameBody(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
