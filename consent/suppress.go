package consent

import (
	"context"
	"errors"
	"slices"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	suppressionsOf = &storage.Select{From: schema.Suppression, Columns: []string{"purpose", "channel", "at", "event"},
		Where: storage.By("digest"), Order: []string{"purpose", "channel"}, Mode: storage.Current}
	addSuppression = &storage.Write{Verb: storage.InsertNew, Table: schema.Suppression, Set: []string{"digest", "purpose", "channel", "subject", "at", "ground", "event"}}
	// An entry that is there keeps the latest of its times.
	renewSuppression = &storage.Write{Verb: storage.Update, Table: schema.Suppression, Set: []string{"subject", "at", "ground", "event"},
		Where: append(storage.By("digest", "purpose", "channel"), storage.Term{Column: "at", Cmp: storage.Lt})}
	deleteSuppression = &storage.Write{Verb: storage.Delete, Table: schema.Suppression,
		Where: append(storage.By("digest", "purpose", "channel"), storage.Term{Column: "at", Cmp: storage.Le})}
)

// Suppress puts a person, an address, or both on the suppression list, for a purpose
// or all marketing, on a channel or all. It holds whatever is imported later, until
// the person gives consent anew or [Ledger.Release]. The address is kept as a keyed
// hash under Options.Secret, which no Shred destroys. An act about an address alone has no
// record in the history and does not look at Key.
func (l *Ledger) Suppress(ctx context.Context, a Act) (Record, error) {
	e, err := l.suppression(EventSuppressed, &a)
	if err != nil {
		return Record{}, err
	}
	if e.ground == "" {
		e.ground = ObjectionMarketing
	}
	if a.Subject == "" {
		return l.addressOnly(ctx, e, e.suppress())
	}
	used, err := l.used(ctx, a.Key)
	if err != nil {
		return Record{}, err
	}
	return l.together(ctx, a.Subject, e.kind, func(subjects []string) (*change, error) {
		c := shared(e, subjects)
		c.check = func([]*state) error { // the event has its id by now
			if !used {
				c.more = c.main.suppress()
			}
			return nil
		}
		return c, nil
	})
}

// used reports whether an act has had the key, so that the list is left alone.
func (l *Ledger) used(ctx context.Context, key string) (bool, error) {
	if key == "" {
		return false, nil
	}
	idem := l.idem(key)
	_, err := l.byIdem(ctx, idem[:])
	if errors.Is(err, storage.ErrConflict) { // there is none
		return false, nil
	}
	return err == nil, err
}

// shared returns a change with the event for every record of the person.
func shared(e *event, subjects []string) *change {
	c := &change{}
	for _, subject := range subjects {
		one := *e
		if subject != e.subject {
			one.digest = nil
		}
		c.share(&one, subject)
	}
	return c
}

// Release ends a suppression that began before At because the person wishes so;
// Reference names the wish. A later one stays, however late the release is recorded.
func (l *Ledger) Release(ctx context.Context, a Act) (Record, error) {
	e, err := l.suppression(EventReleased, &a)
	if err != nil {
		return Record{}, err
	}
	if a.Reference == "" {
		return Record{}, gdpr.Invalid("Act.Reference", "is empty; name the wish of the person")
	}
	var ops []storage.Op
	if e.digest != nil {
		for _, digest := range l.digests(a.Address) { // also under older secrets
			ops = append(ops, deleteSuppression.With(digest, scopeOf(e.detail.Scope), e.channel, e.at))
		}
	}
	if a.Subject == "" {
		return l.addressOnly(ctx, e, ops)
	}
	used, err := l.used(ctx, a.Key)
	if err != nil {
		return Record{}, err
	}
	if used {
		ops = nil
	}
	return l.together(ctx, a.Subject, e.kind, func(subjects []string) (*change, error) {
		c := shared(e, subjects)
		c.more = ops
		return c, nil
	})
}

// suppress returns the operations on the suppression list that go with the event.
func (e *event) suppress() []storage.Op {
	if e.digest == nil {
		return nil
	}
	return suppressing(e.digest, e.detail.Scope, e.channel, e.subject, e.at, string(e.ground), e.id[:])
}

func suppressing(digest []byte, scope, channel, subject string, at int64, ground string, id []byte) []storage.Op {
	scope = scopeOf(scope)
	return []storage.Op{
		addSuppression.With(digest, scope, channel, subject, at, ground, id),
		renewSuppression.With(subject, at, ground, id, digest, scope, channel, at),
	}
}

// suppression checks an act about the suppression list and returns its event.
func (l *Ledger) suppression(kind Event, a *Act) (*event, error) {
	if a.Subject == "" && a.Address == "" {
		return nil, gdpr.Invalid("Act.Address", "and Act.Subject are both empty")
	}
	if err := l.checkRest(a); err != nil {
		return nil, err
	}
	if a.Subject != "" {
		if err := gdpr.CheckSubject("Act.Subject", a.Subject, l.loose); err != nil {
			return nil, err
		}
	}
	if a.Purpose != "" {
		if err := l.known("Act.Purpose", a.Purpose); err != nil {
			return nil, err
		}
	}
	if a.Channel != "" && !isCode(a.Channel, 32) {
		return nil, refuse(ErrChannel, "Act.Channel", "is malformed")
	}
	a.Scope = a.Purpose
	e := l.event(kind, a)
	e.id, e.recorded = ids.New(), storage.Micros(l.now())
	if a.Address == "" {
		return e, nil
	}
	var err error
	e.digest, err = l.digest(a.Address)
	return e, err
}

func scopeOf(purpose string) string {
	if purpose == "" {
		return AllPurposes
	}
	return purpose
}

// addressOnly writes about an address that belongs to nobody known.
func (l *Ledger) addressOnly(ctx context.Context, e *event, ops []storage.Op) (Record, error) {
	if l.journal != nil && e.stops() {
		ops = append(ops, insertOutbox.With(e.id[:], e.recorded, l.stopRecord(e)))
	}
	err := l.store.InTx(ctx, func(ctx context.Context) error {
		if _, err := l.store.Apply(ctx, ops...); err != nil {
			return err
		}
		l.drainAfter(ctx, []*event{e})
		return l.record(ctx, "consent."+string(e.kind), "", e.attrs()...)
	})
	if err != nil {
		return Record{}, err
	}
	return e.public(), nil
}

// suppressed adds the suppressions of the query's address to a copy of the state.
func (l *Ledger) suppressed(ctx context.Context, q *Query, s view) (view, error) {
	if len(l.secrets) == 0 {
		return s, ErrSecret
	}
	n := view{s.clone(), s.pair}
	for _, digest := range l.digests(q.Address) {
		found, err := l.suppressions(ctx, digest)
		if err != nil {
			return s, err
		}
		for _, st := range found {
			if !q.At.IsZero() && st.At > storage.Micros(q.At) || !q.AsOf.IsZero() && st.At > storage.Micros(q.AsOf) {
				continue // not yet
			}
			// A consent that came later than the suppression outlasts it.
			if n.pair.Status == Given && n.pair.From > st.At {
				n.pair.Over = append(slices.Clip(n.pair.Over), st.Event)
			}
			n.Stops = append(n.Stops, st)
		}
	}
	return n, nil
}

// suppressions returns the entries of an address in the suppression list.
func (l *Ledger) suppressions(ctx context.Context, digest []byte) (all []stop, err error) {
	for r, err := range l.store.Scan(ctx, suppressionsOf, []any{digest}) {
		st := stop{Suppress: true}
		var id []byte
		if err == nil {
			err = r.Scan(&st.Purpose, &st.Channel, &st.At, &id)
		}
		if err != nil {
			return nil, err
		}
		if st.Purpose == AllPurposes {
			st.Purpose = ""
		}
		if len(id) == 16 {
			st.Event = ids.ID(id)
		}
		all = append(all, st)
	}
	return all, nil
}
