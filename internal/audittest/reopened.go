package audittest

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
)

// closedReached: entries of logs that Reopen closed are given to whom they are about,
// lose their payload when its period is over, and are forgotten with the others.
func closedReached(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	now := time.Now()
	o := signed(nil)
	o.Anchor, o.Now = nil, func() time.Time { return now }
	o.Payload = map[string]string{"call.": "P1D"}
	l := newLog(t, dir.Tenant("acme"), o)
	for round := range 3 {
		require.NoError(t, l.Record(ctx, "call.noted", "c-1", slog.String("note", fmt.Sprint("tea ", round))))
		require.NoError(t, l.Record(ctx, "call.noted", "c-2"))
		if round < 2 {
			require.NoError(t, l.Reopen(ctx, "restored"))
		}
	}
	intact(t, l)
	list := func(f audit.Filter) (notes []string) {
		f.Subject, f.Open = "c-1", true
		for e, err := range l.Entries(ctx, f) {
			require.NoError(t, err)
			notes = append(notes, fmt.Sprint(e.Index, e.Closed))
		}
		return notes
	}
	require.Equal(t, []string{"1 true", "1 true", "1 false"}, list(audit.Filter{}))
	require.Equal(t, []string{"1 false", "1 true", "1 true"}, list(audit.Filter{Newest: true}))
	require.Equal(t, []string{"1 true", "1 true"}, list(audit.Filter{Limit: 2}))
	require.Equal(t, []string{"1 false"}, list(audit.Filter{First: 1}))
	export := func() (all string) {
		for b, err := range l.Export(ctx, "c-1") {
			require.NoError(t, err)
			all += string(b)
		}
		return all
	}
	require.Regexp(t, `tea 0.*"closed":true|"closed":true.*tea 0`, export())
	require.Regexp(t, "tea 0.*tea 1.*tea 2", export())
	all := 0
	for _, err := range l.Entries(ctx, audit.Filter{}) {
		require.NoError(t, err)
		all++
	}
	require.Equal(t, 9, all)

	require.NoError(t, l.Record(ctx, "kept.longer", "c-1", slog.String("note", "milk")))
	require.NoError(t, l.Reopen(ctx, "restored"))
	now = now.AddDate(0, 0, 3)
	n, err := l.RedactDue(ctx, 4)
	require.NoError(t, err)
	require.Equal(t, 4, n)
	require.Regexp(t, "tea 2.*milk", export())
	require.NotRegexp(t, "tea [01]", export(), "the oldest go first")
	unset, err := l.Lint(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"kept.longer"}, unset)
	n, err = l.RedactDue(ctx, 5)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.NotContains(t, export(), "tea")
	n, err = l.RedactDue(ctx, 5)
	require.NoError(t, err)
	require.Zero(t, n)
	intact(t, l)
	o.Sealer.(*vault).shred("c-1")
	require.NotContains(t, export(), "milk")
	_, kept, err := l.Forget(ctx, "c-1", "erasure", time.Time{})
	require.NoError(t, err)
	require.Equal(t, 1, kept)
	require.Empty(t, export())
	intact(t, l)
}

// closedRedacted: payloads of closed logs are dropped one by one and of one person, and
// so when the log that tells of it is closed as well.
func closedRedacted(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	o := signed(new(anchor))
	held := false
	o.Held = func(context.Context) (bool, error) { return held, nil }
	l := newLog(t, dir.Tenant("acme"), o)
	for range 3 {
		for i := range 3 {
			require.NoError(t, l.Record(ctx, "deal.changed", fmt.Sprint("c-", i), gdpr.Personal("note", "c-2", "x")))
		}
		require.NoError(t, l.Reopen(ctx, "restored"))
	}
	left := func() (s string) {
		for e, err := range l.Entries(ctx, audit.Filter{}) {
			require.NoError(t, err)
			if !e.Redacted && e.Action == "deal.changed" {
				s += fmt.Sprint(e.Log, ".", e.Index, " ")
			}
		}
		return s
	}
	require.Equal(t, "1.1 1.2 1.3 2.1 2.2 2.3 3.1 3.2 3.3 ", left())
	require.NoError(t, l.RedactIn(ctx, 1, 2, "request"))
	require.NoError(t, l.RedactIn(ctx, 1, 2, "request"))
	for e, err := range l.Entries(ctx, audit.Filter{Action: "log.redacted"}) {
		require.NoError(t, err)
		require.Equal(t, 4, e.Log)
		require.Equal(t, "closed", e.Attrs[0].Key)
		require.Equal(t, "closed.seq", e.Attrs[1].Key)
		require.Equal(t, int64(2), e.Attrs[1].Value.Int64())
	}
	require.Equal(t, uint64(2), intact(t, l).Size, "once")
	require.NoError(t, l.Reopen(ctx, "restored"))
	intact(t, l)
	n, err := l.RedactSubject(ctx, "c-2", "request")
	require.NoError(t, err)
	require.Equal(t, 8, n, "all but one are about them")
	require.Equal(t, "", left())
	n, err = l.RedactSubject(ctx, "c-2", "request")
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, uint64(9), intact(t, l).Size)
	require.ErrorIs(t, l.RedactIn(ctx, 0, 1, "x"), gdpr.ErrInvalid)
	require.ErrorIs(t, l.RedactIn(ctx, 6, 1, "x"), audit.ErrNotFound)
	require.ErrorIs(t, l.RedactIn(ctx, 1, 99, "x"), audit.ErrNotFound)
	require.ErrorIs(t, l.RedactIn(ctx, 1, 0, "x"), gdpr.ErrInvalid, "an entry of the log about itself")
	held = true
	require.ErrorIs(t, l.RedactIn(ctx, 1, 1, "x"), audit.ErrHeld)
	_, err = l.PruneIn(ctx, 1, 1, "x")
	require.ErrorIs(t, err, audit.ErrHeld)
}
