package pseudonymtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/pseudonym"
)

// secretNames are those of the secrets that other parts use.
var secretNames = []string{pseudonym.SecretStage, pseudonym.SecretSuppression, pseudonym.SecretCode, pseudonym.SecretLink}

// secrets: the tenant's secrets move with the epochs, so that the old key-encryption
// key can be destroyed, and stay the same. Those that can be replaced are accepted
// before they are used, and the earlier ones for ever.
func secrets(t *testing.T, open Open) {
	ctx := t.Context()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s, kms := open(t).Tenant("acme"), NewKMS()
	kms.Now = func() time.Time { return now }
	o := &pseudonym.Options{Now: kms.Now, Window: time.Hour}
	v := NewVault(t, s, kms, o)
	before := map[string][]byte{}
	for _, name := range secretNames {
		b, err := v.Secret(ctx, name)
		require.NoError(t, err)
		require.Equal(t, 32, b.Len())
		before[name] = b.Reveal()
	}
	index, err := v.Index(ctx, "email", "ada@example.org")
	require.NoError(t, err)
	require.NoError(t, v.Shred(ctx, "c-1"))
	require.NoError(t, v.AddSecret(ctx, pseudonym.SecretLink)) // one that waits moves too
	rotateAway := func() *pseudonym.Vault {
		require.NoError(t, v.Rotate(ctx))
		now = now.Add(2 * time.Hour)
		require.NoError(t, v.Work(ctx))
		require.Equal(t, 1, kms.Keys(), "the old key-encryption key is destroyed")
		return NewVault(t, s, kms, o)
	}
	w := rotateAway()
	for _, name := range secretNames {
		b, err := w.Secret(ctx, name)
		require.NoError(t, err)
		require.Equal(t, before[name], b.Reveal(), name)
	}
	again, err := w.Index(ctx, "email", "ada@example.org")
	require.NoError(t, err)
	require.Equal(t, index, again)
	_, err = w.Seal(ctx, "c-1", place, nil)
	require.ErrorIs(t, err, pseudonym.ErrShredded, "the tombstone is found by the same hash")

	require.NoError(t, w.AddSecret(ctx, pseudonym.SecretLink), "a second call changes nothing")
	list, err := v.Secrets(ctx, pseudonym.SecretLink)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, before[pseudonym.SecretLink], list[0].Reveal(), "in use until all know the new one")
	require.NoError(t, w.UseSecret(ctx, pseudonym.SecretLink))
	w = rotateAway()
	after, err := w.Secrets(ctx, pseudonym.SecretLink)
	require.NoError(t, err)
	require.Equal(t, [][]byte{list[1].Reveal(), list[0].Reveal()}, [][]byte{after[0].Reveal(), after[1].Reveal()}, "the earlier one is accepted for ever")

	require.ErrorIs(t, w.UseSecret(ctx, pseudonym.SecretLink), gdpr.ErrInvalid, "none waits")
	for _, name := range []string{pseudonym.SecretStage, pseudonym.SecretCode, "tombstone", "index", ""} {
		require.ErrorIs(t, w.AddSecret(ctx, name), gdpr.ErrInvalid, name)
	}
}
