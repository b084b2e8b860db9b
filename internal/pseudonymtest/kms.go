package pseudonymtest

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/pseudonym"
)

// ErrDenied is what the KMS answers when access is taken away.
var ErrDenied = errors.New("kms: access denied")

// KMS behaves like a key management service: calls take time, can be denied, and a
// destroyed key waits before it is gone. It counts calls.
type KMS struct {
	Delay  time.Duration // of each call
	Window time.Duration // between Destroy and the end of the key
	Now    func() time.Time

	mu     sync.Mutex
	keys   map[string]cipher.AEAD
	gone   map[string]time.Time
	denied bool
	calls  int
}

// NewKMS returns an empty service.
func NewKMS() *KMS {
	return &KMS{Now: time.Now, keys: map[string]cipher.AEAD{}, gone: map[string]time.Time{}}
}

// Deny takes access away or gives it back.
func (k *KMS) Deny(on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.denied = on
}

// Calls returns how many calls there were.
func (k *KMS) Calls() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.calls
}

// Keys returns how many keys can be used.
func (k *KMS) Keys() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for ref := range k.keys {
		if k.usable(ref) == nil {
			n++
		}
	}
	return n
}

// Clone returns a service with the same keys, for a backup of it.
func (k *KMS) Clone() *KMS {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := NewKMS()
	for ref, a := range k.keys {
		c.keys[ref] = a
	}
	return c
}

func (k *KMS) enter(ctx context.Context) error {
	if k.Delay > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(k.Delay):
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls++
	if k.denied {
		return ErrDenied
	}
	return ctx.Err()
}

func (k *KMS) usable(ref string) error {
	if _, ok := k.keys[ref]; !ok {
		return fmt.Errorf("kms: %w", pseudonym.ErrUnknownRef)
	}
	if at, ok := k.gone[ref]; ok && !k.Now().Before(at) {
		return fmt.Errorf("kms: %w", pseudonym.ErrUnknownRef)
	}
	return nil
}

func (k *KMS) key(ctx context.Context, ref string) (cipher.AEAD, error) {
	if err := k.enter(ctx); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.usable(ref); err != nil {
		return nil, err
	}
	if _, waiting := k.gone[ref]; waiting {
		return nil, fmt.Errorf("kms: key is pending destruction: %w", pseudonym.ErrUnknownRef)
	}
	return k.keys[ref], nil
}

// Create makes a key.
func (k *KMS) Create(ctx context.Context) (string, error) {
	if err := k.enter(ctx); err != nil {
		return "", err
	}
	var key [32]byte
	_, _ = rand.Read(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return "", err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return "", err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	ref := fmt.Sprintf("kms/keys/%d", len(k.keys)+1)
	k.keys[ref] = gcm
	return ref, nil
}

// Wrap encrypts a key.
func (k *KMS) Wrap(ctx context.Context, ref string, key, additional []byte) ([]byte, error) {
	gcm, err := k.key(ctx, ref)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(nonce)
	return gcm.Seal(nonce, nonce, key, additional), nil
}

// Unwrap decrypts a key.
func (k *KMS) Unwrap(ctx context.Context, ref string, wrapped, additional []byte) ([]byte, error) {
	gcm, err := k.key(ctx, ref)
	if err != nil {
		return nil, err
	}
	if len(wrapped) < gcm.NonceSize() {
		return nil, errors.New("kms: ciphertext is too short")
	}
	return gcm.Open(nil, wrapped[:gcm.NonceSize()], wrapped[gcm.NonceSize():], additional)
}

// Destroy schedules the end of a key.
func (k *KMS) Destroy(ctx context.Context, ref string) (time.Time, error) {
	if err := k.enter(ctx); err != nil {
		return time.Time{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.usable(ref); err != nil {
		return time.Time{}, err
	}
	if _, ok := k.gone[ref]; !ok {
		k.gone[ref] = k.Now().Add(k.Window)
	}
	return k.gone[ref], nil
}
