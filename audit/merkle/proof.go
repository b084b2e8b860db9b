package merkle

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"math/bits"
)

// ErrProof is returned when a proof does not hold.
var ErrProof = errors.New("merkle: proof does not hold")

// ErrRange is returned when a proof is asked for a leaf or size outside the tree.
var ErrRange = errors.New("merkle: outside the tree")

// Nodes looks up the hash of the complete subtree that holds the leaves
// [index·2^level, (index+1)·2^level) of an existing log.
type Nodes func(level uint, index uint64) (Hash, error)

// Root returns the root of the first size leaves.
func Root(size uint64, nodes Nodes) (Hash, error) {
	if size == 0 {
		return EmptyRoot(), nil
	}
	return nodes.span(0, size)
}

// span returns MTH(D[lo:hi]) for lo aligned to a power of two not below hi-lo.
func (n Nodes) span(lo, hi uint64) (Hash, error) {
	k := hi - lo
	if k&(k-1) == 0 {
		l := uint(bits.TrailingZeros64(k))
		return n(l, lo>>l)
	}
	k = 1 << (bits.Len64(k) - 1)
	left, err := n.span(lo, lo+k)
	if err != nil {
		return Hash{}, err
	}
	right, err := n.span(lo+k, hi)
	return Node(left, right), err
}

// Inclusion returns the path that proves leaf index in the tree of that size,
// from the leaf up (RFC 6962 section 2.1.1).
func Inclusion(index, size uint64, nodes Nodes) ([]Hash, error) {
	if index >= size {
		return nil, ErrRange
	}
	return nodes.path(index, 0, size, make([]Hash, 0, bits.Len64(size)))
}

func (n Nodes) path(m, lo, hi uint64, p []Hash) ([]Hash, error) {
	if hi-lo == 1 {
		return p, nil
	}
	k := lo + 1<<(bits.Len64(hi-lo-1)-1)
	from, to, slo, shi := lo, k, k, hi
	if m >= k {
		from, to, slo, shi = k, hi, lo, k
	}
	p, err := n.path(m, from, to, p)
	if err != nil {
		return nil, err
	}
	h, err := n.span(slo, shi)
	return append(p, h), err
}

// Consistency returns the path that proves the tree of size m a prefix of the one
// of size n (RFC 6962 section 2.1.2). It is empty when m is n; m may not be 0.
func Consistency(m, n uint64, nodes Nodes) ([]Hash, error) {
	if m == 0 || m > n {
		return nil, ErrRange
	}
	return nodes.sub(m, 0, n, true, make([]Hash, 0, bits.Len64(n)+1))
}

func (n Nodes) sub(m, lo, hi uint64, whole bool, p []Hash) ([]Hash, error) {
	if m == hi {
		if whole {
			return p, nil
		}
		h, err := n.span(lo, hi)
		return append(p, h), err
	}
	k := lo + 1<<(bits.Len64(hi-lo-1)-1)
	from, to, slo, shi := lo, k, k, hi
	if m > k {
		from, to, slo, shi, whole = k, hi, lo, k, false
	}
	p, err := n.sub(m, from, to, whole, p)
	if err != nil {
		return nil, err
	}
	h, err := n.span(slo, shi)
	return append(p, h), err
}

// Implied returns the root that the path of leaf index implies for a tree of that
// size (RFC 9162 section 2.1.3.2). It fails when the path has another length than
// the tree asks for.
func Implied(index, size uint64, leaf Hash, path []Hash) (Hash, error) {
	if index >= size {
		return Hash{}, ErrProof
	}
	fn, sn, r := index, size-1, leaf
	for _, p := range path {
		if sn == 0 {
			return Hash{}, ErrProof
		}
		if fn&1 == 1 || fn == sn {
			r = Node(p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = Node(r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 {
		return Hash{}, ErrProof
	}
	return r, nil
}

// VerifyInclusion reports with [ErrProof] that path does not prove a leaf of that
// hash at index of the tree with that size and root.
func VerifyInclusion(index, size uint64, leaf, root []byte, path [][]byte) error {
	hashes, err := hashes(path)
	if err != nil || len(leaf) != sha256.Size || len(root) != sha256.Size {
		return ErrProof
	}
	r, err := Implied(index, size, Hash(leaf), hashes)
	if err != nil || !equal(r, Hash(root)) {
		return ErrProof
	}
	return nil
}

// VerifyConsistency reports with [ErrProof] that path does not prove the tree of
// size m and root first a prefix of the tree of size n and root second (RFC 9162
// section 2.1.4.2). From size 0 nothing can be proven; only 0 to 0 with the root
// of the empty tree is accepted.
func VerifyConsistency(m, n uint64, first, second []byte, path [][]byte) error {
	if m == n && m > 0 && len(path) == 0 && bytes.Equal(first, second) {
		return nil // whatever the hash: the public vectors ask for it
	}
	p, err := hashes(path)
	if err != nil || len(first) != sha256.Size || len(second) != sha256.Size {
		return ErrProof
	}
	return CheckConsistency(m, n, Hash(first), Hash(second), p)
}

// CheckConsistency is [VerifyConsistency] for hashes of the right length.
func CheckConsistency(m, n uint64, first, second Hash, path []Hash) error {
	switch {
	case m > n || m == 0 && n > 0:
		return ErrProof
	case m == n:
		if len(path) != 0 || !equal(first, second) || m == 0 && first != EmptyRoot() {
			return ErrProof
		}
		return nil
	case m&(m-1) == 0:
		path = append([]Hash{first}, path...)
	case len(path) == 0:
		return ErrProof
	}
	fn, sn := m-1, n-1
	for fn&1 == 1 {
		fn, sn = fn>>1, sn>>1
	}
	fr, sr := path[0], path[0]
	for _, c := range path[1:] {
		if sn == 0 {
			return ErrProof
		}
		if fn&1 == 1 || fn == sn {
			fr, sr = Node(c, fr), Node(c, sr)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			sr = Node(sr, c)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 || !equal(fr, first) || !equal(sr, second) {
		return ErrProof
	}
	return nil
}

func hashes(path [][]byte) ([]Hash, error) {
	p := make([]Hash, len(path))
	for i, b := range path {
		if len(b) != sha256.Size {
			return nil, ErrProof
		}
		p[i] = Hash(b)
	}
	return p, nil
}

func equal(a, b Hash) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// FirstRoot returns the root of size m that a consistency path implies, if the path
// leads to the root of size n.
func FirstRoot(m, n uint64, second Hash, path []Hash) (Hash, error) {
	if m == 0 || m >= n {
		return Hash{}, ErrProof
	}
	if m&(m-1) == 0 { // the first tree is a subtree of the second: its root is not in the path
		return Hash{}, checkTail(m, n, path)
	}
	var first Hash
	if len(path) == 0 {
		return first, ErrProof
	}
	fn := m - 1
	rest := path[1:]
	sn := n - 1
	for fn&1 == 1 {
		fn, sn = fn>>1, sn>>1
	}
	first = path[0]
	for _, c := range rest {
		if fn&1 == 1 || fn == sn {
			first = Node(c, first)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		}
		fn, sn = fn>>1, sn>>1
	}
	return first, CheckConsistency(m, n, first, second, path)
}

// checkTail reports whether a path has the length that sizes m, a power of two,
// and n ask for. Without the first root nothing more can be said.
func checkTail(m, n uint64, path []Hash) error {
	fn, sn, need := m-1, n-1, 0
	for fn&1 == 1 {
		fn, sn = fn>>1, sn>>1
	}
	for ; sn != 0; fn, sn = fn>>1, sn>>1 {
		need++
	}
	if len(path) != need {
		return ErrProof
	}
	return nil
}
