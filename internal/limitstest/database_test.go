package limitstest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
	"github.com/gdprkit/gdprkit/storage/schema"
)

const canary = "canary-7f3a"

func TestReaderOfTheDatabaseFindsNoPersonalValue(t *testing.T) {
	w := newWorld(t, nil)
	w.give("c-1", "survey", map[string]string{"ip": canary})
	_, err := w.ledger.Suppress(w.ctx, consent.Act{Subject: "c-1", Purpose: "news", At: time.Now(), Address: canary + "@example.org", Evidence: &consent.Evidence{Method: consent.Checkbox}})
	require.NoError(t, err)
	require.NoError(t, w.log.Record(audit.WithActor(w.ctx, "emp-7"), "contact.viewed", "c-1", slog.String("name", canary)))
	p, err := w.ledger.Request(w.ctx, consent.Act{
		Subject: "c-2", Purpose: "news", Channel: "email", At: time.Now(), Language: "en", Address: canary + "@example.com",
		Evidence: &consent.Evidence{Method: consent.Checkbox, Form: "signup-7"},
	})
	require.NoError(t, err)
	stored := everything(t, w.db.Tenant("acme"))
	require.False(t, strings.Contains(stored, canary))
	require.False(t, strings.Contains(stored, strings.Trim(fmt.Sprint([]byte(canary)), "[]")))
	require.False(t, strings.Contains(stored, string(p.Token.Reveal())))
	require.NotContains(t, string(w.seal("c-1", canary)), canary)
}

// Not held: whose rows they are, what for and when.
func TestReaderOfTheDatabaseSeesSubjectsPurposesAndTimes(t *testing.T) {
	w := newWorld(t, nil)
	before := time.Now().Add(-time.Second)
	w.give("c-1042", "survey", nil)
	found := false
	for _, row := range rows(t, w.db.Tenant("acme"), schema.ConsentEvent) {
		at := storage.Time(row[column(schema.ConsentEvent, "at")].(int64))
		found = found || row[column(schema.ConsentEvent, "subject")] == "c-1042" && row[column(schema.ConsentEvent, "purpose")] == "survey" &&
			at.After(before) && at.Before(time.Now().Add(time.Second))
	}
	require.True(t, found)
}

// Not held: that two values are equal, how often one occurs, and lengths above
// the padding.
func TestReaderOfTheDatabaseSeesEqualityAndLength(t *testing.T) {
	w := newWorld(t, nil)
	a, err := w.vault.Index(w.ctx, "email", "ada@example.org")
	require.NoError(t, err)
	b, err := w.vault.Index(w.ctx, "email", " ada@EXAMPLE.org ")
	require.NoError(t, err)
	require.Equal(t, a, b)
	require.Len(t, w.seal("c-1", "ada"), len(w.seal("c-1", strings.Repeat("x", 30))), "padded")
	require.Greater(t, len(w.seal("c-1", strings.Repeat("x", 5000))), len(w.seal("c-1", strings.Repeat("x", 4000))))
}

func TestMovedCiphertextDoesNotOpen(t *testing.T) {
	w := newWorld(t, nil)
	sealed := w.seal("c-1", "ada@example.org")
	w.seal("c-2", "bob@example.org")
	for _, x := range [][2]string{{"c-2", email}, {"c-1", pseudonym.Place("contacts", "email", "8")}, {"c-1", pseudonym.Place("contacts", "phone", "7")}, {"c-1", pseudonym.Place("leads", "email", "7")}} {
		_, err := w.vault.Open(w.ctx, x[0], x[1], sealed)
		require.ErrorIs(t, err, pseudonym.ErrDamaged)
	}
}

// Not held: an older value of the same cell opens when it is put back.
func TestAdminCanPutBackAnOlderValueOfACell(t *testing.T) {
	w := newWorld(t, nil)
	old := w.seal("c-1", "old@example.org")
	w.seal("c-1", "new@example.org")
	plain, err := w.vault.Open(w.ctx, "c-1", email, old)
	require.NoError(t, err)
	require.Equal(t, "old@example.org", string(plain))
}

// Not held: an entry that is dropped before it was sealed leaves no trace in the
// log; on engines that stage, Pending tells how long that is possible.
func TestAdminCanDropAStagedEntry(t *testing.T) {
	w := newWorld(t, &memstore.Options{Traits: &storage.Traits{}})
	s := w.db.Tenant("acme")
	require.NoError(t, w.log.Open(w.ctx))
	_, err := w.log.Sealed(w.ctx)
	require.NoError(t, err)
	before, err := w.log.Verify(w.ctx)
	require.NoError(t, err)
	dropped := int64(0)
	require.NoError(t, s.InTx(w.ctx, func(ctx context.Context) error {
		if err := w.log.Record(ctx, "contact.deleted", "c-1"); err != nil {
			return err
		}
		n, err := s.Apply(ctx, dropStaged.With(0))
		dropped = n[0]
		return err
	}))
	require.Positive(t, dropped)
	after, err := w.log.Verify(w.ctx)
	require.NoError(t, err, "nothing is noticed")
	require.Equal(t, before.Size, after.Size)
}

var dropStaged = &storage.Write{Verb: storage.Delete, Table: schema.AuditStage, Where: storage.By("state")}

// Not held: the state by which consent is decided is a row like any other.
func TestAdminCanRewriteTheStateOfAConsent(t *testing.T) {
	w := newWorld(t, nil)
	s := w.db.Tenant("acme")
	w.give("c-2", "survey", nil)
	require.False(t, w.allowed("c-1", "survey"))
	subject := column(schema.ConsentState, "subject")
	for _, row := range rows(t, s, schema.ConsentState) {
		if row[subject] == "c-2" {
			row[subject] = "c-1"
			insert(t, s, schema.ConsentState, row)
		}
	}
	require.True(t, w.allowed("c-1", "survey"), "a forged consent is believed")
}

// A backup of the data opens nothing without the keys, also when the keys of
// today leak and the person was shredded.
func TestBackupOfTheDataStaysClosedAfterAShred(t *testing.T) {
	w := newWorld(t, nil)
	stolen := w.seal("c-1", "ada@example.org")
	require.NoError(t, w.vault.Shred(w.ctx, "c-1"))
	thief := worldOn(t, copyOf(t, w.db), w.kms) // with the keys as they are now
	_, err := thief.vault.Open(thief.ctx, "c-1", email, stolen)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
}

// Not held: whoever has the index key can test guesses.
func TestHolderOfTheIndexKeyCanGuess(t *testing.T) {
	w := newWorld(t, nil)
	stolen, err := w.vault.Index(w.ctx, "email", "ada@example.org")
	require.NoError(t, err)
	found := ""
	for _, guess := range []string{"bob@example.org", "eve@example.org", "ada@example.org"} {
		if b, err := w.vault.Index(w.ctx, "email", guess); err == nil && string(b) == string(stolen) {
			found = guess
		}
	}
	require.Equal(t, "ada@example.org", found)
}

func TestKeyTablesOpenNothingWithoutTheKEK(t *testing.T) {
	w := newWorld(t, nil)
	sealed := w.seal("c-1", "ada@example.org")
	thief := worldOn(t, copyOf(t, w.db), pseudonymtest.NewKMS())
	_, err := thief.vault.Open(thief.ctx, "c-1", email, sealed)
	require.Error(t, err)
}

// Not held: the keys and the KEK of one date open what was sealed then, also of
// people shredded since, until the KEK is destroyed.
func TestKeyTablesAndKEKOpenEverythingOfThatDate(t *testing.T) {
	w := newWorld(t, nil)
	sealed := w.seal("c-1", "ada@example.org")
	backup, kek := copyOf(t, w.db), w.kms.Clone()
	require.NoError(t, w.vault.Shred(w.ctx, "c-1"))
	thief := worldOn(t, backup, kek)
	plain, err := thief.vault.Open(thief.ctx, "c-1", email, sealed)
	require.NoError(t, err)
	require.Equal(t, "ada@example.org", string(plain))
}
