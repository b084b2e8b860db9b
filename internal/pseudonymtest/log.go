package pseudonymtest

import (
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/pseudonym"
)

// knownTokens: whoever asks the log for a person it never heard of gets nothing, and
// no key or token of that person comes about by asking.
func knownTokens(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t).Tenant("acme")
	v := NewVault(t, s, NewKMS(), nil)
	log, err := audit.New(s, &audit.Options{Sealer: v, Tokeniser: v})
	require.NoError(t, err)
	require.NoError(t, log.Record(ctx, "contact.viewed", "c-1"))
	count := func(subject, actor string) (n int) {
		for _, err := range log.Entries(ctx, audit.Filter{Subject: subject, Actor: actor}) {
			require.NoError(t, err)
			n++
		}
		return n
	}
	require.Equal(t, 1, count("c-1", ""))
	require.Zero(t, count("c-2", ""))
	require.Zero(t, count("", "emp-9"))
	for _, subject := range []string{"c-2", "emp-9"} {
		token, err := v.KnownToken(ctx, "audit", subject)
		require.NoError(t, err)
		require.Empty(t, token)
	}
	known, err := v.KnownToken(ctx, "audit", "c-1")
	require.NoError(t, err)
	made, err := v.Token(ctx, "audit", "c-1")
	require.NoError(t, err)
	require.Equal(t, made, known)
	require.NoError(t, v.Shred(ctx, "c-1"))
	known, err = v.KnownToken(ctx, "audit", "c-1")
	require.NoError(t, err)
	made, err = v.Token(ctx, "audit", "c-1")
	require.NoError(t, err)
	require.Equal(t, made, known)
}

// realLog: every decision about keys is accepted by the library's own audit log,
// which takes its tokens from the same vault; the entries about a shred stand under
// two tokens that nothing links.
func realLog(t *testing.T, open Open) {
	ctx := t.Context()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { now = now.Add(time.Millisecond); return now }
	s := open(t).Tenant("acme")
	v := NewVault(t, s, NewKMS(), &pseudonym.Options{Now: clock, Window: time.Hour})
	require.NoError(t, v.Ready(ctx))
	stage, err := v.Secret(ctx, pseudonym.SecretStage)
	require.NoError(t, err)
	_, signer, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	log, err := audit.New(s, &audit.Options{Secret: stage, Signer: signer, Sealer: v, Tokeniser: v, Now: clock})
	require.NoError(t, err)
	v.AuditTo(log)

	seal(t, v, "c-1", "Ada")
	require.NoError(t, v.ScheduleShred(ctx, "c-1", now.AddDate(1, 0, 0)))
	require.NoError(t, v.UnscheduleShred(ctx, "c-1"))
	require.NoError(t, v.Shred(ctx, "c-1"))
	require.NoError(t, s.InTx(ctx, func(ctx context.Context) error { return v.Shred(ctx, "c-2") }))
	require.NoError(t, v.Readmit(ctx, "c-1", "came back"))
	require.NoError(t, v.RotateIndex(ctx))
	require.NoError(t, v.Rotate(ctx))
	now = now.AddDate(0, 0, 2)
	require.NoError(t, v.Rotate(ctx))
	_, err = v.PruneTombstones(ctx, now)
	require.NoError(t, err)

	_, err = log.Checkpoint(ctx) // seals what is staged
	require.NoError(t, err)
	actions := map[string]int{}
	tokens := map[string]map[string]bool{}
	for e, err := range log.Entries(ctx, audit.Filter{}) {
		require.NoError(t, err)
		actions[e.Action]++
		for _, token := range e.Subjects {
			if tokens[e.Action] == nil {
				tokens[e.Action] = map[string]bool{}
			}
			tokens[e.Action][token] = true
		}
	}
	for _, a := range []string{"key.shred.scheduled", "key.shred.unscheduled", "key.shred.decided", "key.shredded",
		"key.readmitted", "key.index.rotated", "key.epoch.begun", "key.epoch.retired", "key.epoch.destroyed",
		"key.tombstones.pruned"} {
		require.Positive(t, actions[a], a)
	}
	for before := range tokens["key.shred.scheduled"] {
		require.True(t, tokens["key.shred.decided"][before], "the decision belongs to what came before")
		require.False(t, tokens["key.shredded"][before], "the outcome does not")
		require.False(t, tokens["key.readmitted"][before])
	}
}
