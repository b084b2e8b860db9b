package audittest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/stretchr/testify/require"
)

func seqOf[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, x := range list {
			if !yield(x, nil) {
				return
			}
		}
	}
}

func batch(n int) []audit.Event {
	events := make([]audit.Event, n)
	for i := range events {
		events[i] = audit.Event{Action: "contact.viewed", Subject: fmt.Sprint("c-", i%5), Attrs: []slog.Attr{slog.Int("i", i)}}
	}
	return events
}

// tiles: proofs of all kinds hold over several tiles, however the entries came.
func tiles(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	l := newLog(t, dir.Tenant("acme"), nil)
	var roots []*audit.Report
	for _, n := range []int{1, 254, 1, 255, 257, 600, 3} {
		_, err := l.Append(ctx, batch(n)...)
		require.NoError(t, err)
		roots = append(roots, intact(t, l))
	}
	last := roots[len(roots)-1]
	for _, r := range roots {
		for _, i := range []uint64{0, 1, 255, 256, 511, 512, 700, 1000, r.Size - 1} {
			if i >= r.Size {
				continue
			}
			p, err := l.ProveInclusion(ctx, i, r.Size)
			require.NoError(t, err)
			require.Equal(t, r.Root, p.Root, "%d in %d", i, r.Size)
		}
		path, err := l.ProveConsistency(ctx, r.Size, 0)
		require.NoError(t, err)
		require.NoError(t, merkle.CheckConsistency(r.Size, last.Size, r.Root, last.Root, path))
	}
	_, err := l.ProveInclusion(ctx, last.Size, 0)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	_, err = l.ProveConsistency(ctx, 0, 5)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
}

func checkpoints(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	a := new(anchor)
	l := newLog(t, dir.Tenant("acme"), signed(a))
	require.NoError(t, l.Record(ctx, "x", ""))
	c1, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	again, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	require.Equal(t, c1.Note, again.Note, "nothing was added")
	require.NoError(t, l.Record(ctx, "x", ""))
	c2, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	require.Equal(t, c1.Size+2, c2.Size) // the entry and the mark
	require.Equal(t, c2.Note, a.only())
	r := intact(t, l)
	require.Equal(t, 2, r.Checkpoints)
	require.Equal(t, c2.Size, r.Outside)
	require.ErrorIs(t, dir.Tenant("acme").InTx(ctx, func(ctx context.Context) error { _, err := l.Checkpoint(ctx); return err }), storage.ErrInTx)
}

func vkey(t *testing.T, origin, seed string) string {
	t.Helper()
	v, err := audit.VerifierKey(origin, Key(seed).Public())
	require.NoError(t, err)
	return v
}

func rotate(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	a := new(anchor)
	l := newLog(t, dir.Tenant("acme"), signed(a))
	c, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	require.NoError(t, l.Rotate(ctx, Key("b")))
	intact(t, l)
	o := signed(a)
	o.Signer = Key("b")
	l = newLog(t, dir.Tenant("acme"), o)
	require.NoError(t, l.Record(ctx, "x", ""))
	_, err = l.Checkpoint(ctx)
	require.NoError(t, err)
	intact(t, l)
	oldKey, newKey := vkey(t, c.Origin, "a"), vkey(t, c.Origin, "b")
	both := 0
	for _, x := range rawTable(t, dir.Tenant("acme"), schema.AuditCheckpoint).rows() {
		_, names, err := audit.OpenNote(x[2].([]byte), oldKey, newKey)
		require.NoError(t, err)
		if len(names) == 2 {
			both++
		}
	}
	require.Equal(t, 1, both)
	var acts []string
	for e, err := range l.Entries(ctx, audit.Filter{}) {
		require.NoError(t, err)
		if strings.HasPrefix(e.Action, "log.key") {
			acts = append(acts, e.Action)
		}
	}
	require.Equal(t, []string{"log.key.added", "log.key.retired"}, acts)
}

func redact(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	held := false
	now := time.Now()
	l := newLog(t, dir.Tenant("acme"), &audit.Options{
		Held: func(context.Context) (bool, error) { return held, nil },
		Now:  func() time.Time { return now },
	})
	receipts, err := l.Append(ctx, append(batch(20), audit.Event{Action: "access.read", Subject: "c-1", Subjects: []string{"c-2"}})...)
	require.NoError(t, err)
	intact(t, l)
	held = true
	require.ErrorIs(t, l.Redact(ctx, 3, "minimise"), audit.ErrHeld)
	held = false
	require.ErrorIs(t, l.Redact(ctx, 3, "Because Bob"), gdpr.ErrInvalid)
	require.ErrorIs(t, l.Redact(ctx, 0, "x"), gdpr.ErrInvalid)
	require.ErrorIs(t, l.Redact(ctx, 99, "x"), audit.ErrNotFound)
	require.NoError(t, l.Redact(ctx, 3, "minimise"))
	require.NoError(t, l.Redact(ctx, 3, "minimise"))
	r := intact(t, l)
	require.Equal(t, uint64(1), r.Redacted)
	n := 0
	for e, err := range l.Entries(ctx, audit.Filter{}) {
		require.NoError(t, err)
		if e.Redacted {
			require.Equal(t, uint64(3), e.Index)
			n++
		}
	}
	require.Equal(t, 1, n)
	for d, err := range l.Reconcile(ctx, seqOf(receipts)) {
		t.Fatal(d, err)
	}
	unset, err := l.Lint(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"contact.viewed"}, unset)
	now = now.Add(366 * 24 * time.Hour)
	done, err := l.RedactDue(ctx, 100)
	require.NoError(t, err)
	require.Equal(t, 1, done)
	require.Equal(t, uint64(2), intact(t, l).Redacted)
}

func prune(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	a := new(anchor)
	o := signed(a)
	held := true
	o.Held = func(context.Context) (bool, error) { return held, nil }
	s := dir.Tenant("acme")
	l := newLog(t, s, o)
	_, err := l.Append(ctx, batch(600)...)
	require.NoError(t, err)
	_, err = l.Prune(ctx, 300, "policy1")
	require.ErrorIs(t, err, audit.ErrHeld)
	held = false
	_, err = l.Prune(ctx, 300, "policy1")
	require.ErrorIs(t, err, audit.ErrNoAnchor)
	require.NoError(t, l.Redact(ctx, 5, "x"))
	require.NoError(t, l.Redact(ctx, 400, "x"))
	c, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	n, err := l.Prune(ctx, 300, "policy1")
	require.NoError(t, err)
	require.Equal(t, uint64(256), n)
	r := intact(t, l)
	require.Equal(t, uint64(256), r.Pruned)
	require.Equal(t, c.Size, r.Outside)
	require.Len(t, rawTable(t, s, schema.AuditEntry).rows(), int(r.Size-256))
	_, err = l.Append(ctx, batch(300)...)
	require.NoError(t, err)
	require.NoError(t, l.Rotate(ctx, Key("b")))
	intact(t, l)
	n, err = l.Prune(ctx, 600, "policy2")
	require.NoError(t, err)
	require.Equal(t, uint64(512), n)
	r = intact(t, l)
	for _, x := range []uint64{512, 700, r.Size - 1} {
		p, err := l.ProveInclusion(ctx, x, 0)
		require.NoError(t, err)
		require.Equal(t, r.Root, p.Root)
	}
	path, err := l.ProveConsistency(ctx, c.Size, 0)
	require.NoError(t, err)
	require.NoError(t, merkle.CheckConsistency(c.Size, r.Size, c.Root, r.Root, path))
	e := rawTable(t, s, schema.AuditEntry)
	rows := e.rows()
	v := &victim{t: t, s: s, l: l}
	v.remove(e, rows[:1], "one more than pruned")
	v.remove(e, rows[:256], "a tile more than pruned")
	for _, table := range []*storage.Table{schema.AuditTile, schema.AuditHead} {
		x := rawTable(t, s, table)
		for i, old := range x.rows() {
			for c := range old {
				v.flipColumn(x, old, c, false, i)
			}
		}
	}
	v.isNotFound("after all")
}

func bundles(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	a := new(anchor)
	now := time.Now()
	o := signed(a)
	o.Now = func() time.Time { return now }
	l := newLog(t, dir.Tenant("acme"), o)
	_, err := l.Append(ctx, batch(300)...)
	require.NoError(t, err)
	early, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	now = now.Add(time.Hour)
	_, err = l.Append(ctx, batch(300)...)
	require.NoError(t, err)
	require.NoError(t, l.Redact(ctx, 9, "x"))
	keys := []string{vkey(t, early.Origin, "a")}
	kinds := map[string]audit.Bundle{
		"log": {Kind: audit.KindLog}, "range": {Kind: audit.KindRange, First: 5, End: 400}, "none": {Kind: audit.KindRange, First: 5, End: 5},
		"period": {Kind: audit.KindRange, From: now.Add(-time.Minute), To: now},
		"entry":  {Kind: audit.KindEntry, Index: 299}, "redacted": {Kind: audit.KindEntry, Index: 9},
		"subject": {Kind: audit.KindSubject, Subject: "c-1"}, "nobody": {Kind: audit.KindSubject, Subject: "nobody"},
	}
	for name, b := range kinds {
		b.Since = []uint64{early.Size}
		var buf bytes.Buffer
		c, err := l.WriteBundle(ctx, &buf, b)
		require.NoError(t, err, name)
		r, err := audit.VerifyBundle(bytes.NewReader(buf.Bytes()), keys, early.Note)
		require.NoError(t, err, name)
		require.Equal(t, c.Root, r.Root)
		require.Equal(t, early.Size, r.Outside)
		if name == "subject" {
			require.Equal(t, uint64(120), r.Count)
			require.True(t, r.Stated)
		}
		if name == "period" {
			require.GreaterOrEqual(t, r.Count, uint64(300))
			require.Less(t, r.Count, uint64(350))
		}
		_, err = audit.VerifyBundle(bytes.NewReader(buf.Bytes()), []string{vkey(t, early.Origin, "b")}, nil)
		require.ErrorIs(t, err, audit.ErrUndecided)
		if !dir.Tenant("acme").Traits().Durable { // a bundle is the same whatever the store
			tamperBundle(t, name, buf.Bytes(), keys)
		}
	}
	for _, b := range []audit.Bundle{{}, {Kind: audit.KindSubject}, {Kind: audit.KindRange, First: 9, End: 3}, {Kind: audit.KindRange, End: 1 << 40}, {Kind: audit.KindLog, From: now, To: now}} {
		_, err := l.WriteBundle(ctx, &bytes.Buffer{}, b)
		require.ErrorIs(t, err, gdpr.ErrInvalid)
	}
	_, err = l.WriteBundle(ctx, &bytes.Buffer{}, audit.Bundle{Kind: audit.KindEntry, Index: 1 << 40})
	require.ErrorIs(t, err, audit.ErrNotFound)
}

func source(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	o := signed(nil)
	o.Anchor = nil
	v := o.Sealer.(*vault)
	l := newLog(t, dir.Tenant("acme"), o)
	require.NoError(t, l.Record(ctx, "call.noted", "c-1", slog.String("note", "likes tea"), gdpr.Personal("other", "c-2", "hates tea")))
	intact(t, l)
	export := func(subject string) (all string) {
		for b, err := range l.Export(ctx, subject) {
			require.NoError(t, err)
			require.True(t, json.Valid(b))
			all += string(b)
		}
		return all
	}
	require.Contains(t, export("c-1"), "likes tea")
	require.NotContains(t, export("c-1"), "hates tea")
	require.Contains(t, export("c-2"), "hates tea")
	v.shred("c-1")
	require.NotContains(t, export("c-1"), "likes tea")
	intact(t, l)
	erased, kept, err := l.Forget(ctx, "c-1", "erasure", time.Time{})
	require.NoError(t, err)
	require.Equal(t, 1, erased)
	require.Equal(t, 1, kept)
	require.Empty(t, export("c-1"))
	intact(t, l)
	tok := newLog(t, dir.Tenant("tok"), &audit.Options{Tokeniser: tokens{"k"}})
	require.NoError(t, tok.Record(ctx, "x", "c-1"))
	erased, kept, err = tok.Forget(ctx, "c-1", "erasure", time.Time{})
	require.NoError(t, err)
	require.Zero(t, erased)
	require.Equal(t, 1, kept)
}

func reconcile(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	l := newLog(t, dir.Tenant("acme"), nil)
	receipts, err := l.Append(ctx, batch(5)...)
	require.NoError(t, err)
	receipts[1].Hash[3] ^= 1
	receipts[2].ID[9] ^= 1
	var rules []string
	for d, err := range l.Reconcile(ctx, seqOf(receipts)) {
		require.NoError(t, err)
		rules = append(rules, d.Rule)
	}
	require.Equal(t, []string{"another entry has this id", "missing"}, rules)
	require.NoError(t, l.Reopen(ctx, "test"))
	require.NoError(t, l.Record(ctx, "x", ""))
	intact(t, l)
	for d, err := range l.Reconcile(ctx, seqOf(receipts[3:])) {
		t.Fatal(d, err)
	}
}
