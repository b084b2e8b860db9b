package consenttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/storage"
)

func campaigns(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	var all []string
	for i := range 60 {
		s := fmt.Sprintf("c-%03d", i)
		all = append(all, s)
		if i%3 != 0 {
			_, err := l.Give(ctx, Give(s, "news", "email", 1+i%5))
			require.NoError(t, err)
		}
		switch i % 7 {
		case 1:
			_, err := l.Withdraw(ctx, consent.Act{Subject: s, Purpose: "news", At: Day(9)})
			require.NoError(t, err)
		case 2:
			require.NoError(t, l.RestrictSubject(ctx, s, "*", "A18-1-b"))
		case 3:
			_, err := l.ObjectMarketing(ctx, consent.Act{Subject: s, At: Day(10)})
			require.NoError(t, err)
		}
	}
	for _, pair := range [][2]string{{"news", "email"}, {"offers", "post"}, {"security", ""}} {
		var want, got []string
		denied := map[consent.Reason]int64{}
		for _, s := range all {
			if c := Check(t, l, s, pair[0], pair[1]); c.Allowed {
				want = append(want, s)
			} else {
				denied[c.Reason]++
			}
		}
		c := consent.Campaign{Purpose: pair[0], Channel: pair[1], Candidates: slices.Values(all)}
		sel, err := l.Filter(ctx, c, func(s string) error { got = append(got, s); return nil })
		require.NoError(t, err)
		require.Equal(t, want, got, pair[0])
		require.Equal(t, denied, sel.Denied, pair[0])
		require.EqualValues(t, len(want), sel.Allowed)

		// In parts, by the checkpoint.
		var parts []string
		c.Limit = 7
		for {
			sel, err := l.Filter(ctx, c, func(s string) error { parts = append(parts, s); return nil })
			require.NoError(t, err)
			if sel.Last == "" {
				break
			}
			c.After = sel.Last
		}
		require.Equal(t, want, parts, pair[0])
	}
	_, err := l.Filter(ctx, consent.Campaign{Purpose: "news", Channel: "email", Candidates: slices.Values([]string{"b", "a"})}, func(string) error { return nil })
	require.ErrorIs(t, err, consent.ErrUnsorted)
	stop := errors.New("mail server is down")
	_, err = l.Filter(ctx, consent.Campaign{ID: "run-1", Purpose: "news", Channel: "email"}, func(string) error { return stop })
	require.ErrorIs(t, err, stop)
	_, err = l.Filter(ctx, consent.Campaign{ID: "run-1", Purpose: "news", Channel: "email"}, func(string) error { return nil })
	require.NoError(t, err, "a stopped selection recorded nothing")
	_, err = l.Filter(ctx, consent.Campaign{ID: "run-1", Purpose: "news", Channel: "email"}, func(string) error { return nil })
	require.ErrorIs(t, err, storage.ErrKeyReuse)
}

// Flags yields n legacy flags, every tenth an opt-out, and ends with an error after
// broken rows, if that is not 0.
func Flags(n, broken int) func(func(consent.LegacyFlag, error) bool) {
	return func(yield func(consent.LegacyFlag, error) bool) {
		for i := range n {
			if broken > 0 && i == broken {
				yield(consent.LegacyFlag{}, errBroken)
				return
			}
			f := consent.LegacyFlag{Subject: fmt.Sprintf("old-%07d", i), OptIn: i%10 != 0, At: Day(i % 50), Address: fmt.Sprintf("p%d@example.org", i)}
			if !yield(f, nil) {
				return
			}
		}
	}
}

var errBroken = errors.New("consenttest: the stream broke")

func importResumes(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	_, err := l.Give(ctx, Give("old-0000003", "news", "email", 1))
	require.NoError(t, err)
	_, err = l.Suppress(ctx, consent.Act{Address: "P4@example.org", At: Day(1)})
	require.NoError(t, err)
	_, _, err = l.Forget(ctx, "old-0000005", "A17-1-a", time.Time{})
	require.NoError(t, err)
	job := consent.ImportJob{ID: "old-crm", Purpose: "news", Channel: "email", Source: "suite", Batch: 50}
	r, err := l.Import(ctx, job, Flags(230, 120))
	require.ErrorIs(t, err, errBroken)
	require.EqualValues(t, 100, r.Rows)
	r, err = l.Import(ctx, job, Flags(230, 0))
	require.NoError(t, err)
	require.Equal(t, consent.ImportReport{Rows: 230, Unproven: 204, Objections: 23, Known: 1, Suppressed: 1, Erased: 1, Resumed: 100}, r)
	again, err := l.Import(ctx, job, Flags(230, 0))
	require.NoError(t, err)
	require.Equal(t, r.Unproven, again.Unproven, "nothing is done twice")

	require.Equal(t, consent.ImportedOnly, Check(t, l, "old-0000001", "news", "email").Reason)
	require.Equal(t, consent.ObjectedMarketing, Check(t, l, "old-0000010", "news", "email").Reason)
	require.True(t, Check(t, l, "old-0000003", "news", "email").Allowed, "a proven consent is not replaced")
	require.Equal(t, consent.NoConsent, Check(t, l, "old-0000004", "news", "email").Reason)
	require.Equal(t, consent.SubjectErased, Check(t, l, "old-0000005", "news", "email").Reason)
	for _, s := range []string{"old-0000001", "old-0000003", "old-0000004", "old-0000005", "old-0000010"} {
		require.NoError(t, l.Verify(ctx, s), s)
	}
}

func forgetKeepsStops(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	for _, s := range []string{"gone", "proof", "other"} {
		_, err := l.Give(ctx, Give(s, "news", "email", 1))
		require.NoError(t, err)
		_, err = l.ObjectMarketing(ctx, consent.Act{Subject: s, At: Day(2)})
		require.NoError(t, err)
	}
	erased, kept, err := l.Forget(ctx, "gone", "A17-1-b", time.Time{})
	require.NoError(t, err)
	require.Equal(t, []int{2, 0}, []int{erased, kept})
	require.Equal(t, 1, count(t, l, "gone"), "only that it was erased")
	erased, kept, err = l.Forget(ctx, "proof", "A17-3-e", Now.AddDate(3, 0, 0))
	require.NoError(t, err)
	require.Equal(t, []int{0, 2}, []int{erased, kept})
	require.Equal(t, 3, count(t, l, "proof"))
	for _, s := range []string{"gone", "proof"} {
		require.NoError(t, l.Verify(ctx, s))
		_, err = l.Give(ctx, Give(s, "news", "email", 3))
		require.ErrorIs(t, err, consent.ErrErased)
		_, err = l.Withdraw(ctx, consent.Act{Subject: s, Purpose: "news", At: Day(4)})
		require.NoError(t, err, "stops are still accepted")
		require.Equal(t, consent.SubjectErased, Check(t, l, s, "news", "email").Reason)
		_, err = l.Readmit(ctx, consent.Act{Subject: s, At: Day(5)})
		require.ErrorIs(t, err, consent.ErrTime, "nobody comes back before the erasure")
		_, err = l.Readmit(ctx, consent.Act{Subject: s, At: Now})
		require.NoError(t, err)
		require.Equal(t, consent.ObjectedMarketing, Check(t, l, s, "offers", "post").Reason)
		require.NoError(t, l.Verify(ctx, s))
	}
	require.Equal(t, 2, count(t, l, "other"))
}

func mergeCarriesStops(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	_, err := l.Give(ctx, Give("b", "news", "email", 1))
	require.NoError(t, err)
	_, err = l.ObjectMarketing(ctx, consent.Act{Subject: "a", At: Day(2)})
	require.NoError(t, err)
	_, err = l.Merge(ctx, consent.Act{Subject: "b", Other: "a", At: Day(3)})
	require.NoError(t, err)
	_, err = l.Merge(ctx, consent.Act{Subject: "c", Other: "b", At: Day(4)})
	require.NoError(t, err)
	for _, s := range []string{"a", "b", "c"} {
		require.Equal(t, consent.ObjectedMarketing, Check(t, l, s, "news", "email").Reason, s)
	}
	_, err = l.Suppress(ctx, consent.Act{Subject: "b", Purpose: "survey", At: Day(5)})
	require.NoError(t, err)
	for _, s := range []string{"a", "b", "c"} {
		require.Equal(t, consent.Suppressed, Check(t, l, s, "survey", "").Reason, s)
	}
	_, err = l.Object(ctx, consent.Act{Subject: "a", Purpose: "security", At: Day(6)})
	require.NoError(t, err)
	_, err = l.Override(ctx, consent.Act{Subject: "c", Purpose: "security", Reference: "doc-1", Author: "staff-1", At: Day(5)})
	require.ErrorIs(t, err, consent.ErrNoRecord, "decided before it was made")
	_, err = l.Override(ctx, consent.Act{Subject: "c", Purpose: "security", Reference: "doc-1", Author: "staff-1", At: Day(7)})
	require.NoError(t, err)
	for _, s := range []string{"a", "b", "c"} {
		require.True(t, Check(t, l, s, "security", "").Allowed, "a verdict about one is about all: %s", s)
	}
	require.NoError(t, l.RestrictSubject(ctx, "c", "*", "A18-1-a"))
	for _, s := range []string{"a", "b", "c"} {
		require.Equal(t, consent.RestrictedBy18, Check(t, l, s, "books", "").Reason, "a stop of one reaches all: %s", s)
		require.NoError(t, l.Verify(ctx, s))
	}
}

func origins(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	bought, err := l.Collect(ctx, consent.Origin{Key: "k", Subject: "c-1", At: Day(1), Source: "list-broker", Way: "bought", Data: []string{"contact"}})
	require.NoError(t, err)
	require.Equal(t, Day(1).AddDate(0, 1, 0), bought.Due)
	again, err := l.Collect(ctx, consent.Origin{Key: "k", Subject: "c-1", At: Day(1), Source: "list-broker", Way: "bought", Data: []string{"contact"}})
	require.NoError(t, err)
	require.Equal(t, bought.ID, again.ID)
	_, err = l.Collect(ctx, consent.Origin{Subject: "c-2", At: Day(1), Source: "web-form", Way: "typed", FromPerson: true, Informed: Day(1), Data: []string{"contact"}})
	require.NoError(t, err)
	overdue := func(at time.Time) (n int) {
		for o, err := range l.Uninformed(ctx, at) {
			require.NoError(t, err)
			require.Equal(t, "c-1", o.Subject)
			n++
		}
		return n
	}
	require.Equal(t, 0, overdue(Day(20)))
	require.Equal(t, 1, overdue(Day(33)))
	require.NoError(t, l.Inform(ctx, "c-1", bought.ID, Day(40)))
	require.ErrorIs(t, l.Inform(ctx, "c-1", bought.ID, Day(41)), consent.ErrNoRecord)
	require.Equal(t, 0, overdue(Now))
}

func renewals(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	old := Give("c-1", "news", "email", 0)
	old.At = Now.AddDate(-2, 0, 20)
	_, err := l.Give(ctx, old)
	require.NoError(t, err)
	_, err = l.Give(ctx, Give("c-2", "news", "email", 1))
	require.NoError(t, err)
	var told []string
	notify := func(_ context.Context, x consent.Lapse) error { told = append(told, x.Subject); return nil }
	for range 2 {
		_, err = l.Renewals(ctx, 30*24*time.Hour, notify)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"c-1"}, told)
	require.NoError(t, l.Verify(ctx, "c-1"))
	n := 0
	for _, err := range l.Lapsing(ctx, 3*365*24*time.Hour) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 2, n)
}

func publishedWordsStay(t *testing.T, d storage.Directory) {
	l := Ledger(t, d, "acme")
	require.NoError(t, l.Publish(ctx))
	require.NoError(t, l.Publish(ctx))
	rec, err := l.Give(ctx, Give("c-1", "survey", "", 1))
	require.NoError(t, err)
	before := exported(t, l, "c-1")

	edited := Purposes()
	edited[1].Texts = slices.Clone(edited[1].Texts)
	edited[1].Texts[0].Statement = "I agree to everything."
	c, err := consent.NewCatalogue(edited...)
	require.NoError(t, err)
	other, err := consent.New(d.Tenant("acme"), c, &consent.Options{Now: func() time.Time { return Now }})
	require.NoError(t, err)
	require.ErrorIs(t, other.Publish(ctx), consent.ErrVersion)
	edited[1].Version = 2
	c, err = consent.NewCatalogue(append(edited, Purposes()[1])...)
	require.NoError(t, err)
	other, err = consent.New(d.Tenant("acme"), c, &consent.Options{Now: func() time.Time { return Now }})
	require.NoError(t, err)
	require.NoError(t, other.Publish(ctx))
	require.Equal(t, before, exported(t, other, "c-1"), "earlier records stay byte for byte")
	require.Equal(t, consent.VersionStale, Check(t, other, "c-1", "survey", "").Reason)
	p, err := other.Published(ctx, "survey", 1)
	require.NoError(t, err)
	hash := p.Texts[0].Hash()
	require.Equal(t, rec.TextHash, fmt.Sprintf("%x", hash))
}

func exported(t *testing.T, l *consent.Ledger, subject string) (all []string) {
	for doc, err := range l.Export(ctx, subject) {
		require.NoError(t, err)
		require.True(t, json.Valid(doc))
		all = append(all, string(doc))
	}
	return all
}
