package keyring

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/pseudonym"
)

// Options of a [Keyring]. Nil is a safe default.
type Options struct {
	// Renew returns a new secret whenever a key is destroyed. It stores it where
	// Open will find it next time, beside the old one, which is to be forgotten after
	// Destroy has returned. Default: the secret stays, and Destroy cannot vouch for
	// older copies of the file.
	Renew func(ctx context.Context) (Secret, error)

	// Current returns the secret of today. It is asked when the one at hand does not
	// open the file any more, because another process has renewed it. Default: such a
	// ring returns ErrSecret until it is opened anew.
	Current func() (Secret, error)

	Now func() time.Time // default: time.Now
}

// Keyring is a [pseudonym.KeyWrapper] whose keys are in a file. It is safe for
// concurrent use, by several processes too.
type Keyring struct {
	path string
	opts Options

	mu     sync.RWMutex
	secret Secret
	head   *header
	derive []byte // the key that the secret gives under head
	body   *body
}

var _ pseudonym.KeyWrapper = (*Keyring)(nil)

// Create makes a new, empty keyring. It refuses to overwrite a file.
func Create(path string, secret Secret, o *Options) (*Keyring, error) {
	k, err := newKeyring(path, secret, o)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: it exists already; open it instead", ErrFile)
	}
	unlock, err := lock(context.Background(), path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: it exists already; open it instead", ErrFile)
	}
	h := newHeader(secret)
	return k, k.store(h, secret, secret.key(h), &body{Keys: map[string]kek{}})
}

// Open reads a keyring.
func Open(path string, secret Secret, o *Options) (*Keyring, error) {
	k, err := newKeyring(path, secret, o)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k, k.load()
}

func newKeyring(path string, secret Secret, o *Options) (*Keyring, error) {
	if path == "" {
		return nil, gdpr.Invalid("path", "is empty")
	}
	if secret.raw.Len() == 0 {
		return nil, gdpr.Invalid("secret", "is empty; make it with RawKey or Passphrase")
	}
	k := &Keyring{path: path, secret: secret}
	if o != nil {
		k.opts = *o
	}
	if k.opts.Now == nil {
		k.opts.Now = time.Now
	}
	return k, nil
}

// load reads the file again. The caller holds mu.
func (k *Keyring) load() error {
	err := k.loadWith()
	if !errors.Is(err, ErrSecret) || k.opts.Current == nil {
		return err
	}
	s, err := k.opts.Current()
	if err != nil || s.raw.Len() == 0 {
		return errors.Join(ErrSecret, err)
	}
	k.secret, k.head = s, nil
	return k.loadWith()
}

func (k *Keyring) loadWith() error {
	file, err := readFile(k.path)
	for tries := 0; errors.Is(err, ErrBusy) && tries < 10; tries++ {
		file, err = readFile(k.path)
	}
	if err != nil {
		return err
	}
	h, line, ct, err := split(file)
	if err != nil {
		return err
	}
	if h.KDF != k.secret.kdf() {
		return fmt.Errorf("%w: it was made with %s", ErrSecret, secretNames[h.KDF])
	}
	derived := k.derive
	if k.head == nil || string(k.head.Salt) != string(h.Salt) || k.head.Time != h.Time ||
		k.head.Memory != h.Memory || k.head.Threads != h.Threads {
		derived = k.secret.key(h)
	}
	b, err := decode(line, ct, derived)
	if err != nil {
		return err
	}
	k.head, k.derive, k.body = h, derived, b
	return nil
}

// store writes the file and takes over what it wrote.
func (k *Keyring) store(h *header, s Secret, derived []byte, b *body) error {
	b.Serial++
	file, err := encode(h, derived, b)
	if err != nil {
		return err
	}
	if err := writeFile(k.path, file); err != nil {
		return err
	}
	k.head, k.secret, k.derive, k.body = h, s, derived, b
	return nil
}

// change reads the newest file, lets f alter a copy of its keys, and writes it
// unless somebody else did so meanwhile.
func (k *Keyring) change(ctx context.Context, s *Secret, f func(keys map[string]kek) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var h *header
	var derived []byte
	if s != nil { // the slow part, before the lock
		h = newHeader(*s)
		derived = s.key(h)
	}
	unlock, err := lock(ctx, k.path)
	if err != nil {
		return err
	}
	defer unlock()
	if err := k.load(); err != nil {
		return err
	}
	if s == nil {
		h, derived, s = k.head, k.derive, &k.secret
	}
	keys := maps.Clone(k.body.Keys)
	if keys == nil {
		keys = map[string]kek{}
	}
	if err := f(keys); err != nil {
		return err
	}
	if err := k.unchanged(k.body.Serial); err != nil {
		return err
	}
	return k.store(h, *s, derived, &body{Serial: k.body.Serial, Keys: keys})
}

// unchanged compares the serial in the file with the one that was read.
func (k *Keyring) unchanged(serial uint64) error {
	old := *k.body
	if err := k.load(); err != nil {
		return err
	}
	if old.Serial != serial || k.body.Serial != serial {
		return ErrBusy
	}
	return nil
}

// ChangeSecret encrypts the file under another secret. Copies of the file keep the
// one that they had.
func (k *Keyring) ChangeSecret(ctx context.Context, secret Secret) error {
	if secret.raw.Len() == 0 {
		return gdpr.Invalid("secret", "is empty; make it with RawKey or Passphrase")
	}
	return k.change(ctx, &secret, func(map[string]kek) error { return nil })
}

// Create adds a key to the file and returns its name.
func (k *Keyring) Create(ctx context.Context) (string, error) {
	var id, key [32]byte
	_, _ = rand.Read(id[:16])
	_, _ = rand.Read(key[:])
	ref := "file:" + hex.EncodeToString(id[:16])
	err := k.change(ctx, nil, func(keys map[string]kek) error {
		keys[ref] = kek{Key: key[:], Created: k.opts.Now().Unix()}
		return nil
	})
	return ref, err
}

// Destroy takes a key out of the file. It returns the time at which it did so if
// Options.Renew gave a new secret for the file, and the zero time otherwise: older
// copies of the file still hold the key.
func (k *Keyring) Destroy(ctx context.Context, ref string) (time.Time, error) {
	var next *Secret
	if k.opts.Renew != nil {
		s, err := k.opts.Renew(ctx)
		if err != nil {
			return time.Time{}, fmt.Errorf("keyring: renew the secret: %w", err)
		}
		if s.raw.Len() == 0 {
			return time.Time{}, gdpr.Invalid("Options.Renew", "returned an empty secret")
		}
		next = &s
	}
	err := k.change(ctx, next, func(keys map[string]kek) error {
		if _, ok := keys[ref]; !ok {
			return pseudonym.ErrUnknownRef
		}
		delete(keys, ref)
		return nil
	})
	if err != nil || next == nil {
		return time.Time{}, err
	}
	return k.opts.Now(), nil
}

// Wrap encrypts key under ref: nonce ‖ ciphertext ‖ tag.
func (k *Keyring) Wrap(_ context.Context, ref string, key, additional []byte) ([]byte, error) {
	e, err := k.find(ref)
	if err != nil {
		return nil, err
	}
	gcm, err := newGCM(e.Key)
	if err != nil {
		return nil, ErrFormat
	}
	nonce := make([]byte, gcm.NonceSize(), gcm.NonceSize()+len(key)+gcm.Overhead())
	_, _ = rand.Read(nonce)
	return gcm.Seal(nonce, nonce, key, additional), nil
}

// Unwrap is the inverse of Wrap.
func (k *Keyring) Unwrap(_ context.Context, ref string, wrapped, additional []byte) ([]byte, error) {
	e, err := k.find(ref)
	if err != nil {
		return nil, err
	}
	gcm, err := newGCM(e.Key)
	if err != nil {
		return nil, ErrFormat
	}
	if len(wrapped) < gcm.NonceSize()+gcm.Overhead() {
		return nil, pseudonym.ErrDamaged
	}
	key, err := gcm.Open(nil, wrapped[:gcm.NonceSize()], wrapped[gcm.NonceSize():], additional)
	if err != nil {
		return nil, pseudonym.ErrDamaged
	}
	return key, nil
}

// find returns a key, after a look at the file if it is not known: another process
// may have added it.
func (k *Keyring) find(ref string) (kek, error) {
	k.mu.RLock()
	e, ok := k.body.Keys[ref]
	k.mu.RUnlock()
	if ok {
		return e, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.load(); err != nil {
		return kek{}, err
	}
	if e, ok = k.body.Keys[ref]; !ok {
		return kek{}, pseudonym.ErrUnknownRef
	}
	return e, nil
}

// String says nothing about the keys.
func (k *Keyring) String() string { return "keyring.Keyring" }

// GoString says nothing about the keys.
func (k *Keyring) GoString() string { return "keyring.Keyring" }

// Format says nothing about the keys, whatever the verb.
func (k *Keyring) Format(f fmt.State, _ rune) { fmt.Fprint(f, "keyring.Keyring") }
