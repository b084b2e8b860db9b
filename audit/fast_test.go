package audit

import (
	"context"
	"errors"
	"strings"
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

// TestFollow: behind the head that a process remembers nothing is written that does
// not follow, whoever wrote or undid something meanwhile.
func TestFollow(t *testing.T) {
	db := memstore.New(nil)
	s, elsewhere := db.Tenant("acme"), memstore.New(nil)
	a, err := New(s, nil)
	require.NoError(t, err)
	b, err := New(s, nil)
	require.NoError(t, err)
	ctx := t.Context()
	within := func(l *Log, action string, fail error) func(context.Context) error {
		return func(ctx context.Context) error { return errors.Join(l.Record(ctx, action, "c-1"), fail) }
	}
	undo := errors.New("undo")
	for range 300 { // over the end of a tile
		require.NoError(t, s.InTx(ctx, within(a, "a", nil)))
		require.ErrorIs(t, s.InTx(ctx, within(a, "undone", undo)), undo)
		require.NoError(t, s.InTx(ctx, within(b, "b", nil)))
		require.NoError(t, s.InTx(ctx, within(b, "c", nil)))
		require.ErrorIs(t, s.InTx(ctx, func(ctx context.Context) error {
			// the hooks of this inner transaction run before the outer one is undone
			return errors.Join(elsewhere.Tenant("acme").InTx(ctx, within(a, "undone", nil)), undo)
		}), undo)
		require.NoError(t, b.Record(ctx, "d", ""))
	}
	var got strings.Builder
	for e, err := range a.Entries(ctx, Filter{First: 1}) {
		require.NoError(t, err)
		got.WriteString(e.Action)
	}
	require.Equal(t, strings.Repeat("abcd", 300), got.String())
	_, err = a.Verify(ctx)
	require.NoError(t, err)
}
