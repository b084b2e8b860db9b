package consent

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

var ctx = context.Background()

func TestGiveWithdrawCheck(t *testing.T) {
	b := open(t, nil)
	b.denied(t, NoConsent, "c-1", "news", "email")
	rec, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	d := b.allowed(t, "c-1", "news", "email")
	require.Equal(t, []string{rec.ID}, d.Records)
	require.Equal(t, Consent, d.Basis)
	require.Equal(t, day(1).AddDate(2, 0, 0), d.Changes, "the consent lapses by itself")
	b.denied(t, NoConsent, "c-1", "news", "sms")

	_, err = b.Withdraw(ctx, Act{Subject: "c-1", Purpose: "news", At: day(5)})
	require.NoError(t, err)
	b.denied(t, ConsentWithdrawn, "c-1", "news", "email")
	then, err := b.Check(ctx, Query{Subject: "c-1", Purpose: "news", Channel: "email", At: day(3)})
	require.NoError(t, err)
	require.True(t, then.Allowed, "withdrawal is never retroactive")

	var kinds []Event
	for rec, err := range b.History(ctx, "c-1") {
		require.NoError(t, err)
		kinds = append(kinds, rec.Event)
	}
	require.Equal(t, []Event{EventGiven, EventWithdrawn, EventWithdrawn, EventWithdrawn}, kinds)
	require.Len(t, b.log.list, 4+retried(b.log.list), "an entry for every event")
}

// retried counts entries of attempts that memstore made run twice.
func retried(list []entry) int {
	seen, twice := map[string]int{}, 0
	for _, e := range list {
		for _, a := range e.attrs {
			if a.Key == "record" {
				if seen[a.Value.String()]++; seen[a.Value.String()] > 1 {
					twice++
				}
			}
		}
	}
	return twice
}
