package consent

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
)

// Each test is named after the row of the list of capabilities that it shows.

func TestS09RestrictionIsAStateOfItsOwn(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	_, err = b.Restrict(ctx, Act{Subject: "c-1", Scope: "news", Ground: RestrictUnlawful, At: day(2)})
	require.NoError(t, err)
	b.denied(t, RestrictedBy18, "c-1", "news", "email")
	require.Equal(t, []string{"Mailer GmbH", "Cloud Inc", "SCC Ltd"}, names(b.Recipients("news")), "to be told, art. 19")
	for _, told := range []time.Time{{}, day(9)} {
		_, err = b.Lift(ctx, Act{Subject: "c-1", Scope: "news", At: day(4), Told: told})
		require.ErrorIs(t, err, ErrTime, "the person is told before")
	}
	_, err = b.Lift(ctx, Act{Subject: "c-1", Scope: "*", At: day(4), Told: day(3)})
	require.ErrorIs(t, err, ErrNoRecord)
	_, err = b.Lift(ctx, Act{Subject: "c-1", Scope: "news", At: day(4), Told: day(3)})
	require.NoError(t, err)
	b.allowed(t, "c-1", "news", "email")
}

func names(all []Recipient) (n []string) {
	for _, r := range all {
		n = append(n, r.Name)
	}
	return n
}

func TestS10ObjectionDeniesAtOnceAndEndsTheGround(t *testing.T) {
	b := open(t, nil)
	_, err := b.Object(ctx, Act{Subject: "c-1", Purpose: "security", At: day(1)})
	require.NoError(t, err)
	b.denied(t, ObjectionPending, "c-1", "security", "")
	stands, code, err := b.Stands(ctx, "c-1", "security", time.Time{})
	require.NoError(t, err)
	require.False(t, stands)
	require.Equal(t, "objection_pending", code)
	_, err = b.Object(ctx, Act{Subject: "c-1", Purpose: "order", At: day(1)})
	require.ErrorIs(t, err, ErrGround)
	require.Contains(t, err.Error(), "21(1)", "refused with the explanation")
	_, err = b.Override(ctx, Act{Subject: "c-1", Purpose: "security", At: day(2), Author: "s-1"})
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	_, err = b.Uphold(ctx, Act{Subject: "c-2", Purpose: "security", At: day(2)})
	require.ErrorIs(t, err, ErrNoRecord)
}

func TestS11WithdrawalKeepsTheHistory(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "product-a", "", 1))
	require.NoError(t, err)
	_, err = b.Withdraw(ctx, Act{Subject: "c-1", Purpose: "product-a", At: day(2)})
	require.NoError(t, err)
	b.denied(t, ConsentWithdrawn, "c-1", "product-a", "")
	require.Equal(t, []Event{EventGiven, EventWithdrawn}, kinds(t, b, "c-1"))
}

func TestS12ProfilingNeedsABasis(t *testing.T) {
	b := open(t, nil)
	b.denied(t, NoGround, "c-1", "profiling", "")
	_, err := NewCatalogue(Purpose{ID: "score", Version: 1, Basis: Contract, Automated: &Automated{Ground: AutomatedContract, Logic: "points"}})
	require.ErrorContains(t, err, "Automated.Contact")
	_, err = NewCatalogue(Purpose{ID: "score", Version: 1, Basis: Contract, Automated: &Automated{Ground: "A22-2-x", Contact: "desk", Logic: "points"}})
	require.ErrorContains(t, err, "Automated.Ground")
	_, err = NewCatalogue(Purpose{ID: "score", Version: 1, Basis: Contract, Automated: &Automated{Ground: AutomatedContract, Contact: "desk", Logic: "points"}, Special: []string{"health"}, SpecialBasis: "A9-2-h"})
	require.ErrorContains(t, err, "22(4)")
}

func denials(b *bench) (n int) {
	for _, e := range b.log.list {
		if e.action == "consent.denied" {
			n++
		}
	}
	return n
}

func TestS13EnrichmentOffLeavesOneEntry(t *testing.T) {
	closed := Purpose{ID: "enrichment", Version: 1, Basis: LegitimateInterest, ForAll: true, Closed: true}
	for name, c := range map[string]struct {
		b    *bench
		off  func(*bench) error
		want Reason
	}{
		"never switched on": {open(t, nil), nil, NoGround},
		"off for all":       {open(t, nil, closed), nil, PurposeClosed},
		"off for one": {open(t, nil), func(b *bench) error {
			if _, err := b.Establish(ctx, Act{Subject: "c-1", Purpose: "enrichment", At: day(1)}); err != nil {
				return err
			}
			_, err := b.Object(ctx, Act{Subject: "c-1", Purpose: "enrichment", At: day(2)})
			return err
		}, ObjectionPending},
	} {
		t.Run(name, func(t *testing.T) {
			if c.off != nil {
				require.NoError(t, c.off(c.b))
			}
			before := len(c.b.log.list)
			err := c.b.Gate(ctx, Query{Subject: "c-1", Purpose: "enrichment"})
			require.ErrorIs(t, err, gdpr.ErrDenied)
			var d *DeniedError
			require.True(t, errors.As(err, &d))
			require.Equal(t, c.want, d.Decision.Reason)
			require.Equal(t, 1, denials(c.b))
			require.Len(t, c.b.log.list, before+1, "the denial is the only entry")
		})
	}
}

func TestS14SixBasesAndNoSeventh(t *testing.T) {
	for i, g := range []Ground{Consent, Contract, LegalObligation, VitalInterest, PublicInterest, LegitimateInterest} {
		p := Purpose{ID: "p", Version: 1, Basis: g, Texts: english}
		b := open(t, nil, p)
		var err error
		if g == Consent {
			_, err = b.Give(ctx, giving("c-1", "p", "", i))
		} else {
			_, err = b.Establish(ctx, Act{Subject: "c-1", Purpose: "p", At: day(i), Reference: "doc-1"})
		}
		require.NoError(t, err)
		require.Equal(t, g, b.allowed(t, "c-1", "p", "").Basis)
	}
	for _, g := range []Ground{"A6-1-g", "", "consent", "EP-13-2"} {
		_, err := NewCatalogue(Purpose{ID: "p", Version: 1, Basis: g, Texts: english})
		require.ErrorIs(t, err, ErrGround, string(g))
	}
}

func TestS15AGrantSaysWhoWhenHowAndToWhat(t *testing.T) {
	b := open(t, nil)
	given, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	for rec, err := range b.History(ctx, "c-1") {
		require.NoError(t, err)
		require.Equal(t, given, rec)
		require.Equal(t, "c-1", rec.Subject)
		require.Equal(t, day(1), rec.At)
		require.Equal(t, b.clock.t, rec.Recorded)
		require.Equal(t, Checkbox, rec.Method)
		require.Equal(t, BySubject, rec.By)
		require.Equal(t, "news/1/en", fmt.Sprintf("%s/%d/%s", rec.Purpose, rec.Version, rec.Language))
		require.Len(t, rec.TextHash, 64)
	}
}

func TestS16ProductAIsNotProductB(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "product-a", "", 1))
	require.NoError(t, err)
	b.allowed(t, "c-1", "product-a", "")
	b.denied(t, NoConsent, "c-1", "product-b", "")
}

func TestS17EditedTextLeavesTheGrant(t *testing.T) {
	b := open(t, nil)
	rec, err := b.Give(ctx, giving("c-1", "product-a", "", 1))
	require.NoError(t, err)
	edited := Purpose{ID: "product-a", Version: 2, Basis: Consent, Texts: []Text{words("en", "", "Other words.")}}
	c, err := NewCatalogue(append(fixture(), edited)...)
	require.NoError(t, err)
	l, err := New(b.db.Tenant("acme"), c, b.opts)
	require.NoError(t, err)
	r, err := l.Receipt(ctx, "c-1", rec.ID)
	require.NoError(t, err)
	require.Equal(t, "Yes, I agree.", r.Statement)
}

func TestS18ImpliedConsentIsRefused(t *testing.T) {
	for _, m := range []Method{PreTicked, Silence, Inactivity, Scrolling, Terms} {
		t.Run(string(m), func(t *testing.T) {
			b := open(t, nil)
			act := giving("c-1", "product-a", "", 1)
			act.Evidence = &Evidence{Method: m}
			_, err := b.Give(ctx, act)
			require.ErrorIs(t, err, ErrImplied)
			b.denied(t, NoConsent, "c-1", "product-a", "")
		})
	}
	t.Run("box ticked before", func(t *testing.T) {
		b := open(t, nil)
		act := giving("c-1", "product-a", "", 1)
		act.Evidence = &Evidence{Method: Checkbox, PreTicked: true}
		_, err := b.Give(ctx, act)
		require.ErrorIs(t, err, ErrImplied)
	})
}

func TestS19RequestsToPersonsWithoutConsent(t *testing.T) {
	b := open(t, nil)
	ask := func(subject string, n int) (Pending, error) {
		return b.Request(ctx, Act{Subject: subject, Purpose: "soft", Channel: "email", At: day(n), Language: "en", Reference: "order-form-2025"})
	}
	_, err := ask("stranger", 1)
	require.ErrorIs(t, err, ErrAsking, "asking by e-mail is marketing")
	var d *DeniedError
	require.True(t, errors.As(err, &d))
	require.Equal(t, ContactOptIn, d.Decision.Reason)

	_, err = b.Describe(ctx, Person{Subject: "info", Country: "BE", Kind: RoleAddress, At: day(1)})
	require.NoError(t, err)
	p, err := ask("info", 2)
	require.NoError(t, err)
	require.Equal(t, EventRequested, p.Record.Event)
	require.Equal(t, "order-form-2025", p.Record.Reference, "where the address was obtained")
	q, err := ask("info", 2)
	require.NoError(t, err)
	require.NotEqual(t, p.Token.Reveal(), q.Token.Reveal())
	_, err = b.Request(ctx, Act{Subject: "info", Purpose: "soft", Channel: "email", At: day(2), Language: "en"})
	require.ErrorIs(t, err, ErrEvidence)

	for name, stop := range map[string]func(s string) error{
		"withdrawn": func(s string) error {
			_, err := b.Withdraw(ctx, Act{Subject: s, Purpose: "soft", At: day(1)})
			return err
		},
		"refused": func(s string) error { _, err := b.Refuse(ctx, giving(s, "soft", "email", 1)); return err },
		"objected": func(s string) error {
			_, err := b.ObjectMarketing(ctx, Act{Subject: s, At: day(1)})
			return err
		},
		"suppressed": func(s string) error { _, err := b.Suppress(ctx, Act{Subject: s, At: day(1)}); return err },
	} {
		_, err := b.Describe(ctx, Person{Subject: name, Country: "BE", Kind: RoleAddress, At: day(1)})
		require.NoError(t, err)
		require.NoError(t, stop(name))
		_, err = ask(name, 3)
		require.ErrorIs(t, err, ErrAsking, name)
		own := giving(name, "soft", "email", 4) // the person fills in the form
		_, err = b.Request(ctx, own)
		require.NoError(t, err, name)
	}
}

func TestS19WhoIsWithoutConsent(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("a", "news", "email", 1))
	require.NoError(t, err)
	_, err = b.Refuse(ctx, giving("b", "news", "email", 1))
	require.NoError(t, err)
	var without []string
	_, err = b.Filter(ctx, Campaign{
		Purpose: "news", Channel: "email", Candidates: slices.Values([]string{"a", "b", "c"}),
		Denied: func(s string, r Reason) error { without = append(without, s+" "+string(r)); return nil },
	}, func(string) error { return nil })
	require.NoError(t, err)
	require.Equal(t, []string{"b refused", "c no_consent"}, without)
}

func TestS19AnswerPutOff(t *testing.T) {
	b := open(t, nil)
	_, err := b.Request(ctx, giving("c-1", "optin", "email", 1))
	require.NoError(t, err)
	rec, err := b.Defer(ctx, Act{Subject: "c-1", Purpose: "optin", Channel: "email", At: day(2)})
	require.NoError(t, err)
	require.Equal(t, EventDeferred, rec.Event)
	b.denied(t, ConsentDeferred, "c-1", "optin", "email")
	p, err := b.Request(ctx, giving("c-1", "optin", "email", 3))
	require.NoError(t, err, "asked again")
	_, err = b.Confirm(ctx, string(p.Token.Reveal()), nil)
	require.NoError(t, err)
	_, err = b.Defer(ctx, Act{Subject: "c-1", Purpose: "optin", Channel: "email", At: b.clock.t})
	require.NoError(t, err)
	b.allowed(t, "c-1", "optin", "email")
	_, err = b.Defer(ctx, Act{Subject: "c-1", Purpose: "order", At: day(2)})
	require.ErrorIs(t, err, ErrGround)
	require.NoError(t, b.Verify(ctx, "c-1"))
}

func TestS20DoubleOptInTokens(t *testing.T) {
	b := open(t, nil)
	p, err := b.Request(ctx, giving("c-1", "optin", "email", 1))
	require.NoError(t, err)
	token := []byte(p.Token.Reveal())
	refused := func(text, why string) {
		t.Helper()
		_, err := b.Confirm(ctx, text, nil)
		var te *TokenError
		require.True(t, errors.As(err, &te))
		require.Equal(t, why, te.Why)
		require.Equal(t, ErrToken.Error(), err.Error())
	}
	altered := append([]byte{}, token...)
	if altered[10]++; altered[10] > 'Z' || altered[10] < 'B' {
		altered[10] = 'A'
	}
	refused(string(altered), "unknown")
	now := b.clock.t
	b.clock.t = now.Add(72 * time.Hour)
	refused(string(token), "expired")
	b.clock.t = now.Add(71 * time.Hour)
	_, err = b.Confirm(ctx, string(token), nil)
	require.NoError(t, err)
	b.allowed(t, "c-1", "optin", "email")
	_, err = b.Withdraw(ctx, Act{Subject: "c-1", Purpose: "optin", At: b.clock.t})
	require.NoError(t, err)
	refused(string(token), "used")
	pref, err := b.PreferenceToken(ctx, "c-1")
	require.NoError(t, err)
	refused(string(pref.Reveal()), "kind")
	subject, err := b.Preferences(ctx, string(pref.Reveal()))
	require.NoError(t, err)
	require.Equal(t, "c-1", subject)
	b.clock.t = b.clock.t.AddDate(0, 2, 0)
	n, err := b.CleanTokens(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
}
