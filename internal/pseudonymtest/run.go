// Package pseudonymtest holds the scenarios that package pseudonym passes over
// every store, and the helpers that they need: a key management service in memory
// and an audit log that only listens.
package pseudonymtest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage"
)

// Open makes an empty database.
type Open = func(t *testing.T) storage.Directory

// Run runs every scenario.
func Run(t *testing.T, open Open) {
	for _, s := range []struct {
		name string
		f    func(t *testing.T, open Open)
	}{
		{"SealAndOpen", sealAndOpen},
		{"FiveAnswers", fiveAnswers},
		{"Compartments", compartments},
		{"Tenants", tenants},
		{"RollbackTakesTheKey", rollbackTakesTheKey},
		{"ShredInTransaction", shredInTransaction},
		{"ShredRolledBack", shredRolledBack},
		{"ShredTogether", shredTogether},
		{"Readmit", readmit},
		{"Tokens", tokens},
		{"KnownTokens", knownTokens},
		{"Indexes", indexes},
		{"Rotation", rotation},
		{"Secrets", secrets},
		{"Schedule", schedule},
		{"OtherProcess", otherProcess},
		{"Prune", prune},
		{"Leftovers", leftovers},
		{"Export", export},
		{"Backup", backup},
		{"SameDatabase", sameDatabase},
		{"RealLog", realLog},
		{"OlderValueOfACell", olderValue},
		{"Canaries", canaries},
		{"NotInTransaction", noTx},
	} {
		t.Run(s.name, func(t *testing.T) { s.f(t, open) })
	}
}

// Log is an audit log that remembers actions and subjects.
type Log struct {
	mu      sync.Mutex
	entries []string
	Fail    error
}

// Record implements pseudonym.Auditor.
func (l *Log) Record(_ context.Context, action, subject string, _ ...slog.Attr) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, action+" "+subject)
	return l.Fail
}

// Entries returns what was recorded.
func (l *Log) Entries() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.entries...)
}

// NewVault opens a vault and fails the test on error.
func NewVault(t *testing.T, s storage.Store, w pseudonym.KeyWrapper, o *pseudonym.Options) *pseudonym.Vault {
	t.Helper()
	v, err := pseudonym.New(s, w, o)
	require.NoError(t, err)
	return v
}

var place = pseudonym.Place("contacts", "email", "7")

func seal(t *testing.T, v *pseudonym.Vault, subject, plain string) []byte {
	t.Helper()
	b, err := v.Seal(t.Context(), subject, place, []byte(plain))
	require.NoError(t, err)
	return b
}

func sealAndOpen(t *testing.T, open Open) {
	v := NewVault(t, open(t).Tenant("acme"), NewKMS(), nil)
	for _, n := range []int{0, 1, 30, 31, 32, 222, 223, 224, 225, 1000, 70000} {
		plain := make([]byte, n)
		for i := range plain {
			plain[i] = byte(i)
		}
		b, err := v.Seal(t.Context(), "c-7", place, plain)
		require.NoError(t, err)
		if n < 224 {
			require.Zero(t, (len(b)-46)%32, "padded to 32")
		}
		got, err := v.Open(t.Context(), "c-7", place, b)
		require.NoError(t, err)
		require.Equal(t, plain, append([]byte{}, got...))
	}
	text, err := v.SealText(t.Context(), "c-7", place, "Ada")
	require.NoError(t, err)
	plain, err := v.OpenText(t.Context(), "c-7", place, text)
	require.NoError(t, err)
	require.Equal(t, "Ada", plain)
}

func fiveAnswers(t *testing.T, open Open) {
	ctx := t.Context()
	db := open(t)
	kms := NewKMS()
	v := NewVault(t, db.Tenant("acme"), kms, nil)
	b := seal(t, v, "c-7", "Ada")

	_, err := v.Open(ctx, "c-8", place, b)
	require.ErrorIs(t, err, pseudonym.ErrNoKey)

	damaged := append([]byte{}, b...)
	damaged[len(damaged)-1] ^= 1
	_, err = v.Open(ctx, "c-7", place, damaged)
	require.ErrorIs(t, err, pseudonym.ErrDamaged)

	w := NewVault(t, db.Tenant("acme"), kms, nil)
	kms.Deny(true)
	_, err = w.Open(ctx, "c-7", place, b)
	require.ErrorIs(t, err, pseudonym.ErrKeyUnavailable)
	kms.Deny(false)
	_, err = w.Open(ctx, "c-7", place, b)
	require.NoError(t, err)

	require.NoError(t, v.Shred(ctx, "c-7"))
	_, err = v.Open(ctx, "c-7", place, b)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	_, err = v.Seal(ctx, "c-7", place, b)
	require.ErrorIs(t, err, pseudonym.ErrShredded)

	lost := NewVault(t, db.Tenant("acme"), NewKMS(), nil)
	_, err = lost.Open(ctx, "c-9", place, seal(t, v, "c-9", "Eve"))
	require.ErrorIs(t, err, pseudonym.ErrKeyLost)
	for _, other := range []error{pseudonym.ErrNoKey, pseudonym.ErrShredded, pseudonym.ErrKeyUnavailable, pseudonym.ErrDamaged} {
		require.NotErrorIs(t, err, other)
	}
}

func compartments(t *testing.T, open Open) {
	ctx := t.Context()
	v := NewVault(t, open(t).Tenant("acme"), NewKMS(), &pseudonym.Options{
		Compartments: map[string]string{"invoices.name": pseudonym.Statutory},
	})
	proof, invoice := pseudonym.Place("consent", "evidence", "1"), pseudonym.Place("invoices", "name", "1")
	a, b, c := seal(t, v, "c-7", "Ada"), []byte(nil), []byte(nil)
	b, err := v.Seal(ctx, "c-7", proof, []byte("ticked"))
	require.NoError(t, err)
	c, err = v.Seal(ctx, "c-7", invoice, []byte("Ada"))
	require.NoError(t, err)
	require.NoError(t, v.Shred(ctx, "c-7", pseudonym.Proof, pseudonym.Statutory))
	_, err = v.Open(ctx, "c-7", place, a)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	_, err = v.Open(ctx, "c-7", proof, b)
	require.NoError(t, err)
	_, err = v.Open(ctx, "c-7", invoice, c)
	require.NoError(t, err)
	alias, err := v.Token(ctx, "subject", "c-7")
	require.NoError(t, err)
	require.NoError(t, v.Shred(ctx, "c-7"))
	_, err = v.Open(ctx, "c-7", invoice, c)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	again, err := v.Token(ctx, "subject", "c-7")
	require.NoError(t, err)
	require.Equal(t, alias, again, "the tombstone of the first shred stays")
	require.Error(t, v.Shred(ctx, "c-7", "prof"))
}

func tenants(t *testing.T, open Open) {
	ctx := t.Context()
	db := open(t)
	kms := NewKMS()
	a, b := NewVault(t, db.Tenant("a"), kms, nil), NewVault(t, db.Tenant("b"), kms, nil)
	x := seal(t, a, "c-7", "Ada")
	seal(t, b, "c-7", "Ada")
	_, err := b.Open(ctx, "c-7", place, x)
	require.ErrorIs(t, err, pseudonym.ErrDamaged)
	ta, err := a.Token(ctx, "subject", "c-7")
	require.NoError(t, err)
	tb, err := b.Token(ctx, "subject", "c-7")
	require.NoError(t, err)
	require.NotEqual(t, ta, tb)
	ia, err := a.Index(ctx, "email", "ada@example.org")
	require.NoError(t, err)
	ib, err := b.Index(ctx, "email", "ada@example.org")
	require.NoError(t, err)
	require.NotEqual(t, ia, ib)
	require.NoError(t, a.Shred(ctx, "c-7"))
	_, err = b.Seal(ctx, "c-7", place, nil)
	require.NoError(t, err)
	_, err = b.Subject(ctx, "subject", ta)
	require.ErrorIs(t, err, pseudonym.ErrNoKey)
}

var errUndo = errors.New("undo")

func rollbackTakesTheKey(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t).Tenant("acme")
	v := NewVault(t, s, NewKMS(), nil)
	var ghost []byte
	err := s.InTx(ctx, func(ctx context.Context) error {
		var err error
		if ghost, err = v.Seal(ctx, "c-7", place, []byte("Ada")); err != nil {
			return err
		}
		if _, err := v.Open(ctx, "c-7", place, ghost); err != nil {
			return err
		}
		return errUndo
	})
	require.ErrorIs(t, err, errUndo)
	_, err = v.Open(ctx, "c-7", place, ghost)
	require.ErrorIs(t, err, pseudonym.ErrNoKey)
	b := seal(t, v, "c-7", "Ada")
	_, err = NewVault(t, s, NewKMS(), nil).Open(ctx, "c-7", place, b)
	require.Error(t, err)
	plain, err := v.Open(ctx, "c-7", place, b)
	require.NoError(t, err)
	require.Equal(t, "Ada", string(plain))
}

func shredInTransaction(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t).Tenant("acme")
	v, log := NewVault(t, s, NewKMS(), nil), &Log{}
	v.AuditTo(log)
	b := seal(t, v, "c-7", "Ada")
	require.NoError(t, s.InTx(ctx, func(ctx context.Context) error {
		return v.Shred(ctx, "c-7")
	}))
	_, err := v.Open(ctx, "c-7", place, b)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	entries := log.Entries()
	require.Contains(t, entries, "key.shred.decided c-7")
	require.Equal(t, "key.shredded c-7", entries[len(entries)-1])
	n := len(entries)
	require.NoError(t, v.Shred(ctx, "c-7"))
	require.Len(t, log.Entries(), n, "a repeated shred does and records nothing")
}

func shredRolledBack(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t).Tenant("acme")
	v := NewVault(t, s, NewKMS(), nil)
	b := seal(t, v, "c-7", "Ada")
	require.ErrorIs(t, s.InTx(ctx, func(ctx context.Context) error {
		if err := v.Shred(ctx, "c-7"); err != nil {
			return err
		}
		return errUndo
	}), errUndo)
	_, err := v.Open(ctx, "c-7", place, b)
	require.NoError(t, err)
}

func readmit(t *testing.T, open Open) {
	ctx := t.Context()
	v, log := NewVault(t, open(t).Tenant("acme"), NewKMS(), nil), &Log{}
	v.AuditTo(log)
	require.ErrorIs(t, v.Readmit(ctx, "c-7", "came back"), pseudonym.ErrNoKey)
	old := seal(t, v, "c-7", "Ada")
	require.NoError(t, v.Shred(ctx, "c-7"))
	require.NoError(t, v.Readmit(ctx, "c-7", "signed a new contract"))
	fresh := seal(t, v, "c-7", "Ada")
	_, err := v.Open(ctx, "c-7", place, fresh)
	require.NoError(t, err)
	_, err = v.Open(ctx, "c-7", place, old)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	require.Contains(t, log.Entries(), "key.readmitted c-7")
	require.NoError(t, v.Shred(ctx, "c-7"))
	_, err = v.Open(ctx, "c-7", place, fresh)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	_, err = v.Seal(ctx, "c-7", place, nil)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
}

func tokens(t *testing.T, open Open) {
	ctx := t.Context()
	v := NewVault(t, open(t).Tenant("acme"), NewKMS(), nil)
	a, err := v.Token(ctx, "subject", "c-7")
	require.NoError(t, err)
	require.Len(t, a, 22)
	b, err := v.Token(ctx, "actor", "c-7")
	require.NoError(t, err)
	require.NotEqual(t, a, b)
	s, err := v.Subject(ctx, "subject", a)
	require.NoError(t, err)
	require.Equal(t, "c-7", s)
	_, err = v.Subject(ctx, "actor", a)
	require.ErrorIs(t, err, pseudonym.ErrNoKey)
	require.NoError(t, v.Shred(ctx, "c-7"))
	_, err = v.Subject(ctx, "subject", a)
	require.ErrorIs(t, err, pseudonym.ErrNoKey)
	c, err := v.Token(ctx, "subject", "c-7")
	require.NoError(t, err)
	require.NotEqual(t, a, c)
	again, err := v.Token(ctx, "subject", "c-7")
	require.NoError(t, err)
	require.Equal(t, c, again)
}

func indexes(t *testing.T, open Open) {
	ctx := t.Context()
	v := NewVault(t, open(t).Tenant("acme"), NewKMS(), nil)
	a, err := v.Index(ctx, "email", " Ada@EXAMPLE.org ")
	require.NoError(t, err)
	b, err := v.Index(ctx, "email", "Ada@example.org")
	require.NoError(t, err)
	require.Equal(t, a, b)
	require.Len(t, a, pseudonym.IndexSize)
	_, err = v.Index(ctx, "name", "Ada")
	require.Error(t, err)
	require.NoError(t, v.RotateIndex(ctx))
	c, err := v.Index(ctx, "email", "Ada@example.org")
	require.NoError(t, err)
	require.NotEqual(t, a, c)
	list, err := v.Candidates(ctx, "email", "Ada@example.org")
	require.NoError(t, err)
	require.Equal(t, [][]byte{c, a}, list)
}

func rotation(t *testing.T, open Open) {
	ctx := t.Context()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	s, kms := open(t).Tenant("acme"), NewKMS()
	kms.Now = clock
	v := NewVault(t, s, kms, &pseudonym.Options{Now: clock, Window: 48 * time.Hour})
	b := seal(t, v, "c-7", "Ada")
	tok, err := v.Token(ctx, "subject", "c-7")
	require.NoError(t, err)
	require.NoError(t, v.Rotate(ctx))
	w := NewVault(t, s, kms, &pseudonym.Options{Now: clock, Window: 48 * time.Hour})
	_, err = w.Open(ctx, "c-7", place, b)
	require.NoError(t, err)
	again, err := w.Token(ctx, "subject", "c-7")
	require.NoError(t, err)
	require.Equal(t, tok, again)
	require.Equal(t, 2, kms.Keys())
	now = now.Add(49 * time.Hour)
	require.NoError(t, w.Work(ctx))
	require.Equal(t, 1, kms.Keys())
	_, err = v.Open(ctx, "c-7", place, b)
	require.NoError(t, err)
	fresh := seal(t, v, "c-8", "Eve")
	_, err = w.Open(ctx, "c-8", place, fresh)
	require.NoError(t, err)
}

func schedule(t *testing.T, open Open) {
	ctx := t.Context()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	v := NewVault(t, open(t).Tenant("acme"), NewKMS(), &pseudonym.Options{Now: func() time.Time { return now }})
	b := seal(t, v, "c-7", "Ada")
	c, err := v.Seal(ctx, "c-7", pseudonym.Place("consent", "evidence", "1"), nil)
	require.NoError(t, err)
	require.NoError(t, v.ScheduleShred(ctx, "c-7", now.AddDate(0, 1, 0), pseudonym.Proof))
	require.NoError(t, v.Work(ctx))
	_, err = v.Open(ctx, "c-7", place, b)
	require.NoError(t, err)
	now = now.AddDate(0, 1, 0)
	require.NoError(t, v.Work(ctx))
	_, err = v.Open(ctx, "c-7", place, b)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	_, err = v.Open(ctx, "c-7", pseudonym.Place("consent", "evidence", "1"), c)
	require.NoError(t, err)
	_, err = v.Seal(ctx, "c-8", place, nil)
	require.NoError(t, err)
	require.NoError(t, v.ScheduleShred(ctx, "c-8", now.AddDate(0, 1, 0)))
	require.NoError(t, v.UnscheduleShred(ctx, "c-8"))
	now = now.AddDate(0, 2, 0)
	require.NoError(t, v.Work(ctx))
	_, err = v.Seal(ctx, "c-8", place, nil)
	require.NoError(t, err)
}

// otherProcess: two vaults over one store stand for two processes.
func otherProcess(t *testing.T, open Open) {
	ctx := t.Context()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s, kms := open(t).Tenant("acme"), NewKMS()
	o := &pseudonym.Options{Now: func() time.Time { return now }, KeyBound: 5 * time.Second}
	a, b := NewVault(t, s, kms, o), NewVault(t, s, kms, o)
	x := seal(t, a, "c-7", "Ada")
	_, err := b.Open(ctx, "c-7", place, x)
	require.NoError(t, err)
	require.NoError(t, a.Shred(ctx, "c-7"))
	_, err = b.Open(ctx, "c-7", place, x)
	require.NoError(t, err, "within KeyBound")
	now = now.Add(5 * time.Second)
	_, err = b.Open(ctx, "c-7", place, x)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
}
