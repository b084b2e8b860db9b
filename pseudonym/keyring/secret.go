package keyring

import (
	"fmt"
	"log/slog"

	"golang.org/x/crypto/argon2"

	"github.com/gdprkit/gdprkit/gdpr"
)

// Secret opens a keyring file: a passphrase or a raw key.
type Secret struct {
	raw        gdpr.Secret
	passphrase bool
}

// RawKey returns the secret of 32 random bytes, kept by the host: an environment of
// the service manager, a secret store, a TPM.
func RawKey(key []byte) (Secret, error) {
	if len(key) != 32 {
		return Secret{}, gdpr.Invalid("key", "has %d bytes; 32 random ones are needed", len(key))
	}
	return Secret{raw: gdpr.NewSecret(key)}, nil
}

// Passphrase returns the secret derived from a passphrase of at least 12 bytes.
// Every opening costs 64 MiB of memory and some tenths of a second.
func Passphrase(text string) (Secret, error) {
	if len(text) < 12 {
		return Secret{}, gdpr.Invalid("passphrase", "has fewer than 12 bytes")
	}
	return Secret{raw: gdpr.NewSecret([]byte(text)), passphrase: true}, nil
}

// String returns "[redacted]".
func (s Secret) String() string { return s.raw.String() }

// GoString returns "[redacted]".
func (s Secret) GoString() string { return s.raw.GoString() }

// Format prints "[redacted]" for every verb and flag: fmt would print the bytes of
// a field that is not exported.
func (s Secret) Format(f fmt.State, verb rune) { s.raw.Format(f, verb) }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return s.raw.LogValue() }

// The cost of deriving a key, and the most that a file may ask for.
const (
	kdfTime    = 3
	kdfMemory  = 64 << 10 // KiB
	kdfThreads = 4

	maxTime    = 16
	maxMemory  = 1 << 20 // KiB
	minMemory  = 8 << 10 // KiB
	maxThreads = 64
)

// key derives the key that the header asks for.
func (s Secret) key(h *header) []byte {
	if h.KDF == kdfRaw {
		return s.raw.Reveal()
	}
	return argon2.IDKey(s.raw.Reveal(), h.Salt, h.Time, h.Memory, h.Threads, 32)
}

// secretNames says which kind of secret a header asks for.
var secretNames = map[string]string{kdfRaw: "a raw key", kdfArgon2id: "a passphrase"}

func (s Secret) kdf() string {
	if s.passphrase {
		return kdfArgon2id
	}
	return kdfRaw
}
