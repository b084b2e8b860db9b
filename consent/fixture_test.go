package consent

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// t0 is when everything in the tests begins.
var t0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func day(n int) time.Time { return t0.AddDate(0, 0, n) }

func notice() Notice {
	return Notice{Controller: "Acme BV", Purpose: "news", Data: "name, address", Withdrawal: "any time by link", Transfers: "none", Automated: "none"}
}

func words(lang, audience, statement string) Text {
	return Text{Language: lang, Audience: audience, Statement: statement, Notice: notice()}
}

var english = []Text{words("en", "", "Yes, I agree.")}

// fixture is the catalogue of most tests.
func fixture() []Purpose {
	return []Purpose{
		{ID: "news", Version: 1, Basis: Consent, Marketing: true, Channels: []string{"email", "sms", "post"}, Validity: "P24M",
			Data: []string{"contact"}, Recipients: []Recipient{{ID: "mailer", Name: "Mailer GmbH", Country: "DE"}, {ID: "cloud", Name: "Cloud Inc", Country: "US"},
				{ID: "scc", Name: "SCC Ltd", Country: "IN", Tool: "A46-2-c", Reference: "scc-7"}},
			Texts: []Text{words("en", "", "Send me news."), words("nl", "", "Stuur mij nieuws.")}, ServiceName: "Newsletter"},
		{ID: "product-a", Version: 1, Basis: Consent, Texts: english},
		{ID: "product-b", Version: 1, Basis: Consent, Texts: english},
		{ID: "optin", Version: 1, Basis: Consent, Marketing: true, Channels: []string{"email"}, DoubleOptIn: true, Texts: english},
		{ID: "health", Version: 1, Basis: Consent, Special: []string{"health"}, SpecialBasis: ExplicitConsent, Texts: english},
		{ID: "game", Version: 1, Basis: Consent, Child: true, Texts: []Text{words("en", "", "I agree."), words("en", "child", "It is fine with me.")}},
		{ID: "recording", Version: 1, Basis: Consent, Channels: []string{"phone"}, Texts: english},
		{ID: "enrichment", Version: 1, Basis: LegitimateInterest},
		{ID: "profiling", Version: 1, Basis: LegitimateInterest, Assessment: "lia-3"},
		{ID: "offers", Version: 1, Basis: LegitimateInterest, Existing: true, OptOutOffered: true, Marketing: true, Channels: []string{"email", "phone", "post"}, ForAll: true, Assessment: "lia-1"},
		{ID: "soft", Version: 1, Basis: Consent, Existing: true, OptOutOffered: true, Marketing: true, Channels: []string{"email", "phone"}, Texts: english},
		{ID: "order", Version: 1, Basis: Contract, Data: []string{"contact", "invoice"}},
		{ID: "books", Version: 1, Basis: LegalObligation, ForAll: true},
		{ID: "vital", Version: 1, Basis: VitalInterest},
		{ID: "public", Version: 1, Basis: PublicInterest, ForAll: true},
		{ID: "security", Version: 1, Basis: LegitimateInterest, ForAll: true, Assessment: "lia-2"},
	}
}

// clock is a settable time.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// entries is an Auditor that remembers.
type entries struct{ list []entry }

type entry struct {
	action, subject string
	attrs           []slog.Attr
}

func (e *entries) Record(_ context.Context, action, subject string, attrs ...slog.Attr) error {
	e.list = append(e.list, entry{action, subject, attrs})
	return nil
}

// xor is a Sealer for tests.
type xor struct{}

func (xor) Seal(_ context.Context, subject, place string, plain []byte) ([]byte, error) {
	return flip(append([]byte(subject+"|"+place+"|"), plain...)), nil
}

func (xor) Open(_ context.Context, subject, place string, sealed []byte) ([]byte, error) {
	plain := flip(sealed)
	return plain[len(subject)+len(place)+2:], nil
}

func flip(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = b[i] ^ 0xa5
	}
	return out
}

type bench struct {
	*Ledger
	clock *clock
	log   *entries
	db    storage.Directory
	opts  *Options
}

func secretBytes() gdpr.Secret { return gdpr.NewSecret([]byte("0123456789abcdef0123456789abcdef")) }

// open returns a ledger over the fixture on a new memstore.
func open(t testing.TB, edit func(*Options), purposes ...Purpose) *bench {
	if len(purposes) == 0 {
		purposes = fixture()
	}
	b := &bench{clock: &clock{day(100)}, log: &entries{}, db: memstore.New(&memstore.Options{ConflictEvery: 3, Retries: 1000})}
	b.opts = &Options{
		Auditor: b.log, Sealer: xor{}, Secret: secretBytes(), Now: b.clock.now,
		Controller: &gdpr.Controller{Name: "Acme BV", Contact: "privacy@acme.example", Country: "NL", TimeZone: "Europe/Amsterdam", Address: "Kade 1\nAmsterdam"},
	}
	if edit != nil {
		edit(b.opts)
	}
	c, err := NewCatalogue(purposes...)
	require.NoError(t, err)
	b.Ledger, err = New(b.db.Tenant("acme"), c, b.opts)
	require.NoError(t, err)
	return b
}

func ticked() *Evidence { return &Evidence{Method: Checkbox, Form: "signup-7"} }

func giving(subject, purpose, channel string, n int) Act {
	return Act{Subject: subject, Purpose: purpose, Channel: channel, At: day(n), Language: "en", Evidence: ticked()}
}

func (b *bench) check(t testing.TB, subject, purpose, channel string) Decision {
	d, err := b.Check(context.Background(), Query{Subject: subject, Purpose: purpose, Channel: channel})
	require.NoError(t, err)
	return d
}

func (b *bench) denied(t testing.TB, want Reason, subject, purpose, channel string) {
	t.Helper()
	d := b.check(t, subject, purpose, channel)
	require.False(t, d.Allowed)
	require.Equal(t, want, d.Reason)
}

func (b *bench) allowed(t testing.TB, subject, purpose, channel string) Decision {
	t.Helper()
	d := b.check(t, subject, purpose, channel)
	require.True(t, d.Allowed, "%s", d.Reason)
	return d
}
