package audittest

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/stretchr/testify/require"
)

// Stored counts the rows of every table for each tenant that has some.
func Stored(t testing.TB, dir storage.Directory) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, table := range schema.Tables() {
		count := &storage.Select{From: table, Columns: []string{storage.Count}}
		for tenant, err := range dir.Scopes(t.Context(), table) {
			require.NoError(t, err)
			rows := 0
			require.NoError(t, dir.Tenant(tenant).Get(t.Context(), count, nil, &rows))
			n[tenant+" "+table.Name] = rows
		}
	}
	return n
}

// refused: bad input gives an error that names the field and the rule, and nothing is
// written to any table.
func refused(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	s := dir.Tenant("acme")
	a := new(anchor)
	l := newLog(t, s, signed(a))
	require.NoError(t, l.Record(ctx, "fine", "c-1"))
	c, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	other := new(anchor)
	_, err = newLog(t, dir.Tenant("other"), signed(other)).Checkpoint(ctx)
	require.NoError(t, err)
	before := Stored(t, dir)
	for _, x := range []struct {
		name, says string
		want       error
		do         func() error
	}{
		{"no name of a tenant", "Tenant", gdpr.ErrInvalid, func() error { return newLog(t, dir.Tenant(""), nil).Record(ctx, "x", "c-1") }},
		{"a tenant that has no log", "not been opened", audit.ErrNoLog, func() error {
			_, err := newLog(t, dir.Tenant("nobody"), nil).ProveInclusion(ctx, 0, 0)
			return err
		}},
		{"empty action", "Event.Action: must have 1 to 96", gdpr.ErrInvalid, func() error { return l.Record(ctx, "", "c-2") }},
		{"attribute of no known type", "Attr.a: has type chan int, which cannot be recorded", gdpr.ErrInvalid, func() error {
			return l.Record(ctx, "x", "c-2", slog.Any("a", make(chan int)))
		}},
		{"the second of a batch", "Attr.a: is an error", gdpr.ErrInvalid, func() error {
			_, err := l.Append(ctx, audit.Event{Action: "x", Subject: "c-2", Key: "k"}, audit.Event{Action: "x", Attrs: []slog.Attr{slog.Any("a", errors.New("b"))}})
			return err
		}},
		{"clock far behind", "Event.At: is more than five minutes behind the log", audit.ErrClock, func() error {
			_, err := l.Append(ctx, audit.Event{Action: "x", Subject: "c-2", Key: "k", At: time.Now().Add(-time.Hour)})
			return err
		}},
		{"checkpoint of another log", "the checkpoint kept outside is not one of this log", audit.ErrRolledBack, func() error {
			mine := a.m
			defer func() { a.m = mine }()
			a.m = map[string][]byte{}
			for name := range mine {
				a.m[name] = other.only()
			}
			_, err := l.Verify(ctx)
			require.ErrorIs(t, err, audit.ErrRolledBack)
			require.ErrorIs(t, l.Rotate(ctx, Key("b")), audit.ErrRolledBack)
			_, err = l.Prune(ctx, 256, "p")
			require.ErrorIs(t, err, audit.ErrRolledBack)
			_, err = l.Checkpoint(ctx)
			return err
		}},
		{"index beyond the log", "no such entry", audit.ErrNotFound, func() error { return l.Redact(ctx, 99, "x") }},
		{"ground that is prose", "Ground: must be a code", gdpr.ErrInvalid, func() error { return l.Redact(ctx, 1, "she asked for it") }},
	} {
		err := x.do()
		require.ErrorIs(t, err, x.want, x.name)
		require.ErrorContains(t, err, x.says, x.name)
		require.Equal(t, before, Stored(t, dir), x.name)
	}
	damaged(t, l, c)
	intact(t, l)
}

// damaged: a bundle that lost a byte says in which line or entry.
func damaged(t *testing.T, l *audit.Log, c *audit.Checkpoint) {
	var buf bytes.Buffer
	_, err := l.WriteBundle(t.Context(), &buf, audit.Bundle{Kind: audit.KindLog})
	require.NoError(t, err)
	lines := strings.SplitAfter(buf.String(), "\n")
	for i := 2; i < len(lines)-1; i++ {
		bad := append([]string(nil), lines...)
		bad[i] = bad[i][:len(bad[i])/2] + bad[i][len(bad[i])/2+1:]
		_, err := audit.VerifyBundle(strings.NewReader(strings.Join(bad, "")), []string{vkey(t, c.Origin, "a")}, nil)
		var f *audit.Finding
		require.ErrorAs(t, err, &f, "line %d", i)
		require.True(t, f.Index >= 0 || strings.Contains(f.Rule, "line ") || strings.Contains(f.Rule, "checkpoint"), "%v", err)
	}
}
