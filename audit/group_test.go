package audit

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// TestGroupCommit: while the store is busy, callers queue up; those who give up
// before they are taken leave no entry, those after learn that the outcome is
// unknown, and all others get one transaction.
func TestGroupCommit(t *testing.T) {
	db := memstore.New(&memstore.Options{Traits: &storage.Traits{}})
	s := db.Tenant("acme")
	l, err := New(s, nil)
	require.NoError(t, err)
	ctx := t.Context()
	require.NoError(t, l.Open(ctx))

	entered, release := make(chan bool), make(chan bool)
	go db.Tenant("other").InTx(ctx, func(context.Context) error { close(entered); <-release; return nil })
	<-entered // the only writer of the store

	var wg sync.WaitGroup
	leader, cancelLeader := context.WithCancel(ctx)
	wg.Go(func() { require.NoError(t, l.Record(leader, "leader", "")) })
	require.Eventually(t, func() bool {
		l.group.mu.Lock()
		defer l.group.mu.Unlock()
		return l.group.leading && len(l.group.queue) == 0
	}, time.Second, time.Millisecond)
	cancelLeader() // the work goes on for the others

	quitter, quit := context.WithCancel(ctx)
	wg.Go(func() { require.ErrorIs(t, l.Record(quitter, "quitter", ""), context.Canceled) })
	for range 5 {
		wg.Go(func() { require.NoError(t, l.Record(ctx, "follower", "")) })
	}
	require.Eventually(t, func() bool {
		l.group.mu.Lock()
		defer l.group.mu.Unlock()
		return len(l.group.queue) == 6
	}, time.Second, time.Millisecond)
	quit()
	require.Eventually(t, func() bool {
		l.group.mu.Lock()
		defer l.group.mu.Unlock()
		return len(l.group.queue) == 5
	}, time.Second, time.Millisecond)
	close(release)
	wg.Wait()
	r, err := l.Verify(ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(7), r.Size)
	require.False(t, l.group.leading)
}

func TestOutcomeUnknown(t *testing.T) {
	l := &Log{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	taken := newTicket(nil)
	taken.taken = true
	require.ErrorIs(t, l.giveUp(ctx, taken), storage.ErrOutcomeUnknown)
	taken.done <- nil
	require.NoError(t, l.giveUp(ctx, taken))
	heir := newTicket(nil) // it was to lead when it gave up
	next := newTicket(nil)
	l.group.leading, l.group.queue = true, []*ticket{heir, next}
	heir.lead <- struct{}{}
	require.ErrorIs(t, l.giveUp(ctx, heir), context.Canceled)
	<-next.lead
}

func TestRun(t *testing.T) {
	db := memstore.New(&memstore.Options{Traits: &storage.Traits{}})
	s := db.Tenant("acme")
	l, err := New(s, &Options{SealEvery: time.Hour})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, l.Open(ctx))
	require.NoError(t, s.InTx(ctx, func(ctx context.Context) error { return l.Record(ctx, "x", "") }))
	require.NoError(t, s.InTx(ctx, func(ctx context.Context) error { return l.Record(ctx, "x", "") }))
	n, err := SealAll(ctx, db, func(tenant string) (*Log, error) { return New(db.Tenant(tenant), nil) })
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, s.InTx(ctx, func(ctx context.Context) error { return l.Record(ctx, "x", "") }))
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	require.Eventually(t, func() bool { n, _, _ := l.Pending(ctx); return n == 0 }, 3*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

func TestFileAnchor(t *testing.T) {
	ctx := t.Context()
	a := NewFileAnchor(t.TempDir())
	got, err := a.Load(ctx, "n")
	require.NoError(t, err)
	require.Nil(t, got)
	require.NoError(t, a.Save(ctx, "n", []byte("one")))
	require.NoError(t, a.Save(ctx, "n", []byte("two")))
	got, err = a.Load(ctx, "n")
	require.NoError(t, err)
	require.Equal(t, "two", string(got))
	_, err = NewFileAnchor(t.TempDir()+"/not/mounted").Load(ctx, "n")
	require.Error(t, err, "a volume that is missing is not an empty one")
}
