package sqltest_test

import (
	"context"
	"crypto/ed25519"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// tapped gives stores whose calls are noted.
type tapped struct {
	storage.Directory
	hook func(string)
}

// Tenant implements storage.Directory.
func (d tapped) Tenant(name string) storage.Store {
	return &dsartest.Tap{Store: d.Directory.Tenant(name), Hook: d.hook}
}

// With the vault and the log behind the desk, the statements for a code are still the
// same for a person who is known and one who is not, and for any address.
func TestDSARCodesTellNobodyThroughVaultAndLog(t *testing.T) {
	sqltest.For(t, sqlstore.SQLite, func(t *testing.T, e *sqltest.Engine) {
		ctx := t.Context()
		secret, err := keyring.RawKey(make([]byte, 32))
		require.NoError(t, err)
		ring, err := keyring.Create(filepath.Join(t.TempDir(), "keyring"), secret, nil)
		require.NoError(t, err)
		_, signer, err := ed25519.GenerateKey(nil)
		require.NoError(t, err)
		c := dsartest.Controller()
		now := dsartest.Start
		var calls []string
		kit, err := gdprkit.Open(ctx, tapped{e.Open(t), func(call string) { calls = append(calls, call) }}, "acme", ring, &gdprkit.Options{
			Controller: &c, Signer: signer, Now: func() time.Time { return now },
			Adjust: gdprkit.Adjust{DSAR: func(o *dsar.Options) {
				o.Held = func(_ context.Context, subject, address string) (time.Time, error) {
					if subject == "c1" && address == "anna@example.org" {
						return now.AddDate(-1, 0, 0), nil
					}
					return time.Time{}, nil
				}
			}},
		})
		require.NoError(t, err)
		_, err = kit.Vault.Seal(ctx, "c1", "people.name/1", []byte("Anna")) // the CRM knows c1
		require.NoError(t, err)
		by := dsar.Act{By: "form"}
		receive := func(subjects ...string) string {
			r, err := kit.Desk.Receive(ctx, dsar.Intake{Kind: dsar.Access, Subjects: subjects, Text: "please"})
			require.NoError(t, err)
			return r.ID
		}
		// The first challenge also makes the token of who asks.
		require.NoError(t, kit.Desk.Challenge(ctx, receive(), "first@example.org", by))
		var challenged, refused [][]string
		for _, q := range []struct {
			id, address string
		}{
			{receive("c1"), "anna@example.org"}, {receive("c1"), "nobody@example.org"}, {receive(), "anna@example.org"}, {receive("c99"), "x@example.org"},
		} {
			calls = nil
			require.NoError(t, kit.Desk.Challenge(ctx, q.id, q.address, by))
			challenged = append(challenged, calls)
			_, err := kit.Desk.Deliver(ctx, func(context.Context, dsar.Delivery) error { return nil })
			require.NoError(t, err)
			calls = nil
			_, err = kit.Desk.Verify(ctx, q.id, dsar.Proof{Act: by, Code: "ZZZZZZZZ"})
			require.ErrorIs(t, err, dsar.ErrCode)
			refused = append(refused, calls)
		}
		t.Log(len(challenged[0]), "calls for a challenge,", len(refused[0]), "for a refused code")
		for n := range challenged {
			require.Equal(t, challenged[0], challenged[n], n)
			require.Equal(t, refused[0], refused[n], n)
		}
	})
}
