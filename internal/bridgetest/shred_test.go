package bridgetest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/internal/retentiontest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// A sweep that erases the last record of a person destroys the person's keys: the
// copy of a sealed value in a backup cannot be opened any more, proof can.
func TestSweepShreds(t *testing.T) {
	ctx, store := t.Context(), memstore.New(nil).Tenant("acme")
	secret, err := keyring.RawKey(make([]byte, 32))
	require.NoError(t, err)
	ring, err := keyring.Create(filepath.Join(t.TempDir(), "ring"), secret, nil)
	require.NoError(t, err)
	vault, err := pseudonym.New(store, ring, &pseudonym.Options{Compartments: map[string]string{"order.proof": pseudonym.Proof}})
	require.NoError(t, err)
	require.NoError(t, vault.Ready(ctx))
	log, err := audit.New(store, &audit.Options{Sealer: vault, Tokeniser: vault})
	require.NoError(t, err)
	vault.AuditTo(log)

	host := &retentiontest.Host{Store: store}
	old := time.Now().AddDate(-3, 0, 0)
	require.NoError(t, host.Insert(ctx, retentiontest.Row{ID: "1", Subject: "anna", LastContact: old}, retentiontest.Row{ID: "2", Subject: "bob", LastContact: old},
		retentiontest.Row{ID: "3", Subject: "bob", LastContact: time.Now()}))
	seal := func(subject, column string) (open func() error) {
		place := pseudonym.Place("order", column, "1")
		sealed, err := vault.Seal(ctx, subject, place, []byte("canary"))
		require.NoError(t, err)
		return func() error { _, err := vault.Open(ctx, subject, place, sealed); return err }
	}
	anna, proof, bob := seal("anna", "name"), seal("anna", "proof"), seal("bob", "name")

	schedule, err := retention.ParseSchedule([]byte(retentiontest.Plain))
	require.NoError(t, err)
	engine, err := retention.New(store, schedule, &retention.Options{Sources: []retention.Source{host}, Auditor: log, Shredder: vault, SelfApproval: true})
	require.NoError(t, err)
	p, err := engine.Plan(ctx, retention.PlanOptions{By: "job"})
	require.NoError(t, err)
	require.Equal(t, 2, p.Rows)
	require.NoError(t, engine.Approve(ctx, p.ID, p.Hash, "job"))
	require.NoError(t, anna(), "a plan changes nothing")
	_, err = engine.Execute(ctx, p.ID, nil)
	require.NoError(t, err)
	require.ErrorIs(t, anna(), pseudonym.ErrShredded)
	require.NoError(t, proof())
	require.NoError(t, bob(), "another record of his is left")

	_, err = log.Sealed(ctx)
	require.NoError(t, err)
	entries := 0
	for _, err := range log.Entries(ctx, audit.Filter{Action: "retention.shredded"}) {
		require.NoError(t, err)
		entries++
	}
	require.Equal(t, 1, entries)
}
