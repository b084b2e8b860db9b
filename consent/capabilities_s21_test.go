package consent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

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
	t.Run("adult words for a child", func(t *testing.T) {
		_, err := b.Give(ctx, Act{Subject: "kid", Purpose: "game", At: day(1), Language: "en", Age: 14, Country: "BE", Evidence: ticked()})
		require.ErrorIs(t, err, ErrNotice)
	})
	t.Run("words for nobody", func(t *testing.T) {
		_, err := b.Give(ctx, Act{Subject: "kid", Purpose: "game", At: day(1), Language: "en", Audience: "elders", Age: 80, Country: "BE", Evidence: ticked()})
		require.ErrorIs(t, err, ErrNotice)
	})
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
	require.Len(t, b.log.list, 1, "and no other")
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
