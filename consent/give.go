package consent

import (
	"context"
	"errors"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/calendar"
	"github.com/gdprkit/gdprkit/storage"
)

// Give records that a person gave consent (GDPR art. 6(1)(a)) to a purpose, on one
// channel if it has channels, by Evidence, to the words of Version, Language and
// Audience. Purposes with double opt-in take [Ledger.Request] and [Ledger.Confirm]
// instead. A new consent of the person itself also ends the effect of an earlier
// withdrawal, objection to marketing or suppression of that purpose and channel. What
// is recorded late, with an At before the person's last word, is kept as proof for the
// time until then and allows nothing now.
func (l *Ledger) Give(ctx context.Context, a Act) (Record, error) {
	e, p, err := l.consented(ctx, EventGiven, &a)
	if err != nil {
		return Record{}, err
	}
	if p.DoubleOptIn {
		return Record{}, refuse(ErrGround, "Act.Purpose", "purpose %s asks for double opt-in: use Request and Confirm", p.ID)
	}
	return l.commit(ctx, &change{events: []*event{e}, check: notErased})
}

// Refuse records that a person said no when asked. It is not a withdrawal: there may
// never have been a consent.
func (l *Ledger) Refuse(ctx context.Context, a Act) (Record, error) {
	if err := l.checkAct(&a); err != nil {
		return Record{}, err
	}
	p, err := l.purpose(&a)
	if err != nil {
		return Record{}, err
	}
	if p.Basis != Consent {
		return Record{}, refuse(ErrGround, "Act.Purpose", "purpose %s does not rest on consent; use Object", p.ID)
	}
	e := l.event(EventRefused, &a)
	e.version, e.ground = p.Version, Consent
	if a.Language != "" {
		if err := e.words(p, &a); err != nil {
			return Record{}, err
		}
	}
	if err := e.withPersonal(&a); err != nil {
		return Record{}, err
	}
	return l.commit(ctx, &change{events: []*event{e}})
}

// consented checks everything that makes a consent valid and returns its event.
func (l *Ledger) consented(ctx context.Context, kind Event, a *Act) (*event, *Purpose, error) {
	if err := l.checkAct(a); err != nil {
		return nil, nil, err
	}
	p, err := l.purpose(a)
	switch {
	case err != nil:
		return nil, nil, err
	case p.Closed:
		return nil, nil, refuse(ErrPurpose, "Act.Purpose", "purpose %s is closed", p.ID)
	case p.Basis != Consent:
		return nil, nil, refuse(ErrGround, "Act.Purpose", "purpose %s does not rest on consent", p.ID)
	case a.Evidence == nil:
		return nil, nil, refuse(ErrEvidence, "Act.Evidence", "is nil; the controller must be able to demonstrate consent (GDPR art. 7(1))")
	case p.explicit() && !a.Evidence.express():
		return nil, nil, refuse(ErrExplicit, "Act.Evidence.Explicit", "purpose %s needs an express statement, with a method that can carry it", p.ID)
	}
	e := l.event(kind, a)
	e.version, e.ground, e.detail.Bundled = p.Version, Consent, p.ConditionOfService
	if err := l.child(ctx, p, a, e); err != nil {
		return nil, nil, err
	}
	if err := e.words(p, a); err != nil {
		return nil, nil, err
	}
	e.until = storage.Micros(validUntil(p, a.At))
	return e, p, e.withPersonal(a)
}

// child applies GDPR art. 8: the person's age at the act against the age of the
// country of residence, 16 when that is unknown.
func (l *Ledger) child(ctx context.Context, p *Purpose, a *Act, e *event) error {
	if !p.Child {
		if a.Age != 0 { // in case a later version is offered to children
			e.detail.Threshold = l.ages.threshold(p, a.Country, a.At)
			if a.Evidence.guardian() && a.Age < e.detail.Threshold {
				e.detail.AgeEnds = storage.Micros(reached(a.At, e.detail.Threshold-a.Age))
			}
		}
		if a.Evidence.guardian() && a.Evidence.GuardianCheck == "" {
			return refuse(ErrGuardian, "Act.Evidence.GuardianCheck", "is empty; say how parental responsibility was verified (GDPR art. 8(2))")
		}
		return nil
	}
	age, country := a.Age, a.Country
	if age == 0 || country == "" {
		s, err := l.peek(ctx, a.Subject)
		if err != nil {
			return err
		}
		if age == 0 {
			age = ageAt(s.Person.Age, micros(s.Person.AgeOn), a.At)
		}
		if country == "" {
			country = s.Person.Country
		}
	}
	d := &e.detail
	d.Age, d.Country, d.Threshold = age, country, l.ages.threshold(p, country, a.At)
	switch {
	case age == 0:
		return refuse(ErrGuardian, "Act.Age", "is unknown; purpose %s is offered to children, so ask it (GDPR art. 8)", p.ID)
	case age < 18 && !a.Evidence.guardian() && a.Audience == "" && p.hasAudience("child"):
		return refuse(ErrNotice, "Act.Audience", "must be child: purpose %s has words adapted to the age (GDPR art. 12(1))", p.ID)
	case age >= d.Threshold:
		return nil
	case !a.Evidence.guardian():
		return refuse(ErrGuardian, "Act.Evidence.By", "must be guardian below the age of %d", d.Threshold)
	case contains(jointConsent, country) && a.Evidence.By != ByBoth:
		return refuse(ErrGuardian, "Act.Evidence.By", "must be both child and guardian in %s", country)
	case a.Evidence.Guardian == "" || a.Evidence.GuardianCheck == "":
		return refuse(ErrGuardian, "Act.Evidence.Guardian", "and GuardianCheck must say who authorised it and how that was verified (GDPR art. 8(2))")
	}
	d.AgeEnds = storage.Micros(reached(a.At, d.Threshold-age))
	return nil
}

func (p *Purpose) hasAudience(audience string) bool {
	for i := range p.Texts {
		if p.Texts[i].Audience == audience {
			return true
		}
	}
	return false
}

// validUntil returns when a consent of that day lapses, at the same time of day, or
// zero.
func validUntil(p *Purpose, at time.Time) time.Time {
	if p.period.IsZero() {
		return time.Time{}
	}
	at = at.UTC()
	day := calendar.DateOf(at)
	return day.Add(p.period).Start(time.UTC).Add(at.Sub(day.Start(time.UTC)))
}

// withPersonal hands the personal part of the evidence to be sealed.
func (e *event) withPersonal(a *Act) (err error) {
	if a.Evidence != nil {
		e.personal, err = a.Evidence.personal()
	}
	return err
}

// notErased refuses what would give an erased person a new record.
func notErased(states []*state) error {
	for _, s := range states {
		if s.Erased != nil {
			return ErrErased
		}
	}
	return nil
}

// peek reads the state of a person without locking it.
func (l *Ledger) peek(ctx context.Context, subject string) (*state, error) {
	return l.whole(ctx, starBody, subject)
}

// whole reads the state of a person as a whole.
func (l *Ledger) whole(ctx context.Context, by *storage.Select, subject string) (*state, error) {
	var seq int64
	var body []byte
	err := l.store.Get(ctx, by, []any{AllPurposes, "", subject}, &seq, &body)
	if errors.Is(err, storage.ErrNotFound) {
		return new(state), nil
	}
	if err != nil {
		return nil, err
	}
	return decodeState(body)
}

// Establish records that a ground other than consent holds for a person: the
// contract, the duty, the interest of the purpose, or the sale that makes an
// existing customer (Ground "EP-13-2", with the sale or negotiation as Reference).
// Ground "" is the basis of the purpose.
func (l *Ledger) Establish(ctx context.Context, a Act) (Record, error) {
	e, p, err := l.grounded(EventEstablished, &a)
	if err != nil {
		return Record{}, err
	}
	if p.Closed {
		return Record{}, refuse(ErrPurpose, "Act.Purpose", "purpose %s is closed", p.ID)
	}
	if !a.Until.IsZero() && !a.Until.After(a.At) {
		return Record{}, refuse(ErrTime, "Act.Until", "must come after At")
	}
	e.until = storage.Micros(a.Until)
	if e.ground == ExistingCustomer {
		switch {
		case !p.Existing || !p.OptOutOffered:
			return Record{}, refuse(ErrGround, "Act.Ground", "purpose %s does not offer the existing-customer rule", p.ID)
		case a.Reference == "":
			return Record{}, refuse(ErrGround, "Act.Reference", "is empty; name the sale or negotiation (ePrivacy directive art. 13(2))")
		}
	}
	return l.commit(ctx, &change{events: []*event{e}, check: notErased})
}

// Cease records that an established ground holds no more: the contract ended, the
// customer left.
func (l *Ledger) Cease(ctx context.Context, a Act) (Record, error) {
	e, _, err := l.grounded(EventCeased, &a)
	if err != nil {
		return Record{}, err
	}
	return l.commit(ctx, &change{events: []*event{e}})
}

func (l *Ledger) grounded(kind Event, a *Act) (*event, *Purpose, error) {
	if err := l.checkAct(a); err != nil {
		return nil, nil, err
	}
	p, err := l.purpose(a)
	if err != nil {
		return nil, nil, err
	}
	e := l.event(kind, a)
	e.version = p.Version
	if e.ground == "" {
		e.ground = p.Basis
	}
	switch {
	case e.ground == Consent:
		return nil, nil, refuse(ErrGround, "Act.Ground", "is consent, which only the person can give: use Give")
	case e.ground != ExistingCustomer && e.ground != p.Basis:
		return nil, nil, refuse(ErrGround, "Act.Ground", "is not the basis of purpose %s", p.ID)
	}
	return e, p, nil
}

// A Person is what decisions need to know about somebody. Zero fields are unknown
// and leave what is known.
type Person struct {
	Subject  string
	Kind     Kind
	Country  string    // of residence, ISO 3166-1 alpha-2
	Age      int       // at least so many years old at At; no date of birth is kept
	Deceased time.Time // day of death
	At       time.Time // when it was learnt
	Key      string    // as of an Act
}

// Describe records facts about a person. They change decisions: the ePrivacy rules
// go by kind and country, art. 8 by age and country, and death ends marketing. Of two
// answers the one that is recorded last counts, whatever their At. A child that is told to
// be old enough ends the consents that a guardian gave for it.
func (l *Ledger) Describe(ctx context.Context, p Person) (Record, error) {
	a := Act{Key: p.Key, Subject: p.Subject, At: p.At}
	if err := l.checkAct(&a); err != nil {
		return Record{}, err
	}
	switch {
	case !p.Kind.valid():
		return Record{}, gdpr.Invalid("Person.Kind", "is not a known kind")
	case p.Country != "" && !isCountry(p.Country):
		return Record{}, gdpr.Invalid("Person.Country", "must be two upper-case letters of ISO 3166-1")
	case p.Age < 0 || p.Age > 130:
		return Record{}, gdpr.Invalid("Person.Age", "must lie between 0 and 130")
	case p.Deceased.After(l.now().Add(skew)):
		return Record{}, refuse(ErrTime, "Person.Deceased", "lies in the future")
	}
	e := l.event(EventDescribed, &a)
	e.detail.Person = &personEdit{Kind: p.Kind, Country: p.Country, Age: p.Age, Deceased: storage.Micros(p.Deceased)}
	if p.Age != 0 {
		e.detail.Person.AgeOn = e.at
	}
	return l.commit(ctx, &change{events: []*event{e}, check: notErased})
}
