package merkle

import (
	"crypto/sha256"
	"math/bits"
)

// A Frontier is the right edge of a growing tree: the hashes of the complete
// subtrees that its leaves fall into, one for each bit of its size. Its zero value
// is the empty tree. Copying it takes a snapshot.
type Frontier struct {
	size  uint64
	nodes [64]Hash // nodes[l] is valid if bit l of size is set
}

// Size returns the number of leaves.
func (f *Frontier) Size() uint64 { return f.size }

// Append adds the hash of the next leaf.
func (f *Frontier) Append(leaf Hash) { f.push(0, leaf) }

// AppendNode adds a complete subtree of 2^level leaves. It reports false, and
// adds nothing, unless the size is a multiple of 2^level and stays below 2^63.
func (f *Frontier) AppendNode(level uint, h Hash) bool {
	if level > 62 || f.size&(1<<level-1) != 0 || f.size+1<<level > 1<<63-1 {
		return false
	}
	f.push(level, h)
	return true
}

func (f *Frontier) push(level uint, h Hash) {
	added := uint64(1) << level
	for ; f.size>>level&1 == 1; level++ {
		left := f.nodes[level]
		f.nodes[level] = h // for Ended
		h = Node(left, h)
	}
	f.nodes[level] = h
	f.size += added
}

// Root returns the root of the tree.
func (f *Frontier) Root() Hash {
	if f.size == 0 {
		return EmptyRoot()
	}
	l := bits.TrailingZeros64(f.size)
	h := f.nodes[l]
	for l++; l < 64; l++ {
		if f.size>>l&1 == 1 {
			h = Node(f.nodes[l], h)
		}
	}
	return h
}

// Bytes returns the hashes from the largest subtree to the smallest, joined.
func (f *Frontier) Bytes() []byte {
	b := make([]byte, 0, bits.OnesCount64(f.size)*sha256.Size)
	for l := 63; l >= 0; l-- {
		if f.size>>l&1 == 1 {
			b = append(b, f.nodes[l][:]...)
		}
	}
	return b
}

// ParseFrontier is the inverse of [Frontier.Bytes]. It reports false when b does
// not have one hash for each bit of size.
func ParseFrontier(size uint64, b []byte) (f Frontier, ok bool) {
	if len(b) != bits.OnesCount64(size)*sha256.Size {
		return f, false
	}
	f.size = size
	for l := 63; l >= 0; l-- {
		if size>>l&1 == 1 {
			b = b[copy(f.nodes[l][:], b):]
		}
	}
	return f, true
}

// Walk calls visit for each complete subtree of the range [first, end), in the
// order of the leaves. Those of [0, n) are the frontier of a tree of size n.
func Walk(first, end uint64, visit func(level uint, index uint64) error) error {
	for first < end {
		level := uint(bits.Len64(end-first)) - 1
		if first != 0 {
			level = min(level, uint(bits.TrailingZeros64(first)))
		}
		if err := visit(level, first>>level); err != nil {
			return err
		}
		first += 1 << level
	}
	return nil
}

// Ended returns the complete subtree of 2^level leaves whose last leaf was appended
// last, of a frontier to which leaves were appended one by one since that subtree
// began. It reports false when no subtree of that size ends there.
func (f *Frontier) Ended(level uint) (h Hash, ok bool) {
	if level > 62 || f.size == 0 || f.size&(1<<level-1) != 0 {
		return h, false
	}
	return f.nodes[level], true
}

// Node returns the complete subtree of 2^level leaves at index, if it is one of
// those that the frontier holds.
func (f *Frontier) Node(level uint, index uint64) (h Hash, ok bool) {
	if level > 63 || f.size>>level&1 == 0 || index != f.size>>level-1 {
		return h, false
	}
	return f.nodes[level], true
}
