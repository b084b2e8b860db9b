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
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/journal"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// people is a CRM that lists its subjects, so that a replay finds them.
type people map[string]string

// source makes a source that Replay can search.
func (p people) source() dsar.Source {
	return listing{dsar.FromFuncs("people", "contact",
		func(_ context.Context, subject string) iter.Seq2[json.RawMessage, error] {
			return func(yield func(json.RawMessage, error) bool) {
				if p[subject] != "" {
					yield(json.RawMessage(`{"name":"`+p[subject]+`"}`), nil)
				}
			}
		}, nil), p}
}

type listing struct {
	dsar.Source
	people people
}

// Subjects implements dsar.Lister.
func (l listing) Subjects(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for s := range l.people {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// Erase implements dsar.Eraser.
func (l listing) Erase(_ context.Context, subject string, items []dsar.Item) ([]dsar.Result, error) {
	out := make([]dsar.Result, len(items))
	for n := range items {
		out[n].Outcome = dsar.NotHeld
		if l.people[subject] != "" {
			delete(l.people, subject)
			out[n].Outcome = dsar.Erased
		}
	}
	return out, nil
}

// A person who was erased and comes back by decision has keys and consents again, and
// a later replay leaves what was entered.
func TestReadmit(t *testing.T) {
	ctx := t.Context()
	j, err := journal.Create(t.TempDir() + "/journal")
	require.NoError(t, err)
	defer j.Close()
	controller := &gdpr.Controller{Name: "Acme", Contact: "privacy@acme.example", Country: "NL", TimeZone: "Europe/Amsterdam"}
	crm := people{"c-1": "Anna"}
	now, _ := ticking(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), time.Second)
	kit, err := gdprkit.Open(ctx, memstore.New(nil), "acme", newRing(t.TempDir()), &gdprkit.Options{
		Controller: controller, Journal: j, Sources: []dsar.Source{crm.source()}, Now: now,
	})
	require.NoError(t, err)
	_, err = kit.Vault.Seal(ctx, "c-1", "people.name/1", []byte("Anna"))
	require.NoError(t, err)
	_, err = kit.Ledger.ObjectMarketing(ctx, consent.Act{Subject: "c-1", At: now()})
	require.NoError(t, err)
	s1, s2 := dsar.Act{By: "s1"}, dsar.Act{By: "s2"}
	r, err := kit.Desk.Receive(ctx, dsar.Intake{Kind: dsar.Erasure, Ground: "A17-1-b", Subjects: []string{"c-1"}})
	require.NoError(t, err)
	_, err = kit.Desk.Waive(ctx, r.ID, "known", s1)
	require.NoError(t, err)
	plan, err := kit.Desk.Plan(ctx, r.ID, s1)
	require.NoError(t, err)
	_, err = kit.Desk.Approve(ctx, r.ID, plan.Hash, s2)
	require.NoError(t, err)
	_, err = kit.Desk.Work(ctx, r.ID, s1)
	require.NoError(t, err)
	_, err = kit.Desk.Fulfil(ctx, r.ID, s1)
	require.NoError(t, err)
	require.Empty(t, crm)
	_, err = kit.Vault.Seal(ctx, "c-1", "people.name/2", []byte("Anna"))
	require.ErrorIs(t, err, pseudonym.ErrShredded)

	for range 2 {
		require.NoError(t, kit.Readmit(ctx, "c-1", "s1", "new-contract"))
	}
	_, err = kit.Vault.Seal(ctx, "c-1", "people.name/2", []byte("Anna"))
	require.NoError(t, err)
	crm["c-1"] = "Anna, again"
	out, err := kit.Desk.Replay(ctx, s1)
	require.NoError(t, err)
	require.Equal(t, 1, out.Readmitted)
	require.Zero(t, out.Items)
	require.Equal(t, people{"c-1": "Anna, again"}, crm)
}
