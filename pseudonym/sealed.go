package pseudonym

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
)

// MaxValue is the longest plaintext that Seal accepts, in bytes. Use a stream for
// more.
const MaxValue = 16 << 20

// Sealed value, version 1:
//
//	0: u8 version | 1: u8 suite | 2: hid[16] | 18: nonce[12] | 30: ct ‖ tag[16]
//
// The additional data is "gdprkit/seal/v1\0" ‖ bytes[0:18] ‖ lp(tenant) ‖
// lp(subject) ‖ lp(compartment) ‖ lp(field) ‖ lp(record).
const (
	versionValue  = 1
	versionStream = 2
	suiteGCM      = 1 // AES-256-GCM, nonce of 12 random bytes

	hidSize    = 16
	nonceSize  = 12
	tagSize    = 16
	nonceAt    = 2 + hidSize
	headerSize = nonceAt + nonceSize

	sealLabel = "gdprkit/seal/v1\x00"
	hidLabel  = "gdprkit/hid/v1\x00"

	textPrefix = "gv1."
)

// padding says how many zero bytes and a count byte make n bytes of plaintext a
// multiple of 32, up to 224; longer ones only get the count byte.
func padding(n int) int {
	if n+1 > 224 {
		return 0
	}
	return (32 - (n+1)%32) % 32
}

// unpad returns the plaintext of a padded body.
func unpad(b []byte) ([]byte, bool) {
	if len(b) == 0 {
		return nil, false
	}
	n := len(b) - 1
	zeros := int(b[n])
	if zeros > n || zeros != padding(n-zeros) {
		return nil, false
	}
	body := b[:n-zeros]
	return body[:len(body):len(body)], len(bytes.TrimRight(b[n-zeros:n], "\x00")) == 0
}

// hid commits to the key and the table, without linking two tables.
func hid(key []byte, table string) [hidSize]byte {
	b := append(make([]byte, 0, 128), hidLabel...)
	b = append(b, key...)
	sum := sum256(frame.Append(b, table))
	return [hidSize]byte(sum[:])
}

// aadPrefix appends the additional data through the compartment.
func aadPrefix(dst []byte, head [nonceAt]byte, tenant, subject, compartment string) []byte {
	b := append(dst, sealLabel...)
	b = append(b, head[:]...)
	return frame.Append(b, tenant, subject, compartment)
}

func appendAAD(dst, prefix, suffix []byte, record string) []byte {
	dst = append(dst, prefix...)
	dst = append(dst, suffix...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(record)))
	return append(dst, record...)
}

// looksSealed looks at what can be seen without the key.
func looksSealed(b []byte) bool {
	return len(b) > headerSize+tagSize && b[0] == versionValue && b[1] == suiteGCM
}

// whyNotSealed says what b is instead of a sealed value.
func whyNotSealed(b []byte) error {
	switch {
	case len(b) == 0:
		return ErrNotSealed
	case bytes.HasPrefix(b, []byte(textPrefix)):
		return gdpr.Invalid("sealed", "is the text form; decode it with ParseText first")
	case b[0] == versionStream:
		return gdpr.Invalid("sealed", "is a stream; open it with OpenReader")
	case b[0] != versionValue && b[0] >= 0x20:
		return ErrNotSealed
	case b[0] != versionValue || len(b) > 1 && b[1] != suiteGCM:
		return ErrVersion
	}
	return ErrNotSealed // too short
}

// Text returns the form of a sealed value for text columns: "gv1." and base64url
// without padding.
func Text(sealed []byte) string {
	return textPrefix + base64.RawURLEncoding.EncodeToString(sealed)
}

// ParseText is the inverse of [Text]. It returns ErrNotSealed for any other text,
// second spellings of the same bytes included.
func ParseText(s string) ([]byte, error) {
	if len(s) < len(textPrefix) || s[:len(textPrefix)] != textPrefix {
		return nil, ErrNotSealed
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s[len(textPrefix):])
	if err != nil || bytes.ContainsAny([]byte(s), "\r\n") {
		return nil, ErrNotSealed
	}
	return b, nil
}
