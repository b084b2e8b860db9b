package consent

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Restrict records the right of GDPR art. 18: within Scope ("*", a purpose, or
// "data:" and a category) the person's data is only stored, whatever the basis,
// unless a query names an exception of art. 18(2). Ground is A18-1-a to A18-1-d. The
// recipients of the purposes must be told (art. 19): see [Ledger.Recipients].
func (l *Ledger) Restrict(ctx context.Context, a Act) (Record, error) {
	if err := l.checkScope(&a); err != nil {
		return Record{}, err
	}
	if !a.Ground.restricts() {
		return Record{}, noRestriction()
	}
	a.Purpose, a.Channel = "", ""
	return l.stop(ctx, EventRestricted, a.Ground, &a, []string{""})
}

func (g Ground) restricts() bool {
	return g.oneOf(RestrictAccuracy, RestrictUnlawful, RestrictClaims, RestrictObjection)
}

func noRestriction() error {
	return refuse(ErrGround, "Act.Ground", "must be A18-1-a, A18-1-b, A18-1-c or A18-1-d")
}

// RestrictSubject restricts within a scope as of now: the bridge for a request under
// art. 18. Scope "" is "*"; what is no purpose is a category of data.
func (l *Ledger) RestrictSubject(ctx context.Context, subject, scope, ground string) error {
	_, err := l.Restrict(ctx, Act{Subject: subject, Scope: l.scopeOf(scope), Ground: Ground(ground), At: l.now()})
	return err
}

// LiftSubject ends the restriction of a scope that [Ledger.RestrictSubject] made on that
// ground; one that was lifted already is no error. The caller vouches that the person was told
// before (GDPR art. 18(3)).
func (l *Ledger) LiftSubject(ctx context.Context, subject, scope, ground string) error {
	now := l.now()
	_, err := l.Lift(ctx, Act{Subject: subject, Scope: l.scopeOf(scope), Ground: Ground(ground), At: now, Told: now})
	if errors.Is(err, ErrNoRecord) {
		return nil
	}
	return err
}

// scopeOf tells a purpose from a category of data in the words of a request.
func (l *Ledger) scopeOf(scope string) string {
	if scope == "" || scope == AllPurposes || strings.HasPrefix(scope, dataScope) || l.known("scope", scope) == nil {
		return scope
	}
	return dataScope + scope
}

// Lift ends the restrictions of exactly that Scope, and of Ground if there is one, that
// began before At; a later one stays, however late the lifting is recorded. Told says when the person was told
// before the lifting (GDPR art. 18(3)).
func (l *Ledger) Lift(ctx context.Context, a Act) (Record, error) {
	if err := l.checkScope(&a); err != nil {
		return Record{}, err
	}
	if a.Ground != "" && !a.Ground.restricts() {
		return Record{}, noRestriction()
	}
	if err := l.checkTime("Act.Told", a.Told); err != nil {
		return Record{}, err
	}
	if a.Told.After(a.At) {
		return Record{}, refuse(ErrTime, "Act.Told", "must not come after At: the person is told before (GDPR art. 18(3))")
	}
	if err := l.allow(ctx, "consent.lift", a.Subject, gdpr.Clear("scope", a.Scope)); err != nil {
		return Record{}, err
	}
	a.Purpose, a.Channel = "", ""
	lifted := l.event(EventLifted, &a)
	isRestricted := func(states []*state) error {
		for _, s := range states {
			if slices.ContainsFunc(s.Restrict, func(r restriction) bool { return r.endedBy(lifted) }) {
				return nil
			}
		}
		return refuse(ErrNoRecord, "Act.Scope", "has no restriction of the person that began before Act.At")
	}
	return l.together(ctx, a.Subject, EventLifted, func(subjects []string) (*change, error) {
		c := &change{check: isRestricted}
		for _, subject := range subjects {
			e := l.event(EventLifted, &a)
			e.detail.Told = storage.Micros(a.Told)
			c.share(e, subject)
		}
		return c, nil
	})
}

func (l *Ledger) checkScope(a *Act) error {
	if a.Scope == "" {
		a.Scope = AllPurposes
	}
	if err := l.checkAct(a); err != nil {
		return err
	}
	if category, ok := strings.CutPrefix(a.Scope, dataScope); ok {
		if !isCode(category, 64) {
			return gdpr.Invalid("Act.Scope", "must name a category as a code after data:")
		}
		return nil
	}
	if a.Scope == AllPurposes {
		return nil
	}
	return l.known("Act.Scope", a.Scope)
}

// Recipients returns the recipients of every purpose in a scope, as the catalogue
// names them now, to be told of a restriction or erasure (GDPR art. 19).
func (l *Ledger) Recipients(scope string) []Recipient {
	var all []Recipient
	for _, id := range l.catalogue.IDs() {
		p := l.catalogue.At(id, l.now())
		if p == nil {
			continue
		}
		category, isData := strings.CutPrefix(scope, dataScope)
		if scope != AllPurposes && scope != id && !(isData && contains(p.Data, category)) {
			continue
		}
		for _, r := range p.Recipients {
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return all
}
