package gdprkit_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/journal"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// A hold keeps the log whole while it stands, and not a day longer.
func TestHoldKeepsTheLogUntilItsRelease(t *testing.T) {
	ctx := t.Context()
	schedule, err := retention.ParseSchedule([]byte(`{"version": "1", "country": "DE", "timeZone": "Europe/Berlin", "rules": [
		{"id": "applicants", "category": "applicant", "kind": "maximum", "period": "P6M",
		 "start": {"events": ["rejected"]}, "ground": "AGG § 15(4)"}]}`))
	require.NoError(t, err)
	kit, err := gdprkit.Open(ctx, memstore.New(nil), "acme", newRing(t.TempDir()), &gdprkit.Options{Schedule: schedule})
	require.NoError(t, err)
	require.NoError(t, kit.Log.Open(ctx))
	prune := func() error {
		_, err := kit.Log.Prune(ctx, 0, "policy-1")
		return err
	}
	require.NoError(t, prune())

	h, err := kit.Engine.Hold(ctx, retention.Hold{Subject: "c-1", Ground: "ZPO § 142", Reason: "a claim is pending", Actor: "s-1"})
	require.NoError(t, err)
	require.ErrorIs(t, prune(), audit.ErrHeld)
	require.NoError(t, kit.Engine.Release(ctx, h.ID, "s-1", "the claim was settled"))
	require.NoError(t, prune())
}

// Proof of consent outlives an erasure for the period that was chosen, and by
// default goes with it.
func TestProofPeriod(t *testing.T) {
	for _, c := range []struct {
		period string
		proof  bool
	}{{"", false}, {"P3Y", true}} {
		ctx, now := t.Context(), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		catalogue, err := consent.NewCatalogue(consent.Purpose{ID: "news", Version: 1, Basis: consent.Consent,
			Texts: []consent.Text{{Language: "en", Statement: "Yes.", Notice: consent.Notice{
				Controller: "a", Purpose: "b", Data: "c", Withdrawal: "d", Transfers: "e", Automated: "f"}}}})
		require.NoError(t, err)
		kit, err := gdprkit.Open(ctx, memstore.New(nil), "acme", newRing(t.TempDir()), &gdprkit.Options{
			Controller: &gdpr.Controller{Name: "Acme", Contact: "privacy@acme.example", Country: "NL", TimeZone: "Europe/Amsterdam"},
			Catalogue:  catalogue, ProofPeriod: c.period, Now: func() time.Time { return now },
		})
		require.NoError(t, err)
		given, err := kit.Ledger.Give(ctx, consent.Act{Subject: "c-1", Purpose: "news", At: now,
			Evidence: &consent.Evidence{Method: consent.Checkbox, Form: "f", Source: "web", Personal: map[string]string{"ip": "192.0.2.1"}}})
		require.NoError(t, err)

		r, err := kit.Desk.Receive(ctx, dsar.Intake{Kind: dsar.Erasure, Ground: "A17-1-b", Subjects: []string{"c-1"}})
		require.NoError(t, err)
		_, err = kit.Desk.Verify(ctx, r.ID, dsar.Proof{Act: dsar.Act{By: "s1"}, Method: "login"})
		require.NoError(t, err)
		plan, err := kit.Desk.Plan(ctx, r.ID, dsar.Act{By: "s1"})
		require.NoError(t, err)
		_, err = kit.Desk.Approve(ctx, r.ID, plan.Hash, dsar.Act{By: "s2"})
		require.NoError(t, err)
		_, err = kit.Desk.Work(ctx, r.ID, dsar.Act{By: "s1"})
		require.NoError(t, err)

		evidence, err := kit.Ledger.Evidence(ctx, "c-1", given.ID)
		if c.proof {
			require.NoError(t, err)
			require.Equal(t, "192.0.2.1", evidence["ip"])
			now = time.Date(2029, 11, 21, 23, 0, 0, 0, time.UTC) // 22 November in Amsterdam
			_, err = kit.Ledger.Expire(ctx)
			require.NoError(t, err)
		}
		_, err = kit.Ledger.Evidence(ctx, "c-1", given.ID)
		require.Error(t, err)
	}
	_, err := gdprkit.Open(t.Context(), memstore.New(nil), "acme", newRing(t.TempDir()), &gdprkit.Options{ProofPeriod: "3 years"})
	require.ErrorIs(t, err, gdpr.ErrInvalid)
}

// ticking returns a clock that moves on with each look, from any goroutine, and a
// function that sets it forward.
func ticking(start time.Time, step time.Duration) (now func() time.Time, pass func(time.Duration)) {
	var since atomic.Int64
	now = func() time.Time { return start.Add(time.Duration(since.Add(int64(step)))) }
	return now, func(d time.Duration) { since.Add(int64(d)) }
}

// A kit that Open did not make has no parts to work with, and says so.
func TestKitOfNothing(t *testing.T) {
	for _, kit := range []*gdprkit.Kit{nil, {}} {
		_, err := kit.Replay(t.Context(), "s1", "incident-7")
		for _, err := range []error{
			err, kit.Run(t.Context()), kit.Daily(t.Context(), "s1"), kit.Readmit(t.Context(), "c-1", "s1", "new-contract"),
		} {
			require.ErrorIs(t, err, gdpr.ErrInvalid)
			require.ErrorContains(t, err, "Kit: was not made by Open")
		}
	}
}

// What fails on a day keeps nothing else from being done.
func TestDailyGoesOn(t *testing.T) {
	ctx, db, ring := t.Context(), memstore.New(nil), newRing(t.TempDir())
	now, pass := ticking(dsartest.Start, time.Second)
	controller, crm := dsartest.Controller(), dsartest.NewCRM("crm")
	crm.Fill("c1", "Anna de Vries", "anna@example.org")
	open := func(sources ...dsar.Source) *gdprkit.Kit {
		kit, err := gdprkit.Open(ctx, db, "acme", ring, &gdprkit.Options{
			Controller: &controller, Sources: sources, Now: now,
			Adjust: gdprkit.Adjust{DSAR: func(o *dsar.Options) { o.Keeper = &dsartest.Keeper{} }},
		})
		require.NoError(t, err)
		return kit
	}
	kit, clerk := open(crm), dsar.Act{By: "s1"}
	r, err := kit.Desk.Receive(ctx, dsartest.Intake(dsar.Erasure))
	require.NoError(t, err)
	_, err = kit.Desk.Waive(ctx, r.ID, "known", clerk)
	require.NoError(t, err)
	plan, err := kit.Desk.Plan(ctx, r.ID, clerk)
	require.NoError(t, err)
	_, err = kit.Desk.Approve(ctx, r.ID, plan.Hash, dsar.Act{By: "s2"})
	require.NoError(t, err)
	_, err = kit.Desk.Work(ctx, r.ID, clerk)
	require.NoError(t, err)
	_, err = kit.Desk.Fulfil(ctx, r.ID, clerk)
	require.NoError(t, err)
	require.NotEmpty(t, crm.Rows("invoices"), "kept for a duty")
	refused, err := kit.Desk.Receive(ctx, dsartest.Intake(dsar.Access))
	require.NoError(t, err)
	_, err = kit.Desk.Refuse(ctx, refused.ID, dsartest.RefusalOf(), clerk)
	require.NoError(t, err)

	pass(10 * 366 * 24 * time.Hour)
	kit = open() // the CRM's source is no longer given
	require.ErrorContains(t, kit.Daily(ctx, dsar.BySystem), "Options.Sources: lacks crm")
	refused, err = kit.Desk.Get(ctx, refused.ID)
	require.NoError(t, err)
	require.True(t, refused.Forgotten)
	require.ErrorIs(t, db.InTx(ctx, func(ctx context.Context) error { return kit.Daily(ctx, dsar.BySystem) }), storage.ErrInTx)
	require.NoError(t, open(crm).Daily(ctx, dsar.BySystem))
}

// A decision has a name and a code before any part of it is carried out.
func TestDecisionsHaveANameAndACode(t *testing.T) {
	ctx := t.Context()
	j, err := journal.Create(t.TempDir() + "/journal")
	require.NoError(t, err)
	defer j.Close()
	kit, err := gdprkit.Open(ctx, memstore.New(nil), "acme", newRing(t.TempDir()), &gdprkit.Options{Controller: acme, Journal: j})
	require.NoError(t, err)
	for _, c := range []struct{ by, reason, field string }{
		{"", "new-contract", "by"}, {"ann@acme.example", "new-contract", "by"},
		{"s1", "", "reason"}, {"s1", "Anna is back", "reason"},
	} {
		err := kit.Readmit(ctx, "c-1", c.by, c.reason)
		require.ErrorIs(t, err, gdpr.ErrInvalid)
		require.ErrorContains(t, err, "Readmit."+c.field)
		_, err = kit.Replay(ctx, c.by, c.reason)
		require.ErrorIs(t, err, gdpr.ErrInvalid)
		require.ErrorContains(t, err, "Replay."+c.field)
	}
	for _, err := range j.Read(ctx, 0) {
		require.NoError(t, err)
		t.Fatal("something of it was carried out")
	}
}

// A source that is nil is an error, and no panic.
func TestNilSources(t *testing.T) {
	schedule, err := retention.ParseSchedule([]byte(`{"version": "1", "country": "NL", "timeZone": "Europe/Amsterdam", "rules": [
		{"id": "leads", "category": "lead", "kind": "maximum", "period": "P1Y", "start": {"events": ["seen"]}, "ground": "A6-1-f"}]}`))
	require.NoError(t, err)
	for _, o := range []gdprkit.Options{{Sources: []dsar.Source{nil}}, {Sweeps: []retention.Source{nil}}} {
		o.Controller, o.Schedule = acme, schedule
		_, err := gdprkit.Open(t.Context(), memstore.New(nil), "acme", newRing(t.TempDir()), &o)
		require.ErrorIs(t, err, gdpr.ErrInvalid)
		require.ErrorContains(t, err, "Sources")
	}
}
