package audittest

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sync"
)

// vault seals under a key per subject, as pseudonym.Vault does.
type vault struct {
	mu   sync.Mutex
	keys map[string][]byte
}

func newVault() *vault { return &vault{keys: map[string][]byte{}} }

var errShredded = errors.New("audittest: shredded")

func (v *vault) aead(subject string, create bool) (cipher.AEAD, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	k, ok := v.keys[subject]
	if !ok && create {
		k = make([]byte, 32)
		rand.Read(k)
		v.keys[subject] = k
	}
	if k == nil {
		return nil, errShredded
	}
	b, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(b)
}

func (v *vault) shred(subject string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys[subject] = nil
}

func (v *vault) Seal(_ context.Context, subject, place string, plain []byte) ([]byte, error) {
	a, err := v.aead(subject, true)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 12)
	rand.Read(nonce)
	return a.Seal(nonce, nonce, plain, []byte(place)), nil
}

func (v *vault) Open(_ context.Context, subject, place string, sealed []byte) ([]byte, error) {
	a, err := v.aead(subject, false)
	if err != nil {
		return nil, err
	}
	return a.Open(nil, sealed[:12], sealed[12:], []byte(place))
}

// tokens names subjects as pseudonym.Vault does.
type tokens struct{ key string }

func (k tokens) Token(_ context.Context, domain, subject string) (string, error) {
	h := hmac.New(sha256.New, []byte(k.key))
	h.Write([]byte(domain + "\x00" + subject))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16]), nil
}
