package audittest

import (
	"bytes"
	"testing"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
)

// combined: legitimate acts, one after the other, raise no false alarm.
func combined(t *testing.T, dir storage.Directory) {
	t.Run("PruneThenOlderCheckpoints", func(t *testing.T) { pruneThenOlder(t, dir.Tenant("a")) })
	t.Run("PruneAtTheCheckpoint", func(t *testing.T) { pruneAtCheckpoint(t, dir.Tenant("b")) })
	t.Run("RedactRotateProve", func(t *testing.T) { redactRotate(t, dir.Tenant("c")) })
	t.Run("RestoreReopen", func(t *testing.T) { restoreReopen(t, dir.Tenant("d")) })
	t.Run("OlderAnchor", func(t *testing.T) { olderAnchor(t, dir.Tenant("e")) })
	t.Run("OtherKey", func(t *testing.T) { otherKey(t, dir.Tenant("f")) })
}

// upTo appends until a checkpoint, which adds a mark, has that size.
func upTo(t *testing.T, l *audit.Log, size uint64) *audit.Checkpoint {
	t.Helper()
	require.NoError(t, l.Open(t.Context()))
	n, err := l.Sealed(t.Context())
	require.NoError(t, err)
	_, err = l.Append(t.Context(), batch(int(size-n)-1)...)
	require.NoError(t, err)
	c, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Equal(t, size, c.Size)
	return c
}

func pruneThenOlder(t *testing.T, s storage.Store) {
	l := newLog(t, s, signed(new(anchor)))
	odd, even, last := upTo(t, l, 301), upTo(t, l, 512), upTo(t, l, 700)
	n, err := l.Prune(t.Context(), 600, "policy")
	require.NoError(t, err)
	require.Equal(t, uint64(512), n)
	intact(t, l)
	for _, b := range []audit.Bundle{{Kind: audit.KindLog}, {Kind: audit.KindRange, First: 520, End: 600}, {Kind: audit.KindSubject, Subject: "c-1"}} {
		b.Since = []uint64{odd.Size, even.Size, last.Size}
		var buf bytes.Buffer
		_, err := l.WriteBundle(t.Context(), &buf, b)
		require.NoError(t, err)
		keys := []string{vkey(t, last.Origin, "a")}
		for _, c := range []*audit.Checkpoint{even, last} {
			r, err := audit.VerifyBundle(bytes.NewReader(buf.Bytes()), keys, c.Note)
			require.NoError(t, err, "%s", b.Kind)
			require.Equal(t, c.Size, r.Outside)
		}
		_, err = audit.VerifyBundle(bytes.NewReader(buf.Bytes()), keys, odd.Note)
		require.ErrorIs(t, err, audit.ErrUndecided)
		require.NotErrorIs(t, err, audit.ErrTampered)
	}
	_, err = l.ProveConsistency(t.Context(), odd.Size, 0)
	require.Error(t, err)
	require.NotErrorIs(t, err, audit.ErrTampered)
	path, err := l.ProveConsistency(t.Context(), even.Size, last.Size)
	require.NoError(t, err)
	require.NoError(t, merkle.CheckConsistency(even.Size, last.Size, even.Root, last.Root, path))
}

// The mark of the checkpoint is the last entry that is dropped.
func pruneAtCheckpoint(t *testing.T, s storage.Store) {
	l := newLog(t, s, signed(new(anchor)))
	c := upTo(t, l, 512)
	n, err := l.Prune(t.Context(), 512, "policy")
	require.NoError(t, err)
	require.Equal(t, c.Size, n)
	require.Equal(t, c.Size, intact(t, l).Outside)
	upTo(t, l, 520)
	intact(t, newLog(t, s, &audit.Options{Secret: secret})) // without signer and anchor
}

func redactRotate(t *testing.T, s storage.Store) {
	ctx := t.Context()
	l := newLog(t, s, signed(new(anchor)))
	c := upTo(t, l, 40)
	require.NoError(t, l.Redact(ctx, 7, "test"))
	require.NoError(t, l.Rotate(ctx, Key("b")))
	require.NoError(t, l.Redact(ctx, 8, "test"))
	last, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	require.NoError(t, l.Rotate(ctx, Key("a"))) // and back
	require.Equal(t, uint64(2), intact(t, l).Redacted)
	path, err := l.ProveConsistency(ctx, c.Size, last.Size)
	require.NoError(t, err)
	require.NoError(t, merkle.CheckConsistency(c.Size, last.Size, c.Root, last.Root, path))
	var buf bytes.Buffer
	_, err = l.WriteBundle(ctx, &buf, audit.Bundle{Kind: audit.KindLog, Since: []uint64{c.Size, last.Size}})
	require.NoError(t, err)
	both := []string{vkey(t, c.Origin, "a"), vkey(t, c.Origin, "b")}
	for _, outside := range []*audit.Checkpoint{c, last} {
		_, err = audit.VerifyBundle(bytes.NewReader(buf.Bytes()), both, outside.Note)
		require.NoError(t, err)
	}
	_, err = audit.VerifyBundle(bytes.NewReader(buf.Bytes()), both[1:], nil)
	require.ErrorIs(t, err, audit.ErrUndecided)
	for _, key := range []string{"a", "b"} { // a process that knows but one of the keys
		o := signed(nil)
		o.Anchor, o.Signer = nil, Key(key)
		intact(t, newLog(t, s, o))
	}
}

func restoreReopen(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a := new(anchor)
	l, other := newLog(t, s, signed(a)), newLog(t, s, signed(a))
	upTo(t, l, 300)
	require.NoError(t, other.Record(ctx, "x", ""))
	old := dump(t, s)
	upTo(t, l, 320)
	restore(t, s, old)
	require.NoError(t, other.Record(ctx, "x", ""), "the host goes on writing")
	for _, p := range []*audit.Log{l, other} {
		_, err := p.Verify(ctx)
		require.ErrorIs(t, err, audit.ErrRolledBack)
		_, err = p.Checkpoint(ctx)
		require.ErrorIs(t, err, audit.ErrRolledBack)
	}
	closed := uint64(302) // what was restored and one entry since
	for range 2 {
		require.NoError(t, l.Reopen(ctx, "restored"))
		require.NoError(t, other.Record(ctx, "x", ""), "in another process")
		_, err := other.Checkpoint(ctx)
		require.NoError(t, err)
		r := intact(t, l)
		require.Equal(t, closed, r.Closed)
		require.NotZero(t, r.Outside)
		closed += r.Size
	}
	upTo(t, l, 600)
	require.NoError(t, l.Redact(ctx, 300, "test"))
	require.NoError(t, other.Rotate(ctx, Key("b")))
	require.NotZero(t, intact(t, other).Closed)
	_, err := l.Prune(ctx, 256, "policy")
	require.NoError(t, err)
	require.NoError(t, l.Redact(ctx, 301, "test"))
	require.Zero(t, intact(t, other).Closed, "they went before the present one")
	_, err = newLog(t, s, signed(a)).Verify(ctx) // with the key before
	require.NoError(t, err)
}

func olderAnchor(t *testing.T, s storage.Store) {
	a := new(anchor)
	l := newLog(t, s, signed(a))
	early := upTo(t, l, 20)
	late := upTo(t, l, 40)
	for name := range a.m {
		a.m[name] = early.Note
	}
	require.Equal(t, early.Size, intact(t, l).Outside)
	c, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Equal(t, late.Note, c.Note)
	require.Equal(t, late.Note, a.only())
}

// otherKey: a host that changed the key without Rotate.
func otherKey(t *testing.T, s storage.Store) {
	a := new(anchor)
	l := newLog(t, s, signed(a))
	upTo(t, l, 20)
	o := signed(a)
	o.Signer = Key("b")
	next := newLog(t, s, o)
	_, err := next.Checkpoint(t.Context())
	require.NoError(t, err)
	require.NoError(t, next.Record(t.Context(), "x", ""))
	_, err = next.Checkpoint(t.Context())
	require.NoError(t, err)
	intact(t, next)
	intact(t, l)
}
