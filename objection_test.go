package gdprkit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// While an objection is examined its purpose is restricted. Refused, the purpose is
// allowed again once the person was told; found right, it has ended for good.
func TestObjectionIsDecidedEitherWay(t *testing.T) {
	ctx := t.Context()
	catalogue, err := consent.NewCatalogue(consent.Purpose{ID: "scoring", Version: 1, Basis: consent.LegitimateInterest, Assessment: "lia-7", ForAll: true, Channels: []string{"internal"},
		Texts: []consent.Text{{Language: "en", Statement: "We score.", Notice: consent.Notice{
			Controller: "a", Purpose: "b", Data: "c", Withdrawal: "d", Transfers: "e", Automated: "f"}}}})
	require.NoError(t, err)
	now, pass := ticking(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), time.Millisecond)
	kit, err := gdprkit.Open(ctx, memstore.New(nil), "acme", newRing(t.TempDir()), &gdprkit.Options{
		Controller: &gdpr.Controller{Name: "Acme", Contact: "privacy@acme.example", Authority: "AP", Country: "NL", TimeZone: "Europe/Amsterdam"},
		Catalogue:  catalogue, Now: now,
	})
	require.NoError(t, err)
	allowed := func(subject string) bool {
		ok, _, err := kit.Ledger.Stands(ctx, subject, "scoring", time.Time{})
		require.NoError(t, err)
		return ok
	}
	s1, s2 := dsar.Act{By: "s1"}, dsar.Act{By: "s2"}
	object := func(subject string) string {
		require.True(t, allowed(subject))
		r, err := kit.Desk.Receive(ctx, dsar.Intake{Kind: dsar.Objection, Subjects: []string{subject}, Purposes: []string{"scoring"}, Language: "en"})
		require.NoError(t, err)
		_, err = kit.Desk.Waive(ctx, r.ID, "known", s1)
		require.NoError(t, err)
		return r.ID
	}
	restricted := func(subject string) bool {
		d, err := kit.Ledger.Check(ctx, consent.Query{Subject: subject, Purpose: "scoring", Channel: "internal"})
		require.NoError(t, err)
		return !d.Allowed && d.Reason == consent.RestrictedBy18
	}

	refused := object("c-1")
	require.True(t, restricted("c-1"))
	r, err := kit.Desk.Refuse(ctx, refused, dsar.Refusal{Ground: "A21-1-override", Reasons: "fraud", Evidence: "file 3", Assessment: "weighed", SignedBy: "s2", Court: "Rechtbank"}, s1)
	require.NoError(t, err)
	require.Contains(t, r.Letter.Text, "will be lifted on 2026-03-09")
	require.NoError(t, kit.Daily(ctx, dsar.BySystem))
	require.True(t, restricted("c-1"), "the person is told before")

	upheld := object("c-2")
	p, err := kit.Desk.Plan(ctx, upheld, s1)
	require.NoError(t, err)
	_, err = kit.Desk.Approve(ctx, upheld, p.Hash, s2)
	require.NoError(t, err)
	_, err = kit.Desk.Work(ctx, upheld, s1)
	require.NoError(t, err)
	_, err = kit.Desk.Fulfil(ctx, upheld, s1)
	require.NoError(t, err)

	pass(8 * 24 * time.Hour)
	require.NoError(t, kit.Daily(ctx, dsar.BySystem))
	require.NoError(t, kit.Daily(ctx, dsar.BySystem))
	require.True(t, allowed("c-1"))
	require.False(t, allowed("c-2"))
	require.False(t, restricted("c-2"), "ended, no longer restricted")
}
