package consenttest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var ctx = context.Background()

func giveAndStop(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	require.Equal(t, consent.NoConsent, Check(t, l, "c-1", "news", "email").Reason)
	rec, err := l.Give(ctx, Give("c-1", "news", "email", 1))
	require.NoError(t, err)
	got := Check(t, l, "c-1", "news", "email")
	require.True(t, got.Allowed)
	require.Equal(t, []string{rec.ID}, got.Records)
	require.NoError(t, l.RestrictSubject(ctx, "c-1", "", "A18-1-a"))
	require.Equal(t, consent.RestrictedBy18, Check(t, l, "c-1", "news", "email").Reason)
	require.Equal(t, consent.RestrictedBy18, Check(t, l, "c-1", "books", "").Reason)
	_, err = l.Lift(ctx, consent.Act{Subject: "c-1", Scope: "*", At: Now, Told: Now})
	require.NoError(t, err)
	_, err = l.ObjectMarketing(ctx, consent.Act{Subject: "c-1", At: Now})
	require.NoError(t, err)
	require.Equal(t, consent.ObjectedMarketing, Check(t, l, "c-1", "news", "email").Reason)
	require.True(t, Check(t, l, "c-1", "books", "").Allowed)
	require.NoError(t, l.Verify(ctx, "c-1"))
}

func repeatedKey(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	act := Give("c-1", "news", "email", 1)
	act.Key = "form-77"
	first, err := l.Give(ctx, act)
	require.NoError(t, err)
	_, err = l.Withdraw(ctx, consent.Act{Subject: "c-1", Purpose: "news", Channel: "email", At: Day(2)})
	require.NoError(t, err)

	store := d.Tenant("acme")
	err = store.InTx(ctx, func(ctx context.Context) error { // as inside a host's transaction
		again, err := l.Give(ctx, act)
		if err != nil {
			return err
		}
		require.True(t, again.Repeated)
		require.Equal(t, first.ID, again.ID)
		_, err = l.Give(ctx, Give("c-2", "survey", "", 3)) // the transaction is still good
		return err
	})
	require.NoError(t, err)
	require.Equal(t, consent.ConsentWithdrawn, Check(t, l, "c-1", "news", "email").Reason, "a repetition revives nothing")
	require.True(t, Check(t, l, "c-2", "survey", "").Allowed)
	require.NoError(t, l.Verify(ctx, "c-1"))

	act.At = Day(3)
	_, err = l.Give(ctx, act)
	require.ErrorIs(t, err, storage.ErrKeyReuse)
	act.Subject = "c-9"
	_, err = l.Give(ctx, act)
	require.ErrorIs(t, err, storage.ErrKeyReuse)
	require.NoError(t, l.Verify(ctx, "c-1"))
	require.NoError(t, l.Verify(ctx, "c-9"))
	require.Equal(t, consent.NoConsent, Check(t, l, "c-9", "news", "email").Reason)
}

// oneKeyManyCallers repeats each write at once: one effect, one record, whoever wins.
func oneKeyManyCallers(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	act := func(key string) consent.Act {
		a := Give("c-1", "news", "email", 1)
		a.Key = key
		return a
	}
	for i, write := range []func() (consent.Record, error){
		func() (consent.Record, error) { return l.Give(ctx, act("give")) },
		func() (consent.Record, error) { return l.Withdraw(ctx, act("withdraw")) },
		func() (consent.Record, error) { return l.Refuse(ctx, act("refuse")) },
		func() (consent.Record, error) { a := act("object"); a.Purpose = ""; return l.ObjectMarketing(ctx, a) },
		func() (consent.Record, error) { a := act("suppress"); a.Purpose = ""; return l.Suppress(ctx, a) },
		func() (consent.Record, error) {
			a := act("restrict")
			a.Scope, a.Ground = "*", consent.RestrictUnlawful
			return l.Restrict(ctx, a)
		},
		func() (consent.Record, error) {
			a := act("lift")
			a.Scope, a.Told = "*", a.At
			return l.Lift(ctx, a)
		},
		func() (consent.Record, error) {
			a := act("object 21(1)")
			a.Purpose, a.Channel = "security", ""
			return l.Object(ctx, a)
		},
		func() (consent.Record, error) {
			a := act("override")
			a.Purpose, a.Reference, a.Author = "security", "grounds-1", "staff-1"
			return l.Override(ctx, a)
		},
		func() (consent.Record, error) { a := act("merge"); a.Other = "a-0"; return l.Merge(ctx, a) },
		func() (consent.Record, error) { a := act("withdraw both"); return l.Withdraw(ctx, a) },
	} {
		results := make(chan consent.Record, 6)
		for range cap(results) {
			go func() {
				rec, err := write()
				if err != nil {
					t.Error(i, err)
				}
				results <- rec
			}()
		}
		fresh, ids := 0, map[string]bool{}
		for range cap(results) {
			rec := <-results
			ids[rec.ID] = true
			if !rec.Repeated {
				fresh++
			}
		}
		require.Len(t, ids, 1, "write %d", i)
		require.Equal(t, 1, fresh, "write %d", i)
		require.Equal(t, i+1, count(t, l, "c-1"))
	}
	require.NoError(t, l.Verify(ctx, "c-1"))
}

func rollsBack(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	no := errors.New("the host changed its mind")
	err := d.Tenant("acme").InTx(ctx, func(ctx context.Context) error {
		if _, err := l.Give(ctx, Give("c-1", "news", "email", 1)); err != nil {
			return err
		}
		require.True(t, mustCheck(ctx, t, l, "c-1", "news", "email").Allowed, "visible inside")
		return no
	})
	require.ErrorIs(t, err, no)
	require.Equal(t, consent.NoConsent, Check(t, l, "c-1", "news", "email").Reason)
	for range l.History(ctx, "c-1") {
		t.Fatal("a record stayed")
	}
}

func mustCheck(ctx context.Context, t *testing.T, l *consent.Ledger, subject, purpose, channel string) consent.Decision {
	got, err := l.Check(ctx, consent.Query{Subject: subject, Purpose: purpose, Channel: channel})
	require.NoError(t, err)
	return got
}

var (
	changeEvent = &storage.Write{Verb: storage.Update, Table: schema.ConsentEvent, Set: []string{"kind"}, Where: storage.By("subject")}
	removeEvent = &storage.Write{Verb: storage.Delete, Table: schema.ConsentEvent, Where: storage.By("subject")}
)

func eventsRefuseChange(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	_, err := l.Give(ctx, Give("c-1", "news", "email", 1))
	require.NoError(t, err)
	_, err = d.Tenant("acme").Apply(ctx, changeEvent.With("withdrawn", "c-1"))
	require.Error(t, err)
	_, err = d.Tenant("acme").Apply(ctx, removeEvent.With("c-1"))
	require.Error(t, err)
	require.True(t, Check(t, l, "c-1", "news", "email").Allowed)
}

func tenantsAreApart(t *testing.T, d storage.Directory) {
	a, b := Ledger(t, d, "acme"), Ledger(t, d, "zeta")
	rec, err := a.Give(ctx, Give("c-1", "news", "email", 1))
	require.NoError(t, err)
	require.False(t, Check(t, b, "c-1", "news", "email").Allowed)
	for range b.History(ctx, "c-1") {
		t.Fatal("another tenant's record")
	}
	_, err = b.Receipt(ctx, "c-1", rec.ID)
	require.ErrorIs(t, err, consent.ErrNoRecord)
	p, err := a.Request(ctx, Give("c-2", "optin", "email", 1))
	require.NoError(t, err)
	_, err = b.Confirm(ctx, string(p.Token.Reveal()), nil)
	require.ErrorIs(t, err, consent.ErrToken)
	link, err := a.WithdrawalLink(ctx, "c-1", "news", "email")
	require.NoError(t, err)
	require.ErrorIs(t, b.Unsubscribe(ctx, link), consent.ErrToken)
	_, err = a.Suppress(ctx, consent.Act{Address: "x@example.org", At: Now})
	require.NoError(t, err)
	_, err = b.Give(ctx, Give("c-3", "news", "email", 1))
	require.NoError(t, err)
	got, err := b.Check(ctx, consent.Query{Subject: "c-3", Purpose: "news", Channel: "email", Address: "x@example.org"})
	require.NoError(t, err)
	require.True(t, got.Allowed)
	sel, err := b.Filter(ctx, consent.Campaign{Purpose: "news", Channel: "email"}, func(string) error { return nil })
	require.NoError(t, err)
	require.EqualValues(t, 1, sel.Allowed)
	_, _, err = b.Forget(ctx, "c-1", "A17-1-a", time.Time{})
	require.NoError(t, err)
	require.True(t, Check(t, a, "c-1", "news", "email").Allowed)
}

func confirmOnce(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	p, err := l.Request(ctx, Give("c-1", "optin", "email", 1))
	require.NoError(t, err)
	token := string(p.Token.Reveal())
	require.Equal(t, consent.ConsentRequested, Check(t, l, "c-1", "optin", "email").Reason)
	purpose, _, err := l.Peek(ctx, token)
	require.NoError(t, err)
	require.Equal(t, "optin", purpose)
	require.False(t, Check(t, l, "c-1", "optin", "email").Allowed, "looking is not confirming")

	results := make(chan consent.Record, 4)
	for range 4 {
		go func() {
			rec, err := l.Confirm(ctx, token, nil)
			if err != nil {
				t.Error(err)
			}
			results <- rec
		}()
	}
	first := <-results
	for range 3 {
		require.Equal(t, first.ID, (<-results).ID)
	}
	require.True(t, Check(t, l, "c-1", "optin", "email").Allowed)
	_, err = l.Withdraw(ctx, consent.Act{Subject: "c-1", Purpose: "optin", At: Now})
	require.NoError(t, err)
	_, err = l.Confirm(ctx, token, nil)
	require.ErrorIs(t, err, consent.ErrToken, "an old link does not revive a consent")
	require.NoError(t, l.Verify(ctx, "c-1"))
}

func linksWithdraw(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	for _, pair := range [][2]string{{"news", "email"}, {"offers", "post"}} {
		if pair[0] == "news" {
			_, err := l.Give(ctx, Give("c-1", pair[0], pair[1], 1))
			require.NoError(t, err)
		}
		require.True(t, Check(t, l, "c-1", pair[0], pair[1]).Allowed)
		link, err := l.WithdrawalLink(ctx, "c-1", pair[0], pair[1])
		require.NoError(t, err)
		same, err := l.WithdrawalLink(ctx, "c-1", pair[0], pair[1])
		require.NoError(t, err)
		require.Equal(t, link, same)
		require.NoError(t, l.Unsubscribe(ctx, link))
		require.False(t, Check(t, l, "c-1", pair[0], pair[1]).Allowed)
		n := count(t, l, "c-1")
		require.NoError(t, l.Unsubscribe(ctx, link))
		require.Equal(t, n, count(t, l, "c-1"), "no second record")
	}
	link, err := l.WithdrawalLink(ctx, "c-1", "news", "email")
	require.NoError(t, err)
	_, _, err = l.Forget(ctx, "c-1", "A17-1-b", time.Time{})
	require.NoError(t, err)
	require.NoError(t, l.Unsubscribe(ctx, link), "the same answer after the erasure")
	require.ErrorIs(t, l.Unsubscribe(ctx, link[:len(link)-2]+"AA"), consent.ErrToken)
}

func count(t *testing.T, l *consent.Ledger, subject string) (n int) {
	for _, err := range l.History(ctx, subject) {
		require.NoError(t, err)
		n++
	}
	return n
}
