package consent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
)

// A Pending is a consent that waits for the person.
type Pending struct {
	Record  Record
	Token   gdpr.Secret // prints as [redacted]; for the message to the person and nobody else
	Expires time.Time
}

// Request asks a person for consent and returns the token of the confirmation link.
// The state is "requested" and everything stays denied until [Ledger.Confirm].
//
// With Evidence the person itself began it, in a form (double opt-in): send one
// message, without advertising, to the Address that was entered. Without Evidence
// the controller asks on its own initiative. That is marketing by itself: by
// e-mail, SMS or phone it must pass the ePrivacy rules, persons who withdrew,
// refused, objected or are suppressed are not asked ([ErrAsking]), and Reference
// must say where the address was obtained. A purpose offered to children needs the age
// before: who is too young cannot confirm.
func (l *Ledger) Request(ctx context.Context, a Act) (Pending, error) {
	if err := l.checkAct(&a); err != nil {
		return Pending{}, err
	}
	p, err := l.purpose(&a)
	switch {
	case err != nil:
		return Pending{}, err
	case p.Basis != Consent || p.Closed:
		return Pending{}, refuse(ErrGround, "Act.Purpose", "purpose %s does not take consents", p.ID)
	case a.Evidence == nil && a.Reference == "":
		return Pending{}, refuse(ErrEvidence, "Act.Reference", "is empty; say where the address was obtained (GDPR art. 14(2)(f))")
	case p.explicit():
		// The confirmation is the second step of a two-stage express statement.
	}
	e := l.event(EventRequested, &a)
	e.version, e.ground = p.Version, Consent
	if a.Evidence != nil || p.Child {
		if err := l.child(ctx, p, &a, e); err != nil {
			return Pending{}, err
		}
	}
	if err := e.words(p, &a); err != nil {
		return Pending{}, err
	}
	if err := e.withPersonal(&a); err != nil {
		return Pending{}, err
	}
	if err := l.mayAsk(ctx, &a); err != nil {
		return Pending{}, err
	}
	return l.issue(ctx, &a, e)
}

// Defer records that a person who was asked put the answer off ("not now"). It is no
// consent and no refusal: everything stays denied, and the person may be asked again.
func (l *Ledger) Defer(ctx context.Context, a Act) (Record, error) {
	if err := l.checkAct(&a); err != nil {
		return Record{}, err
	}
	p, err := l.purpose(&a)
	switch {
	case err != nil:
		return Record{}, err
	case p.Basis != Consent || p.Closed:
		return Record{}, refuse(ErrGround, "Act.Purpose", "purpose %s does not take consents", p.ID)
	}
	e := l.event(EventDeferred, &a)
	e.version, e.ground = p.Version, Consent
	if err := e.withPersonal(&a); err != nil {
		return Record{}, err
	}
	return l.commit(ctx, &change{events: []*event{e}, check: notErased})
}

func (l *Ledger) issue(ctx context.Context, a *Act, e *event) (Pending, error) {
	token, row := l.newToken(kindConfirm)
	row.subject, row.purpose, row.channel, row.version, row.address = e.subject, e.purpose, e.channel, e.version, l.addressHash(a.Address)
	e.until, e.detail.Address = row.expires, a.Address != ""
	c := change{events: []*event{e}}
	c.check = func(states []*state) error {
		if err := notErased(states); err != nil {
			return err
		}
		body, err := (&tokenBody{Detail: e.detail, Text: e.text, Event: e.id.String()}).encode()
		row.body = body
		c.more = []storage.Op{row.insert()}
		return err
	}
	rec, err := l.commit(ctx, &c)
	if err != nil {
		return Pending{}, err
	}
	if rec.Repeated { // the token is a new one, the record is not
		body, err := (&tokenBody{Detail: e.detail, Text: e.text, Event: rec.ID}).encode()
		if err != nil {
			return Pending{}, err
		}
		row.expires = storage.Micros(rec.Until)
		if _, err := l.store.Apply(ctx, setTokenBody.With(body, row.expires, row.hash)); err != nil {
			return Pending{}, err
		}
	}
	return Pending{Record: rec, Token: token, Expires: micros(row.expires)}, nil
}

// mayAsk applies to a request the rules of the message that it is.
func (l *Ledger) mayAsk(ctx context.Context, a *Act) error {
	q := Query{Subject: a.Subject, Purpose: a.Purpose, Channel: a.Channel, Address: a.Address}
	if len(l.secrets) == 0 {
		q.Address = ""
	}
	d, err := l.Check(ctx, q)
	if err != nil {
		return err
	}
	if d.Allowed {
		return nil
	}
	own := a.Evidence != nil // the person came by itself
	switch d.Reason {
	case NoConsent, ImportedOnly, ConsentRequested, ConsentDeferred, ConsentExpired, VersionStale, NotYet, AgeUnknown, AgeReached, ExplicitMissing, ConsentInvalidated:
		if own || l.mayContact(ctx, a) {
			return nil
		}
		d.Reason = ContactOptIn
	case ConsentWithdrawn, ConsentRefused, ConsentRevoked, ObjectedMarketing, Suppressed:
		if own {
			return nil
		}
	}
	return errors.Join(ErrAsking, &DeniedError{d})
}

// mayContact reports whether the channel may be used for asking now, when the message
// goes out: it needs no prior consent in the person's country, or the person is an
// existing customer.
func (l *Ledger) mayContact(ctx context.Context, a *Act) bool {
	s, err := l.peek(ctx, a.Subject)
	if err != nil {
		return false
	}
	now := l.now()
	p := l.catalogue.At(a.Purpose, now)
	if p == nil {
		return false
	}
	j := judgement{rules: &l.rules, p: p, q: &Query{Purpose: a.Purpose, Channel: a.Channel}, s: s, at: now, us: storage.Micros(now), trail: &trail{brief: true}}
	pair := s.pair(a.Purpose, a.Channel)
	j.pair = &pair
	switch j.regime() {
	case NoRegime, OptOut:
		return true
	case CustomerRule:
		return j.existingCustomer()
	}
	return false
}

// Peek tells what a confirmation token is for, without using it: the harmless answer
// to a GET, which mail scanners send too.
func (l *Ledger) Peek(ctx context.Context, token string) (purpose, channel string, err error) {
	r, err := l.token(ctx, kindConfirm, token)
	if err != nil {
		return "", "", err
	}
	return r.purpose, r.channel, nil
}

// Confirm records the consent that a token stands for. Call it for a POST: the person
// pressed the button. Confirming again gives the first record, as long as that
// consent stands; otherwise and for every other bad token the answer is [ErrToken].
// Personal holds evidence such as "ip"; it is sealed.
func (l *Ledger) Confirm(ctx context.Context, token string, personal map[string]string) (Record, error) {
	r, err := l.token(ctx, kindConfirm, token)
	if err != nil {
		return Record{}, err
	}
	if r.used != 0 {
		return l.confirmedAlready(ctx, r)
	}
	e, err := l.confirmation(r, personal)
	if err != nil {
		return Record{}, err
	}
	used := storage.Micros(l.now())
	rec, err := l.commit(ctx, &change{events: []*event{e}, check: notErased, more: []storage.Op{useToken.With(used, r.hash, 0)}})
	if !errors.Is(err, storage.ErrStale) {
		return rec, err
	}
	// Somebody else confirmed at the same moment.
	if l.store.State(ctx) != storage.Outside {
		return Record{}, err
	}
	if r, err = l.token(ctx, kindConfirm, token); err != nil {
		return Record{}, err
	}
	return l.confirmedAlready(ctx, r)
}

// confirmation makes the event of a consent confirmed by token.
func (l *Ledger) confirmation(r *tokenRow, personal map[string]string) (*event, error) {
	var body tokenBody
	if err := json.Unmarshal([]byte(r.body), &body); err != nil {
		return nil, fmt.Errorf("consent: token row is damaged: %w", err)
	}
	p := l.catalogue.Purpose(r.purpose, r.version)
	if p == nil || p.Closed {
		return nil, &TokenError{"purpose"}
	}
	now := l.now()
	e := &event{
		subject: r.subject, kind: EventGiven, purpose: r.purpose, channel: r.channel, version: r.version, at: storage.Micros(now),
		ground: Consent, text: body.Text, detail: body.Detail, key: confirmKey(r.hash), until: storage.Micros(validUntil(p, now)),
	}
	e.detail.Method, e.detail.Reference, e.detail.Explicit = DoubleOptIn, body.Event, true
	if e.detail.By == "" {
		e.detail.By = BySubject
	}
	var err error
	e.personal, err = (&Evidence{Personal: personal}).personal()
	return e, err
}

func confirmKey(hash []byte) string { return "confirm/" + b64.EncodeToString(hash) }

// confirmedAlready finds the record of a used token, if its consent still stands.
func (l *Ledger) confirmedAlready(ctx context.Context, r *tokenRow) (Record, error) {
	s, err := l.peek(ctx, r.subject)
	if err != nil {
		return Record{}, err
	}
	p := s.pair(r.purpose, r.channel)
	if p.Status != Given || p.Event == (ids.ID{}) {
		return Record{}, &TokenError{"used"}
	}
	for e, err := range l.events(ctx, eventsOf, r.subject) {
		if err != nil {
			return Record{}, err
		}
		if e.id == p.Event {
			rec := e.public()
			rec.Repeated = true
			return rec, nil
		}
	}
	return Record{}, &TokenError{"used"}
}
