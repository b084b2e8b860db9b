package pseudonymtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/pseudonym"
)

func prune(t *testing.T, open Open) {
	ctx := t.Context()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s, kms := open(t).Tenant("acme"), NewKMS()
	o := &pseudonym.Options{Now: func() time.Time { return now }}
	v := NewVault(t, s, kms, o)
	old := seal(t, v, "c-1", "Ada")
	require.NoError(t, v.Shred(ctx, "c-1"))
	now = now.AddDate(0, 0, 40)
	seal(t, v, "c-2", "Eve")
	require.NoError(t, v.Shred(ctx, "c-2"))
	n, err := v.PruneTombstones(ctx, now.AddDate(0, 0, -30))
	require.NoError(t, err)
	require.Equal(t, 5, n, "one for each compartment of c-1")
	r, err := v.Report(ctx)
	require.NoError(t, err)
	require.Equal(t, 5, r.Tombstones)
	require.Equal(t, 2, r.Fences, "the fences stay")
	_, err = v.Seal(ctx, "c-2", place, nil)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	_, err = v.Open(ctx, "c-1", place, old)
	require.ErrorIs(t, err, pseudonym.ErrNoKey)
	seal(t, v, "c-1", "Ada again")
	_, err = v.Open(ctx, "c-1", place, old)
	require.ErrorIs(t, err, pseudonym.ErrDamaged)
	require.NoError(t, v.Shred(ctx, "c-1"), "the chain goes on")
	require.NoError(t, NewVault(t, s, kms, o).Ready(ctx))
	_, err = v.PruneTombstones(ctx, now.AddDate(0, 0, 1))
	require.ErrorIs(t, err, gdpr.ErrInvalid)
}

// shredTogether: processes that shred the same subject at once shred it once.
func shredTogether(t *testing.T, open Open) {
	ctx := t.Context()
	s, kms := open(t).Tenant("acme"), NewKMS()
	vaults := make([]*pseudonym.Vault, 4)
	for i := range vaults {
		vaults[i] = NewVault(t, s, kms, nil)
		require.NoError(t, vaults[i].Ready(ctx))
	}
	const subjects = 6
	for i := range subjects {
		seal(t, vaults[0], fmt.Sprintf("c-%d", i), "Ada")
	}
	var wg sync.WaitGroup
	for n, v := range vaults {
		wg.Go(func() {
			for i := range subjects {
				subject := fmt.Sprintf("c-%d", i)
				if n == 3 { // one seals instead
					if _, err := v.Seal(ctx, subject, pseudonym.Place("invoices", "name", "1"), nil); err != nil && !errors.Is(err, pseudonym.ErrShredded) {
						t.Errorf("seal: %v", err)
					}
				} else if err := v.Shred(ctx, subject); err != nil {
					t.Errorf("shred: %v", err)
				}
			}
		})
	}
	wg.Wait()
	r, err := vaults[0].Report(ctx)
	require.NoError(t, err)
	require.Equal(t, 5*subjects, r.Tombstones)
	require.Equal(t, subjects, r.Fences, "each key was destroyed once")
	require.Zero(t, r.Keys)
	require.Zero(t, r.Pending)
}

// leftovers: after a shred, only tombstones, records and fences know of the subject;
// Work forgets the first two when no backup is as old.
func leftovers(t *testing.T, open Open) {
	ctx := t.Context()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	s, kms := open(t).Tenant("acme"), NewKMS()
	_, err := pseudonym.New(s, kms, &pseudonym.Options{BackupAge: time.Hour})
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	o := &pseudonym.Options{Now: func() time.Time { return now }, BackupAge: 90 * 24 * time.Hour, Window: 60 * 24 * time.Hour}
	v := NewVault(t, s, kms, o)
	for _, subject := range []string{"c-1", "c-2", "c-3"} {
		seal(t, v, subject, "Ada")
		_, err := v.Token(ctx, "subject", subject)
		require.NoError(t, err)
	}
	require.NoError(t, v.ScheduleShred(ctx, "c-1", now.AddDate(5, 0, 0), pseudonym.Proof, pseudonym.Statutory))
	require.NoError(t, v.ScheduleShred(ctx, "c-2", now.AddDate(5, 0, 0), pseudonym.Proof))
	require.NoError(t, v.ScheduleShred(ctx, "c-3", now.AddDate(5, 0, 0)))
	require.NoError(t, v.Shred(ctx, "c-1", pseudonym.Proof))
	require.NoError(t, s.InTx(ctx, func(ctx context.Context) error { return v.Shred(ctx, "c-2", pseudonym.Proof) }))
	require.NoError(t, v.Shred(ctx, "c-3", pseudonym.Proof))
	r, err := v.Report(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, r.Scheduled, "of c-3, which has proof left to shred")
	require.Zero(t, r.Keys)
	var rows []string
	dump(t, s, &rows, false)
	for _, row := range rows {
		require.NotContains(t, []string{"c-1", "c-2"}, row)
	}

	now = now.AddDate(0, 0, 89)
	require.NoError(t, v.Work(ctx))
	_, err = v.Seal(ctx, "c-1", place, nil)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
	now = now.AddDate(0, 0, 2)
	require.NoError(t, v.Work(ctx))
	r, err = v.Report(ctx)
	require.NoError(t, err)
	require.Zero(t, r.Tombstones)
	require.Equal(t, 6, r.Fences, "the ids of the keys stay")
	seal(t, v, "c-1", "somebody new")
}

func export(t *testing.T, open Open) {
	ctx := t.Context()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	v := NewVault(t, open(t).Tenant("acme"), NewKMS(), &pseudonym.Options{Now: func() time.Time { return now }})
	seal(t, v, "c-1", "Ada")
	_, err := v.Token(ctx, "subject", "c-1")
	require.NoError(t, err)
	require.NoError(t, v.ScheduleShred(ctx, "c-1", now.AddDate(1, 0, 0)))
	var got []string
	for b, err := range v.Export(ctx, "c-1") {
		require.NoError(t, err)
		got = append(got, string(b))
	}
	require.Equal(t, []string{
		`{"kind":"key","compartment":"id","created":"2026-01-01T00:00:00Z"}`,
		`{"kind":"key","compartment":"ordinary","created":"2026-01-01T00:00:00Z"}`,
		`{"kind":"token","domain":"subject"}`,
		`{"kind":"scheduled shred","due":"2027-01-01T00:00:00Z"}`,
	}, got)
	require.NoError(t, v.Shred(ctx, "c-1"))
	for range v.Export(ctx, "c-1") {
		t.Error("a shredded subject is not known")
	}
}

// An older value of the same cell, put back by somebody who can write the database,
// opens. This is the limit, not a promise.
func olderValue(t *testing.T, open Open) {
	v := NewVault(t, open(t).Tenant("acme"), NewKMS(), nil)
	older := seal(t, v, "c-1", "old address")
	seal(t, v, "c-1", "new address")
	plain, err := v.Open(t.Context(), "c-1", place, older)
	require.NoError(t, err)
	require.Equal(t, "old address", string(plain))
}

// sameDatabase: a second store of one database is no second database.
func sameDatabase(t *testing.T, open Open) {
	ctx := t.Context()
	db := open(t)
	v := NewVault(t, db.Tenant("acme"), NewKMS(), &pseudonym.Options{Data: db.Tenant("acme")})
	require.NoError(t, v.Ready(ctx))
	r, err := v.Report(ctx)
	require.NoError(t, err)
	require.Equal(t, pseudonym.ProtectionNone, r.RollbackProtection)
	b := seal(t, v, "c-1", "Ada")
	require.ErrorIs(t, db.Tenant("acme").InTx(ctx, func(ctx context.Context) error {
		if err := v.Shred(ctx, "c-1"); err != nil {
			return err
		}
		return errUndo
	}), errUndo)
	_, err = v.Open(ctx, "c-1", place, b)
	require.NoError(t, err)
	require.NoError(t, v.Shred(ctx, "c-1"))
	_, err = v.Open(ctx, "c-1", place, b)
	require.ErrorIs(t, err, pseudonym.ErrShredded)
}
