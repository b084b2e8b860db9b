package audit_test

import (
	"bytes"
	"context"
	"iter"
	"testing"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/internal/audittest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
	"github.com/stretchr/testify/require"
)

// betweenStore calls a hook before its n-th read.
type betweenStore struct {
	storage.Store
	b *between
}

type between struct {
	reads, at int
	hook      func()
}

func (b *between) read() {
	if b.reads++; b.reads == b.at && b.hook != nil {
		b.hook()
	}
}

func (s betweenStore) Scan(ctx context.Context, q *storage.Select, args []any) iter.Seq2[storage.Row, error] {
	if s.State(ctx) == storage.Outside {
		s.b.read()
	}
	return s.Store.Scan(ctx, q, args)
}

func (s betweenStore) Get(ctx context.Context, q *storage.Select, args []any, dest ...any) error {
	if s.State(ctx) == storage.Outside {
		s.b.read()
	}
	return s.Store.Get(ctx, q, args, dest...)
}

// oneAnchor keeps the checkpoint of one log.
type oneAnchor struct{ note []byte }

func (a *oneAnchor) Load(context.Context, string) ([]byte, error) { return a.note, nil }

func (a *oneAnchor) Save(_ context.Context, _ string, note []byte) error {
	a.note = note
	return nil
}

// TestPrunedBetween: whoever reads while another process prunes, closed logs too, gets no
// false alarm, whichever read it comes between.
func TestPrunedBetween(t *testing.T) {
	ctx := t.Context()
	dir := memstore.New(nil)
	anchor := new(oneAnchor)
	s := dir.Tenant("acme")
	b := new(between)
	o := &audit.Options{Signer: audittest.Key("a"), Anchor: anchor}
	slow, err := audit.New(betweenStore{s, b}, o)
	require.NoError(t, err)
	other, err := audit.New(s, o)
	require.NoError(t, err)
	fill := func() {
		events := make([]audit.Event, 300)
		for i := range events {
			events[i] = audit.Event{Action: "x", Subject: "c-1"}
			if i%50 == 7 {
				events[i].Subject, events[i].Subjects = "", []string{"c-2", "c-1"}
			}
		}
		_, err := other.Append(ctx, events...)
		require.NoError(t, err)
		require.NoError(t, other.RedactIn(ctx, 1, 270, "x"))
		_, err = other.Checkpoint(ctx)
		require.NoError(t, err)
	}
	fill()
	require.NoError(t, other.Reopen(ctx, "test"))
	fill()
	require.NoError(t, other.RedactIn(ctx, 1, 271, "x"))
	restore, kept := audittest.Backup(t, s), anchor.note
	reads := map[string]func() error{
		"Verify": func() error { _, err := slow.Verify(ctx); return err },
		"Entries": func() error {
			for _, err := range slow.Entries(ctx, audit.Filter{Subject: "c-1"}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"WriteBundle": func() error {
			_, err := slow.WriteBundle(ctx, new(bytes.Buffer), audit.Bundle{Kind: audit.KindSubject, Subject: "c-1"})
			return err
		},
		"WriteLog": func() error {
			_, err := slow.WriteBundle(ctx, new(bytes.Buffer), audit.Bundle{Kind: audit.KindLog})
			return err
		},
		"RedactDue": func() error { _, err := slow.RedactDue(ctx, 10); return err },
		"Lint":      func() error { _, err := slow.Lint(ctx); return err },
	}
	prunes := []func() error{
		func() error { _, err := other.PruneIn(ctx, 1, 256, "p"); return err },
		func() error { _, err := other.PruneIn(ctx, 1, 1<<40, "p"); return err },
		func() error { _, err := other.Prune(ctx, 256, "p"); return err },
	}
	for name, read := range reads {
		for i, prune := range prunes {
			for at := i + 1; at < 60; at++ {
				*b = between{at: at, hook: func() { require.NoError(t, prune()) }}
				if err := read(); err != nil {
					require.NotErrorIs(t, err, audit.ErrTampered, "%s, prune %d before read %d", name, i, at)
					require.ErrorIs(t, err, storage.ErrStale, "%s, prune %d before read %d", name, i, at)
				}
				b.hook = nil
				if b.reads < at {
					break
				}
				restore()
				anchor.note = kept
				if !audittest.Long() {
					at += 5 + at/2
				}
			}
		}
	}
}
