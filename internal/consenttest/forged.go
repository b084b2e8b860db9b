package consenttest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	forgeRow = &storage.Write{Verb: storage.Put, Table: schema.ConsentState, Set: []string{"purpose", "channel", "subject", "status", "version", "event"}}
	dropRow  = &storage.Write{Verb: storage.Delete, Table: schema.ConsentState, Where: storage.By("purpose", "channel", "subject")}
)

// forged changes rows of the state past the library: one of a pair that has rows, of a
// channel that no other has, of a purpose that nobody knows, and deletes one.
func forged(t *testing.T, d storage.Directory) {
	l, s := Ledger(t, d, "acme"), d.Tenant("acme")
	for _, subject := range []string{"a", "b"} {
		for _, p := range Pairs()[:3] {
			_, err := l.Give(ctx, Give(subject, p[0], p[1], 1))
			require.NoError(t, err)
		}
		require.NoError(t, l.Verify(ctx, subject))
	}
	id := make([]byte, 16)
	for _, key := range [][2]string{{"news", "email"}, {"news", "fax"}, {"survey", "~"}, {"a", ""}, {"zzz", "email"}, {"offers", "post"}} {
		_, err := s.Apply(ctx, forgeRow.With(key[0], key[1], "c", consent.Given, 1, id))
		require.NoError(t, err)
		require.ErrorIs(t, l.Verify(ctx, "c"), consent.ErrDiverged, "%v", key)
		require.NoError(t, l.Verify(ctx, "a"))
		_, err = s.Apply(ctx, dropRow.With(key[0], key[1], "c"))
		require.NoError(t, err)
		require.NoError(t, l.Verify(ctx, "c"))
	}
	_, err := s.Apply(ctx, dropRow.With("news", "sms", "b"))
	require.NoError(t, err)
	require.ErrorIs(t, l.Verify(ctx, "b"), consent.ErrDiverged)
	require.NoError(t, l.Verify(ctx, "a"))
}
