package consent

import (
	"context"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"
)

func stream(flags ...LegacyFlag) iter.Seq2[LegacyFlag, error] {
	return func(yield func(LegacyFlag, error) bool) {
		for _, f := range flags {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// customer makes a person whom the existing-customer rule allows to be mailed.
func (b *bench) customer(t *testing.T, subject string) {
	_, err := b.Establish(context.Background(), Act{Subject: subject, Purpose: "soft", Channel: "email", At: day(1), Ground: ExistingCustomer, Reference: "sale-1"})
	require.NoError(t, err)
	b.allowed(t, subject, "soft", "email")
}

// A legacy list holds the same person twice: whatever the order and the batch, an
// opt-out is honoured.
func TestImportHonoursTheOptOutOfTwoRows(t *testing.T) {
	in, out := LegacyFlag{Subject: "c-1", OptIn: true}, LegacyFlag{Subject: "c-1"}
	for _, batch := range []int{1, 2, 1000} {
		for _, rows := range [][]LegacyFlag{{in, out}, {out, in}, {in, in, out, in}} {
			b := open(t, nil)
			ctx := context.Background()
			b.customer(t, "c-1")
			rep, err := b.Import(ctx, ImportJob{ID: "j", Purpose: "soft", Channel: "email", Source: "old", Batch: batch}, stream(rows...))
			require.NoError(t, err)
			require.EqualValues(t, len(rows), rep.Rows)
			require.EqualValues(t, 1, rep.Objections, "%v", rows)
			b.denied(t, ObjectedMarketing, "c-1", "soft", "email")

			_, err = b.Import(ctx, ImportJob{ID: "k", Purpose: "product-a", Source: "old", Batch: batch}, stream(rows...))
			require.NoError(t, err)
			b.denied(t, ConsentWithdrawn, "c-1", "product-a", "")
			require.NoError(t, b.Verify(ctx, "c-1"))
		}
	}
}

// The address of a row is on the suppression list: that is no reason to lose the
// opt-out of the person, who may be reached at another.
func TestImportHonoursTheOptOutOfAListedAddress(t *testing.T) {
	b := open(t, nil)
	ctx := context.Background()
	b.customer(t, "c-1")
	_, err := b.Suppress(ctx, Act{Address: "a@example.org", At: day(1)})
	require.NoError(t, err)
	rep, err := b.Import(ctx, ImportJob{ID: "j", Purpose: "soft", Channel: "email", Source: "old"},
		stream(LegacyFlag{Subject: "c-1", Address: "a@example.org"}, LegacyFlag{Subject: "c-2", Address: "a@example.org", OptIn: true}))
	require.NoError(t, err)
	require.EqualValues(t, 1, rep.Objections)
	require.EqualValues(t, 1, rep.Suppressed)
	b.denied(t, ObjectedMarketing, "c-1", "soft", "email")
	b.denied(t, NoConsent, "c-2", "soft", "email")
}

// An imported opt-out reaches every record that was merged with the person's, as any
// other stop does.
func TestImportedOptOutReachesMergedRecords(t *testing.T) {
	for _, rows := range [][]string{{"c-1"}, {"c-2"}, {"c-1", "c-3"}, {"c-3"}} {
		b := open(t, nil)
		ctx := context.Background()
		for _, s := range []string{"c-1", "c-2", "c-3"} {
			b.customer(t, s)
			_, err := b.Give(ctx, giving(s, "product-a", "", 1))
			require.NoError(t, err)
		}
		for _, other := range []string{"c-2", "c-3"} {
			_, err := b.Merge(ctx, Act{Subject: "c-1", Other: other, At: day(2)})
			require.NoError(t, err)
		}
		var flags []LegacyFlag
		for _, s := range rows {
			flags = append(flags, LegacyFlag{Subject: s, At: day(3)})
		}
		_, err := b.Import(ctx, ImportJob{ID: "j", Purpose: "soft", Channel: "email", Source: "old"}, stream(flags...))
		require.NoError(t, err)
		for _, s := range []string{"c-1", "c-2", "c-3"} {
			b.denied(t, ObjectedMarketing, s, "soft", "email")
			require.NoError(t, b.Verify(ctx, s))
		}
	}
}

// A person clicks the link in an old mail. Its record withdrew long ago, but the person
// consented anew under another record that was merged with it: the mail must stop.
func TestLinkOfAMergedRecordEndsTheConsentOfTheOther(t *testing.T) {
	b := open(t, nil)
	ctx := context.Background()
	_, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	link, err := b.WithdrawalLink(ctx, "c-1", "news", "email")
	require.NoError(t, err)
	_, err = b.Merge(ctx, Act{Subject: "c-1", Other: "c-2", At: day(2)})
	require.NoError(t, err)
	require.NoError(t, b.Unsubscribe(ctx, link))
	_, err = b.Give(ctx, giving("c-2", "news", "email", 101))
	require.ErrorIs(t, err, ErrTime)
	b.clock.t = day(102)
	_, err = b.Give(ctx, giving("c-2", "news", "email", 101))
	require.NoError(t, err)
	b.allowed(t, "c-2", "news", "email")
	require.NoError(t, b.Unsubscribe(ctx, link))
	b.denied(t, ConsentWithdrawn, "c-2", "news", "email")
	b.denied(t, ConsentWithdrawn, "c-1", "news", "email")
	n := len(b.log.list)
	require.NoError(t, b.Unsubscribe(ctx, link))
	require.Len(t, b.log.list, n, "nothing left to end")
}

// What is known of the age later says less of an act before.
func TestAgeBeforeItWasTold(t *testing.T) {
	b := open(t, nil)
	ctx := context.Background()
	_, err := b.Describe(ctx, Person{Subject: "c-1", Country: "NL", Age: 16, At: day(90)})
	require.NoError(t, err)
	a := giving("c-1", "game", "", 90)
	a.Audience = "child"
	for years, ok := range map[int]bool{-1: false, 0: true, -16: false} {
		a.At = day(90).AddDate(years, 0, 0)
		_, err = b.Give(ctx, a)
		require.Equal(t, ok, err == nil, "%d years", years)
	}
	a.At = day(89)
	_, err = b.Give(ctx, a)
	require.ErrorIs(t, err, ErrGuardian, "the birthday may lie between")
}

// A receipt has the words that the person saw, or none.
func TestReceiptHasTheWordsOfItsVersion(t *testing.T) {
	ctx := context.Background()
	first := Purpose{ID: "p", Version: 1, Basis: Consent, Texts: []Text{words("en", "", "Old words.")}}
	b := open(t, nil, first)
	require.NoError(t, b.Publish(ctx))
	given, err := b.Give(ctx, giving("c-1", "p", "", 1))
	require.NoError(t, err)
	withdrawn, err := b.Withdraw(ctx, Act{Subject: "c-1", Purpose: "p", At: day(2)})
	require.NoError(t, err)

	second := Purpose{ID: "p", Version: 2, AcceptFrom: 1, Basis: Consent, Texts: []Text{words("en", "", "New words.")}}
	c, err := NewCatalogue(second)
	require.NoError(t, err)
	l, err := New(b.db.Tenant("acme"), c, b.opts)
	require.NoError(t, err)
	r, err := l.Receipt(ctx, "c-1", given.ID)
	require.NoError(t, err)
	require.Equal(t, "Old words.", r.Statement)
	r, err = l.Receipt(ctx, "c-1", withdrawn.ID)
	require.NoError(t, err)
	require.Empty(t, r.Statement, "a withdrawal showed none")

	first.Texts = []Text{words("en", "", "Other words.")} // changed without a new version
	c, err = NewCatalogue(first)
	require.NoError(t, err)
	l, err = New(b.db.Tenant("acme"), c, b.opts)
	require.NoError(t, err)
	r, err = l.Receipt(ctx, "c-1", given.ID)
	require.NoError(t, err)
	require.Equal(t, "Old words.", r.Statement)
}

// A guardian consented. The child comes of age earlier than the latest day on which it
// could: that is learnt later, and nothing goes on in silence.
func TestGuardiansConsentEndsWhenTheChildIsKnownToBeOfAge(t *testing.T) {
	ctx := context.Background()
	b := open(t, nil)
	a := giving("c-1", "game", "", 1)
	a.Age, a.Country, a.Audience = 12, "BE", "child"
	a.Evidence.By, a.Evidence.Guardian, a.Evidence.GuardianCheck = ByGuardian, "parent-of-1", "card"
	_, err := b.Give(ctx, a)
	require.NoError(t, err)
	b.allowed(t, "c-1", "game", "")
	_, err = b.Describe(ctx, Person{Subject: "c-1", Age: 12, At: day(40)})
	require.NoError(t, err)
	require.Equal(t, day(1).AddDate(1, 0, 0), b.allowed(t, "c-1", "game", "").Changes, "it was 12 before")
	_, err = b.Describe(ctx, Person{Subject: "c-1", Age: 13, At: day(50)})
	require.NoError(t, err)
	b.denied(t, AgeReached, "c-1", "game", "")
	require.NoError(t, b.Verify(ctx, "c-1"))
	d, err := b.Check(ctx, Query{Subject: "c-1", Purpose: "game", At: day(49)})
	require.NoError(t, err)
	require.True(t, d.Allowed, "lawful until then")

	own := giving("c-1", "game", "", 60)
	own.Audience = "child"
	_, err = b.Give(ctx, own)
	require.NoError(t, err)
	b.allowed(t, "c-1", "game", "")
}

// A guardian consented to a purpose that became one for children later.
func TestGuardiansConsentEndsAlsoUnderAVersionForChildren(t *testing.T) {
	ctx := context.Background()
	b := open(t, nil,
		Purpose{ID: "p", Version: 1, Basis: Consent, Texts: english},
		Purpose{ID: "p", Version: 2, AcceptFrom: 1, Since: day(10), Child: true, Basis: Consent, Texts: english})
	a := giving("c-1", "p", "", 1)
	a.Age, a.Country = 12, "BE"
	a.Evidence.By, a.Evidence.Guardian, a.Evidence.GuardianCheck = ByGuardian, "parent-of-1", "card"
	_, err := b.Give(ctx, a)
	require.NoError(t, err)
	d := b.allowed(t, "c-1", "p", "")
	require.Equal(t, day(1).AddDate(1, 0, 0).UTC(), d.Changes)
	b.clock.t = day(1).AddDate(1, 0, 0)
	b.denied(t, AgeReached, "c-1", "p", "")
}

// An objection under art. 21(1) restricts at once (art. 18(1)(d)): until it is decided,
// nothing that the person may need is erased.
func TestPendingObjectionHoldsTheData(t *testing.T) {
	ctx := context.Background()
	b := open(t, nil, Purpose{ID: "security", Version: 1, Basis: LegitimateInterest, ForAll: true, Data: []string{"contact"}})
	holds := func(category string) bool {
		stopped, ground, err := b.Stops(ctx, "c-1", category)
		require.NoError(t, err)
		require.Equal(t, stopped, ground == string(RestrictObjection))
		return stopped
	}
	require.False(t, holds("contact"))
	_, err := b.Object(ctx, Act{Subject: "c-1", Purpose: "security", At: day(1)})
	require.NoError(t, err)
	require.True(t, holds("contact"))
	require.False(t, holds("invoice"))
	_, err = b.Uphold(ctx, Act{Subject: "c-1", Purpose: "security", At: day(2)})
	require.NoError(t, err)
	require.False(t, holds("contact"), "upheld: the data may go")
}

// Two restrictions of one scope stand on two grounds: lifting one leaves the other.
func TestLiftLeavesTheRestrictionOnAnotherGround(t *testing.T) {
	ctx := context.Background()
	b := open(t, nil)
	for _, g := range []Ground{RestrictAccuracy, RestrictClaims} {
		require.NoError(t, b.RestrictSubject(ctx, "c-1", "", string(g)))
	}
	require.NoError(t, b.LiftSubject(ctx, "c-1", "", string(RestrictAccuracy)))
	b.denied(t, RestrictedBy18, "c-1", "books", "")
	require.NoError(t, b.LiftSubject(ctx, "c-1", "", string(RestrictObjection)), "there is none")
	b.denied(t, RestrictedBy18, "c-1", "books", "")
	require.NoError(t, b.LiftSubject(ctx, "c-1", "", string(RestrictClaims)))
	b.allowed(t, "c-1", "books", "")

	for _, g := range []Ground{RestrictAccuracy, RestrictClaims} {
		require.NoError(t, b.RestrictSubject(ctx, "c-1", "", string(g)))
	}
	now := b.clock.t
	_, err := b.Lift(ctx, Act{Subject: "c-1", At: now, Told: now, Ground: "A18-1-x"})
	require.ErrorIs(t, err, ErrGround)
	_, err = b.Lift(ctx, Act{Subject: "c-1", At: now, Told: now})
	require.NoError(t, err, "without a ground, all of them")
	b.allowed(t, "c-1", "books", "")
	require.NoError(t, b.Verify(ctx, "c-1"))
}
