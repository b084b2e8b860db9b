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
	first   atomic.Pointer[domain]    // the table that was met first: mostly there is no other
	domains atomic.Pointer[[]*domain] // the others
	used    atomic.Bool

	cells   cells
	busy    atomic.Bool // scratch is in use
	scratch []byte
	buffer  [160]byte // the first scratch
}

// domain is what an entry prepares for one table: the head of the sealed value
// and the additional data through the compartment.
type domain struct {
	number int // index of the table
	head   [nonceAt]byte
	prefix []byte
	buffer [128]byte // of a prefix of usual length
}

func newEntry(tenant, subject, compartment string, kid keyID, key []byte) *entry {
	e := &entry{tenant: tenant, subject: subject, compartment: compartment, kid: kid}
	copy(e.enc[:], key)
	if len(key) == 2*keySize {
		e.tok = (*[keySize]byte)(key[keySize:])
	}
	e.aead = newGCM(e.enc[:])
	e.scratch = e.buffer[:0]
	return e
}

// domain returns the part for the table of f.
func (e *entry) domain(f *field) *domain {
	if d := e.first.Load(); d != nil && d.number == f.domain {
		return d
	}
	if list := e.domains.Load(); list != nil {
		for _, d := range *list { // there are a few
			if d.number == f.domain {
				return d
			}
		}
	}
	return e.addDomain(f)
}

func (e *entry) addDomain(f *field) *domain {
	d := &domain{number: f.domain}
	d.head[0], d.head[1] = versionValue, suiteGCM
	h := hid(e.enc[:], f.table)
	copy(d.head[2:], h[:])
	d.prefix = aadPrefix(d.buffer[:0], d.head, e.tenant, e.subject, e.compartment)
	if f.domain < 0 || e.first.CompareAndSwap(nil, d) {
		return d
	}
	for {
		old := e.domains.Load()
		list := []*domain{d}
		if old != nil {
			list = append(list, *old...)
		}
		if e.domains.CompareAndSwap(old, &list) {
			return d
		}
	}
}
