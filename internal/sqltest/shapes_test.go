package sqltest_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	newLease   = &storage.Write{Verb: storage.Insert, Table: schema.Lease, Set: []string{"name", "owner", "until", "turn"}}
	putLease   = &storage.Write{Verb: storage.Put, Table: schema.Lease, Set: []string{"name", "owner"}}
	setOwner   = &storage.Write{Verb: storage.Update, Table: schema.Lease, Set: []string{"owner"}, Where: storage.By("name")}
	mustOwner  = &storage.Write{Verb: storage.Update, Table: schema.Lease, Set: []string{"owner"}, Where: storage.By("name"), Must: true}
	ownerOf    = &storage.Select{From: schema.Lease, Columns: []string{"owner"}, Where: storage.By("name")}
	ownerNow   = &storage.Select{From: schema.Lease, Columns: []string{"owner"}, Where: storage.By("name"), Mode: storage.Current}
	claimLease = &storage.Claim{Into: schema.Lease, Columns: []string{"name"}, Read: []string{"owner"}}
	leases     = &storage.Select{From: schema.Lease, Columns: []string{"name"}, Order: []string{"name"}}
)

func lease(t testing.TB, ctx context.Context, s storage.Store, name, owner string) {
	t.Helper()
	_, err := s.Apply(ctx, newLease.With(name, owner, 0, 0))
	require.NoError(t, err)
}

func owner(t testing.TB, ctx context.Context, s storage.Store, name string) string {
	t.Helper()
	var o string
	if err := s.Get(ctx, ownerOf, []any{name}, &o); !errors.Is(err, storage.ErrNotFound) {
		require.NoError(t, err)
	}
	return o
}

func begin(t testing.TB, pool *sql.DB, opts *sql.TxOptions) *sql.Tx {
	t.Helper()
	tx, err := pool.BeginTx(context.Background(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { tx.Rollback() })
	return tx
}
