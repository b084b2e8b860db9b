package consent

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage"
)

// An address is put on the suppression list: what was sent before was lawful.
func TestSuppressedAddressIsNotRetroactive(t *testing.T) {
	ctx := context.Background()
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	_, err = b.Suppress(ctx, Act{Address: "a@example.org", At: day(50)})
	require.NoError(t, err)
	for n, allowed := range map[int]bool{10: true, 49: true, 50: false, 60: false} {
		d, err := b.Check(ctx, Query{Subject: "c-1", Purpose: "news", Channel: "email", Address: "a@example.org", At: day(n)})
		require.NoError(t, err)
		require.Equal(t, allowed, d.Allowed, "day %d", n)
	}
	d, err := b.Check(ctx, Query{Subject: "c-1", Purpose: "news", Channel: "email", Address: "a@example.org", AsOf: day(49)})
	require.NoError(t, err)
	require.False(t, d.Allowed)
	require.NotEqual(t, Suppressed, d.Reason, "nobody knew of it then")
}

// The controller asks a person of known age for a purpose offered to children. What the
// person confirms counts, and a child is told that a guardian has to act.
func TestConfirmationOfARequestToAPersonOfKnownAge(t *testing.T) {
	ctx := context.Background()
	ask := Act{Subject: "c-1", Purpose: "game", Language: "en", At: day(2), Reference: "fair"}
	for age, ok := range map[int]bool{0: false, 15: false, 16: true} {
		b := open(t, nil)
		if age != 0 {
			_, err := b.Describe(ctx, Person{Subject: "c-1", Country: "NL", Age: age, At: day(1)})
			require.NoError(t, err)
		}
		a := ask
		if age < 18 {
			a.Audience = "child"
		}
		p, err := b.Request(ctx, a)
		if !ok {
			require.ErrorIs(t, err, ErrGuardian, "age %d", age)
			continue
		}
		require.NoError(t, err)
		_, err = b.Confirm(ctx, string(p.Token.Reveal()), nil)
		require.NoError(t, err)
		b.allowed(t, "c-1", "game", "")
	}
}

// A repeated request gives a new token for the same record.
func TestRepeatedRequestPointsAtItsRecord(t *testing.T) {
	ctx := context.Background()
	b := open(t, nil)
	a := giving("c-1", "optin", "email", 1)
	a.Key = "form-1"
	first, err := b.Request(ctx, a)
	require.NoError(t, err)
	b.clock.t = b.clock.t.Add(time.Hour)
	again, err := b.Request(ctx, a)
	require.NoError(t, err)
	require.True(t, again.Record.Repeated)
	require.Equal(t, first.Expires, again.Expires, "the later token lasts no longer")
	rec, err := b.Confirm(ctx, string(again.Token.Reveal()), nil)
	require.NoError(t, err)
	require.Equal(t, first.Record.ID, rec.Reference)
}

// A suppression is repeated under its key: it has one effect, and none after a release.
func TestRepeatedSuppressionRevivesNothing(t *testing.T) {
	ctx := context.Background()
	b := open(t, nil)
	listed := func(address string) bool {
		d, err := b.Check(ctx, Query{Subject: "c-2", Purpose: "news", Channel: "email", Address: address})
		require.NoError(t, err)
		return !d.Allowed
	}
	_, err := b.Give(ctx, giving("c-2", "news", "email", 1))
	require.NoError(t, err)
	a := Act{Key: "k", Subject: "c-1", Address: "a@example.org", At: day(2)}
	_, err = b.Suppress(ctx, a)
	require.NoError(t, err)
	require.True(t, listed("a@example.org"))
	_, err = b.Release(ctx, Act{Subject: "c-1", Address: "a@example.org", At: day(3), Reference: "wish-1"})
	require.NoError(t, err)
	again, err := b.Suppress(ctx, a)
	require.NoError(t, err)
	require.True(t, again.Repeated)
	require.False(t, listed("a@example.org"))
}

// The other address of a person is not the same act.
func TestKeyOfASuppressionBindsTheAddress(t *testing.T) {
	ctx := context.Background()
	b := open(t, nil)
	_, err := b.Suppress(ctx, Act{Key: "k", Subject: "c-1", Address: "a@example.org", At: day(2)})
	require.NoError(t, err)
	_, err = b.Suppress(ctx, Act{Key: "k", Subject: "c-1", Address: "b@example.org", At: day(2)})
	require.ErrorIs(t, err, storage.ErrKeyReuse)
	_, err = b.Suppress(ctx, Act{Key: "k", Subject: "c-1", Address: "A@example.org", At: day(2)})
	require.NoError(t, err, "the same address in another spelling")
	require.NoError(t, b.Verify(ctx, "c-1"))
}

// A release is sent twice; a stop that was recorded late in between stays.
func TestRepeatedReleaseSparesALateSuppression(t *testing.T) {
	ctx := context.Background()
	b := open(t, nil)
	release := Act{Key: "r", Subject: "c-1", Address: "a@example.org", At: day(5), Reference: "wish-1"}
	_, err := b.Release(ctx, release)
	require.NoError(t, err)
	_, err = b.Suppress(ctx, Act{Subject: "c-1", Address: "a@example.org", At: day(4)})
	require.NoError(t, err)
	again, err := b.Release(ctx, release)
	require.NoError(t, err)
	require.True(t, again.Repeated)
	d, err := b.Check(ctx, Query{Subject: "c-2", Purpose: "offers", Channel: "post", Address: "a@example.org"})
	require.NoError(t, err)
	require.Equal(t, Suppressed, d.Reason)
}

// A person is asked for a version that was not in force yet at the time given.
func TestRequestBeforeTheVersionIsInForce(t *testing.T) {
	ctx := context.Background()
	b := open(t, nil, Purpose{ID: "soft", Version: 1, Since: day(50), Basis: Consent, Existing: true, OptOutOffered: true, Marketing: true, Channels: []string{"email"}, Texts: english})
	ground := Act{Subject: "c-1", Purpose: "soft", Version: 1, Channel: "email", At: day(1), Until: day(10), Ground: ExistingCustomer, Reference: "sale-1"}
	_, err := b.Establish(ctx, ground)
	require.NoError(t, err)
	_, err = b.Request(ctx, Act{Subject: "c-1", Purpose: "soft", Version: 1, Channel: "email", Language: "en", At: day(2), Reference: "fair"})
	require.ErrorIs(t, err, ErrAsking, "the customer left since")
}
