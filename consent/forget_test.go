package consent

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProofIsKeptUnderAGroundUntilItsEnd(t *testing.T) {
	b := open(t, nil)
	act := giving("c-1", "news", "email", 1)
	act.Evidence.Personal = map[string]string{"ip": "192.0.2.1"}
	rec, err := b.Give(ctx, act)
	require.NoError(t, err)
	end := b.clock.t.AddDate(3, 0, 0)
	_, kept, err := b.Forget(ctx, "c-1", "A17-3-e", end)
	require.NoError(t, err)
	require.Equal(t, 2, kept, "the record and its evidence")
	b.denied(t, SubjectErased, "c-1", "news", "email")
	proof, err := b.Evidence(ctx, "c-1", rec.ID)
	require.NoError(t, err)
	require.Equal(t, "192.0.2.1", proof["ip"])
	n, err := b.Expire(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
	b.clock.t = end
	n, err = b.Expire(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, err = b.Evidence(ctx, "c-1", rec.ID)
	require.ErrorIs(t, err, ErrNoRecord)
	require.Equal(t, []Event{EventErased}, kinds(t, b, "c-1"))
	b.denied(t, SubjectErased, "c-1", "news", "email")
	n, err = b.Expire(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoError(t, b.Verify(ctx, "c-1"))
}

func TestForgetKeepsTheSuppressionListWithoutTheSubject(t *testing.T) {
	b := open(t, nil)
	_, err := b.Suppress(ctx, Act{Subject: "c-1", Address: "+31 6 1234-5678", At: day(1)})
	require.NoError(t, err)
	listed := func() (n int) {
		for range b.store.Scan(ctx, listedOf, []any{"c-1"}) {
			n++
		}
		return n
	}
	require.Equal(t, 1, listed())
	_, _, err = b.Forget(ctx, "c-1", "A17-1-c", b.clock.t)
	require.NoError(t, err)
	require.Zero(t, listed())
	_, err = b.Give(ctx, giving("c-2", "news", "sms", 0))
	require.NoError(t, err)
	d, err := b.Check(ctx, Query{Subject: "c-2", Purpose: "news", Channel: "sms", Address: "0031612345678"})
	require.NoError(t, err)
	require.Equal(t, Suppressed, d.Reason, "the number is recognised in another spelling")
}

func TestExpiryOfOldProofSparesWhoCameBack(t *testing.T) {
	b := open(t, nil)
	act := giving("c-1", "news", "email", 1)
	act.Evidence.Personal = map[string]string{"ip": "192.0.2.1"}
	before, err := b.Give(ctx, act)
	require.NoError(t, err)
	end := day(150)
	_, _, err = b.Forget(ctx, "c-1", "A17-3-e", end)
	require.NoError(t, err)
	b.clock.t = day(110)
	_, err = b.Readmit(ctx, Act{Subject: "c-1", At: day(110), Reference: "wish-1"})
	require.NoError(t, err)
	act.At = day(110)
	after, err := b.Give(ctx, act)
	require.NoError(t, err)

	b.clock.t = end
	n, err := b.Expire(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	b.allowed(t, "c-1", "news", "email")
	require.Equal(t, []Event{EventErased, EventReadmitted, EventGiven}, kinds(t, b, "c-1"))
	_, err = b.Evidence(ctx, "c-1", before.ID)
	require.ErrorIs(t, err, ErrNoRecord)
	_, err = b.Evidence(ctx, "c-1", after.ID)
	require.NoError(t, err)
	require.NoError(t, b.Verify(ctx, "c-1"))
	n, err = b.Expire(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestRecordsWithoutEvidenceExpireToo(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	_, kept, err := b.Forget(ctx, "c-1", "A17-3-e", day(150))
	require.NoError(t, err)
	require.Equal(t, 1, kept)
	var mark string
	for r, err := range b.History(ctx, "c-1") {
		require.NoError(t, err)
		mark = r.ID
	}
	_, err = b.Evidence(ctx, "c-1", mark)
	require.ErrorIs(t, err, ErrNoRecord)
	b.clock.t = day(150)
	n, err := b.Expire(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, []Event{EventErased}, kinds(t, b, "c-1"))
	n, err = b.Expire(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
}
