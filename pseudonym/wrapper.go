package pseudonym

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/gdprkit/gdprkit/internal/frame"
)

// KeyWrapper holds the key-encryption keys: a file ([keyring]), a key management
// service, or a hardware module. Each epoch of a tenant has one. An implementation
// is safe for concurrent use.
//
// [keyring]: https://pkg.go.dev/github.com/gdprkit/gdprkit/pseudonym/keyring
type KeyWrapper interface {
	// Wrap encrypts key under the key-encryption key ref and binds it to the
	// additional data.
	Wrap(ctx context.Context, ref string, key, additional []byte) ([]byte, error)

	// Unwrap is the inverse. It returns an error that wraps [ErrUnknownRef] when ref
	// was destroyed, and any other error when it cannot tell now.
	Unwrap(ctx context.Context, ref string, wrapped, additional []byte) ([]byte, error)

	// Create makes a new key-encryption key and returns its name, at most 512 bytes.
	Create(ctx context.Context) (ref string, err error)

	// Destroy asks for the destruction of ref and returns when it can no longer be
	// undone: a time in the future for a service with a waiting period, the zero
	// time if the wrapper cannot vouch for copies of itself.
	Destroy(ctx context.Context, ref string) (gone time.Time, err error)
}

const wrapLabel = "gdprkit/wrap/v1\x00"

type keyID = [16]byte

// newKeyID returns a random id whose first byte tells the compartment, so that a
// record of the journal says what it closed although its key is not there any more.
func newKeyID(compartment string) (id keyID) {
	random(id[:])
	if compartment != "" {
		id[0] = compartmentByte(compartment)
	}
	return id
}

func compartmentByte(compartment string) byte { return sum256([]byte(compartment))[0] }

// random fills b from the system's source. crypto/rand.Read never returns an error.
func random(b []byte) { _, _ = rand.Read(b) }

// wrapAAD binds a wrapped key to its owner and its epoch.
func wrapAAD(tenant, subject, compartment string, kid keyID, epoch int) []byte {
	b := append(make([]byte, 0, 128), wrapLabel...)
	b = frame.Append(b, tenant, subject, compartment)
	b = append(b, kid[:]...)
	return binary.BigEndian.AppendUint32(b, uint32(epoch))
}

// wrap returns u8 1 ‖ u8 suite ‖ nonce[12] ‖ ct ‖ tag.
func wrap(tek cipher.AEAD, key, aad []byte) []byte {
	b := make([]byte, 2+nonceSize, 2+nonceSize+len(key)+tagSize)
	b[0], b[1] = 1, suiteGCM
	random(b[2:])
	return tek.Seal(b, b[2:2+nonceSize], key, aad)
}

// unwrap is the inverse of wrap.
func unwrap(tek cipher.AEAD, b, aad []byte) ([]byte, error) {
	if len(b) < 2+nonceSize+tagSize || b[0] != 1 || b[1] != suiteGCM {
		return nil, ErrDamaged
	}
	key, err := tek.Open(nil, b[2:2+nonceSize], b[2+nonceSize:], aad)
	if err != nil {
		return nil, ErrDamaged
	}
	return key, nil
}
