package limitstest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// A secret of links and of the suppression list that may have leaked is replaced:
// links in old mails still withdraw, and nobody who was suppressed is written to.
func TestAReplacedSecretForgetsNobodyAndHidesNobody(t *testing.T) {
	ctx, now := t.Context(), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	catalogue, err := consent.NewCatalogue(consent.Purpose{ID: "news", Version: 1, Basis: consent.Consent, Marketing: true,
		Texts: []consent.Text{{Language: "en", Statement: "Yes.", Notice: consent.Notice{
			Controller: "a", Purpose: "b", Data: "c", Withdrawal: "d", Transfers: "e", Automated: "f"}}}})
	require.NoError(t, err)
	db, kms := memstore.New(nil), pseudonymtest.NewKMS()
	start := func() *gdprkit.Kit {
		kit, err := gdprkit.Open(ctx, db, "acme", kms, &gdprkit.Options{
			Controller: &gdpr.Controller{Name: "Acme", Contact: "privacy@acme.example", Country: "NL", TimeZone: "Europe/Amsterdam"},
			Catalogue:  catalogue, Now: func() time.Time { return now },
		})
		require.NoError(t, err)
		return kit
	}
	kit := start()
	leaked, err := kit.Vault.Secret(ctx, pseudonym.SecretLink)
	require.NoError(t, err)
	_, err = kit.Ledger.Give(ctx, consent.Act{Subject: "c-1", Purpose: "news", At: now,
		Evidence: &consent.Evidence{Method: consent.Checkbox, Form: "f", Source: "web"}})
	require.NoError(t, err)
	link, err := kit.Ledger.WithdrawalLink(ctx, "c-1", "news", "")
	require.NoError(t, err)
	_, err = kit.Ledger.Suppress(ctx, consent.Act{Address: "eve@example.org", At: now})
	require.NoError(t, err)
	suppressed := func(ledger *consent.Ledger, address string) bool {
		a, err := ledger.Check(ctx, consent.Query{Subject: "c-2", Purpose: "news", Address: address})
		require.NoError(t, err)
		return a.Reason == consent.Suppressed
	}
	require.True(t, suppressed(kit.Ledger, "eve@example.org"))

	require.NoError(t, kit.Vault.AddSecret(ctx, pseudonym.SecretLink))
	waiting := start()
	require.True(t, suppressed(waiting.Ledger, "eve@example.org"))
	require.NoError(t, waiting.Vault.UseSecret(ctx, pseudonym.SecretLink))
	kit = start()
	require.True(t, suppressed(kit.Ledger, "eve@example.org"))
	_, err = kit.Ledger.Suppress(ctx, consent.Act{Address: "dan@example.org", At: now})
	require.NoError(t, err)
	require.True(t, suppressed(waiting.Ledger, "dan@example.org"), "a process from before UseSecret accepts the new one")
	fresh, err := kit.Ledger.WithdrawalLink(ctx, "c-1", "news", "")
	require.NoError(t, err)
	require.NotEqual(t, link, fresh)
	now = now.Add(time.Minute)
	require.NoError(t, kit.Ledger.Unsubscribe(ctx, link))
	a, err := kit.Ledger.Check(ctx, consent.Query{Subject: "c-1", Purpose: "news"})
	require.NoError(t, err)
	require.False(t, a.Allowed)

	// What is not held: who has the old secret and the database can still test who was
	// on the list then, and only then.
	thief, err := consent.New(db.Tenant("acme"), catalogue, &consent.Options{Secret: leaked})
	require.NoError(t, err)
	require.True(t, suppressed(thief, "eve@example.org"))
	require.False(t, suppressed(thief, "dan@example.org"))
}
