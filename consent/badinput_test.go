package consent

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// ledgerTables are all that the package writes to.
var ledgerTables = []*storage.Table{
	schema.ConsentState, schema.ConsentEvent, schema.ConsentProof, schema.ConsentToken, schema.ConsentLink, schema.Suppression,
	schema.ConsentOrigin, schema.Purpose, schema.PurposeVersion, schema.ConsentRun, schema.ConsentAnchor,
}

// rows counts everything that is stored or logged.
func (b *bench) rows(t testing.TB) int {
	n := len(b.log.list)
	for _, table := range ledgerTables {
		for _, err := range b.store.Scan(ctx, &storage.Select{From: table, Columns: table.Key, Order: table.Key}, nil) {
			require.NoError(t, err)
			n++
		}
	}
	return n
}

// refused demands a typed error that names the field, and nothing written.
func (b *bench) refused(t *testing.T, name string, is error, field string, call func() error) {
	t.Helper()
	before := b.rows(t)
	err := call()
	require.ErrorIs(t, err, is, name)
	require.ErrorIs(t, err, gdpr.ErrInvalid, name)
	var invalid *gdpr.InvalidError
	require.True(t, errors.As(err, &invalid), name)
	require.Equal(t, field, invalid.Field, name)
	require.Equal(t, before, b.rows(t), "%s wrote something", name)
}

// acts are the methods that take an Act, with one that they accept.
func (b *bench) acts() map[string]struct {
	act Act
	do  func(Act) error
} {
	type method = struct {
		act Act
		do  func(Act) error
	}
	plain := func(f func(Act) (Record, error)) func(Act) error {
		return func(a Act) error { _, err := f(a); return err }
	}
	give := giving("c-1", "news", "email", 1)
	on := func(purpose string, edit func(*Act)) Act {
		a := Act{Subject: "c-1", Purpose: purpose, At: day(1), Reference: "doc-1", Author: "emp-1", Told: day(1), Ground: RestrictUnlawful}
		if edit != nil {
			edit(&a)
		}
		return a
	}
	none := func(a *Act) { a.Ground = "" }
	return map[string]method{
		"Give":            {give, plain(func(a Act) (Record, error) { return b.Give(ctx, a) })},
		"Refuse":          {give, plain(func(a Act) (Record, error) { return b.Refuse(ctx, a) })},
		"Request":         {giving("c-1", "optin", "email", 1), func(a Act) error { _, err := b.Request(ctx, a); return err }},
		"Defer":           {give, plain(func(a Act) (Record, error) { return b.Defer(ctx, a) })},
		"Withdraw":        {give, plain(func(a Act) (Record, error) { return b.Withdraw(ctx, a) })},
		"Revoke":          {give, plain(func(a Act) (Record, error) { return b.Revoke(ctx, a) })},
		"Invalidate":      {give, plain(func(a Act) (Record, error) { return b.Invalidate(ctx, a) })},
		"Establish":       {on("order", none), plain(func(a Act) (Record, error) { return b.Establish(ctx, a) })},
		"Cease":           {on("order", none), plain(func(a Act) (Record, error) { return b.Cease(ctx, a) })},
		"Object":          {on("security", nil), plain(func(a Act) (Record, error) { return b.Object(ctx, a) })},
		"ObjectMarketing": {on("news", nil), plain(func(a Act) (Record, error) { return b.ObjectMarketing(ctx, a) })},
		"Uphold":          {on("security", nil), plain(func(a Act) (Record, error) { return b.Uphold(ctx, a) })},
		"Override":        {on("security", nil), plain(func(a Act) (Record, error) { return b.Override(ctx, a) })},
		"Suppress":        {on("news", nil), plain(func(a Act) (Record, error) { return b.Suppress(ctx, a) })},
		"Release":         {on("news", nil), plain(func(a Act) (Record, error) { return b.Release(ctx, a) })},
		"Restrict":        {on("", func(a *Act) { a.Scope = "news" }), plain(func(a Act) (Record, error) { return b.Restrict(ctx, a) })},
		"Lift":            {on("", func(a *Act) { a.Scope = "news" }), plain(func(a Act) (Record, error) { return b.Lift(ctx, a) })},
		"Merge":           {on("", func(a *Act) { a.Other = "c-2" }), plain(func(a Act) (Record, error) { return b.Merge(ctx, a) })},
		"Readmit":         {on("", nil), plain(func(a Act) (Record, error) { return b.Readmit(ctx, a) })},
	}
}

func TestBadInputUnknownPurpose(t *testing.T) {
	b := open(t, nil)
	for name, m := range b.acts() {
		if m.act.Purpose != "" {
			m.act.Purpose = "nope"
			b.refused(t, name, ErrPurpose, "Act.Purpose", func() error { return m.do(m.act) })
		}
		if m.act.Scope != "" {
			m.act.Scope = "nope"
			b.refused(t, name, ErrPurpose, "Act.Scope", func() error { return m.do(m.act) })
		}
	}
	b.refused(t, "Import", ErrPurpose, "Act.Purpose", func() error {
		_, err := b.Import(ctx, ImportJob{ID: "i", Purpose: "nope", Channel: "email", Source: "old"}, oneFlag(LegacyFlag{Subject: "c-1"}))
		return err
	})
	b.refused(t, "Filter", ErrPurpose, "Campaign.Purpose", func() error {
		_, err := b.Filter(ctx, Campaign{Purpose: "nope"}, func(string) error { return nil })
		return err
	})
	b.refused(t, "Check", ErrPurpose, "Query.Purpose", func() error { _, err := b.Check(ctx, Query{Subject: "c-1", Purpose: "nope"}); return err })
	b.refused(t, "Gate", ErrPurpose, "Query.Purpose", func() error { return b.Gate(ctx, Query{Subject: "c-1", Purpose: "nope"}) })
	b.refused(t, "Stands", ErrPurpose, "Stands.purpose", func() error { _, _, err := b.Stands(ctx, "c-1", "nope", day(1)); return err })
	b.refused(t, "Collect", ErrPurpose, "Origin.Purpose", func() error {
		_, err := b.Collect(ctx, Origin{Subject: "c-1", At: day(1), Source: "fair", Way: "typed", Data: []string{"contact"}, Purpose: "nope"})
		return err
	})
	b.refused(t, "WithdrawalLink", ErrPurpose, "Query.Purpose", func() error { _, err := b.WithdrawalLink(ctx, "c-1", "nope", ""); return err })
}

func TestBadInputChannelOfAnotherPurpose(t *testing.T) {
	b := open(t, nil)
	for _, name := range []string{"Give", "Refuse", "Request", "Defer", "Withdraw", "Revoke", "Invalidate", "Establish", "Cease"} {
		m := b.acts()[name]
		m.act.Channel = "phone"
		b.refused(t, name, ErrChannel, "Act.Channel", func() error { return m.do(m.act) })
	}
	for _, name := range []string{"ObjectMarketing", "Suppress", "Release"} { // may be of a channel that no purpose has yet
		m := b.acts()[name]
		m.act.Channel = "E Mail"
		b.refused(t, name, ErrChannel, "Act.Channel", func() error { return m.do(m.act) })
	}
	b.refused(t, "Check", ErrChannel, "Query.Channel", func() error {
		_, err := b.Check(ctx, Query{Subject: "c-1", Purpose: "news", Channel: "phone"})
		return err
	})
	b.refused(t, "Filter", ErrChannel, "Campaign.Channel", func() error {
		_, err := b.Filter(ctx, Campaign{Purpose: "news", Channel: "phone"}, func(string) error { return nil })
		return err
	})
	b.refused(t, "Import", ErrChannel, "Act.Channel", func() error {
		_, err := b.Import(ctx, ImportJob{ID: "i", Purpose: "news", Channel: "phone", Source: "old"}, oneFlag(LegacyFlag{Subject: "c-1"}))
		return err
	})
}

func TestBadInputTimes(t *testing.T) {
	b := open(t, nil)
	bad := map[string]time.Time{"zero": {}, "future": b.clock.t.Add(6 * time.Minute), "1969": time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)}
	for when, at := range bad {
		for name, m := range b.acts() {
			m.act.At = at
			b.refused(t, name+" "+when, ErrTime, "Act.At", func() error { return m.do(m.act) })
		}
		b.refused(t, "Collect "+when, ErrTime, "Origin.At", func() error {
			_, err := b.Collect(ctx, Origin{Subject: "c-1", At: at, Source: "fair", Way: "typed", Data: []string{"contact"}})
			return err
		})
		b.refused(t, "Describe "+when, ErrTime, "Act.At", func() error { _, err := b.Describe(ctx, Person{Subject: "c-1", At: at}); return err })
		b.refused(t, "Inform "+when, ErrTime, "Inform.at", func() error {
			return b.Inform(ctx, "c-1", "019a0000-0000-7000-8000-000000000000", at)
		})
		lift := b.acts()["Lift"]
		lift.act.Told = at
		b.refused(t, "Lift told "+when, ErrTime, "Act.Told", func() error { return lift.do(lift.act) })
	}
	b.refused(t, "Import", ErrTime, "LegacyFlag(0).At", func() error {
		_, err := b.Import(ctx, ImportJob{ID: "i", Purpose: "news", Channel: "email", Source: "old"}, oneFlag(LegacyFlag{Subject: "c-1", At: bad["future"]}))
		return err
	})
	b.refused(t, "Establish until", ErrTime, "Act.Until", func() error {
		m := b.acts()["Establish"]
		m.act.Until = m.act.At
		return m.do(m.act)
	})
	b.refused(t, "Check as of", ErrTime, "Query.AsOf", func() error {
		_, err := b.Check(ctx, Query{Subject: "c-1", Purpose: "product-a", AsOf: bad["future"]})
		return err
	})
}

func TestBadInputLanguageTags(t *testing.T) {
	b := open(t, nil)
	for _, tag := range []string{"en_!!", "e", "english language", "-en", "en-", "12", "nl BE", "en\x00"} {
		for _, name := range []string{"Give", "Refuse", "Request"} {
			m := b.acts()[name]
			m.act.Language = tag
			b.refused(t, name+" "+tag, gdpr.ErrInvalid, "Act.Language", func() error { return m.do(m.act) })
		}
	}
	m := b.acts()["Give"]
	m.act.Language = "fr" // well formed, but there are no such words
	b.refused(t, "no words", ErrNotice, "Act.Language", func() error { return m.do(m.act) })
}

func TestBadInputEvidence(t *testing.T) {
	b := open(t, nil)
	for _, c := range []struct {
		name  string
		ev    *Evidence
		is    error
		field string
	}{
		{"no method", &Evidence{}, ErrEvidence, "Act.Evidence.Method"},
		{"unknown method", &Evidence{Method: "telepathy"}, ErrEvidence, "Act.Evidence.Method"},
		{"silence", &Evidence{Method: Silence}, ErrImplied, "Act.Evidence.Method"},
		{"by the seller", &Evidence{Method: Checkbox, By: ByController}, ErrEvidence, "Act.Evidence.By"},
		{"bytes", &Evidence{Method: Checkbox, Personal: map[string]string{"ip": "\xff"}}, ErrEvidence, "Act.Evidence.Personal"},
		{"personal form", &Evidence{Method: Checkbox, Form: "Anna Smith"}, ErrEvidence, "Act.Evidence.Form"},
	} {
		for name, m := range b.acts() {
			m.act.Evidence = c.ev
			b.refused(t, name+" "+c.name, c.is, c.field, func() error { return m.do(m.act) })
		}
	}
	m := b.acts()["Give"]
	m.act.Evidence = nil
	b.refused(t, "none", ErrEvidence, "Act.Evidence", func() error { return m.do(m.act) })
}

// Whatever is wrong with a token, the answer is the same and nothing is written.
func TestBadInputTokens(t *testing.T) {
	b := open(t, nil)
	other, err := New(b.db.Tenant("zeta"), b.catalogue, b.opts)
	require.NoError(t, err)
	issue := func(subject string) string {
		p, err := b.Request(ctx, giving(subject, "optin", "email", 1))
		require.NoError(t, err)
		return string(p.Token.Reveal())
	}
	good, reused, expired := issue("c-1"), issue("c-2"), issue("c-3")
	pref, err := b.PreferenceToken(ctx, "c-1")
	require.NoError(t, err)
	link, err := b.WithdrawalLink(ctx, "c-1", "news", "email")
	require.NoError(t, err)
	_, err = b.Confirm(ctx, reused, nil)
	require.NoError(t, err)
	_, err = b.Withdraw(ctx, Act{Subject: "c-2", Purpose: "optin", At: b.clock.t})
	require.NoError(t, err)
	altered := func(s string) string {
		c := []byte(s)
		if c[20]++; c[20] > 'z' || c[20] > 'Z' && c[20] < 'a' {
			c[20] = 'A'
		}
		return string(c)
	}
	confirm := func(l *Ledger) func(string) error {
		return func(s string) error { _, err := l.Confirm(ctx, s, map[string]string{"ip": "192.0.2.1"}); return err }
	}
	peek := func(s string) error { _, _, err := b.Peek(ctx, s); return err }
	prefer := func(l *Ledger) func(string) error {
		return func(s string) error { _, err := l.Preferences(ctx, s); return err }
	}
	unsubscribe := func(l *Ledger) func(string) error {
		return func(s string) error { return l.Unsubscribe(ctx, s) }
	}
	check := func(name string, use func(string) error, token string) {
		t.Helper()
		before := b.rows(t)
		err := use(token)
		require.ErrorIs(t, err, ErrToken, name)
		require.Equal(t, ErrToken.Error(), err.Error(), name)
		var why *TokenError
		require.True(t, errors.As(err, &why), name)
		require.NotEmpty(t, why.Why, name)
		require.Equal(t, before, b.rows(t), "%s wrote something", name)
	}
	for _, s := range []string{"", "gc1.", "gw1.", "x", good + "=", good + "\n", good[:len(good)-1]} {
		check("malformed", confirm(b.Ledger), s)
		check("malformed", peek, s)
		check("malformed", prefer(b.Ledger), s)
		check("malformed", unsubscribe(b.Ledger), s)
	}
	check("altered", confirm(b.Ledger), altered(good))
	check("altered", peek, altered(good))
	check("altered", prefer(b.Ledger), altered(string(pref.Reveal())))
	check("altered", unsubscribe(b.Ledger), altered(link))
	check("reused", confirm(b.Ledger), reused)
	check("another kind", confirm(b.Ledger), string(pref.Reveal()))
	check("another kind", prefer(b.Ledger), good)
	check("another kind", unsubscribe(b.Ledger), good)
	check("another tenant", confirm(other), good)
	check("another tenant", prefer(other), string(pref.Reveal()))
	check("another tenant", unsubscribe(other), link)
	b.clock.t = b.clock.t.Add(72 * time.Hour)
	check("expired", confirm(b.Ledger), expired)
	check("expired", peek, expired)
	check("expired", prefer(b.Ledger), string(pref.Reveal()))
	for range other.History(ctx, "c-1") {
		t.Fatal("the other tenant has a record")
	}
}
