package audit

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// TestLostAnswer: an append that was committed although its caller saw an error is
// found by its id and not added again.
func TestLostAnswer(t *testing.T) {
	l, err := New(memstore.New(&memstore.Options{Traits: &storage.Traits{}}).Tenant("acme"), nil)
	require.NoError(t, err)
	ctx := t.Context()
	require.NoError(t, l.Open(ctx))
	c, err := l.collect(ctx, &Event{Action: "x"})
	require.NoError(t, err)
	d, err := l.prepare(ctx, &Event{Action: "x"}, c, nil)
	require.NoError(t, err)
	require.NoError(t, l.sealBatch(ctx, []*draft{d}))
	require.NoError(t, l.sealBatch(ctx, []*draft{d}))
	require.NoError(t, l.resolve(ctx, []*draft{d}, storage.ErrOutcomeUnknown))
	n, err := l.Sealed(ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(2), n)
}

// TestStaleHead: two processes that both think they wrote last lose nothing, and
// what a transaction staged before comes first.
func TestStaleHead(t *testing.T) {
	t.Run("staged", func(t *testing.T) { staleHead(t, storage.Traits{}) })
	t.Run("inside", func(t *testing.T) { staleHead(t, storage.Traits{SealInside: true}) })
}

func staleHead(t *testing.T, traits storage.Traits) {
	s := memstore.New(&memstore.Options{Traits: &traits}).Tenant("acme")
	a, err := New(s, &Options{SealEvery: 1 << 60})
	require.NoError(t, err)
	b, err := New(s, nil)
	require.NoError(t, err)
	ctx := t.Context()
	for range 4 {
		require.NoError(t, a.Record(ctx, "a", ""))
		require.NoError(t, a.Record(ctx, "a", ""))
		require.NoError(t, b.Record(ctx, "b", ""))
	}
	require.NoError(t, s.InTx(ctx, func(ctx context.Context) error { return a.Record(ctx, "staged", "") }))
	require.NoError(t, b.Record(ctx, "last", ""))
	var got string
	for e, err := range a.Entries(ctx, Filter{First: 1}) {
		require.NoError(t, err)
		got += e.Action[:1]
	}
	require.Equal(t, "aabaabaabaabsl", got)
	_, err = a.Verify(ctx)
	require.NoError(t, err)
	_, err = New(s, &Options{Keys: []string{"x"}})
	require.ErrorIs(t, err, gdpr.ErrInvalid)
}
