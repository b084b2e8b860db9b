package main

import (
	"crypto/sha256"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/gdprkit/gdprkit/audit/merkle"
)

// merkleCases measures the tree of package audit alone, in memory.
func merkleCases() []Case {
	return []Case{
		{Op: "merkle: append 256 B", Baseline: "two bare SHA-256 an entry", Goal: 1.2,
			Setup: func(*Env) (ours, base func(int) error, err error) { return growTree, bareHashes, nil }},
		{Op: "merkle: append 256 B, against tlog", Baseline: "x/mod tlog StoredHashes", Goal: 1,
			Setup: func(*Env) (ours, base func(int) error, err error) { return growTree, growTlog, nil }},
		{Op: "merkle: proof of inclusion, against tlog", Baseline: "x/mod tlog ProveRecord", Goal: 0.5, Setup: proveLeaves},
		{Op: "merkle: check of a proof", Baseline: "as many bare SHA-256 as the proof is long", Goal: 1.3, Setup: checkProofs},
		{Op: "merkle: check of a proof, against tlog", Baseline: "x/mod tlog CheckRecord", Goal: 1, Setup: checkTlog},
	}
}

// merkleEntry is what the trees hold, over and over.
var merkleEntry [256]byte

func growTree(n int) error {
	var tree merkle.Frontier
	var h merkle.Hasher
	for range n {
		tree.Append(h.Leaf(merkleEntry[:]))
	}
	tree.Root()
	return nil
}

func bareHashes(n int) error {
	var leaf [1 + len(merkleEntry)]byte
	node := [1 + 2*sha256.Size]byte{1}
	for range n {
		x := sha256.Sum256(leaf[:])
		copy(node[1:], x[:])
		sha256.Sum256(node[:])
	}
	return nil
}

func growTlog(n int) error {
	var kept tlogHashes
	for i := range int64(n) {
		h, err := tlog.StoredHashes(i, merkleEntry[:], &kept)
		if err != nil {
			return err
		}
		kept = append(kept, h...)
	}
	_, err := tlog.TreeHash(int64(n), &kept)
	return err
}

// tlogHashes are the stored hashes of a tree in memory.
type tlogHashes []tlog.Hash

func (t *tlogHashes) ReadHashes(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, k := range at {
		out[i] = (*t)[k]
	}
	return out, nil
}

// A forest is a tree of equal leaves, kept whole in memory: by level for ours, in
// tlog's order for tlog.
type forest struct {
	size   uint64
	leaf   merkle.Hash
	root   merkle.Hash
	levels [][]merkle.Hash
	stored tlogHashes
}

func newForest(size uint64) (*forest, error) {
	f := &forest{size: size, leaf: merkle.Leaf(merkleEntry[:])}
	for h := f.leaf; size>>len(f.levels) > 0; h = merkle.Node(h, h) {
		f.levels = append(f.levels, slices.Repeat([]merkle.Hash{h}, int(size>>len(f.levels))))
	}
	f.stored = make(tlogHashes, tlog.StoredHashCount(int64(size)))
	for k := range f.stored {
		level, i := tlog.SplitStoredHashIndex(int64(k))
		f.stored[k] = tlog.Hash(f.levels[level][i])
	}
	var err error
	f.root, err = merkle.Root(size, f.node)
	return f, err
}

func (f *forest) node(level uint, index uint64) (merkle.Hash, error) {
	return f.levels[level][index], nil
}

// pick returns the index of the i-th leaf to ask for, spread over the tree.
func (f *forest) pick(i int) uint64 { return bits.Reverse64(uint64(i)) % f.size }

func proveLeaves(e *Env) (ours, base func(int) error, err error) {
	f, err := newForest(uint64(e.Rows(1_000_000)))
	if err != nil {
		return nil, nil, err
	}
	ours = func(n int) error {
		for i := range n {
			if _, err := merkle.Inclusion(f.pick(i), f.size, f.node); err != nil {
				return err
			}
		}
		return nil
	}
	base = func(n int) error {
		for i := range n {
			if _, err := tlog.ProveRecord(int64(f.size), int64(f.pick(i)), &f.stored); err != nil {
				return err
			}
		}
		return nil
	}
	return ours, base, nil
}

const checkedLeaf = 123_456

func checkProofs(e *Env) (ours, base func(int) error, err error) {
	f, path, err := onePath()
	if err != nil {
		return nil, nil, err
	}
	node := [1 + 2*sha256.Size]byte{1}
	base = func(n int) error {
		for range n {
			for range path {
				x := sha256.Sum256(node[:])
				copy(node[1:], x[:])
			}
		}
		return nil
	}
	return f.check(path), base, nil
}

func checkTlog(e *Env) (ours, base func(int) error, err error) {
	f, path, err := onePath()
	if err != nil {
		return nil, nil, err
	}
	proof := make(tlog.RecordProof, len(path))
	for i := range path {
		proof[i] = tlog.Hash(path[i])
	}
	base = func(n int) error {
		for range n {
			if err := tlog.CheckRecord(proof, int64(f.size), tlog.Hash(f.root), checkedLeaf, tlog.Hash(f.leaf)); err != nil {
				return err
			}
		}
		return nil
	}
	return f.check(path), base, nil
}

// onePath returns a tree of a million leaves with the proof of one.
func onePath() (*forest, []merkle.Hash, error) {
	f, err := newForest(1_000_000)
	if err != nil {
		return nil, nil, err
	}
	path, err := merkle.Inclusion(checkedLeaf, f.size, f.node)
	return f, path, err
}

func (f *forest) check(path []merkle.Hash) func(int) error {
	return func(n int) error {
		for range n {
			got, err := merkle.Implied(checkedLeaf, f.size, f.leaf, path)
			if err != nil || got != f.root {
				return merkle.ErrProof
			}
		}
		return nil
	}
}
