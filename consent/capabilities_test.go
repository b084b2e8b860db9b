package consent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage/memstore"
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
	b := open(t, nil)
	err := b.Gate(ctx, Query{Subject: "c-1", Purpose: "enrichment"})
	require.ErrorIs(t, err, gdpr.ErrDenied)
	var d *DeniedError
	require.True(t, errors.As(err, &d))
	require.Equal(t, NoGround, d.Decision.Reason)
	require.Equal(t, 1, denials(b))
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

func TestS21SpecialCategoriesNeedExplicitConsent(t *testing.T) {
	for name, ev := range map[string]*Evidence{
		"no statement":         {Method: Checkbox},
		"explicit, unproven":   {Method: Checkbox, Explicit: true},
		"signed, not explicit": {Method: Signed},
		"settings":             {Method: Settings, Explicit: true, Reference: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, nil)
			_, err := b.Give(ctx, Act{Subject: "c-1", Purpose: "health", At: day(1), Evidence: ev})
			require.ErrorIs(t, err, ErrExplicit)
			b.denied(t, NoConsent, "c-1", "health", "")
		})
	}
	b := open(t, nil)
	_, err := b.Give(ctx, Act{Subject: "c-1", Purpose: "health", At: day(1), Evidence: &Evidence{Method: Verbal, Explicit: true, Personal: map[string]string{"statement": "I agree that my back pain is noted"}}})
	require.NoError(t, err)
	b.allowed(t, "c-1", "health", "")
}

func TestS22ChildrenByCountryAndAudience(t *testing.T) {
	give := func(b *bench, country string, age int, edit func(*Act)) error {
		a := Act{Subject: "kid", Purpose: "game", At: day(1), Language: "en", Audience: "child", Age: age, Country: country, Evidence: &Evidence{Method: Button}}
		if edit != nil {
			edit(&a)
		}
		_, err := b.Give(ctx, a)
		return err
	}
	b := open(t, nil)
	require.ErrorIs(t, give(b, "BE", 12, nil), ErrGuardian)
	require.ErrorIs(t, give(b, "BE", 0, nil), ErrGuardian, "an unknown age is denied")
	require.ErrorIs(t, give(b, "NL", 15, nil), ErrGuardian)
	require.ErrorIs(t, give(b, "BE", 12, func(a *Act) { a.Evidence.By = ByGuardian }), ErrGuardian, "who, and how verified")
	require.ErrorIs(t, give(b, "FR", 14, func(a *Act) {
		a.Evidence.By, a.Evidence.Guardian, a.Evidence.GuardianCheck = ByGuardian, "g-1", "card"
	}), ErrGuardian, "France: child and guardian together")
	require.ErrorIs(t, give(b, "BE", 13, func(a *Act) { a.Audience = "" }), ErrNotice, "the words for adults")
	require.NoError(t, give(b, "BE", 12, func(a *Act) {
		a.Evidence.By, a.Evidence.Guardian, a.Evidence.GuardianCheck, a.Audience = ByGuardian, "g-1", "card", ""
	}))
	require.NoError(t, give(b, "BE", 13, nil))
	for rec, err := range b.History(ctx, "kid") {
		require.NoError(t, err)
		require.Equal(t, 13, rec.Threshold)
	}
}

func TestS22NoticeVariantPerAudience(t *testing.T) {
	b := open(t, nil)
	hash := func(audience string, age int) string {
		rec, err := b.Give(ctx, Act{Subject: "p-" + audience, Purpose: "game", At: day(1), Language: "en", Audience: audience, Age: age, Country: "BE", Evidence: ticked()})
		require.NoError(t, err)
		return rec.TextHash
	}
	require.NotEqual(t, hash("", 30), hash("child", 14))
}

func lintCodes(t *testing.T, p Purpose) (codes []string) {
	c, err := NewCatalogue(p)
	require.NoError(t, err)
	for _, f := range c.Lint(day(0)) {
		codes = append(codes, f.Code)
	}
	return codes
}

func TestS23FreeConsentIsFlagged(t *testing.T) {
	base := Purpose{ID: "p", Version: 1, Basis: Consent, Validity: "P1Y", Data: []string{"contact"}, Texts: english}
	require.Empty(t, lintCodes(t, base))
	t.Run("condition of service", func(t *testing.T) {
		p := base
		p.ConditionOfService = true
		require.Equal(t, []string{"C101"}, lintCodes(t, p))
		b := open(t, nil, p)
		rec, err := b.Give(ctx, giving("c-1", "p", "", 1))
		require.NoError(t, err)
		require.True(t, rec.Bundled, "and the record keeps the flag")
	})
	t.Run("authority", func(t *testing.T) {
		p := base
		p.Imbalance = true
		require.Equal(t, []string{"C102"}, lintCodes(t, p))
	})
	t.Run("withdrawing is harder", func(t *testing.T) {
		p := base
		p.GiveBy, p.WithdrawBy = []string{"web"}, []string{"letter"}
		require.Equal(t, []string{"C103"}, lintCodes(t, p))
	})
}

func TestS24NoticeNamesWhatIsMissing(t *testing.T) {
	for name, drop := range map[string]func(*Notice){
		"controller": func(n *Notice) { n.Controller = "" }, "purpose": func(n *Notice) { n.Purpose = "" }, "data": func(n *Notice) { n.Data = "" },
		"withdrawal": func(n *Notice) { n.Withdrawal = "" }, "transfers": func(n *Notice) { n.Transfers = "" }, "automated": func(n *Notice) { n.Automated = "" },
	} {
		t.Run(name, func(t *testing.T) {
			text := words("en", "", "I agree.")
			drop(&text.Notice)
			_, err := NewCatalogue(Purpose{ID: "p", Version: 1, Basis: Consent, Texts: []Text{text}})
			require.ErrorIs(t, err, ErrNotice)
			require.ErrorContains(t, err, "lacks "+name)
		})
	}
}

func TestS25GateBeforeSending(t *testing.T) {
	b := open(t, nil)
	q := Query{Subject: "c-1", Purpose: "news", Channel: "email"}
	require.ErrorIs(t, b.Gate(ctx, q), gdpr.ErrDenied)
	_, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	require.NoError(t, b.Gate(ctx, q))
	_, err = b.Withdraw(ctx, Act{Subject: "c-1", Purpose: "news", At: day(2)})
	require.NoError(t, err)
	require.ErrorIs(t, b.Gate(ctx, q), gdpr.ErrDenied)
	require.Equal(t, 2, denials(b))
}

// wall is a guard that denies what it lists.
type wall map[string]bool

func (w wall) Allow(_ context.Context, action, _ string, _ ...slog.Attr) error {
	if w[action] {
		return errors.New("not you")
	}
	return nil
}

func TestS26ExportAsksTheGuard(t *testing.T) {
	b := open(t, func(o *Options) {
		o.Guard = wall{"consent.export": true, "consent.evidence": true, "consent.lift": true, "consent.override": true}
	})
	for _, err := range b.Export(ctx, "c-1") {
		require.ErrorIs(t, err, gdpr.ErrDenied)
	}
	_, err := b.Evidence(ctx, "c-1", "019a0000-0000-7000-8000-000000000000")
	require.ErrorIs(t, err, gdpr.ErrDenied)
	_, err = b.Lift(ctx, Act{Subject: "c-1", At: day(1), Told: day(1)})
	require.ErrorIs(t, err, gdpr.ErrDenied)
	_, err = b.Override(ctx, Act{Subject: "c-1", Purpose: "security", Reference: "r", Author: "s", At: day(1)})
	require.ErrorIs(t, err, gdpr.ErrDenied)
}

func TestS27OriginIsRecordedAndShown(t *testing.T) {
	b := open(t, nil)
	_, err := b.Collect(ctx, Origin{Subject: "c-1", At: day(1), Way: "typed", Data: []string{"contact"}})
	require.ErrorContains(t, err, "Origin.Source")
	o, err := b.Collect(ctx, Origin{Subject: "c-1", At: day(1), Source: "fair", Way: "scanned", Data: []string{"contact"}, FirstContact: day(5)})
	require.NoError(t, err)
	require.Equal(t, day(5), o.Due, "at the first contact at the latest")
	shown := false
	for doc, err := range b.Export(ctx, "c-1") {
		require.NoError(t, err)
		shown = shown || strings.Contains(string(doc), `"source":"fair"`)
	}
	require.True(t, shown)
}

func TestS29CallRecordingAsksFirst(t *testing.T) {
	b := open(t, nil)
	q := Query{Subject: "c-1", Purpose: "recording", Channel: "phone"}
	require.Error(t, b.Gate(ctx, q))
	require.Equal(t, 1, denials(b), "the denial leaves one entry")
	_, err := b.Give(ctx, Act{Subject: "c-1", Purpose: "recording", Channel: "phone", At: b.clock.t, Evidence: &Evidence{Method: Verbal, Form: "script-1"}})
	require.NoError(t, err)
	require.NoError(t, b.Gate(ctx, q))
	b.clock.t = b.clock.t.Add(time.Minute)
	_, err = b.Withdraw(ctx, Act{Subject: "c-1", Purpose: "recording", At: b.clock.t})
	require.NoError(t, err)
	require.Error(t, b.Gate(ctx, q))
	require.Equal(t, 2, denials(b))
}

func TestS31DataOfOnePurposeNotUnderAnother(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	for _, q := range []Query{{Data: []string{"invoice"}}, {CollectedFor: "order"}} {
		q.Subject, q.Purpose, q.Channel = "c-1", "news", "email"
		d, err := b.Check(ctx, q)
		require.NoError(t, err)
		require.False(t, d.Allowed)
	}
}

func TestS36LapsingConsentIsNoticedOnce(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	b.clock.t = day(1).AddDate(2, 0, -20)
	var notices []Lapse
	notify := func(_ context.Context, x Lapse) error { notices = append(notices, x); return nil }
	for range 2 {
		_, err = b.Renewals(ctx, 30*24*time.Hour, notify)
		require.NoError(t, err)
	}
	require.Len(t, notices, 1)
	require.Equal(t, day(1).AddDate(2, 0, 0), notices[0].Until)
}

func TestS60TransferWithoutSafeguardIsDenied(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	for to, want := range map[string]bool{"mailer": true, "scc": true, "cloud": false, "nobody": false} {
		d, err := b.Check(ctx, Query{Subject: "c-1", Purpose: "news", Channel: "email", Recipient: to})
		require.NoError(t, err)
		require.Equal(t, want, d.Allowed, to)
	}
	require.Contains(t, lintCodes(t, fixture()[0]), "C207")
}

func TestS62ThePersonSeesPurposesRecipientsAndConsents(t *testing.T) {
	b := open(t, nil)
	rec, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	types := map[string]int{}
	for doc, err := range b.Export(ctx, "c-1") {
		require.NoError(t, err)
		var x struct{ Type string }
		require.NoError(t, json.Unmarshal(doc, &x))
		types[x.Type]++
	}
	require.Equal(t, map[string]int{"state": 1, "record": 1}, types)
	r, err := b.Receipt(ctx, "c-1", rec.ID)
	require.NoError(t, err)
	require.NotEmpty(t, r.Services[0].Purposes[0].ThirdPartyName)
}

func TestS63ZeroConfigurationDenies(t *testing.T) {
	l, err := New(memstore.New(nil).Tenant("acme"), nil, nil)
	require.NoError(t, err)
	d, err := l.Check(ctx, Query{Subject: "c-1", Purpose: "anything"})
	require.ErrorIs(t, err, ErrPurpose)
	require.False(t, d.Allowed)
	require.Equal(t, PurposeUnknown, d.Reason)
	c, err := NewCatalogue(Purpose{ID: "p", Version: 1, Basis: LegitimateInterest})
	require.NoError(t, err)
	l, err = New(memstore.New(nil).Tenant("acme"), c, nil)
	require.NoError(t, err)
	d, err = l.Check(ctx, Query{Subject: "c-1", Purpose: "p"})
	require.NoError(t, err)
	require.Equal(t, NoGround, d.Reason)
}

func TestS66SensitivePurposesNeedTheirOwnGround(t *testing.T) {
	for field, p := range map[string]Purpose{
		"SpecialBasis": {ID: "p", Version: 1, Basis: Contract, Special: []string{"health"}},
		"CriminalLaw":  {ID: "p", Version: 1, Basis: Contract, Criminal: true},
		"NationalLaw":  {ID: "p", Version: 1, Basis: Contract, NationalID: true},
	} {
		_, err := NewCatalogue(p)
		require.ErrorContains(t, err, field)
	}
	_, err := NewCatalogue(Purpose{ID: "p", Version: 1, Basis: Contract, Special: []string{"health"}, SpecialBasis: "A9-2-h"})
	require.NoError(t, err)
}

func TestS67CountriesDiffer(t *testing.T) {
	b := open(t, nil)
	p := &Purpose{}
	for country, age := range map[string]int{"NL": 16, "BE": 13, "DE": 16} {
		require.Equal(t, age, b.ages.threshold(p, country, day(0)))
	}
	require.Equal(t, OptIn, b.contacts.regime("NL", "phone", BusinessContact, "", day(200)))
	require.Equal(t, Presumed, b.contacts.regime("DE", "phone", BusinessContact, "", day(200)))
	require.Equal(t, OptOut, b.contacts.regime("BE", "email", RoleAddress, "", day(200)))
	require.Equal(t, OptIn, b.contacts.regime(unsettled, "email", RoleAddress, "customer", day(200)))
}
