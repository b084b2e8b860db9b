package consenttest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/storage"
)

// keyAfterMerge repeats each keyed stop after the person's record was merged, when the
// same act would have more events.
func keyAfterMerge(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	_, err := l.Give(ctx, Give("b", "news", "email", 1))
	require.NoError(t, err)
	act := func(key string) consent.Act {
		return consent.Act{Key: key, Subject: "b", Purpose: "news", At: Day(5), Evidence: &consent.Evidence{Method: consent.Button}}
	}
	writes := []func() (consent.Record, error){
		func() (consent.Record, error) { return l.Withdraw(ctx, act("withdraw")) },
		func() (consent.Record, error) { return l.Revoke(ctx, act("revoke")) },
		func() (consent.Record, error) { return l.Invalidate(ctx, act("invalidate")) },
		func() (consent.Record, error) { return l.ObjectMarketing(ctx, act("objectMarketing")) },
		func() (consent.Record, error) { a := act("object"); a.Purpose = "security"; return l.Object(ctx, a) },
		func() (consent.Record, error) { a := act("uphold"); a.Purpose = "security"; return l.Uphold(ctx, a) },
		func() (consent.Record, error) { return l.Suppress(ctx, act("suppress")) },
		func() (consent.Record, error) {
			a := act("release")
			a.Reference = "wish-1"
			return l.Release(ctx, a)
		},
		func() (consent.Record, error) {
			a := act("restrict")
			a.Ground = consent.RestrictUnlawful
			return l.Restrict(ctx, a)
		},
		func() (consent.Record, error) { a := act("lift"); a.Told = a.At; return l.Lift(ctx, a) },
	}
	first := make([]consent.Record, len(writes))
	for i, write := range writes {
		first[i], err = write()
		require.NoError(t, err, i)
		require.False(t, first[i].Repeated)
	}
	for _, other := range []string{"a", "c"} { // sorted before and after the person
		_, err = l.Merge(ctx, consent.Act{Subject: "b", Other: other, At: Day(6)})
		require.NoError(t, err)
		n := count(t, l, "b")
		for i, write := range writes {
			again, err := write()
			require.NoError(t, err, i)
			require.True(t, again.Repeated, i)
			require.Equal(t, first[i].ID, again.ID, i)
		}
		require.Equal(t, n, count(t, l, "b"))
		require.Equal(t, 1, count(t, l, other), "only that it was merged")
		for _, s := range []string{"b", other} {
			require.NoError(t, l.Verify(ctx, s))
		}
	}
	other := act("withdraw")
	other.At = Day(7)
	_, err = l.Withdraw(ctx, other)
	require.ErrorIs(t, err, storage.ErrKeyReuse)
	require.NoError(t, l.Verify(ctx, "b"))
}

// lateEnds records ends that lie before what they would end.
func lateEnds(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	_, err := l.Give(ctx, Give("c-1", "survey", "", 1))
	require.NoError(t, err)
	restrict := consent.Act{Subject: "c-1", Scope: "*", Ground: consent.RestrictAccuracy, At: Day(20)}
	_, err = l.Restrict(ctx, restrict)
	require.NoError(t, err)
	_, err = l.Lift(ctx, consent.Act{Subject: "c-1", Scope: "*", At: Day(10), Told: Day(9)})
	require.ErrorIs(t, err, consent.ErrNoRecord)
	restrict.At = Day(5)
	_, err = l.Restrict(ctx, restrict)
	require.NoError(t, err)
	_, err = l.Lift(ctx, consent.Act{Subject: "c-1", Scope: "*", At: Day(10), Told: Day(9)})
	require.NoError(t, err)
	at := func(day int) consent.Reason {
		got, err := l.Check(ctx, consent.Query{Subject: "c-1", Purpose: "survey", At: Day(day)})
		require.NoError(t, err)
		return got.Reason
	}
	require.Equal(t, consent.RestrictedBy18, at(6))
	require.Equal(t, consent.ConsentGiven, at(12))
	require.Equal(t, consent.RestrictedBy18, at(20))
	require.Equal(t, consent.RestrictedBy18, Check(t, l, "c-1", "survey", "").Reason, "the later one stands")

	address := consent.Act{Subject: "c-2", Address: "a@example.org", At: Day(20)}
	for _, day := range []int{20, 15} {
		address.At = Day(day)
		_, err = l.Suppress(ctx, address)
		require.NoError(t, err)
	}
	address.At, address.Reference = Day(18), "wish-1"
	_, err = l.Release(ctx, address)
	require.NoError(t, err)
	_, err = l.Give(ctx, Give("c-2", "news", "email", 19))
	require.NoError(t, err)
	require.Equal(t, consent.Suppressed, Check(t, l, "c-2", "news", "email").Reason)
	_, err = l.Give(ctx, Give("c-3", "news", "email", 19))
	require.NoError(t, err)
	byAddress := consent.Query{Subject: "c-3", Purpose: "news", Channel: "email", Address: "A@example.org"}
	got, err := l.Check(ctx, byAddress)
	require.NoError(t, err)
	require.Equal(t, consent.Suppressed, got.Reason, "so does the entry of the list")
	address.At = Day(21)
	_, err = l.Release(ctx, address)
	require.NoError(t, err)
	require.True(t, Check(t, l, "c-2", "news", "email").Allowed)
	got, err = l.Check(ctx, byAddress)
	require.NoError(t, err)
	require.True(t, got.Allowed)

	ground := consent.Act{Subject: "c-3", Purpose: "order", At: Day(20)}
	_, err = l.Establish(ctx, ground)
	require.NoError(t, err)
	ground.At = Day(30)
	_, err = l.Cease(ctx, ground)
	require.NoError(t, err)
	ground.At = Day(10)
	_, err = l.Establish(ctx, ground)
	require.NoError(t, err)
	require.Equal(t, consent.GroundEnded, Check(t, l, "c-3", "order", "").Reason, "a contract that is recorded late")
	for _, s := range []string{"c-1", "c-2", "c-3"} {
		require.NoError(t, l.Verify(ctx, s))
	}
}
