package consent

import (
	"context"
	"log/slog"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	whileDue  = []storage.Term{{Column: "keep_until", Cmp: storage.Gt}, {Column: "keep_until", Cmp: storage.Le}}
	proofsDue = &storage.Select{From: schema.ConsentProof, Columns: []string{"keep_until", "subject", "id"},
		Where: whileDue, Order: []string{"keep_until", "subject", "id"}}
	deleteDue = &storage.Write{Verb: storage.Delete, Table: schema.ConsentProof, Where: append(storage.By("subject"), whileDue...)}
)

// Expire erases proof that was kept after an erasure and whose end date has come; of a
// person who was readmitted, only what is older than that erasure. It returns how many
// persons were done; call it until it returns 0. Each person is a transaction of its
// own; inside one it returns storage.ErrInTx.
func (l *Ledger) Expire(ctx context.Context) (int, error) {
	if l.store.State(ctx) != storage.Outside {
		return 0, storage.ErrInTx
	}
	const batch = 200
	var subjects []string
	for r, err := range l.store.Scan(ctx, proofsDue, []any{0, storage.Micros(l.now())}) {
		var until int64
		var subject string
		var id []byte
		if err == nil {
			err = r.Scan(&until, &subject, &id)
		}
		if err != nil {
			return 0, err
		}
		if !contains(subjects, subject) {
			subjects = append(subjects, subject)
		}
		if len(subjects) == batch {
			break
		}
	}
	for i, subject := range subjects {
		if err := l.expire(ctx, subject); err != nil {
			return i, err
		}
	}
	return len(subjects), nil
}

const expired = "expired"

// expire erases what was kept of a person. Who was readmitted since keeps what came
// after.
func (l *Ledger) expire(ctx context.Context, subject string) error {
	e := l.event(EventErased, &Act{Subject: subject, Reference: expired, At: l.now()})
	if err := l.prepare(ctx, []*event{e}, e); err != nil {
		return err
	}
	return l.store.InTx(ctx, func(ctx context.Context) error {
		people, err := l.claim(ctx, []*event{e})
		if err != nil {
			return err
		}
		if people[0].old.Erased != nil {
			_, _, err = l.forget(ctx, e, expired, false)
			return err
		}
		return l.dropKept(ctx, subject, e.recorded)
	})
}

// dropKept deletes the records before the last erasure whose date has come, and the
// evidence that was kept until then. The state does not change: it begins anew with
// the record of an erasure.
func (l *Ledger) dropKept(ctx context.Context, subject string, now int64) error {
	var last int64
	for e, err := range l.events(ctx, eventsOf, subject) {
		if err != nil {
			return err
		}
		if e.kind == EventErased && e.until != 0 && e.until <= now {
			last = e.seq
		}
	}
	n, err := l.store.Apply(ctx, putPermit.With(subject), deleteEvents.With(subject, last-1), deletePermit.With(subject),
		deleteDue.With(subject, 0, now))
	if err != nil {
		return err
	}
	return l.record(ctx, "consent.erased", subject, gdpr.Clear("ground", expired), slog.Int("erased", int(n[1]+n[3])), slog.Int("kept", 0))
}
