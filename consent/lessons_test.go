package consent

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Each test is named after the public issue whose lesson it keeps.

func kinds(t testing.TB, b *bench, subject string) (all []Event) {
	for rec, err := range b.History(ctx, subject) {
		require.NoError(t, err)
		all = append(all, rec.Event)
	}
	return all
}

func TestLessonSuiteCRM5549EveryOptInAndOptOutIsKept(t *testing.T) {
	b := open(t, nil)
	for i := range 3 {
		_, err := b.Give(ctx, giving("c-1", "product-a", "", 2*i+1))
		require.NoError(t, err)
		_, err = b.Withdraw(ctx, Act{Subject: "c-1", Purpose: "product-a", At: day(2*i + 2)})
		require.NoError(t, err)
	}
	require.Equal(t, []Event{EventGiven, EventWithdrawn, EventGiven, EventWithdrawn, EventGiven, EventWithdrawn}, kinds(t, b, "c-1"))
	b.denied(t, ConsentWithdrawn, "c-1", "product-a", "")
}

func TestLessonMautic6413OptInsByHandAndImportAreLogged(t *testing.T) {
	b := open(t, nil)
	_, err := b.Import(ctx, ImportJob{ID: "i", Purpose: "news", Channel: "email", Source: "mautic"}, oneFlag(LegacyFlag{Subject: "c-1", OptIn: true}))
	require.NoError(t, err)
	_, err = b.Give(ctx, Act{Subject: "c-1", Purpose: "recording", Channel: "phone", At: day(1), Evidence: &Evidence{Method: Verbal, Form: "script-3"}})
	require.NoError(t, err)
	var sources []string
	for rec, err := range b.History(ctx, "c-1") {
		require.NoError(t, err)
		sources = append(sources, rec.Source+rec.Form)
	}
	require.Equal(t, []string{"mautic", "script-3"}, sources)
}

func TestLessonSuiteCRM5548ConfirmationIsBoundToATokenThatWasSent(t *testing.T) {
	b := open(t, nil)
	act := giving("c-1", "optin", "email", 1)
	act.Address = "anna@example.org"
	_, err := b.Request(ctx, act)
	require.NoError(t, err)
	for _, forged := range []string{"", "anna@example.org", "gc1.", "gc1." + strings.Repeat("A", 43), "gw1." + strings.Repeat("A", 43)} {
		_, err = b.Confirm(ctx, forged, nil)
		require.ErrorIs(t, err, ErrToken)
		require.Equal(t, ErrToken.Error(), err.Error(), "one answer for all")
	}
	b.denied(t, ConsentRequested, "c-1", "optin", "email")
}

func TestLessonMargince3807TokenIsNeverShownAndStoredAsHash(t *testing.T) {
	b := open(t, nil)
	p, err := b.Request(ctx, giving("c-1", "optin", "email", 1))
	require.NoError(t, err)
	token := string(p.Token.Reveal())
	printed, err := json.Marshal(p)
	require.NoError(t, err)
	require.NotContains(t, string(printed), token)
	for doc, err := range b.Export(ctx, "c-1") {
		require.NoError(t, err)
		require.NotContains(t, string(doc), token)
	}
	for _, e := range b.log.list {
		for _, a := range e.attrs {
			require.NotContains(t, a.Value.String(), token)
		}
	}
}

func TestLessonMargince2955DoubleOptInHasAPath(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "optin", "email", 1))
	require.ErrorIs(t, err, ErrGround)
	p, err := b.Request(ctx, giving("c-1", "optin", "email", 1))
	require.NoError(t, err)
	_, err = b.Confirm(ctx, string(p.Token.Reveal()), nil)
	require.NoError(t, err)
	b.allowed(t, "c-1", "optin", "email")
}

func TestLessonMargince4934PendingIsAState(t *testing.T) {
	b := open(t, nil)
	_, err := b.Request(ctx, giving("c-1", "optin", "email", 1))
	require.NoError(t, err)
	b.denied(t, ConsentRequested, "c-1", "optin", "email")
	require.Equal(t, []Event{EventRequested}, kinds(t, b, "c-1"))
}

func TestLessonVeda160HostsDoubleOptInIsNeverWeakened(t *testing.T) {
	b := open(t, nil)
	act := giving("c-1", "optin", "email", 1)
	act.Evidence = &Evidence{Method: DoubleOptIn}
	_, err := b.Give(ctx, act)
	require.ErrorIs(t, err, ErrGround, "claiming a double opt-in is not one")
}

func TestLessonCachet2900GetIsHarmlessAndConfirmIdempotent(t *testing.T) {
	b := open(t, nil)
	p, err := b.Request(ctx, giving("c-1", "optin", "email", 1))
	require.NoError(t, err)
	token := string(p.Token.Reveal())
	for range 3 {
		purpose, channel, err := b.Peek(ctx, token)
		require.NoError(t, err)
		require.Equal(t, "optin/email", purpose+"/"+channel)
	}
	b.denied(t, ConsentRequested, "c-1", "optin", "email")
	first, err := b.Confirm(ctx, token, map[string]string{"ip": "192.0.2.1"})
	require.NoError(t, err)
	second, err := b.Confirm(ctx, token, nil)
	require.NoError(t, err)
	require.Equal(t, first.ID, second.ID)
	require.Equal(t, []Event{EventRequested, EventGiven}, kinds(t, b, "c-1"))
	r, err := http.NewRequest(http.MethodGet, "https://crm.example/u/x", nil)
	require.NoError(t, err)
	require.Equal(t, ShowPage, OneClick(r))
}

func TestLessonListmonk1418PageFlowIsTheHosts(t *testing.T) {
	b := open(t, nil)
	p, err := b.Request(ctx, giving("c-1", "optin", "email", 1))
	require.NoError(t, err)
	_, err = b.Confirm(ctx, string(p.Token.Reveal()), nil) // one step, if the host wants it so
	require.NoError(t, err)
}

func TestLessonOCA79ConsentFromAFormComesThroughTheAPI(t *testing.T) {
	b := open(t, nil)
	act := giving("c-1", "news", "email", 1)
	act.Evidence = &Evidence{Method: Checkbox, Form: "signup-7", Source: "website", Personal: map[string]string{"ip": "192.0.2.7"}}
	rec, err := b.Give(ctx, act)
	require.NoError(t, err)
	proof, err := b.Evidence(ctx, "c-1", rec.ID)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"ip": "192.0.2.7"}, proof)
}

func TestLessonTrewknowledge91AccessReportShowsAllConsents(t *testing.T) {
	b := open(t, nil)
	for _, p := range []string{"product-a", "product-b"} {
		_, err := b.Give(ctx, giving("c-1", p, "", 3))
		require.NoError(t, err)
	}
	found := 0
	for doc, err := range b.Export(ctx, "c-1") {
		require.NoError(t, err)
		var x struct {
			Type   string
			Record Record
		}
		require.NoError(t, json.Unmarshal(doc, &x))
		if x.Type == "record" {
			require.Equal(t, day(3), x.Record.At)
			found++
		}
	}
	require.Equal(t, 2, found)
}

func TestLessonTrewknowledge112NewWordsNeedANewConsent(t *testing.T) {
	one := Purpose{ID: "letter", Version: 1, Basis: Consent, Texts: english}
	two := one
	two.Version, two.Since, two.Texts = 2, day(50), []Text{words("en", "", "Yes, and more.")}
	b := open(t, nil, one, two)
	first := giving("c-1", "letter", "", 1)
	a, err := b.Give(ctx, first)
	require.NoError(t, err)
	b.denied(t, VersionStale, "c-1", "letter", "")
	c, err := b.Give(ctx, giving("c-1", "letter", "", 60))
	require.NoError(t, err)
	b.allowed(t, "c-1", "letter", "")
	require.NotEqual(t, a.TextHash, c.TextHash)
	require.Len(t, kinds(t, b, "c-1"), 2)
}

func TestLessonPrestaShop23328OtherModulesWriteTheSameLedger(t *testing.T) {
	b := open(t, nil)
	other, err := New(b.db.Tenant("acme"), b.catalogue, b.opts) // another module's handle
	require.NoError(t, err)
	_, err = other.Give(ctx, giving("c-1", "product-a", "", 1))
	require.NoError(t, err)
	b.allowed(t, "c-1", "product-a", "")
}

func TestLessonVeda164TheLatestAcceptanceCounts(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "product-a", "", 1))
	require.NoError(t, err)
	last, err := b.Give(ctx, giving("c-1", "product-a", "", 5))
	require.NoError(t, err)
	require.Equal(t, []string{last.ID}, b.allowed(t, "c-1", "product-a", "").Records)
}

func TestLessonVeda66UnknownOriginIsShownNotHidden(t *testing.T) {
	b := open(t, nil)
	_, err := b.Import(ctx, ImportJob{ID: "i", Purpose: "news", Channel: "email", Source: "old"}, oneFlag(LegacyFlag{Subject: "c-1", OptIn: true}))
	require.NoError(t, err)
	d := b.check(t, "c-1", "news", "email")
	require.Equal(t, ImportedOnly, d.Reason)
	require.Len(t, d.Records, 1)
}

func TestLessonVeda156GroundOfRetentionFollowsWithdrawal(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "product-a", "", 1))
	require.NoError(t, err)
	stands, _, err := b.Stands(ctx, "c-1", "product-a", time.Time{})
	require.NoError(t, err)
	require.True(t, stands)
	_, err = b.Withdraw(ctx, Act{Subject: "c-1", Purpose: "product-a", At: day(2)})
	require.NoError(t, err)
	stands, code, err := b.Stands(ctx, "c-1", "product-a", time.Time{})
	require.NoError(t, err)
	require.False(t, stands)
	require.Equal(t, "withdrawn", code)
}

func TestLessonMautic17380BasisIsPerPurpose(t *testing.T) {
	b := open(t, nil)
	_, err := b.Establish(ctx, Act{Subject: "c-1", Purpose: "order", At: day(1), Reference: "contract-9"})
	require.NoError(t, err)
	require.Equal(t, Contract, b.allowed(t, "c-1", "order", "").Basis)
	b.denied(t, NoConsent, "c-1", "news", "email")
}

func TestLessonMargince2204AfterErasureOnlyStopsAreTaken(t *testing.T) {
	b := open(t, nil)
	_, _, err := b.Forget(ctx, "c-1", "A17-1-a", time.Time{})
	require.NoError(t, err)
	_, err = b.Give(ctx, giving("c-1", "product-a", "", 1))
	require.ErrorIs(t, err, ErrErased)
	_, err = b.Request(ctx, giving("c-1", "optin", "email", 1))
	require.Error(t, err)
	_, err = b.Withdraw(ctx, Act{Subject: "c-1", Purpose: "product-a", At: day(1)})
	require.NoError(t, err)
	_, err = b.ObjectMarketing(ctx, Act{Subject: "c-1", At: day(1)})
	require.NoError(t, err)
}

func TestLessonMargince5144MergeCarriesTheObjection(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("keep", "news", "email", 1))
	require.NoError(t, err)
	_, err = b.ObjectMarketing(ctx, Act{Subject: "old", At: day(2)})
	require.NoError(t, err)
	_, err = b.Merge(ctx, Act{Subject: "keep", Other: "old", At: day(3)})
	require.NoError(t, err)
	b.denied(t, ObjectedMarketing, "keep", "news", "email")
	_, err = b.Withdraw(ctx, Act{Subject: "old", Purpose: "product-a", At: day(4)})
	require.NoError(t, err)
	b.denied(t, ConsentWithdrawn, "keep", "product-a", "")
}

func TestLessonKeila259ImportNeverReplacesWhatIsKnown(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	_, err = b.Withdraw(ctx, Act{Subject: "c-1", Purpose: "news", Channel: "email", At: day(2)})
	require.NoError(t, err)
	r, err := b.Import(ctx, ImportJob{ID: "i", Purpose: "news", Channel: "email", Source: "old"}, oneFlag(LegacyFlag{Subject: "c-1", OptIn: true, At: day(50)}))
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Known)
	b.denied(t, ConsentWithdrawn, "c-1", "news", "email")
}

func TestLessonKantara14ReceiptsAlsoForRefusalAndWithdrawal(t *testing.T) {
	b := open(t, nil)
	for _, give := range []func() (Record, error){
		func() (Record, error) { return b.Give(ctx, giving("c-1", "news", "email", 1)) },
		func() (Record, error) { return b.Refuse(ctx, giving("c-1", "product-a", "", 1)) },
		func() (Record, error) { return b.Withdraw(ctx, Act{Subject: "c-1", Purpose: "news", At: day(3)}) },
	} {
		rec, err := give()
		require.NoError(t, err)
		r, err := b.Receipt(ctx, "c-1", rec.ID)
		require.NoError(t, err)
		require.Equal(t, rec.Event, r.Event)
		validReceipt(t, r)
	}
}

func TestLessonDPV456HandingOverAReceiptIsLogged(t *testing.T) {
	b := open(t, nil)
	rec, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	require.Equal(t, "consent.given", b.log.list[len(b.log.list)-1].action)
	_, err = b.Receipt(ctx, "c-1", rec.ID)
	require.NoError(t, err)
	require.Equal(t, "consent.receipt", b.log.list[len(b.log.list)-1].action)
}

func TestLessonEspoCRM886TimeAndAddressStandWithTheConfirmation(t *testing.T) {
	b := open(t, nil)
	p, err := b.Request(ctx, giving("c-1", "optin", "email", 1))
	require.NoError(t, err)
	rec, err := b.Confirm(ctx, string(p.Token.Reveal()), map[string]string{"ip": "192.0.2.9"})
	require.NoError(t, err)
	require.Equal(t, b.clock.t, rec.At)
	proof, err := b.Evidence(ctx, "c-1", rec.ID)
	require.NoError(t, err)
	require.Equal(t, "192.0.2.9", proof["ip"])
}

func TestLessonSuiteCRM5930TheLawsOwnWords(t *testing.T) {
	for _, g := range []Ground{Consent, Contract, LegalObligation, VitalInterest, PublicInterest, LegitimateInterest} {
		require.Regexp(t, `^A6-1-[a-f]$`, string(g))
	}
	for s := Unknown; s <= Withdrawn; s++ {
		require.NotEqual(t, "invalid", s.String())
	}
}

func TestErrorsNameTheFieldAndNothingIsWritten(t *testing.T) {
	b := open(t, func(o *Options) { o.Sealer = nil })
	bad := func(edit func(*Act)) Act {
		a := giving("c-1", "news", "email", 1)
		edit(&a)
		return a
	}
	for name, c := range map[string]struct {
		act  Act
		is   error
		says string
	}{
		"purpose":      {bad(func(a *Act) { a.Purpose = "nope" }), ErrPurpose, "Act.Purpose"},
		"channel":      {bad(func(a *Act) { a.Channel = "fax" }), ErrChannel, "Act.Channel"},
		"no channel":   {bad(func(a *Act) { a.Channel = "" }), ErrChannel, "Act.Channel"},
		"future":       {bad(func(a *Act) { a.At = day(101) }), ErrTime, "Act.At"},
		"zero":         {bad(func(a *Act) { a.At = time.Time{} }), ErrTime, "Act.At"},
		"language":     {bad(func(a *Act) { a.Language = "en_!!" }), gdpr.ErrInvalid, "Act.Language"},
		"no text":      {bad(func(a *Act) { a.Language = "fr" }), ErrNotice, "Act.Language"},
		"two texts":    {bad(func(a *Act) { a.Language = "" }), ErrNotice, "Act.Language"},
		"no evidence":  {bad(func(a *Act) { a.Evidence = nil }), ErrEvidence, "Act.Evidence"},
		"no method":    {bad(func(a *Act) { a.Evidence = &Evidence{} }), ErrEvidence, "Act.Evidence.Method"},
		"by seller":    {bad(func(a *Act) { a.Evidence.By = ByController }), ErrEvidence, "Act.Evidence.By"},
		"subject":      {bad(func(a *Act) { a.Subject = "anna@example.org" }), gdpr.ErrInvalid, "Act.Subject"},
		"version":      {bad(func(a *Act) { a.Version = 9 }), ErrPurpose, "Act.Purpose"},
		"contract":     {bad(func(a *Act) { a.Purpose, a.Channel = "order", "" }), ErrGround, "Act.Purpose"},
		"personal ref": {bad(func(a *Act) { a.Reference = "Anna Smith" }), gdpr.ErrInvalid, "Act.Reference"},
		"unsealed":     {bad(func(a *Act) { a.Evidence.Personal = map[string]string{"ip": "192.0.2.1"} }), gdpr.ErrUnsealed, "evidence"},
	} {
		_, err := b.Give(ctx, c.act)
		require.ErrorIs(t, err, c.is, name)
		require.Contains(t, err.Error(), c.says, name)
		require.NotContains(t, err.Error(), "anna", name)
		if !errors.Is(err, gdpr.ErrUnsealed) {
			require.ErrorIs(t, err, gdpr.ErrInvalid, name)
		}
	}
	require.Empty(t, b.log.list)
	require.Empty(t, kinds(t, b, "c-1"))
	_, err := b.Check(ctx, Query{Subject: "c-1", Purpose: "nope"})
	require.ErrorIs(t, err, ErrPurpose)
	_, err = b.Check(ctx, Query{Subject: "c-1", Purpose: "news", Channel: "fax"})
	require.ErrorIs(t, err, ErrChannel)
	var scope storage.Store = b.store
	require.Equal(t, "acme", scope.Scope())
	_, err = b.WithdrawalLink(context.Background(), "c-1", "news", "fax")
	require.ErrorIs(t, err, ErrChannel)
}
