// Package consenttest holds the scenarios of package consent that every store must
// pass.
package consenttest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Start is the first day of every scenario; the clock stands a hundred days later.
var Start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// Now is what the clock of the ledgers says.
var Now = Start.AddDate(0, 0, 100)

// Day returns the n-th day after Start.
func Day(n int) time.Time { return Start.AddDate(0, 0, n) }

// Secret is the Options.Secret of the ledgers.
func Secret() gdpr.Secret { return gdpr.NewSecret([]byte("0123456789abcdef0123456789abcdef")) }

// Purposes returns the catalogue of the scenarios.
func Purposes() []consent.Purpose {
	texts := []consent.Text{{Language: "en", Statement: "I agree.", Notice: consent.Notice{
		Controller: "Acme", Purpose: "news", Data: "address", Withdrawal: "any time", Transfers: "none", Automated: "none"}}}
	return []consent.Purpose{
		{ID: "news", Version: 1, Basis: consent.Consent, Marketing: true, Channels: []string{"email", "sms"}, Validity: "P24M", Texts: texts},
		{ID: "survey", Version: 1, Basis: consent.Consent, Texts: texts},
		{ID: "optin", Version: 1, Basis: consent.Consent, Channels: []string{"email"}, DoubleOptIn: true, Texts: texts},
		{ID: "offers", Version: 1, Basis: consent.LegitimateInterest, Existing: true, OptOutOffered: true, Marketing: true, ForAll: true, Channels: []string{"email", "post"}, Assessment: "lia-1"},
		{ID: "security", Version: 1, Basis: consent.LegitimateInterest, ForAll: true, Assessment: "lia-2"},
		{ID: "order", Version: 1, Basis: consent.Contract},
		{ID: "books", Version: 1, Basis: consent.LegalObligation, ForAll: true},
	}
}

// Pairs are the purposes and channels of the catalogue.
func Pairs() (all [][2]string) {
	for _, p := range Purposes() {
		if len(p.Channels) == 0 {
			all = append(all, [2]string{p.ID, ""})
		}
		for _, ch := range p.Channels {
			all = append(all, [2]string{p.ID, ch})
		}
	}
	return all
}

// Ledger returns a ledger over a tenant.
func Ledger(t testing.TB, d storage.Directory, tenant string) *consent.Ledger {
	t.Helper()
	l, err := New(d, tenant)
	require.NoError(t, err)
	return l
}

// New is Ledger for processes that are no test.
func New(d storage.Directory, tenant string) (*consent.Ledger, error) {
	c, err := consent.NewCatalogue(Purposes()...)
	if err != nil {
		return nil, err
	}
	return consent.New(d.Tenant(tenant), c, &consent.Options{
		Secret: Secret(), Now: func() time.Time { return Now },
		Controller: &gdpr.Controller{Name: "Acme", Contact: "privacy@acme.example", Country: "NL", TimeZone: "Europe/Amsterdam"},
	})
}

// Give returns an act of giving.
func Give(subject, purpose, channel string, day int) consent.Act {
	return consent.Act{Subject: subject, Purpose: purpose, Channel: channel, At: Day(day), Evidence: &consent.Evidence{Method: consent.Checkbox}}
}

// Check asks a ledger and demands that nothing goes wrong.
func Check(t testing.TB, l *consent.Ledger, subject, purpose, channel string) consent.Decision {
	t.Helper()
	d, err := l.Check(context.Background(), consent.Query{Subject: subject, Purpose: purpose, Channel: channel})
	require.NoError(t, err)
	return d
}

// Run runs every scenario, each on a directory of its own.
func Run(t *testing.T, open func(t *testing.T) storage.Directory) {
	for _, s := range []struct {
		name string
		f    func(t *testing.T, d storage.Directory)
	}{
		{"GiveAndStop", giveAndStop},
		{"RepeatedKeyHasOneEffect", repeatedKey},
		{"OneKeyManyCallers", oneKeyManyCallers},
		{"KeyAfterMerge", keyAfterMerge},
		{"LateEndsEndNothingLater", lateEnds},
		{"RollsBackWithTheHost", rollsBack},
		{"EventsRefuseChange", eventsRefuseChange},
		{"TenantsAreApart", tenantsAreApart},
		{"ConfirmOnce", confirmOnce},
		{"LinksWithdraw", linksWithdraw},
		{"CampaignsAgreeWithChecks", campaigns},
		{"ImportResumes", importResumes},
		{"ForgetKeepsStops", forgetKeepsStops},
		{"MergeCarriesStops", mergeCarriesStops},
		{"OriginsAndNotices", origins},
		{"RenewalsNoticeOnce", renewals},
		{"PublishedWordsStay", publishedWordsStay},
		{"VerifyFindsForgedRows", forged},
		{"RandomHistories", randomHistories},
	} {
		t.Run(s.name, func(t *testing.T) { s.f(t, open(t)) })
	}
}
