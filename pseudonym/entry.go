package pseudonym

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"sync/atomic"
)

func sum256(b []byte) [sha256.Size]byte { return sha256.Sum256(b) }

// newGCM returns AES-256-GCM. The key has 32 bytes, so it cannot fail.
func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err == nil {
		var gcm cipher.AEAD
		if gcm, err = cipher.NewGCM(block); err == nil {
			return gcm
		}
	}
	panic("pseudonym: " + err.Error())
}

// keySize is the length of K_enc; in compartment ID, K_tok of the same length
// follows it.
const keySize = 32

// entry is a key of a subject, ready for use. It never changes, but for what it
// has worked out meanwhile.
type entry struct {
	tenant, subject, compartment string

	kid     keyID
	enc     [keySize]byte
	tok     *[keySize]byte
	aead    cipher.AEAD
	tokens  tokens
	domains atomic.Pointer[[]*domain]
	used    atomic.Bool

	busy    atomic.Bool // scratch is in use
	scratch []byte
}

// domain is what an entry prepares for one table: the head of the sealed value
// and the additional data through the compartment.
type domain struct {
	head   [nonceAt]byte
	prefix []byte
}

func newEntry(tenant, subject, compartment string, kid keyID, key []byte) *entry {
	e := &entry{tenant: tenant, subject: subject, compartment: compartment, kid: kid}
	copy(e.enc[:], key)
	if len(key) == 2*keySize {
		e.tok = (*[keySize]byte)(key[keySize:])
	}
	e.aead = newGCM(e.enc[:])
	return e
}

// domain returns the part for the table of f.
func (e *entry) domain(f *field) *domain {
	if list := e.domains.Load(); list != nil && f.domain >= 0 && f.domain < len(*list) {
		if d := (*list)[f.domain]; d != nil {
			return d
		}
	}
	return e.addDomain(f)
}

func (e *entry) addDomain(f *field) *domain {
	d := new(domain)
	d.head[0], d.head[1] = versionValue, suiteGCM
	h := hid(e.enc[:], f.table)
	copy(d.head[2:], h[:])
	d.prefix = aadPrefix(d.head, e.tenant, e.subject, e.compartment)
	for f.domain >= 0 {
		old := e.domains.Load()
		var list []*domain
		if old != nil {
			list = append(list, *old...)
		}
		for len(list) <= f.domain {
			list = append(list, nil)
		}
		list[f.domain] = d
		if e.domains.CompareAndSwap(old, &list) {
			break
		}
	}
	return d
}
