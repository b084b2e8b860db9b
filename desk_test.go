package gdprkit_test

import (
	"context"
	"encoding/json"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/journal"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

var acme = &gdpr.Controller{Name: "Acme", Contact: "privacy@acme.example", Country: "NL", TimeZone: "Europe/Amsterdam"}

// book is the smallest CRM: an address per person.
type book map[string]string

func (b book) source() dsar.Source {
	return dsar.FromFuncs("book", "contact",
		func(_ context.Context, subject string) iter.Seq2[json.RawMessage, error] {
			return func(yield func(json.RawMessage, error) bool) {
				if a, ok := b[subject]; ok {
					text, err := json.Marshal(map[string]string{"email": a})
					yield(text, err)
				}
			}
		},
		func(_ context.Context, subject, _ string, _ time.Time) (int, int, error) {
			_, ok := b[subject]
			delete(b, subject)
			if ok {
				return 1, 0, nil
			}
			return 0, 0, nil
		})
}

func (b book) addresses(_ context.Context, subject string) iter.Seq2[gdprkit.Address, error] {
	return func(yield func(gdprkit.Address, error) bool) {
		if a, ok := b[subject]; ok {
			yield(gdprkit.Address{Value: a, Since: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}, nil)
		}
	}
}

var newsletter = consent.Purpose{ID: "news", Version: 1, Basis: consent.Consent, Marketing: true, Channels: []string{"email"},
	Texts: []consent.Text{{Language: "en", Statement: "Yes.", Notice: consent.Notice{
		Controller: "a", Purpose: "b", Data: "c", Withdrawal: "d", Transfers: "e", Automated: "f"}}}}

// A code goes to an address that the CRM held, and the erasure puts that address on
// the block list although the CRM no longer has it.
func TestAddresses(t *testing.T) {
	ctx := t.Context()
	catalogue, err := consent.NewCatalogue(newsletter)
	require.NoError(t, err)
	crm := book{"c-1": "anna@Example.org"}
	kit, err := gdprkit.Open(ctx, memstore.New(nil), "acme", newRing(t.TempDir()), &gdprkit.Options{
		Controller: acme, Catalogue: catalogue, Sources: []dsar.Source{crm.source()}, Addresses: crm.addresses,
	})
	require.NoError(t, err)
	r, err := kit.Desk.Receive(ctx, dsar.Intake{Kind: dsar.Erasure, Ground: "A17-1-b", Subjects: []string{"c-1"}})
	require.NoError(t, err)
	code := func(address string) (code string) {
		require.NoError(t, kit.Desk.Challenge(ctx, r.ID, address, dsar.Act{By: "s1"}))
		_, err := kit.Desk.Deliver(ctx, func(_ context.Context, m dsar.Delivery) error {
			code = string(m.Code.Reveal())
			return nil
		})
		require.NoError(t, err)
		return code
	}
	require.Empty(t, code("eve@example.org"))
	typed := code(" anna@example.org")
	require.NotEmpty(t, typed)
	_, err = kit.Desk.Verify(ctx, r.ID, dsar.Proof{Act: dsar.Act{By: dsar.BySubject}, Code: typed})
	require.NoError(t, err)
	plan, err := kit.Desk.Plan(ctx, r.ID, dsar.Act{By: "s1"})
	require.NoError(t, err)
	_, err = kit.Desk.Approve(ctx, r.ID, plan.Hash, dsar.Act{By: "s2"})
	require.NoError(t, err)
	_, err = kit.Desk.Work(ctx, r.ID, dsar.Act{By: "s1"})
	require.NoError(t, err)
	require.Empty(t, crm)
	r, err = kit.Desk.Fulfil(ctx, r.ID, dsar.Act{By: "s1"})
	require.NoError(t, err)
	require.Contains(t, r.Letter.Text, "block")

	report, err := kit.Ledger.Import(ctx, consent.ImportJob{ID: "again", Purpose: "news", Channel: "email", Source: "old"},
		func(yield func(consent.LegacyFlag, error) bool) {
			yield(consent.LegacyFlag{Subject: "c-99", OptIn: true, Address: "anna@example.org"}, nil)
		})
	require.NoError(t, err)
	require.EqualValues(t, 1, report.Suppressed, "the person came back under another key")
	require.NoError(t, kit.Daily(ctx, dsar.BySystem))
}

// What no rule covers could never be erased, which a request would find out too late.
func TestScheduleCoversTheSources(t *testing.T) {
	schedule, err := retention.ParseSchedule([]byte(`{"version": "1", "country": "NL", "timeZone": "Europe/Amsterdam", "rules": [
		{"id": "leads", "category": "lead", "kind": "maximum", "period": "P1Y", "start": {"events": ["seen"]}, "ground": "A6-1-f"}]}`))
	require.NoError(t, err)
	_, err = gdprkit.Open(t.Context(), memstore.New(nil), "acme", newRing(t.TempDir()), &gdprkit.Options{
		Controller: acme, Schedule: schedule, Sources: []dsar.Source{book{}.source()},
	})
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	require.ErrorContains(t, err, "Options.Schedule: has no rule for what Options.Sources hold in: contact")
}

// Without a restore there is nothing to replay; examples/quickstart puts a backup back.
func TestReplayOfNothing(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	j, err := journal.Create(dir + "/journal")
	require.NoError(t, err)
	for _, o := range []*gdprkit.Options{nil, {Controller: acme, Journal: j}} {
		kit, err := gdprkit.Open(ctx, memstore.New(nil), "acme", newRing(t.TempDir()), o)
		require.NoError(t, err)
		done, err := kit.Replay(ctx, "s1", "incident-7")
		require.NoError(t, err)
		require.Equal(t, &gdprkit.Replayed{}, done)
	}
}
