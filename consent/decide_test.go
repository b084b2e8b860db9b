package consent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An answer may outlive the next version of its purpose and end with one after it.
func TestChangeByAVersionAfterTheNext(t *testing.T) {
	version := func(n, acceptFrom int, since time.Time) Purpose {
		return Purpose{ID: "letter", Version: n, Basis: Consent, Texts: english, Since: since, AcceptFrom: acceptFrom}
	}
	b := open(t, nil, version(1, 0, time.Time{}), version(2, 1, day(200)), version(3, 0, day(300)))
	_, err := b.Give(t.Context(), giving("c-1", "letter", "", 90))
	require.NoError(t, err)
	d := b.allowed(t, "c-1", "letter", "")
	require.Equal(t, day(300), d.Changes)
}

// A transfer under an adequacy decision ends with the decision.
func TestChangeByAnAdequacyDecision(t *testing.T) {
	b := open(t, nil, Purpose{ID: "share", Version: 1, Basis: LegitimateInterest, ForAll: true, Assessment: "lia-1",
		Recipients: []Recipient{{ID: "uk", Name: "K", Country: "GB", Tool: "A45", Reference: "uk"}}})
	q := Query{Subject: "c-1", Purpose: "share", Recipient: "uk"}
	d, err := b.Check(t.Context(), q)
	require.NoError(t, err)
	require.True(t, d.Allowed)
	require.Equal(t, time.Date(2031, 12, 28, 0, 0, 0, 0, time.UTC), d.Changes)
	later := b.rules.decide(&q, nobody.view(&q), d.Changes)
	require.Equal(t, TransferUnsafe, later.Reason)
}

// A consent that is recorded late does not undo what the person said after it.
func TestLateConsentRevivesNothing(t *testing.T) {
	stops := map[Reason]func(*bench) (Record, error){
		ConsentWithdrawn: func(b *bench) (Record, error) {
			return b.Withdraw(t.Context(), Act{Subject: "c-1", Purpose: "news", Channel: "email", At: day(50)})
		},
		ConsentRefused: func(b *bench) (Record, error) {
			return b.Refuse(t.Context(), Act{Subject: "c-1", Purpose: "news", Channel: "email", At: day(50)})
		},
		ObjectedMarketing: func(b *bench) (Record, error) {
			return b.ObjectMarketing(t.Context(), Act{Subject: "c-1", At: day(50)})
		},
		Suppressed: func(b *bench) (Record, error) {
			return b.Suppress(t.Context(), Act{Subject: "c-1", Reference: "call-7", At: day(50)})
		},
	}
	for reason, stop := range stops {
		t.Run(string(reason), func(t *testing.T) {
			b := open(t, nil)
			_, err := stop(b)
			require.NoError(t, err)
			_, err = b.Give(t.Context(), giving("c-1", "news", "email", 10))
			require.NoError(t, err)
			b.denied(t, reason, "c-1", "news", "email")
			d, err := b.Check(t.Context(), Query{Subject: "c-1", Purpose: "news", Channel: "email", At: day(20)})
			require.NoError(t, err)
			require.True(t, d.Allowed, "it is proof for the time before: %s", d.Reason)
			require.NoError(t, b.Verify(t.Context(), "c-1"))

			_, err = b.Give(t.Context(), giving("c-1", "news", "email", 60))
			require.NoError(t, err)
			b.allowed(t, "c-1", "news", "email")
		})
	}
}
