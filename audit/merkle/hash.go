package merkle

import "crypto/sha256"

// Hash is a SHA-256 hash of a leaf or of a node.
type Hash = [sha256.Size]byte

// EmptyRoot is the root of a tree without leaves, SHA-256 of nothing.
func EmptyRoot() Hash { return sha256.Sum256(nil) }

// Leaf returns SHA-256(0x00 ‖ entry), the hash of a leaf (RFC 6962 section 2.1).
func Leaf(entry []byte) Hash {
	var h Hasher
	return h.Leaf(entry)
}

// Node returns SHA-256(0x01 ‖ left ‖ right) (RFC 6962 section 2.1).
func Node(left, right Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

// A Hasher hashes leaves one after the other without allocating for each. Its
// zero value is ready; it is not safe for concurrent use.
type Hasher struct{ buf []byte }

// Leaf returns SHA-256(0x00 ‖ entry).
func (h *Hasher) Leaf(entry []byte) Hash {
	h.buf = append(append(h.buf[:0], 0), entry...)
	return sha256.Sum256(h.buf)
}
