package storage_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage"
)

type hostKey struct{}

func TestAfterCommitCollectsForTheInnermostOwnedTransaction(t *testing.T) {
	ctx := context.Background()
	require.False(t, storage.AfterCommit(ctx, func() {}), "no transaction")

	var ran []string
	outer, outerHooks := storage.WithHooks(ctx)
	require.True(t, storage.AfterCommit(outer, func() { ran = append(ran, "outer") }))
	inner, innerHooks := storage.WithHooks(outer)
	require.True(t, storage.AfterCommit(inner, func() { ran = append(ran, "first") }))
	require.True(t, storage.AfterCommit(inner, func() { ran = append(ran, "second") }))
	innerHooks.Run()
	require.Equal(t, []string{"first", "second"}, ran)
	outerHooks.Run()
	require.Equal(t, []string{"first", "second", "outer"}, ran)

	require.False(t, storage.AfterCommit(storage.WithoutHooks(outer), func() {}), "the host's transaction")
}

func TestDetachKeepsValuesAndNothingElse(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), hostKey{}, "host"), time.Hour)
	db := new(int)
	ctx = context.WithValue(ctx, storage.TxKey{DB: db}, "transaction")
	ctx, _ = storage.WithHooks(ctx)
	free := storage.Detach(ctx)
	cancel()

	require.Equal(t, "host", free.Value(hostKey{}))
	require.Nil(t, free.Value(storage.TxKey{DB: db}))
	require.NoError(t, free.Err())
	_, limited := free.Deadline()
	require.False(t, limited)
	require.False(t, storage.AfterCommit(free, func() {}))

	again := context.WithValue(free, storage.TxKey{DB: db}, "another")
	require.Equal(t, "another", again.Value(storage.TxKey{DB: db}), "a detached context can hold a new transaction")
}
