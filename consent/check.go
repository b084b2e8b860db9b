package consent

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Check answers whether a processing is lawful, and why. Unknown is no. It reads one
// row by its key, or two when nothing is known of the pair, and sees what was
// committed before the call in any process (see [Decision].Snapshot for the one case
// where it cannot). With At or AsOf it reads the history instead. An unknown purpose
// or channel gives a denial and an error.
func (l *Ledger) Check(ctx context.Context, q Query) (Decision, error) {
	if d, err := l.checkQuery(&q); err != nil {
		return d, err
	}
	at := q.At
	if at.IsZero() {
		at = l.now()
	}
	if d, denied := l.whileRestored(ctx, &q, at); denied {
		return d, nil
	}
	s, err := l.stateOf(ctx, &q)
	if err != nil {
		return deny(&q, NoConsent, at), err
	}
	if q.Address != "" {
		if s, err = l.suppressed(ctx, &q, s); err != nil {
			return deny(&q, Suppressed, at), err
		}
	}
	d := l.decide(&q, s, at)
	d.Snapshot = l.store.Traits().Snapshot && l.store.State(ctx) == storage.Joined
	if q.Exception != "" && d.Allowed {
		return d, l.record(ctx, "consent.exception", q.Subject, gdpr.Clear("purpose", q.Purpose), gdpr.Clear("ground", string(q.Exception)))
	}
	return d, nil
}

// Gate is Check for the place where the processing happens: nil when it is lawful, a
// [*DeniedError] and one audit entry when it is not.
func (l *Ledger) Gate(ctx context.Context, q Query) error {
	d, err := l.Check(ctx, q)
	if err != nil {
		return err
	}
	if d.Allowed {
		return nil
	}
	attrs := []slog.Attr{gdpr.Clear("purpose", q.Purpose), gdpr.Clear("reason", string(d.Reason))}
	if q.Channel != "" {
		attrs = append(attrs, gdpr.Clear("channel", q.Channel))
	}
	if err := l.record(ctx, "consent.denied", q.Subject, attrs...); err != nil {
		return err
	}
	return &DeniedError{d}
}

// Stands reports whether a ground for a purpose stands for a person at a time, on any
// channel, for those who must know whether data is still needed; code is the
// [Reason]. Restriction and objection to marketing do not matter here unless they
// end the ground.
func (l *Ledger) Stands(ctx context.Context, subject, purpose string, at time.Time) (stands bool, code string, err error) {
	if err := l.known("Stands.purpose", purpose); err != nil {
		return false, string(PurposeUnknown), err
	}
	if err := gdpr.CheckSubject("Stands.subject", subject, l.loose); err != nil {
		return false, string(NoConsent), err
	}
	if at.IsZero() {
		at = l.now()
	}
	s, err := l.whole(ctx, currentStar, subject)
	if err != nil {
		return false, string(NoConsent), err
	}
	p := l.catalogue.At(purpose, at)
	if p == nil {
		return false, string(NotInForce), nil
	}
	code = string(NoConsent)
	for i, ch := range p.channels() {
		if d := l.decide(&Query{Subject: subject, Purpose: purpose, Channel: ch, Exception: DespiteClaims}, s.view(&Query{Purpose: purpose, Channel: ch}), at); d.Allowed || i == 0 {
			code, stands = string(d.Reason), d.Allowed
		}
		if stands {
			break
		}
	}
	return stands, code, nil
}

func deny(q *Query, code Reason, at time.Time) Decision {
	return Decision{Reason: code, Purpose: q.Purpose, Channel: q.Channel, At: at, Chain: []Step{{Code: code, Denies: true}}}
}

func (l *Ledger) checkQuery(q *Query) (Decision, error) {
	at := q.At
	if err := gdpr.CheckSubject("Query.Subject", q.Subject, l.loose); err != nil {
		return deny(q, NoConsent, at), err
	}
	if err := l.known("Query.Purpose", q.Purpose); err != nil {
		return deny(q, PurposeUnknown, at), err
	}
	versions := l.catalogue.byID[q.Purpose]
	for i := range versions {
		if versions[i].hasChannel(q.Channel) {
			return Decision{}, l.checkTimes(q)
		}
	}
	return deny(q, NoConsent, at), l.noChannel("Query.Channel", q.Purpose)
}

func (l *Ledger) checkTimes(q *Query) error {
	if !q.AsOf.IsZero() && q.AsOf.After(l.now().Add(skew)) {
		return refuse(ErrTime, "Query.AsOf", "lies in the future")
	}
	switch q.Exception {
	case "", DespiteConsent, DespiteClaims, DespiteRights, DespiteInterest:
		return nil
	}
	return refuse(ErrGround, "Query.Exception", "must be one of the exceptions of GDPR art. 18(2)")
}

// stateOf reads what decides about a query: a row, or the history.
func (l *Ledger) stateOf(ctx context.Context, q *Query) (view, error) {
	if !q.At.IsZero() || !q.AsOf.IsZero() {
		s, err := l.past(ctx, q)
		if err != nil {
			return view{}, err
		}
		return s.view(q), nil
	}
	r := readers.Get().(*rowReader)
	defer readers.Put(r)
	err := l.store.Get(ctx, currentPair, r.key(q.Purpose, q.Channel, q.Subject), r.dest()...)
	if err == nil {
		return r.row().view(q)
	}
	if errors.Is(err, storage.ErrNotFound) {
		err = l.store.Get(ctx, currentPair, r.key(AllPurposes, "", q.Subject), r.dest()...)
		if err == nil {
			return r.row().view(q)
		}
	}
	if errors.Is(err, storage.ErrNotFound) {
		return view{state: nobody}, nil
	}
	return view{}, err
}

// nobody is the state of a person of whom nothing is known. It is never changed.
var nobody = new(state)

// view returns what a row tells about a query.
func (r *row) view(q *Query) (view, error) {
	if len(r.body) == 0 { // the columns say it all
		return view{nobody, pair{Status: r.status, Event: r.event, Version: r.version, From: r.from, Until: r.until}}, nil
	}
	s, err := decodeState(r.body)
	if err != nil {
		return view{}, err
	}
	return s.view(q), nil
}

// past folds the part of the history that counts: acts until At, recorded until AsOf.
func (l *Ledger) past(ctx context.Context, q *Query) (*state, error) {
	at, asOf := storage.Micros(q.At), storage.Micros(q.AsOf)
	var counted []event
	for e, err := range l.events(ctx, eventsOf, q.Subject) {
		if err != nil {
			return nil, err
		}
		if (at == 0 || e.at <= at) && (asOf == 0 || e.recorded <= asOf) {
			counted = append(counted, *e)
		}
	}
	return derive(counted), nil
}
