package limitstest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/pseudonym"
)

// Not held: whoever runs inside the process reads every living subject, appends
// what never happened, and leaves out what did.
func TestCodeInTheProcessReadsAndAppendsAnything(t *testing.T) {
	w := newWorld(t, nil)
	plain, err := w.vault.Open(w.ctx, "c-1", email, w.seal("c-1", "ada@example.org"))
	require.NoError(t, err)
	require.Equal(t, "ada@example.org", string(plain))
	require.NoError(t, w.log.Record(audit.WithActor(w.ctx, "somebody-else"), "contact.deleted", "c-1"))
	_, err = w.log.Verify(w.ctx)
	require.NoError(t, err, "a false entry is an entry")
}

// Not held: an entry says what its writer claims about the time.
func TestTheTimeOfAnEntryIsItsWritersClaim(t *testing.T) {
	w := newWorld(t, nil)
	claimed := time.Now().Add(-4 * time.Minute).UTC().Truncate(time.Microsecond)
	_, err := w.log.Append(w.ctx, audit.Event{Action: "contact.viewed", Subject: "c-1", At: claimed})
	require.NoError(t, err)
	for e, err := range w.log.Entries(w.ctx, audit.Filter{Action: "contact.viewed"}) {
		require.NoError(t, err)
		require.Equal(t, claimed, e.At)
	}
	_, err = w.log.Append(w.ctx, audit.Event{Action: "contact.viewed", Subject: "c-1", At: time.Now().Add(-time.Hour)})
	require.ErrorIs(t, err, audit.ErrClock, "not by more than five minutes")
}

// Not held: the library cannot know that a host asks for the wrong tenant.
func TestTheWrongTenantIsTheHostsMistake(t *testing.T) {
	w := newWorld(t, nil)
	other, err := audit.New(w.db.Tenant("globex"), nil)
	require.NoError(t, err)
	require.NoError(t, other.Record(w.ctx, "contact.viewed", "c-1-of-acme"))
}

// After an erasure the log holds no name and nothing that leads to one; the
// entries of one person remain linkable to each other.
func TestEntriesOfAnErasedPersonAreLinkableToNobody(t *testing.T) {
	w := newWorld(t, nil)
	for _, action := range []string{"contact.viewed", "contact.exported"} {
		require.NoError(t, w.log.Record(w.ctx, action, "c-1"))
	}
	token, err := w.vault.Token(w.ctx, "audit", "c-1")
	require.NoError(t, err)
	whose, err := w.vault.Subject(w.ctx, "audit", token)
	require.NoError(t, err)
	require.Equal(t, "c-1", whose)

	require.NoError(t, w.vault.Shred(w.ctx, "c-1"))
	tokens := map[string]int{}
	for e, err := range w.log.Entries(w.ctx, audit.Filter{}) {
		require.NoError(t, err)
		if e.Action == "contact.viewed" || e.Action == "contact.exported" {
			require.Len(t, e.Subjects, 1)
			tokens[e.Subjects[0]]++
			_, err := w.vault.Subject(w.ctx, "audit", e.Subjects[0])
			require.ErrorIs(t, err, pseudonym.ErrNoKey, "the token leads nowhere")
		}
	}
	require.Equal(t, map[string]int{token: 2}, tokens, "linkable to each other")
	later, err := w.vault.Token(w.ctx, "audit", "c-1")
	require.NoError(t, err)
	require.NotEqual(t, token, later, "nor does the subject lead to it")
	_, err = w.log.Verify(w.ctx)
	require.NoError(t, err)
}

// Not held: what left the library before an erasure.
func TestAnExportMadeBeforeIsOutOfReach(t *testing.T) {
	w := newWorld(t, nil)
	sealed := w.seal("c-1", "ada@example.org")
	copied, err := w.vault.Open(w.ctx, "c-1", email, sealed)
	require.NoError(t, err)
	copied = bytes.Clone(copied)
	require.NoError(t, w.vault.Shred(w.ctx, "c-1"))
	require.Equal(t, "ada@example.org", string(copied))
}

// Not held: whoever reads the mailbox is taken for the person.
func TestAStolenMailboxConfirms(t *testing.T) {
	w := newWorld(t, nil)
	p, err := w.ledger.Request(w.ctx, consent.Act{
		Subject: "c-1", Purpose: "news", Channel: "email", At: time.Now(), Language: "en", Address: "ada@example.org",
		Evidence: &consent.Evidence{Method: consent.Checkbox, Form: "signup-7"},
	})
	require.NoError(t, err)
	_, err = w.ledger.Confirm(w.ctx, string(p.Token.Reveal()), nil)
	require.NoError(t, err)
}

// Links cannot be guessed or changed, and every bad one gets the same answer.
func TestABadTokenTellsNothing(t *testing.T) {
	w := newWorld(t, nil)
	p, err := w.ledger.Request(w.ctx, consent.Act{
		Subject: "c-1", Purpose: "news", Channel: "email", At: time.Now(), Language: "en", Address: "ada@example.org",
		Evidence: &consent.Evidence{Method: consent.Checkbox, Form: "signup-7"},
	})
	require.NoError(t, err)
	good := string(p.Token.Reveal())
	require.Greater(t, len(good), 128/8*4/3)
	answers := map[string]bool{}
	for i := range len(good) {
		bad := []byte(good)
		bad[i] ^= 1
		_, err := w.ledger.Confirm(w.ctx, string(bad), nil)
		require.ErrorIs(t, err, consent.ErrToken)
		answers[err.Error()] = true
	}
	_, err = w.ledger.Confirm(w.ctx, "", nil)
	require.ErrorIs(t, err, consent.ErrToken)
	answers[err.Error()] = true
	require.Len(t, answers, 1)
}

// Not held: a legitimate interest is what the catalogue says; whether it is one is
// not decided here.
func TestAClaimedInterestIsBelieved(t *testing.T) {
	w := newWorld(t, nil)
	require.True(t, w.allowed("c-1", "scoring"))
	_, err := w.ledger.Object(w.ctx, consent.Act{Subject: "c-1", Purpose: "scoring", At: time.Now(), Evidence: &consent.Evidence{Method: consent.Checkbox}})
	require.NoError(t, err)
	require.False(t, w.allowed("c-1", "scoring"), "until the person objects")
}

// Not held: a callback of the host is believed.
func TestALyingCallbackIsBelieved(t *testing.T) {
	w := newWorld(t, nil)
	held := true
	l, err := audit.New(w.db.Tenant("acme"), &audit.Options{Held: func(context.Context) (bool, error) { return held, nil }})
	require.NoError(t, err)
	require.NoError(t, l.Record(w.ctx, "contact.viewed", ""))
	require.ErrorIs(t, l.Redact(w.ctx, 1, "minimise"), audit.ErrHeld)
	held = false // the hold still stands, and the host says otherwise
	require.NoError(t, l.Redact(w.ctx, 1, "minimise"))
}
