// Package frame joins byte strings so that the joint says where each one ended.
package frame

import (
	"crypto/sha256"
	"encoding/binary"
)

// Append appends lp(p) = u32 big-endian length ‖ p for each part, so that a
// concatenation of parts is injective.
func Append[T string | []byte](dst []byte, parts ...T) []byte {
	for _, p := range parts {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(p)))
		dst = append(dst, p...)
	}
	return dst
}

// Hash returns SHA-256(label ‖ 0x00 ‖ lp(part) …). It is the request hash that is
// kept beside an idempotency key.
func Hash[T string | []byte](label string, parts ...T) [sha256.Size]byte {
	b := append(make([]byte, 0, 256), label...)
	return sha256.Sum256(Append(append(b, 0), parts...))
}
