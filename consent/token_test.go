package consent

import (
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
)

// The format of a withdrawal link, written out byte by byte.
func TestWithdrawalLinkFormat(t *testing.T) {
	b := open(t, nil)
	sum := func(key []byte, msg string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(msg))
		return h.Sum(nil)
	}
	id := []byte("0123456789abcdef")
	key := sum(secretBytes().Reveal(), "gdprkit/consent/link/v1\x00")
	msg := "gdprkit/withdraw/v1\x00" + "\x00\x00\x00\x04acme" + string(id) + "\x00\x00\x00\x04news" + "\x00\x00\x00\x05email"
	require.Equal(t, sum(key, msg)[:16], b.linkMAC(0, id, "news", "email"))
}

// Links in old mails work after the secret was replaced, and an address that was
// suppressed under the old one is still recognised.
func TestOldSecretsStillVerify(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	link, err := b.WithdrawalLink(ctx, "c-1", "news", "email")
	require.NoError(t, err)
	_, err = b.Suppress(ctx, Act{Address: "anna@example.org", At: day(2)})
	require.NoError(t, err)
	rotated := *b.opts
	rotated.Secret, rotated.OldSecrets = gdpr.NewSecret([]byte("another secret of at least 32 bytes!")), []gdpr.Secret{b.opts.Secret}
	l, err := New(b.db.Tenant("acme"), b.catalogue, &rotated)
	require.NoError(t, err)
	d, err := l.Check(ctx, Query{Subject: "c-1", Purpose: "news", Channel: "email", Address: "anna@example.org"})
	require.NoError(t, err)
	require.Equal(t, Suppressed, d.Reason)
	require.NoError(t, l.Unsubscribe(ctx, link))
	b.denied(t, ConsentWithdrawn, "c-1", "news", "email")
	_, err = l.Release(ctx, Act{Subject: "c-1", Address: "anna@example.org", At: day(3), Reference: "wish-1"})
	require.NoError(t, err)
	d, err = l.Check(ctx, Query{Subject: "c-1", Purpose: "news", Channel: "email", Address: "anna@example.org"})
	require.NoError(t, err)
	require.Equal(t, ConsentWithdrawn, d.Reason)
	rotated.Secret = gdpr.NewSecret([]byte("short"))
	_, err = New(b.db.Tenant("acme"), b.catalogue, &rotated)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	none, err := New(b.db.Tenant("acme"), b.catalogue, nil)
	require.NoError(t, err)
	_, err = none.WithdrawalLink(ctx, "c-1", "news", "email")
	require.ErrorIs(t, err, ErrSecret)
}

// A link in an old mail still ends the purpose after it moved to another ground.
func TestLinkOutlivesTheGround(t *testing.T) {
	moved := []Purpose{{ID: "survey", Version: 1, Basis: Consent, Texts: english},
		{ID: "survey", Version: 2, Basis: LegitimateInterest, ForAll: true, Assessment: "lia-1", Since: day(50)},
		{ID: "order", Version: 1, Basis: Contract}}
	b := open(t, nil, moved...)
	link, err := b.WithdrawalLink(ctx, "c-1", "survey", "")
	require.NoError(t, err)
	b.allowed(t, "c-1", "survey", "")
	for range 2 {
		require.NoError(t, b.Unsubscribe(ctx, link))
		b.denied(t, ConsentWithdrawn, "c-1", "survey", "")
	}
	_, err = b.WithdrawalLink(ctx, "c-1", "order", "")
	require.ErrorIs(t, err, ErrGround)
}

// A release reaches what was listed under an older secret, with and without a subject.
func TestReleaseUnderAnOlderSecret(t *testing.T) {
	b := open(t, nil)
	rotated := *b.opts
	rotated.Secret, rotated.OldSecrets = gdpr.NewSecret([]byte("another secret of at least 32 bytes!")), []gdpr.Secret{b.opts.Secret}
	now, err := New(b.db.Tenant("acme"), b.catalogue, &rotated)
	require.NoError(t, err)
	_, err = b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	q := Query{Subject: "c-1", Purpose: "news", Channel: "email", Address: "ann@example.com"}
	for _, subject := range []string{"", "c-9"} {
		_, err = b.Suppress(ctx, Act{Subject: subject, Address: q.Address, At: day(50)})
		require.NoError(t, err)
		d, err := now.Check(ctx, q)
		require.NoError(t, err)
		require.Equal(t, Suppressed, d.Reason)
		_, err = now.Release(ctx, Act{Subject: subject, Address: q.Address, At: day(60), Reference: "call-8"})
		require.NoError(t, err)
		d, err = now.Check(ctx, q)
		require.NoError(t, err)
		require.True(t, d.Allowed, "%s", d.Reason)
	}
}
