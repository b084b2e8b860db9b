package consent

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/journal"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// restored opens a ledger over an older copy: one in which only what was done until
// the copy exists.
func restored(t *testing.T, j *journal.File, until func(b *bench)) *bench {
	b := open(t, func(o *Options) { o.Journal = nil })
	until(b)
	old, err := New(b.db.Tenant("acme"), b.catalogue, withJournal(b.opts, j))
	require.NoError(t, err)
	b.Ledger = old
	return b
}

func withJournal(o *Options, j *journal.File) *Options {
	c := *o
	c.Journal = j
	return &c
}

func newJournal(t *testing.T) *journal.File {
	j, err := journal.Create(filepath.Join(t.TempDir(), "stops"))
	require.NoError(t, err)
	t.Cleanup(func() { j.Close() })
	return j
}

func TestRestoreOlderThanTheAnchorDeniesUntilAccepted(t *testing.T) {
	j := newJournal(t)
	given := func(b *bench) {
		for _, s := range []string{"c-1", "c-2", "c-3"} {
			_, err := b.Give(ctx, giving(s, "news", "email", 1))
			require.NoError(t, err)
		}
	}
	live := open(t, func(o *Options) { o.Journal = j })
	given(live)
	n, err := j.Len()
	require.NoError(t, err)
	require.Zero(t, n, "only stops are journaled")
	_, err = live.Withdraw(ctx, Act{Subject: "c-1", Purpose: "news", Channel: "email", At: day(5)})
	require.NoError(t, err)
	_, err = live.ObjectMarketing(ctx, Act{Subject: "c-2", At: day(6)})
	require.NoError(t, err)
	_, err = live.Suppress(ctx, Act{Address: "x@example.org", At: day(6)})
	require.NoError(t, err)
	_, err = live.Withdraw(ctx, Act{Subject: "later", Purpose: "product-a", At: day(7)})
	require.NoError(t, err)
	n, err = j.Len()
	require.NoError(t, err)
	require.EqualValues(t, 4, n)
	live.allowed(t, "c-3", "news", "email")

	again, err := New(live.db.Tenant("acme"), live.catalogue, live.opts)
	require.NoError(t, err)
	require.False(t, again.restored.Load(), "the same database is not a restored one")

	b := restored(t, j, given)
	b.denied(t, Restored, "c-1", "news", "email")
	b.denied(t, Restored, "c-3", "news", "email")
	_, err = b.Filter(ctx, Campaign{Purpose: "news", Channel: "email"}, func(string) error { return nil })
	require.ErrorIs(t, err, gdpr.ErrDenied)
	_, err = b.AcceptRestore(ctx, "")
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	applied, err := b.AcceptRestore(ctx, "incident-7")
	require.NoError(t, err)
	require.Equal(t, 2, applied)
	b.denied(t, ConsentWithdrawn, "c-1", "news", "email")
	b.denied(t, ObjectedMarketing, "c-2", "news", "email")
	b.allowed(t, "c-3", "news", "email")
	d, err := b.Check(ctx, Query{Subject: "c-3", Purpose: "news", Channel: "email", Address: "x@example.org"})
	require.NoError(t, err)
	require.Equal(t, Suppressed, d.Reason)
	applied, err = b.AcceptRestore(ctx, "incident-7")
	require.NoError(t, err)
	require.Zero(t, applied)
}

func TestSharedJournalHoldsSeveralTenants(t *testing.T) {
	j := newJournal(t)
	require.NoError(t, j.Append(ctx, []byte("a record of another part")))
	db := memstore.New(nil)
	b := open(t, nil)
	for _, tenant := range []string{"acme", "zeta"} {
		l, err := New(db.Tenant(tenant), b.catalogue, withJournal(b.opts, j))
		require.NoError(t, err)
		_, err = l.Withdraw(ctx, Act{Subject: "c-1", Purpose: "product-a", At: day(1)})
		require.NoError(t, err)
		require.False(t, l.restored.Load())
	}
	l, err := New(db.Tenant("acme"), b.catalogue, withJournal(b.opts, j))
	require.NoError(t, err)
	require.False(t, l.restored.Load())
}

// A stop that commits in a transaction of the host waits in the outbox, and is not
// taken for a restore by another process meanwhile.
func TestStopsWaitInTheOutbox(t *testing.T) {
	j := newJournal(t)
	b := open(t, func(o *Options) { o.Journal = j })
	err := b.store.InTx(ctx, func(in context.Context) error {
		if _, err := b.Withdraw(in, Act{Subject: "c-1", Purpose: "product-a", At: day(1)}); err != nil {
			return err
		}
		_, err := b.Anchor(in)
		require.ErrorIs(t, err, storage.ErrInTx)
		return nil
	})
	require.NoError(t, err)
	n, err := b.Anchor(ctx)
	require.NoError(t, err)
	require.Zero(t, n, "the commit was seen, so nothing waits")
	length, err := j.Len()
	require.NoError(t, err)
	require.EqualValues(t, 1, length)

	no := errors.New("rolled back")
	err = b.store.InTx(ctx, func(in context.Context) error {
		if _, err := b.Withdraw(in, Act{Subject: "c-2", Purpose: "product-a", At: day(1)}); err != nil {
			return err
		}
		return no
	})
	require.ErrorIs(t, err, no)
	after, err := j.Len()
	require.NoError(t, err)
	require.Equal(t, length, after, "what was rolled back is not journaled")
}
