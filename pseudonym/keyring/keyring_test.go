package keyring_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
)

func raw(t testing.TB, b byte) keyring.Secret {
	s, err := keyring.RawKey(bytes.Repeat([]byte{b}, 32))
	require.NoError(t, err)
	return s
}

func create(t testing.TB, s keyring.Secret, o *keyring.Options) (*keyring.Keyring, string) {
	path := filepath.Join(t.TempDir(), "ring")
	k, err := keyring.Create(path, s, o)
	require.NoError(t, err)
	return k, path
}

func TestWrapAndUnwrap(t *testing.T) {
	ctx := t.Context()
	k, path := create(t, raw(t, 1), nil)
	ref, err := k.Create(ctx)
	require.NoError(t, err)
	w, err := k.Wrap(ctx, ref, []byte("key"), []byte("ad"))
	require.NoError(t, err)
	again, err := keyring.Open(path, raw(t, 1), nil)
	require.NoError(t, err)
	got, err := again.Unwrap(ctx, ref, w, []byte("ad"))
	require.NoError(t, err)
	require.Equal(t, "key", string(got))
	_, err = again.Unwrap(ctx, ref, w, []byte("da"))
	require.ErrorIs(t, err, pseudonym.ErrDamaged)
	_, err = again.Unwrap(ctx, ref, nil, nil)
	require.ErrorIs(t, err, pseudonym.ErrDamaged)
	_, err = again.Unwrap(ctx, "file:none", w, nil)
	require.ErrorIs(t, err, pseudonym.ErrUnknownRef)
	other, err := again.Create(ctx) // the first ring reads the file again
	require.NoError(t, err)
	_, err = k.Wrap(ctx, other, []byte("key"), nil)
	require.NoError(t, err)
}

func TestPassphrase(t *testing.T) {
	s, err := keyring.Passphrase("correct horse battery")
	require.NoError(t, err)
	_, path := create(t, s, nil)
	_, err = keyring.Open(path, s, nil)
	require.NoError(t, err)
	wrong, err := keyring.Passphrase("correct horse batterie")
	require.NoError(t, err)
	_, err = keyring.Open(path, wrong, nil)
	require.ErrorIs(t, err, keyring.ErrSecret)
	_, err = keyring.Open(path, raw(t, 1), nil)
	require.ErrorIs(t, err, keyring.ErrSecret)
	_, err = keyring.Passphrase("short")
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	_, err = keyring.RawKey([]byte("short"))
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	_, err = keyring.Open(path, keyring.Secret{}, nil)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
}

func TestUnsafeFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and links differ")
	}
	_, path := create(t, raw(t, 1), nil)
	require.NoError(t, os.Chmod(path, 0o640))
	_, err := keyring.Open(path, raw(t, 1), nil)
	require.ErrorIs(t, err, keyring.ErrFile)
	require.Contains(t, err.Error(), "chmod 600")
	require.NoError(t, os.Chmod(path, 0o600))
	link := path + "-link"
	require.NoError(t, os.Symlink(path, link))
	_, err = keyring.Open(link, raw(t, 1), nil)
	require.ErrorIs(t, err, keyring.ErrFile)
	require.Contains(t, err.Error(), "symbolic link")
	_, err = keyring.Create(link, raw(t, 1), nil)
	require.ErrorIs(t, err, keyring.ErrFile)
	_, err = keyring.Open(filepath.Dir(path), raw(t, 1), nil)
	require.ErrorIs(t, err, keyring.ErrFile)
	_, err = keyring.Open(path+"-missing", raw(t, 1), nil)
	require.ErrorIs(t, err, keyring.ErrFile)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = keyring.Create(path, raw(t, 1), nil)
	require.ErrorIs(t, err, keyring.ErrFile)
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(path, 12345, -1))
		_, err = keyring.Open(path, raw(t, 1), nil)
		require.ErrorIs(t, err, keyring.ErrFile)
		require.Contains(t, err.Error(), "chown")
	}
}

// An absurd cost is refused before anything is spent on it.
func TestAbsurdCost(t *testing.T) {
	s, err := keyring.Passphrase("correct horse battery")
	require.NoError(t, err)
	_, path := create(t, s, nil)
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	line, rest, _ := bytes.Cut(file, []byte("\n"))
	for name, change := range map[string]map[string]any{
		"memory":  {"memoryKiB": 1<<20 + 1},
		"time":    {"time": 17},
		"none":    {"time": 0},
		"little":  {"memoryKiB": 8},
		"threads": {"threads": 255},
		"kdf":     {"kdf": "md5"},
		"version": {"version": "gdprkit.dev/keyring/v2"},
		"salt":    {"salt": "AA=="},
	} {
		t.Run(name, func(t *testing.T) {
			h := map[string]any{}
			require.NoError(t, json.Unmarshal(line, &h))
			for k, v := range change {
				h[k] = v
			}
			b, err := json.Marshal(h)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, append(append(b, '\n'), rest...), 0o600))
			began := time.Now()
			_, err = keyring.Open(path, s, nil)
			require.ErrorIs(t, err, keyring.ErrFormat)
			require.Less(t, time.Since(began), 100*time.Millisecond)
		})
	}
}

// Every byte of the file is changed in turn: none opens.
func TestEveryByteOfTheFile(t *testing.T) {
	k, path := create(t, raw(t, 1), nil)
	_, err := k.Create(t.Context())
	require.NoError(t, err)
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range len(file) - 1 { // the last line feed is not part of it
		b := bytes.Clone(file)
		b[i] ^= 1
		require.NoError(t, os.WriteFile(path, b, 0o600))
		_, err := keyring.Open(path, raw(t, 1), nil)
		require.Error(t, err, "byte %d", i)
	}
}

func TestDestroyRenewsTheSecret(t *testing.T) {
	ctx := t.Context()
	k, path := create(t, raw(t, 1), nil)
	ref, err := k.Create(ctx)
	require.NoError(t, err)
	kept, err := k.Create(ctx)
	require.NoError(t, err)
	gone, err := k.Destroy(ctx, ref)
	require.NoError(t, err)
	require.True(t, gone.IsZero(), "older copies open with the same secret")

	next := raw(t, 2)
	renewing, err := keyring.Open(path, raw(t, 1), &keyring.Options{
		Renew: func(context.Context) (keyring.Secret, error) { return next, nil }})
	require.NoError(t, err)
	follower, err := keyring.Open(path, raw(t, 1), &keyring.Options{
		Current: func() (keyring.Secret, error) { return next, nil }})
	require.NoError(t, err)
	ref, err = renewing.Create(ctx)
	require.NoError(t, err)
	gone, err = renewing.Destroy(ctx, ref)
	require.NoError(t, err)
	require.False(t, gone.IsZero())
	_, err = keyring.Open(path, raw(t, 1), nil)
	require.ErrorIs(t, err, keyring.ErrSecret)
	_, err = keyring.Open(path, next, nil)
	require.NoError(t, err)
	_, err = renewing.Unwrap(ctx, ref, make([]byte, 64), nil)
	require.ErrorIs(t, err, pseudonym.ErrUnknownRef)
	_, err = renewing.Destroy(ctx, ref)
	require.ErrorIs(t, err, pseudonym.ErrUnknownRef)
	_, err = follower.Create(ctx)
	require.NoError(t, err)
	_, err = renewing.Wrap(ctx, kept, []byte("x"), nil)
	require.NoError(t, err)
	require.NoError(t, renewing.ChangeSecret(ctx, raw(t, 3)))
	_, err = keyring.Open(path, raw(t, 3), nil)
	require.NoError(t, err)
}

// Rings over one file stand for processes: no key is lost.
func TestManyCreators(t *testing.T) {
	_, path := create(t, raw(t, 1), nil)
	var mu sync.Mutex
	var refs []string
	var wg sync.WaitGroup
	for range 4 {
		k, err := keyring.Open(path, raw(t, 1), nil)
		require.NoError(t, err)
		wg.Go(func() {
			for range 5 {
				ref, err := k.Create(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				refs = append(refs, ref)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	k, err := keyring.Open(path, raw(t, 1), nil)
	require.NoError(t, err)
	for _, ref := range refs {
		_, err := k.Wrap(t.Context(), ref, []byte("x"), nil)
		require.NoError(t, err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".keyring-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestPrintsNoKey(t *testing.T) {
	s, err := keyring.Passphrase("canary-canary-canary")
	require.NoError(t, err)
	k, _ := create(t, s, nil)
	_, err = k.Create(t.Context())
	require.NoError(t, err)
	for _, x := range []any{s, &s, k, *keyringOf(k)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			require.NotContains(t, fmt.Sprintf(verb, x), "canary")
			require.NotContains(t, fmt.Sprintf(verb, x), fmt.Sprintf("%x", "canary"))
			require.NotContains(t, fmt.Sprintf(verb, x), "99 97 110 97 114 121")
		}
		b, err := json.Marshal(x)
		require.NoError(t, err)
		require.False(t, strings.Contains(string(b), "canary"))
	}
}

// keyringOf wraps the ring in a struct of the host, which prints it whole.
func keyringOf(k *keyring.Keyring) *struct{ Ring *keyring.Keyring } {
	return &struct{ Ring *keyring.Keyring }{k}
}

func ExampleCreate() {
	dir, _ := os.MkdirTemp("", "keyring")
	defer os.RemoveAll(dir)
	secret, err := keyring.RawKey(make([]byte, 32)) // from the host's secret store
	if err != nil {
		fmt.Println(err)
		return
	}
	ring, err := keyring.Create(filepath.Join(dir, "gdpr.keyring"), secret, nil)
	fmt.Println(ring, err)
	// Output: keyring.Keyring <nil>
}
