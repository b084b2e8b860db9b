package sqltest_test

import (
	"context"
	"io"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/journal"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// site is a host with its own files: one database, or two, and a journal.
type site struct {
	t    *testing.T
	e    *sqltest.Engine
	dir  string
	kms  *pseudonymtest.KMS
	opts pseudonym.Options
	data bool // the host's data has a database of its own
	jour *journal.File
}

func newSite(t *testing.T, withJournal, separate bool) *site {
	s := &site{t: t, dir: t.TempDir(), kms: pseudonymtest.NewKMS(), data: separate}
	for _, e := range sqltest.Engines() {
		if e.Name == "sqlite" {
			s.e = e
		}
	}
	if withJournal {
		var err error
		s.jour, err = journal.Create(filepath.Join(s.dir, "journal"))
		require.NoError(t, err)
		t.Cleanup(func() { s.jour.Close() })
	}
	return s
}

// open opens the databases of those names with a vault of their own, as a process does.
func (s *site) open(keys, data string) (*pseudonym.Vault, *sqlstore.DB) {
	o := s.opts
	if s.jour != nil {
		o.Journal = s.jour
	}
	db := s.db(keys)
	if s.data {
		o.Data = s.db(data).Tenant("acme")
	}
	return pseudonymtest.NewVault(s.t, db.Tenant("acme"), s.kms, &o), db
}

func (s *site) db(name string) *sqlstore.DB {
	return s.e.DB(s.t, s.e.SQL(s.t, sqlstore.SQLiteDSN(filepath.Join(s.dir, name))), nil)
}

// backup copies a database as a backup tool does.
func (s *site) backup(from, to string) {
	pool := s.e.SQL(s.t, sqlstore.SQLiteDSN(filepath.Join(s.dir, from)))
	_, err := pool.Exec("VACUUM INTO ?", filepath.Join(s.dir, to))
	require.NoError(s.t, err)
}

func (s *site) copyFile(from, to string) {
	in, err := os.Open(filepath.Join(s.dir, from))
	require.NoError(s.t, err)
	defer in.Close()
	out, err := os.Create(filepath.Join(s.dir, to))
	require.NoError(s.t, err)
	_, err = io.Copy(out, in)
	require.NoError(s.t, err)
	require.NoError(s.t, out.Close())
}

var restorePlace = pseudonym.Place("contacts", "email", "7")

func mustSeal(t *testing.T, v *pseudonym.Vault, subject string) []byte {
	t.Helper()
	b, err := v.Seal(t.Context(), subject, restorePlace, []byte("ada@example.org"))
	require.NoError(t, err)
	return b
}

// Both stores restored from the same night, with a journal: caught, replayed, and
// nothing of the shredded subject opens.
func TestRestoreSameNightWithJournal(t *testing.T) {
	ctx := t.Context()
	s := newSite(t, true, false)
	v, _ := s.open("db", "")
	a, b := mustSeal(t, v, "c-1"), mustSeal(t, v, "c-2")
	tok, err := v.Token(ctx, "subject", "c-1")
	require.NoError(t, err)
	require.NoError(t, v.Shred(ctx, "c-3"))
	mustSeal(t, v, "c-5")
	s.backup("db", "night")
	require.NoError(t, v.Shred(ctx, "c-1"))
	require.NoError(t, v.Shred(ctx, "c-5", pseudonym.Proof))
	late := mustSeal(t, v, "c-4")

	w, _ := s.open("night", "")
	require.ErrorIs(t, w.Ready(ctx), pseudonym.ErrRestored)
	for _, x := range []struct {
		subject string
		sealed  []byte
	}{{"c-1", a}, {"c-2", b}} {
		_, err := w.Open(ctx, x.subject, restorePlace, x.sealed)
		require.ErrorIs(t, err, pseudonym.ErrRestored)
		require.ErrorIs(t, err, pseudonym.ErrKeyUnavailable)
	}
	r, err := w.Replay(ctx, "restored the night's backup")
	require.NoError(t, err)
	require.Equal(t, pseudonym.Replayed{Records: 3, Destroyed: 3}, r) // c-1: ordinary and id; c-5: ordinary
	_, err = w.Open(ctx, "c-1", restorePlace, a)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	_, err = w.Subject(ctx, "subject", tok)
	require.ErrorIs(t, err, pseudonym.ErrNoKey)
	_, err = w.Seal(ctx, "c-1", restorePlace, nil)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	proof := pseudonym.Place("consent", "evidence", "1")
	_, err = w.Seal(ctx, "c-1", proof, nil)
	require.ErrorIs(t, err, pseudonym.ErrShredded, "a compartment without a key was closed too")
	_, err = w.Seal(ctx, "c-5", proof, nil)
	require.NoError(t, err, "what was to be kept")
	_, err = w.Open(ctx, "c-2", restorePlace, b)
	require.NoError(t, err)
	_, err = w.Open(ctx, "c-4", restorePlace, late)
	require.ErrorIs(t, err, pseudonym.ErrKeyLost)

	restored, err := w.Restored(ctx)
	require.NoError(t, err)
	require.True(t, restored)
	require.NoError(t, w.AcceptRestore(ctx, "host erasures replayed"))
	restored, err = w.Restored(ctx)
	require.NoError(t, err)
	require.False(t, restored)
	require.NoError(t, w.Shred(ctx, "c-2"), "the chain goes on")
	x, _ := s.open("night", "")
	require.NoError(t, x.Ready(ctx))
}

// The same without a journal: unnoticed. This is the limit, not a promise.
func TestLimitRestoreSameNightWithoutJournal(t *testing.T) {
	ctx := t.Context()
	s := newSite(t, false, false)
	v, _ := s.open("db", "")
	a := mustSeal(t, v, "c-1")
	s.backup("db", "night")
	require.NoError(t, v.Shred(ctx, "c-1"))
	w, _ := s.open("night", "")
	require.NoError(t, w.Ready(ctx))
	_, err := w.Open(ctx, "c-1", restorePlace, a)
	require.NoError(t, err, "both stores restored with no journal open what was shredded since")
	r, err := w.Report(ctx)
	require.NoError(t, err)
	require.Equal(t, pseudonym.ProtectionNone, r.RollbackProtection)
}

// L2: an older copy of the data store does not open with today's keys, and is noticed.
func TestRestoreOlderDataStore(t *testing.T) {
	ctx := t.Context()
	for _, withJournal := range []bool{false, true} {
		s := newSite(t, withJournal, true)
		v, _ := s.open("keys", "data")
		a, b := mustSeal(t, v, "c-1"), mustSeal(t, v, "c-2")
		require.NoError(t, v.Shred(ctx, "c-9"))
		s.backup("data", "old")
		require.NoError(t, v.Shred(ctx, "c-1"))
		w, _ := s.open("keys", "old")
		require.NoError(t, w.Ready(ctx))
		_, err := w.Open(ctx, "c-1", restorePlace, a)
		require.ErrorIs(t, err, pseudonym.ErrShredded)
		_, err = w.Open(ctx, "c-2", restorePlace, b)
		require.NoError(t, err)
		restored, err := w.Restored(ctx)
		require.NoError(t, err)
		require.True(t, restored)
		require.NoError(t, w.AcceptRestore(ctx, "drill"))
		require.NoError(t, w.Shred(ctx, "c-2"))
	}
}

// L3 before B: an older key store beside a newer data store, or journal, is closed.
func TestRestoreOlderKeyStore(t *testing.T) {
	ctx := t.Context()
	for _, withJournal := range []bool{false, true} {
		s := newSite(t, withJournal, true)
		v, _ := s.open("keys", "data")
		a, b := mustSeal(t, v, "c-1"), mustSeal(t, v, "c-2")
		s.backup("keys", "old")
		require.NoError(t, v.Shred(ctx, "c-1"))
		w, _ := s.open("old", "data")
		_, err := w.Open(ctx, "c-1", restorePlace, a)
		require.ErrorIs(t, err, pseudonym.ErrRestored)
		r, err := w.Replay(ctx, "drill")
		require.NoError(t, err)
		require.Equal(t, 1, r.Destroyed)
		_, err = w.Open(ctx, "c-1", restorePlace, a)
		require.ErrorIs(t, err, pseudonym.ErrShredded)
		_, err = w.Open(ctx, "c-2", restorePlace, b)
		require.NoError(t, err)
		restored, err := w.Restored(ctx)
		require.NoError(t, err)
		require.False(t, restored, "the data store is the newer one")
	}
}

// L3 after B: the older key store opens nothing for anybody, its epoch being destroyed.
func TestRestoreOlderKeyStoreAfterBound(t *testing.T) {
	ctx := t.Context()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := newSite(t, false, false)
	s.opts.Now = func() time.Time { return now }
	s.kms.Now, s.kms.Window = s.opts.Now, 24*time.Hour
	v, _ := s.open("db", "")
	a, b := mustSeal(t, v, "c-1"), mustSeal(t, v, "c-2")
	s.backup("db", "old")
	require.NoError(t, v.Shred(ctx, "c-1"))
	r, err := v.Report(ctx)
	require.NoError(t, err)
	for left := r.Bound + s.kms.Window; left > 0; left -= 12 * time.Hour {
		require.NoError(t, v.Work(ctx))
		now = now.Add(12 * time.Hour)
	}
	require.NoError(t, v.Work(ctx))
	w, _ := s.open("old", "")
	for _, x := range []struct {
		subject string
		sealed  []byte
	}{{"c-1", a}, {"c-2", b}} {
		_, err := w.Open(ctx, x.subject, restorePlace, x.sealed)
		require.ErrorIs(t, err, pseudonym.ErrKeyLost)
	}
	_, err = v.Open(ctx, "c-2", restorePlace, b)
	require.NoError(t, err, "the store in use still opens")
}

// Two histories: the host went on with a restored key store and a restored journal,
// then the real journal came back.
func TestForkedHistories(t *testing.T) {
	ctx := t.Context()
	s := newSite(t, true, false)
	v, _ := s.open("db", "")
	a, b, c := mustSeal(t, v, "c-1"), mustSeal(t, v, "c-2"), mustSeal(t, v, "c-3")
	require.NoError(t, v.Shred(ctx, "c-9"))
	s.backup("db", "night")
	s.copyFile("journal", "journal-night")
	require.NoError(t, v.Shred(ctx, "c-1"))

	truth := s.jour
	old, err := journal.Open(filepath.Join(s.dir, "journal-night"))
	require.NoError(t, err)
	t.Cleanup(func() { old.Close() })
	s.jour = old
	w, _ := s.open("night", "")
	require.NoError(t, w.Shred(ctx, "c-2"))

	s.jour = truth
	x, _ := s.open("night", "")
	_, err = x.Open(ctx, "c-3", restorePlace, c)
	require.ErrorIs(t, err, pseudonym.ErrForked)
	r, err := x.Replay(ctx, "drill")
	require.NoError(t, err)
	require.True(t, r.Forked)
	for subject, sealed := range map[string][]byte{"c-1": a, "c-2": b} {
		_, err = x.Open(ctx, subject, restorePlace, sealed)
		require.ErrorIs(t, err, pseudonym.ErrShredded)
	}
	_, err = x.Open(ctx, "c-3", restorePlace, c)
	require.NoError(t, err)
	require.NoError(t, x.Shred(ctx, "c-3"))
	// The first database still believes in the history before the fork.
	y, _ := s.open("db", "")
	require.ErrorIs(t, y.Ready(ctx), pseudonym.ErrRestored)
	_, err = y.Replay(ctx, "drill")
	require.NoError(t, err)
	_, err = y.Open(ctx, "c-2", restorePlace, b)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	_, err = y.Open(ctx, "c-3", restorePlace, c)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
}

// brokenJournal fails when told to.
type brokenJournal struct {
	pseudonym.Journal
	err error
}

func (b *brokenJournal) Append(ctx context.Context, r []byte) error {
	if b.err != nil {
		return b.err
	}
	return b.Journal.Append(ctx, r)
}

func TestJournalUnreachable(t *testing.T) {
	ctx := t.Context()
	s := newSite(t, true, false)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	db := s.db("db")
	b := &brokenJournal{Journal: s.jour, err: io.ErrUnexpectedEOF}
	v := pseudonymtest.NewVault(t, db.Tenant("acme"), s.kms, &pseudonym.Options{Journal: b, Now: func() time.Time { return now }})
	a := mustSeal(t, v, "c-1")
	require.ErrorIs(t, v.Shred(ctx, "c-1"), pseudonym.ErrUnfinished)
	_, err := v.Open(ctx, "c-1", restorePlace, a)
	require.ErrorIs(t, err, pseudonym.ErrShredded, "decided and committed: closed")
	r, err := v.Report(ctx)
	require.NoError(t, err)
	require.Positive(t, r.Pending)
	b.err = nil
	require.NoError(t, v.Work(ctx))
	r, err = v.Report(ctx)
	require.NoError(t, err)
	require.Zero(t, r.Pending)
	x := mustSeal(t, v, "c-2")
	require.NoError(t, s.jour.Close())
	now = now.Add(6 * time.Second)
	_, err = v.Open(ctx, "c-2", restorePlace, x)
	require.NoError(t, err, "within KeyBound")
	now = now.Add(6 * time.Second)
	_, err = v.Open(ctx, "c-2", restorePlace, x)
	require.ErrorIs(t, err, pseudonym.ErrKeyUnavailable)
}

// lateJournal has something happen after each reading.
type lateJournal struct {
	pseudonym.Journal
	after func()
}

func (j *lateJournal) Read(ctx context.Context, from uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for b, err := range j.Journal.Read(ctx, from) {
			if !yield(b, err) {
				return
			}
		}
		if f := j.after; f != nil {
			j.after = nil
			f()
		}
	}
}

// A shred of another process between the reading of the journal and of the key
// store is no fork.
func TestShredWhileTheJournalIsRead(t *testing.T) {
	ctx := t.Context()
	s := newSite(t, true, false)
	v, db := s.open("db", "")
	mustSeal(t, v, "c-1")
	b := mustSeal(t, v, "c-2")
	require.NoError(t, v.Shred(ctx, "c-0"))
	j := &lateJournal{Journal: s.jour, after: func() { require.NoError(t, v.Shred(ctx, "c-1")) }}
	w := pseudonymtest.NewVault(t, db.Tenant("acme"), s.kms, &pseudonym.Options{Journal: j})
	_, err := w.Open(ctx, "c-2", restorePlace, b)
	require.NoError(t, err)
}
