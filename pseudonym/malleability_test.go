package pseudonym_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

func newVault(t testing.TB, o *pseudonym.Options) *pseudonym.Vault {
	v, err := pseudonym.New(memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS(), o)
	require.NoError(t, err)
	return v
}

var place = pseudonym.Place("contacts", "email", "7")

// Each bit, and each length, of a sealed value: none opens.
func TestEveryBitAndLength(t *testing.T) {
	ctx := t.Context()
	v := newVault(t, nil)
	b, err := v.Seal(ctx, "c-7", place, []byte("ada@example.org"))
	require.NoError(t, err)
	for i := range b {
		for bit := range 8 {
			c := bytes.Clone(b)
			c[i] ^= 1 << bit
			_, err := v.Open(ctx, "c-7", place, c)
			require.Error(t, err, "byte %d bit %d", i, bit)
			require.True(t, errors.Is(err, pseudonym.ErrDamaged) || errors.Is(err, pseudonym.ErrVersion) ||
				errors.Is(err, pseudonym.ErrNotSealed) || errors.Is(err, gdpr.ErrInvalid))
		}
	}
	for n := range len(b) {
		_, err := v.Open(ctx, "c-7", place, b[:n])
		require.Error(t, err)
	}
	_, err = v.Open(ctx, "c-7", place, append(bytes.Clone(b), 0))
	require.ErrorIs(t, err, pseudonym.ErrDamaged)
}

// A value opens at its own place only: all pairs of positions.
func TestEveryPosition(t *testing.T) {
	ctx := t.Context()
	db, kms := memstore.New(nil), pseudonymtest.NewKMS()
	o := &pseudonym.Options{Compartments: map[string]string{"contacts.secret": pseudonym.Statutory}}
	vaults := []*pseudonym.Vault{
		pseudonymtest.NewVault(t, db.Tenant("a"), kms, o), pseudonymtest.NewVault(t, db.Tenant("b"), kms, o)}
	type position struct {
		v              *pseudonym.Vault
		subject, place string
	}
	var all []position
	for _, v := range vaults {
		for _, subject := range []string{"c-1", "c-11"} {
			for _, p := range []string{
				pseudonym.Place("contacts", "email", "1"), pseudonym.Place("contacts", "email", "11"),
				pseudonym.Place("contacts", "phone", "1"), pseudonym.Place("contacts", "secret", "1"),
				pseudonym.Place("contact", "semail", "1"), pseudonym.Place("deals", "email", "1"),
				pseudonym.Place("consent", "email", "1"), pseudonym.Place("contacts", "email", "1/1")} {
				all = append(all, position{v, subject, p})
			}
		}
	}
	sealed := make([][]byte, len(all))
	for i, p := range all {
		var err error
		sealed[i], err = p.v.Seal(ctx, p.subject, p.place, []byte("x"))
		require.NoError(t, err)
	}
	for i, p := range all {
		for j := range all {
			_, err := p.v.Open(ctx, p.subject, p.place, sealed[j])
			if i == j {
				require.NoError(t, err)
				continue
			}
			require.ErrorIs(t, err, pseudonym.ErrDamaged, "%v opens what is of %v", p.place, all[j].place)
		}
	}
}

func TestBadInput(t *testing.T) {
	ctx := t.Context()
	v := newVault(t, nil)
	good, err := v.Seal(ctx, "c-7", place, []byte("x"))
	require.NoError(t, err)
	for name, f := range map[string]func() error{
		"no subject":     func() error { _, err := v.Seal(ctx, "", place, nil); return err },
		"mail subject":   func() error { _, err := v.Seal(ctx, "canary@example.org", place, nil); return err },
		"spaced subject": func() error { _, err := v.Seal(ctx, "Ada canary", place, nil); return err },
		"long subject":   func() error { _, err := v.Open(ctx, string(make([]byte, 500)), place, good); return err },
		"no place":       func() error { _, err := v.Seal(ctx, "c-7", "", nil); return err },
		"no record":      func() error { _, err := v.Seal(ctx, "c-7", "contacts.email", nil); return err },
		"empty record":   func() error { _, err := v.Seal(ctx, "c-7", "contacts.email/", nil); return err },
		"no column":      func() error { _, err := v.Seal(ctx, "c-7", "contacts/7", nil); return err },
		"no table":       func() error { _, err := v.Seal(ctx, "c-7", ".email/7", nil); return err },
		"bad record":     func() error { _, err := v.Seal(ctx, "c-7", "contacts.email/\xff", nil); return err },
		"too long":       func() error { _, err := v.Seal(ctx, "c-7", place, make([]byte, pseudonym.MaxValue+1)); return err },
		"unsealed":       func() error { _, err := v.Open(ctx, "c-7", place, []byte("canary@example.org")); return err },
		"empty":          func() error { _, err := v.Open(ctx, "c-7", place, nil); return err },
		"text":           func() error { _, err := v.Open(ctx, "c-7", place, []byte(pseudonym.Text(good))); return err },
		"no text":        func() error { _, err := v.OpenText(ctx, "c-7", place, "canary@example.org"); return err },
		"text spelling":  func() error { _, err := v.OpenText(ctx, "c-7", place, pseudonym.Text(good)+"\n"); return err },
		"version":        func() error { _, err := v.Open(ctx, "c-7", place, append([]byte{9}, good[1:]...)); return err },
		"stream":         func() error { _, err := v.Open(ctx, "c-7", place, append([]byte{2}, good[1:]...)); return err },
		"no stream":      func() error { _, err := v.OpenReader(ctx, "c-7", place, bytes.NewReader(good)); return err },
		"clear stream": func() error {
			_, err := v.OpenReader(ctx, "c-7", place, bytes.NewReader([]byte("canary")))
			return err
		},
		"domain":      func() error { _, err := v.Token(ctx, "Canary!", "c-7"); return err },
		"index":       func() error { _, err := v.Index(ctx, "name", "canary"); return err },
		"mail":        func() error { _, err := v.Index(ctx, "email", "canary"); return err },
		"phone":       func() error { _, err := v.Index(ctx, "phone", "020 canary"); return err },
		"keep":        func() error { return v.Shred(ctx, "c-7", "prove") },
		"secret":      func() error { _, err := v.Secret(ctx, "index"); return err },
		"token":       func() error { _, err := v.Subject(ctx, "subject", "canary"); return err },
		"reason":      func() error { return v.Readmit(ctx, "c-7", "") },
		"no replay":   func() error { _, err := v.Replay(ctx, ""); return err },
		"not waiting": func() error { return v.AcceptRestore(ctx, "x") },
	} {
		t.Run(name, func(t *testing.T) {
			err := f()
			require.ErrorIs(t, err, gdpr.ErrInvalid)
			require.NotContains(t, err.Error(), "canary")
		})
	}
	_, err = pseudonym.New(nil, pseudonymtest.NewKMS(), nil)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	for _, o := range []pseudonym.Options{{KeyBound: 61e9}, {Window: -1}, {EpochLength: -1}, {CacheSize: -1},
		{Compartments: map[string]string{"a": "Not This"}}, {Compartments: map[string]string{"a": pseudonym.ID}}} {
		_, err := pseudonym.New(memstore.New(nil).Tenant("a"), pseudonymtest.NewKMS(), &o)
		require.ErrorIs(t, err, gdpr.ErrInvalid)
	}
}

// change flips, cuts and extends a good value.
func change(good []byte, at uint, x byte, cut uint, tail []byte) []byte {
	b := bytes.Clone(good)
	b[at%uint(len(b))] ^= x
	return append(b[:uint(len(b))-cut%uint(len(b))], tail...)
}

func FuzzOpen(f *testing.F) {
	ctx := context.Background()
	v := newVault(f, nil)
	good, err := v.Seal(ctx, "c-7", place, []byte("ada@example.org"))
	require.NoError(f, err)
	f.Add(uint(0), byte(0), uint(0), []byte(nil), "c-7", place)
	f.Add(uint(30), byte(1), uint(1), []byte("x"), "c-8", "a.b/c")
	f.Fuzz(func(t *testing.T, at uint, x byte, cut uint, tail []byte, subject, where string) {
		b := change(good, at, x, cut, tail)
		_, err := v.Open(ctx, subject, where, b)
		if (err == nil) != (bytes.Equal(b, good) && subject == "c-7" && where == place) {
			t.Fatalf("opened something forged, or not a good value: %v", err)
		}
		if text, err := pseudonym.ParseText(string(tail)); err == nil && pseudonym.Text(text) != string(tail) {
			t.Fatal("a second spelling")
		}
	})
}

func FuzzOpenReader(f *testing.F) {
	ctx := context.Background()
	v := newVault(f, nil)
	r, err := v.SealReader(ctx, "c-7", place, bytes.NewReader([]byte("ada@example.org")))
	require.NoError(f, err)
	good, err := io.ReadAll(r)
	require.NoError(f, err)
	f.Add(uint(0), byte(0), uint(0), []byte(nil))
	f.Fuzz(func(t *testing.T, at uint, x byte, cut uint, tail []byte) {
		b := change(good, at, x, cut, tail)
		r, err := v.OpenReader(ctx, "c-7", place, bytes.NewReader(b))
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if (err == nil) != bytes.Equal(b, good) {
			t.Fatal("opened something forged, or not a good value")
		}
	})
}

func TestStreams(t *testing.T) {
	ctx := t.Context()
	v := newVault(t, nil)
	plain := bytes.Repeat([]byte("scan "), 50_000)
	r, err := v.SealReader(ctx, "c-7", place, bytes.NewReader(plain))
	require.NoError(t, err)
	sealed, err := io.ReadAll(r)
	require.NoError(t, err)
	open := func(subject, place string, b []byte) ([]byte, error) {
		r, err := v.OpenReader(ctx, subject, place, bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	}
	got, err := open("c-7", place, sealed)
	require.NoError(t, err)
	require.True(t, bytes.Equal(plain, got))
	_, err = open("c-7", pseudonym.Place("contacts", "email", "8"), sealed)
	require.ErrorIs(t, err, pseudonym.ErrDamaged)
	_, err = open("c-7", pseudonym.Place("deals", "email", "7"), sealed)
	require.ErrorIs(t, err, pseudonym.ErrDamaged)
	for _, n := range []int{5, 18, 40, 100, 18 + 65536, len(sealed) - 1} {
		_, err = open("c-7", place, sealed[:n])
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d", n)
		require.ErrorIs(t, err, pseudonym.ErrDamaged)
	}
	// A shred ends a stream that is being read.
	r, err = v.OpenReader(ctx, "c-7", place, bytes.NewReader(sealed))
	require.NoError(t, err)
	_, err = r.Read(make([]byte, 10))
	require.NoError(t, err)
	require.NoError(t, v.Shred(ctx, "c-7"))
	_, err = r.Read(make([]byte, 10))
	require.ErrorIs(t, err, pseudonym.ErrShredded)
}
