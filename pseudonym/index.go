package pseudonym

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"hash"
	"sync"
	"sync/atomic"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
)

const (
	indexLabel = "gdprkit/index/v1"
	// IndexSize is the length of a blind index in bytes: its epoch and 16 bytes of
	// HMAC-SHA-256.
	IndexSize = 17
	maxRoots  = 255 // an index names its root in one byte
)

// indexes holds the keyed hash states of each domain, the newest root first.
type indexes struct {
	mu   sync.Mutex // for changes
	list atomic.Pointer[[]*indexDomain]
}

type indexDomain struct {
	name      string
	normalise Normaliser
	keys      []*indexKey
	looked    atomic.Int64 // as of which check there were no other roots
}

type indexKey struct {
	epoch byte
	pool  sync.Pool // of *indexState
}

type indexState struct {
	h   hash.Hash
	sum [sha256.Size]byte
	in  []byte
}

// Index returns the blind index of a value, by which the host finds equal values
// that it stores sealed: 17 bytes for a column with an index of its own. The
// domain's normaliser is applied first. Equality and frequency are visible to who
// reads the column, and who has the key can test guesses; so delete the index
// value together with the row.
func (v *Vault) Index(ctx context.Context, domain, value string) ([]byte, error) {
	return v.AppendIndex(ctx, make([]byte, 0, IndexSize), domain, value)
}

// AppendIndex appends the blind index of a value to dst; see [Vault.Index].
func (v *Vault) AppendIndex(ctx context.Context, dst []byte, domain, value string) ([]byte, error) {
	d := v.indexes.get(domain)
	if d == nil {
		var err error
		if d, err = v.indexDomain(ctx, domain); err != nil {
			return nil, err
		}
	}
	value, err := d.normalise(value)
	if err != nil {
		return nil, err
	}
	return d.keys[0].append(dst, value), nil
}

// Candidates returns the blind indexes of a value under every root, the newest
// first. Search with all of them while rows of an older root are not back-filled
// after [Vault.RotateIndex].
func (v *Vault) Candidates(ctx context.Context, domain, value string) ([][]byte, error) {
	d := v.indexes.get(domain)
	if d == nil || !v.fresh() || d.looked.Load() != v.checked.Load() { // another process may have made a new root
		var err error
		if d, err = v.indexDomain(ctx, domain); err != nil {
			return nil, err
		}
	}
	value, err := d.normalise(value)
	if err != nil {
		return nil, err
	}
	var list [][]byte
	for _, k := range d.keys {
		list = append(list, k.append(make([]byte, 0, IndexSize), value))
	}
	return list, nil
}

// RotateIndex makes a new root for the indexes. Rows indexed before are found
// through [Vault.Candidates] until the host has indexed them anew.
func (v *Vault) RotateIndex(ctx context.Context) error {
	for tries := 0; ; tries++ {
		v.secrets.drop(secretIndex) // another process may have made one
		list, err := v.secret(ctx, secretIndex)
		if err != nil {
			return err
		}
		if list[0].generation >= maxRoots {
			return gdpr.Invalid("index", "has used its %d roots", maxRoots)
		}
		err = v.keys.InTx(ctx, func(ctx context.Context) error {
			if err := v.addSecret(ctx, secretIndex, list[0].generation+1, live); err != nil {
				return err
			}
			return v.record(ctx, "key.index.rotated", "")
		})
		if !errors.Is(err, errEpochMoved) || tries == 8 {
			v.secrets.clear()
			v.indexes.clear()
			return unavailableIf("rotate the index root", err)
		}
	}
}

// indexDomain derives the keys of a domain, from roots that were read within KeyBound.
func (v *Vault) indexDomain(ctx context.Context, domain string) (*indexDomain, error) {
	normalise, ok := v.opts.Indexes[domain]
	if !ok {
		return nil, gdpr.Invalid("domain", "has no blind index; add it to Options.Indexes")
	}
	if err := v.check(ctx); err != nil {
		return nil, err
	}
	looked := v.checked.Load()
	v.secrets.drop(secretIndex)
	roots, err := v.secret(ctx, secretIndex)
	if err != nil {
		return nil, err
	}
	d := &indexDomain{name: domain, normalise: normalise}
	d.looked.Store(looked)
	if old := v.indexes.get(domain); old != nil && len(old.keys) == len(roots) {
		old.looked.Store(looked)
		return old, nil
	}
	for _, r := range roots {
		k, err := newIndexKey(r, v.tenant, domain)
		if err != nil {
			return nil, err
		}
		d.keys = append(d.keys, k)
	}
	if v.secrets.get(secretIndex) != nil { // its row is committed
		v.indexes.put(d)
	}
	return d, nil
}

func newIndexKey(root secretValue, tenant, domain string) (*indexKey, error) {
	info := frame.Append([]byte(indexLabel), tenant, domain)
	key, err := hkdf.Key(sha256.New, root.key[:], nil, string(info), sha256.Size)
	if err != nil {
		return nil, err
	}
	k := &indexKey{epoch: byte(root.generation)}
	k.pool.New = func() any { return &indexState{h: hmac.New(sha256.New, key)} }
	return k, nil
}

func (k *indexKey) append(dst []byte, value string) []byte {
	s := k.pool.Get().(*indexState)
	s.h.Reset()
	s.in = append(s.in[:0], value...)
	s.h.Write(s.in)
	dst = append(dst, k.epoch)
	dst = append(dst, s.h.Sum(s.sum[:0])[:IndexSize-1]...)
	clear(s.in)
	k.pool.Put(s)
	return dst
}

func (x *indexes) get(domain string) *indexDomain {
	if list := x.list.Load(); list != nil {
		for _, d := range *list { // there are a few
			if d.name == domain {
				return d
			}
		}
	}
	return nil
}

func (x *indexes) put(d *indexDomain) {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := []*indexDomain{d}
	if old := x.list.Load(); old != nil {
		for _, o := range *old {
			if o.name != d.name {
				list = append(list, o)
			}
		}
	}
	x.list.Store(&list)
}

func (x *indexes) clear() { x.list.Store(nil) }
