package cluster

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// A node that loses the others refuses every command of a client, ROLLBACK too, so that
// a transaction stays open on its connection; the next one there would commit it. No
// part of a transaction that failed so is there afterwards, nor is it under the next.
func isolated(t *testing.T, n *Node) {
	p := newPlace(t, "mysql", n.DSN("crm"), sqlstore.MySQL)
	p.pool.SetMaxOpenConns(1) // the next transaction gets the same connection
	control, err := openPool("mysql", n.DSN(""))
	require.NoError(t, err)
	defer control.Close()
	insert := func(ctx context.Context, id string) error {
		return p.exec(ctx, "INSERT INTO host_act (id) VALUES (?)", id)
	}
	for name, last := range map[string]func(ctx context.Context) error{
		"statement": func(ctx context.Context) error { return insert(ctx, "statement-2") },
		"commit":    func(context.Context) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			defer n.isolate(t, control, false)
			first := true
			err := p.db.InTx(t.Context(), func(ctx context.Context) error {
				if err := insert(ctx, name); err != nil {
					return err
				}
				if first {
					first = false
					n.isolate(t, control, true)
				}
				return last(ctx)
			})
			require.Error(t, err)
			n.isolate(t, control, false)
			require.NoError(t, p.db.InTx(t.Context(), func(ctx context.Context) error { return insert(ctx, name+"-after") }))
			require.Zero(t, p.count(t, "SELECT count(*) FROM host_act WHERE id IN (?, ?)", name, name+"-2"))
			require.Equal(t, 1, p.count(t, "SELECT count(*) FROM host_act WHERE id = ?", name+"-after"))
		})
	}
	t.Run("left open by the host", func(t *testing.T) {
		tx, err := p.pool.Begin()
		require.NoError(t, err)
		require.NoError(t, insert(p.db.WithTx(t.Context(), tx), "host"))
		n.isolate(t, control, true)
		require.Error(t, tx.Rollback())
		n.isolate(t, control, false)
		require.NoError(t, p.db.InTx(t.Context(), func(ctx context.Context) error { return insert(ctx, "host-after") }))
		require.Zero(t, p.count(t, "SELECT count(*) FROM host_act WHERE id = ?", "host"))
	})
}

// isolate cuts the node off from the others, or joins it again, and waits until it
// knows.
func (n *Node) isolate(t *testing.T, control *sql.DB, on bool) {
	t.Helper()
	value, want := "0", "Primary"
	if on {
		value, want = "1", "non-Primary"
	}
	_, err := control.Exec("SET GLOBAL wsrep_provider_options='gmcast.isolate=" + value + "'")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		var name, status, state string
		return control.QueryRow("SHOW STATUS LIKE 'wsrep_cluster_status'").Scan(&name, &status) == nil && status == want &&
			(on || control.QueryRow("SHOW STATUS LIKE 'wsrep_local_state_comment'").Scan(&name, &state) == nil && state == "Synced")
	}, time.Minute, 50*time.Millisecond)
}
