package consent

import (
	"context"
	"slices"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Withdraw records that a person withdrew consent (GDPR art. 7(3)), on Channel or,
// without one, on every channel of the purpose. Evidence is optional: withdrawing is
// as easy as giving. What was done before At stays lawful. It is recorded also when
// no consent is known, and for an erased person. One that is recorded late, with an At
// before the person's last consent, ends that consent too: the safe side of two orders.
func (l *Ledger) Withdraw(ctx context.Context, a Act) (Record, error) {
	return l.end(ctx, EventWithdrawn, &a)
}

// Revoke records that somebody other than the person ended a consent, with a code in
// Reference.
func (l *Ledger) Revoke(ctx context.Context, a Act) (Record, error) {
	return l.end(ctx, EventRevoked, &a)
}

// Invalidate records that a consent was found not to be valid: never was a ground,
// with a code in Reference.
func (l *Ledger) Invalidate(ctx context.Context, a Act) (Record, error) {
	return l.end(ctx, EventInvalidated, &a)
}

func (l *Ledger) end(ctx context.Context, kind Event, a *Act) (Record, error) {
	if err := l.checkStop(a); err != nil {
		return Record{}, err
	}
	if !l.consentBased(a.Purpose) {
		return Record{}, refuse(ErrGround, "Act.Purpose", "purpose %s does not rest on consent; use Object or ObjectMarketing", a.Purpose)
	}
	channels, err := l.channelsOf(a)
	if err != nil {
		return Record{}, err
	}
	return l.stop(ctx, kind, Withdrawal, a, channels)
}

// consentBased reports whether any version of the purpose rests on consent.
func (l *Ledger) consentBased(id string) bool {
	return slices.ContainsFunc(l.catalogue.byID[id], func(p *Purpose) bool { return p.Basis == Consent })
}

// marketing reports whether any version of the purpose is marketing.
func (l *Ledger) marketing(id string) bool {
	return slices.ContainsFunc(l.catalogue.byID[id], func(p *Purpose) bool { return p.Marketing })
}

func (l *Ledger) checkStop(a *Act) error {
	if err := l.checkAct(a); err != nil {
		return err
	}
	return l.known("Act.Purpose", a.Purpose)
}

// stop writes one event per channel for the person and every record it was merged
// with.
func (l *Ledger) stop(ctx context.Context, kind Event, ground Ground, a *Act, channels []string) (Record, error) {
	return l.together(ctx, a.Subject, kind, func(subjects []string) (*change, error) {
		c := &change{}
		for _, subject := range subjects {
			for _, ch := range channels {
				e := l.event(kind, a)
				e.channel = ch
				if e.ground == "" {
					e.ground = ground
				}
				c.share(e, subject)
				if subject != a.Subject {
					continue
				}
				if err := e.withPersonal(a); err != nil {
					return nil, err
				}
			}
		}
		return c, nil
	})
}

// ObjectMarketing records the objection of GDPR art. 21(2): absolute, at once, with
// no assessment, and for the related profiling too. Without Purpose it covers all
// marketing, without Channel every channel.
func (l *Ledger) ObjectMarketing(ctx context.Context, a Act) (Record, error) {
	if err := l.checkAct(&a); err != nil {
		return Record{}, err
	}
	if a.Purpose != "" {
		if err := l.known("Act.Purpose", a.Purpose); err != nil {
			return Record{}, err
		}
		if !l.marketing(a.Purpose) {
			return Record{}, refuse(ErrGround, "Act.Purpose", "purpose %s is not marketing; use Object", a.Purpose)
		}
	}
	if a.Channel != "" && !isCode(a.Channel, 32) {
		return Record{}, refuse(ErrChannel, "Act.Channel", "is malformed")
	}
	a.Scope = a.Purpose
	return l.stop(ctx, EventMarketing, ObjectionMarketing, &a, []string{a.Channel})
}

// Object records an objection on grounds relating to the person's situation (GDPR
// art. 21(1)). Against a purpose of public or legitimate interest it restricts at
// once (art. 18(1)(d)) until [Ledger.Uphold] or [Ledger.Override]. Against a
// consent it is recorded as withdrawal, against marketing as [Ledger.ObjectMarketing].
// Against contract, duty or vital interest there is no such right: [ErrGround].
func (l *Ledger) Object(ctx context.Context, a Act) (Record, error) {
	if err := l.checkStop(&a); err != nil {
		return Record{}, err
	}
	p := l.catalogue.At(a.Purpose, a.At)
	switch {
	case p == nil:
		return Record{}, refuse(ErrPurpose, "Act.Purpose", "was not in force at that time")
	case p.Basis == Consent:
		return l.Withdraw(ctx, a)
	case p.Marketing:
		return l.ObjectMarketing(ctx, a)
	case !p.Basis.objectable():
		return Record{}, refuse(ErrGround, "Act.Purpose", "purpose %s rests on %s; GDPR art. 21(1) gives a right to object only against A6-1-e and A6-1-f", p.ID, p.Basis)
	}
	return l.stop(ctx, EventObjected, ObjectionGeneral, &a, []string{""})
}

// Uphold records that a pending objection was right: the purpose ends for the
// person.
func (l *Ledger) Uphold(ctx context.Context, a Act) (Record, error) {
	return l.verdict(ctx, EventUpheld, &a)
}

// Override records that compelling legitimate grounds override a pending objection.
// Reference names the document with the grounds, Author who decided.
func (l *Ledger) Override(ctx context.Context, a Act) (Record, error) {
	switch {
	case a.Reference == "":
		return Record{}, gdpr.Invalid("Act.Reference", "is empty; name the compelling grounds (GDPR art. 21(1))")
	case a.Author == "":
		return Record{}, gdpr.Invalid("Act.Author", "is empty; say who decided")
	}
	if err := l.allow(ctx, "consent.override", a.Subject, gdpr.Clear("purpose", a.Purpose)); err != nil {
		return Record{}, err
	}
	return l.verdict(ctx, EventOverridden, &a)
}

func (l *Ledger) verdict(ctx context.Context, kind Event, a *Act) (Record, error) {
	if err := l.checkStop(a); err != nil {
		return Record{}, err
	}
	isPending := func(states []*state) error {
		for _, s := range states {
			if o := s.Object[a.Purpose]; o.Verdict == pending && o.At <= storage.Micros(a.At) {
				return nil
			}
		}
		return refuse(ErrNoRecord, "Act.Purpose", "has no pending objection of the person that was made before Act.At")
	}
	return l.together(ctx, a.Subject, kind, func(subjects []string) (*change, error) {
		c := &change{check: isPending}
		for _, subject := range subjects {
			e := l.event(kind, a)
			e.channel, e.ground = "", ObjectionGeneral
			c.share(e, subject)
		}
		return c, nil
	})
}
