package pseudonym

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/storage"
)

// The secrets of a tenant that [Vault.Secret] hands to the other parts. They are
// not a subject's, so a shred does not touch them.
const (
	SecretStage       = "stage"       // MAC of staged audit entries
	SecretSuppression = "suppression" // keyed hashes of suppressed addresses
	SecretCode        = "code"        // one-time codes
	SecretLink        = "link"        // withdrawal links
)

const (
	secretIndex = "index"
	secretTomb  = "tombstone"
)

// rank puts a secret that is accepted and not used yet behind the others.
func rank(state int) int {
	if state == added {
		return 1
	}
	return 0
}

// secretValue is one generation of a secret.
type secretValue struct {
	generation int
	key        [keySize]byte
}

// secrets holds what was read from committed rows, the newest generation first.
type secrets struct {
	mu sync.RWMutex
	m  map[string][]secretValue
}

func (s *secrets) get(name string) []secretValue {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.m[name]
}

func (s *secrets) put(name string, list []secretValue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = map[string][]secretValue{}
	}
	s.m[name] = list
}

func (s *secrets) drop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, name)
}

func (s *secrets) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.m)
}

// Secret returns 32 random bytes of the tenant, made on first use: name is one of
// SecretStage, SecretSuppression, SecretCode, SecretLink. They stay the same unless
// [Vault.UseSecret] takes another into use.
func (v *Vault) Secret(ctx context.Context, name string) (gdpr.Secret, error) {
	list, err := v.Secrets(ctx, name)
	if err != nil {
		return gdpr.Secret{}, err
	}
	return list[0], nil
}

// Secrets returns the secret in use and then every other that is to be accepted:
// earlier ones, and one that [Vault.AddSecret] made.
func (v *Vault) Secrets(ctx context.Context, name string) ([]gdpr.Secret, error) {
	if !slices.Contains([]string{SecretStage, SecretSuppression, SecretCode, SecretLink}, name) {
		return nil, gdpr.Invalid("name", "must be stage, suppression, code or link")
	}
	if v.secrets.get(name) != nil { // another process may have added one
		v.secrets.drop(name)
	}
	list, err := v.secret(ctx, name)
	if err != nil {
		return nil, err
	}
	out := make([]gdpr.Secret, len(list))
	for i := range list {
		out[i] = gdpr.NewSecret(list[i].key[:])
	}
	return out, nil
}

// secret returns the generations of a secret and makes the first one.
func (v *Vault) secret(ctx context.Context, name string) ([]secretValue, error) {
	if list := v.secrets.get(name); list != nil {
		return list, nil
	}
	list, err := v.readSecret(ctx, name)
	for tries := 0; err == nil && len(list) == 0 && tries < 8; tries++ {
		if err = v.addSecret(ctx, name, 1, live); errors.Is(err, errEpochMoved) {
			err = nil
			continue
		}
		if err == nil {
			list, err = v.readSecret(ctx, name)
		}
	}
	if err != nil || len(list) == 0 {
		return nil, unavailable("read the secret", errors.Join(err, ErrKeyUnavailable))
	}
	return list, nil
}

func (v *Vault) readSecret(ctx context.Context, name string) ([]secretValue, error) {
	type raw struct {
		generation, epoch, state int
		kid, wrapped             []byte
	}
	var rows []raw
	for row, err := range v.keys.Scan(ctx, selSecret, []any{name}) {
		if err != nil {
			return nil, err
		}
		var r raw
		if err := row.Scan(&r.generation, &r.kid, &r.epoch, &r.state, &r.wrapped); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	slices.SortStableFunc(rows, func(a, b raw) int { return cmp.Compare(rank(a.state), rank(b.state)) })
	settled := true
	var list []secretValue
	for _, r := range rows {
		tek, err := v.tek(ctx, r.epoch)
		if err != nil {
			return nil, err
		}
		kid := keyID(r.kid)
		key, err := unwrap(tek, r.wrapped, wrapAAD(v.tenant, "", name, kid, r.epoch))
		if err != nil || len(key) != keySize {
			return nil, ErrDamaged
		}
		settled = v.settled(ctx, kid) && settled
		list = append(list, secretValue{r.generation, [keySize]byte(key)})
	}
	if settled && len(list) > 0 && v.current(ctx) {
		v.secrets.put(name, list)
	}
	return list, nil
}

// addSecret inserts a generation in a state unless somebody else did.
func (v *Vault) addSecret(ctx context.Context, name string, generation, state int) error {
	k, err := v.keysHead(ctx)
	if err != nil {
		return err
	}
	tek, err := v.tek(ctx, k.epoch)
	if err != nil {
		return err
	}
	kid := newKeyID("")
	var key [keySize]byte
	random(key[:])
	wrapped := wrap(tek, key[:], wrapAAD(v.tenant, "", name, kid, k.epoch))
	if v.keys.State(ctx) != storage.Outside {
		v.unseen.add(kid, v.clock())
	}
	return v.keys.InTx(ctx, func(ctx context.Context) error {
		now, err := readHead(ctx, v.keys, headKeys)
		if err != nil {
			return err
		}
		if now.epoch != k.epoch {
			return errEpochMoved
		}
		_, err = v.keys.Apply(ctx, insSecret.With(name, generation, kid[:], k.epoch, state, wrapped, storage.Micros(v.now())))
		return err
	})
}

const tombLabel = "gdprkit/tomb/v1\x00"

// tag is the keyed hash of the subject in tombstones and in the journal.
func (v *Vault) tag(ctx context.Context, subject string) (keyID, error) {
	list, err := v.secret(ctx, secretTomb)
	if err != nil {
		return keyID{}, err
	}
	return tombTag(list[0].key[:], v.tenant, subject), nil
}

func tombTag(key []byte, tenant, subject string) keyID {
	m := hmac.New(sha256.New, key)
	m.Write(frame.Append([]byte(tombLabel), tenant, subject))
	return keyID(m.Sum(nil))
}

// tombstone reads the tombstone of a subject's compartment: its random alias, and
// whether the subject was readmitted since. It returns ErrNotFound if there is none.
func (v *Vault) tombstone(ctx context.Context, subject, compartment string) (alias keyID, back bool, err error) {
	tag, err := v.tag(ctx, subject)
	if err != nil {
		return alias, false, err
	}
	return v.readTomb(ctx, tag, compartment)
}

func (v *Vault) readTomb(ctx context.Context, tag keyID, compartment string) (alias keyID, back bool, err error) {
	var a []byte
	err = v.keys.Get(ctx, selTomb, []any{tag[:], compartment}, &a, &back)
	copy(alias[:], a)
	return alias, back, err
}
