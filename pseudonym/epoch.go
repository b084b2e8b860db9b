package pseudonym

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"sync"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/storage"
)

// epochRow is a row of the table of epochs: a key of the tenant, wrapped under a
// key-encryption key of the wrapper.
type epochRow struct {
	epoch                  int
	ref                    string
	kid                    keyID
	wrapped                []byte
	state                  int
	created, retired, gone int64
}

func (r *epochRow) args() []any {
	return []any{r.epoch, r.ref, r.kid[:], r.wrapped, r.state, r.created, r.retired, r.gone}
}

const tekLabel = "gdprkit/tek/v1\x00"

// tekID is the id of a tenant key's row. It commits to the key: a wrapper that answers
// with another one is found out before anything is wrapped under that.
func tekID(tenant string, tek []byte) keyID {
	b := append(append(make([]byte, 0, 128), tekLabel...), tek...)
	sum := sum256(frame.Append(b, tenant))
	return keyID(sum[:16])
}

const tekName = "tek" // stands in the place of the compartment; its subject is empty

// newEpoch asks the wrapper for a key-encryption key and wraps a new tenant key.
func (v *Vault) newEpoch(ctx context.Context, epoch, state int) (*epochRow, error) {
	ref, err := v.wrapper.Create(ctx)
	if err != nil {
		return nil, unavailable("create a key-encryption key", err)
	}
	if ref == "" || len(ref) > 512 {
		return nil, gdpr.Invalid("KeyWrapper.Create", "returned a name of %d bytes; 1 to 512 are possible", len(ref))
	}
	var tek [keySize]byte
	random(tek[:])
	r := &epochRow{epoch: epoch, ref: ref, kid: tekID(v.tenant, tek[:]), state: state, created: storage.Micros(v.now())}
	r.wrapped, err = v.wrapper.Wrap(ctx, ref, tek[:], wrapAAD(v.tenant, "", tekName, r.kid, epoch))
	return r, unavailableIf("wrap the tenant key", err)
}

// teks holds the tenant keys that were read from committed rows.
type teks struct {
	mu sync.RWMutex
	m  map[int]cipher.AEAD
}

func (t *teks) get(epoch int) cipher.AEAD {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.m[epoch]
}

func (t *teks) put(epoch int, a cipher.AEAD) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[int]cipher.AEAD{}
	}
	t.m[epoch] = a
}

func (t *teks) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.m)
}

func (t *teks) drop(epoch int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.m, epoch)
}

// tek returns the tenant key of an epoch.
func (v *Vault) tek(ctx context.Context, epoch int) (cipher.AEAD, error) {
	if a := v.teks.get(epoch); a != nil {
		return a, nil
	}
	var r epochRow
	var kid []byte
	err := v.keys.Get(ctx, selEpoch, []any{epoch}, &r.ref, &kid, &r.wrapped, &r.state)
	if errors.Is(err, storage.ErrNotFound) || err == nil && r.state == epochDestroyed {
		return nil, fmt.Errorf("pseudonym: key epoch %d is destroyed: %w", epoch, ErrKeyLost)
	}
	if err != nil {
		return nil, unavailable("read the key epoch", err)
	}
	copy(r.kid[:], kid)
	a, err := v.unwrapTEK(ctx, epoch, &r)
	if err == nil && v.settled(ctx, r.kid) {
		v.teks.put(epoch, a)
	}
	return a, err
}

func (v *Vault) unwrapTEK(ctx context.Context, epoch int, r *epochRow) (cipher.AEAD, error) {
	key, err := v.wrapper.Unwrap(ctx, r.ref, r.wrapped, wrapAAD(v.tenant, "", tekName, r.kid, epoch))
	switch {
	case errors.Is(err, ErrUnknownRef):
		return nil, fmt.Errorf("pseudonym: key-encryption key of epoch %d: %w: %w", epoch, ErrKeyLost, err)
	case err != nil:
		return nil, unavailable("unwrap the tenant key", err)
	case len(key) != keySize || tekID(v.tenant, key) != r.kid:
		return nil, fmt.Errorf("pseudonym: key wrapper answered with another key than that of epoch %d: %w", epoch, ErrKeyUnavailable)
	}
	return newGCM(key), nil
}
