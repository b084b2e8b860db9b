package audittest

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
)

// closedReached: entries of logs that Reopen closed are still given to whom they are
// about, and forgotten and shredded with them; but they cannot be redacted.
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

	now = now.AddDate(0, 0, 3)
	n, err := l.RedactDue(ctx, 10)
	require.NoError(t, err)
	require.Equal(t, 2, n, "only those of the present log")
	require.Regexp(t, "tea 0.*tea 1", export())
	require.NotContains(t, export(), "tea 2")
	intact(t, l)
	o.Sealer.(*vault).shred("c-1")
	require.NotContains(t, export(), "tea")
	_, kept, err := l.Forget(ctx, "c-1", "erasure", time.Time{})
	require.NoError(t, err)
	require.Equal(t, 2, kept)
	require.Empty(t, export())
	intact(t, l)
}
