package merkle

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func load(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, v))
}

func TestRoots(t *testing.T) {
	var v struct {
		Leaves []string `json:"leaves_hex"`
		Hashes []string `json:"leaf_hashes_hex"`
		Roots  []string `json:"roots_hex"`
	}
	load(t, "merkle-roots.json", &v)
	var f Frontier
	var h Hasher
	for i, leaf := range v.Leaves {
		root := f.Root()
		require.Equal(t, v.Roots[i], hex.EncodeToString(root[:]))
		b, _ := hex.DecodeString(leaf)
		l := h.Leaf(b)
		require.Equal(t, v.Hashes[i], hex.EncodeToString(l[:]))
		f.Append(l)
	}
	root := f.Root()
	require.Equal(t, v.Roots[8], hex.EncodeToString(root[:]))
}

func TestPublicProofs(t *testing.T) {
	type vector struct {
		Name              string
		LeafIdx, TreeSize uint64
		Size1, Size2      uint64
		Root, LeafHash    []byte
		Root1, Root2      []byte
		Proof             [][]byte
		WantErr           bool
	}
	for _, file := range []string{"merkle-inclusion.json", "merkle-consistency.json"} {
		var v struct{ Vectors []vector }
		load(t, file, &v)
		require.Len(t, v.Vectors, 98)
		for _, c := range v.Vectors {
			err := VerifyInclusion(c.LeafIdx, c.TreeSize, c.LeafHash, c.Root, c.Proof)
			if file == "merkle-consistency.json" {
				err = VerifyConsistency(c.Size1, c.Size2, c.Root1, c.Root2, c.Proof)
			}
			require.Equal(t, c.WantErr, err != nil, c.Name)
		}
	}
}

func TestTilePaths(t *testing.T) {
	var v struct {
		Paths map[string]string `json:"index_paths"`
		Trees []struct {
			Size   uint64
			Levels []struct {
				Level   uint
				Full    uint64
				Width   int     `json:"partial_width"`
				First   *string `json:"first_full"`
				Last    *string `json:"last_full"`
				Partial *string
			}
		}
	}
	load(t, "tlog-tiles.json", &v)
	for index, path := range v.Paths {
		var n uint64
		require.NoError(t, json.Unmarshal([]byte(index), &n))
		require.Equal(t, path, TilePath(0, n, TileWidth))
	}
	for _, tree := range v.Trees {
		for _, l := range tree.Levels {
			full, width := Tiles(tree.Size, l.Level)
			require.Equal(t, l.Full, full)
			require.Equal(t, l.Width, width)
			if full > 0 {
				require.Equal(t, *l.First, TilePath(l.Level, 0, TileWidth))
				require.Equal(t, *l.Last, TilePath(l.Level, full-1, TileWidth))
			}
			if width > 0 {
				require.Equal(t, *l.Partial, TilePath(l.Level, full, width))
			}
		}
		full, width := Tiles(tree.Size, uint(len(tree.Levels)))
		require.Zero(t, full)
		require.Zero(t, width)
	}
}

// memory answers Nodes by hashing from the leaves up.
func memory(leaves []Hash) Nodes {
	return func(level uint, index uint64) (Hash, error) {
		var f Frontier
		for _, l := range leaves[index<<level : (index+1)<<level] {
			f.Append(l)
		}
		return f.Root(), nil
	}
}

func leaves(n int) []Hash {
	l := make([]Hash, n)
	for i := range l {
		l[i] = Leaf(binary.BigEndian.AppendUint64(nil, uint64(i)))
	}
	return l
}

// TestAgainstTlog compares roots, proofs and the frontier with x/mod tlog.
func TestAgainstTlog(t *testing.T) {
	all := leaves(600)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(1, 600).Draw(t, "n")
		m := rapid.Uint64Range(1, n).Draw(t, "m")
		nodes := memory(all)
		var stored []tlog.Hash
		reader := tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
			out := make([]tlog.Hash, len(idx))
			for i, x := range idx {
				out[i] = stored[x]
			}
			return out, nil
		})
		var f Frontier
		for i := range n {
			hs, err := tlog.StoredHashesForRecordHash(int64(i), tlog.Hash(all[i]), reader)
			require.NoError(t, err)
			stored = append(stored, hs...)
			f.Append(all[i])
		}
		want, err := tlog.TreeHash(int64(n), reader)
		require.NoError(t, err)
		root, err := Root(n, nodes)
		require.NoError(t, err)
		require.Equal(t, Hash(want), root)
		require.Equal(t, root, f.Root())
		again, ok := ParseFrontier(n, f.Bytes())
		require.True(t, ok)
		require.Equal(t, root, again.Root())

		rp, err := tlog.ProveRecord(int64(n), int64(m-1), reader)
		require.NoError(t, err)
		p, err := Inclusion(m-1, n, nodes)
		require.NoError(t, err)
		require.Len(t, p, len(rp))
		for i := range p {
			require.Equal(t, Hash(rp[i]), p[i])
		}
		got, err := Implied(m-1, n, all[m-1], p)
		require.NoError(t, err)
		require.Equal(t, root, got)

		old, err := Root(m, nodes)
		require.NoError(t, err)
		c, err := Consistency(m, n, nodes)
		require.NoError(t, err)
		require.NoError(t, CheckConsistency(m, n, old, root, c))
		if len(c) > 0 {
			c[0][0] ^= 1
			require.ErrorIs(t, CheckConsistency(m, n, old, root, c), ErrProof)
		}
	})
}

func TestWalkJoinsToTheRoot(t *testing.T) {
	all := leaves(500)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(1, 500).Draw(t, "n")
		first := rapid.Uint64Range(0, n).Draw(t, "first")
		end := rapid.Uint64Range(first, n).Draw(t, "end")
		nodes := memory(all)
		var f Frontier
		add := func(level uint, index uint64) error {
			h, err := nodes(level, index)
			require.True(t, f.AppendNode(level, h))
			return err
		}
		require.NoError(t, Walk(0, first, add))
		for _, l := range all[first:end] {
			f.Append(l)
		}
		require.NoError(t, Walk(end, n, add))
		root, err := Root(n, nodes)
		require.NoError(t, err)
		require.Equal(t, root, f.Root())
	})
}

func TestTileRoot(t *testing.T) {
	all := leaves(256)
	var tile []byte
	for _, l := range all {
		tile = append(tile, l[:]...)
	}
	nodes := memory(all)
	tree, ok := ParseTile(tile)
	require.True(t, ok)
	for level := range uint(9) {
		for index := range uint64(256) >> level {
			want, _ := nodes(level, index)
			got, ok := TileRoot(tile, level, index)
			require.True(t, ok)
			require.Equal(t, want, got)
			got, ok = tree.Node(level, index)
			require.True(t, ok)
			require.Equal(t, want, got)
		}
	}
	_, ok = TileRoot(tile[:31*sha256.Size], 5, 0)
	require.False(t, ok)
	part, ok := ParseTile(tile[:31*sha256.Size])
	require.True(t, ok)
	_, ok = part.Node(5, 0)
	require.False(t, ok)
	_, ok = part.Node(9, 0)
	require.False(t, ok)
	_, ok = ParseTile(tile[:31])
	require.False(t, ok)
}

func TestFrontierEnded(t *testing.T) {
	all := leaves(70)
	nodes := memory(all)
	var f Frontier
	_, ok := f.Ended(0)
	require.False(t, ok)
	for i, l := range all {
		f.Append(l)
		n := uint64(i + 1)
		for level := range uint(8) {
			got, ok := f.Ended(level)
			require.Equal(t, n%(1<<level) == 0, ok)
			if ok {
				want, _ := nodes(level, n>>level-1)
				require.Equal(t, want, got, "%d at %d", level, n)
			}
		}
	}
	_, ok = f.Ended(63)
	require.False(t, ok)
}

func FuzzVerifyConsistency(f *testing.F) {
	f.Add(uint64(3), uint64(7), []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, m, n uint64, b []byte) {
		var path [][]byte
		for len(b) >= 32 {
			path, b = append(path, b[:32]), b[32:]
		}
		root := EmptyRoot()
		if VerifyConsistency(m, n, root[:], root[:], path) == nil && m != n {
			t.Fatal("accepted")
		}
		if VerifyInclusion(m, n, root[:], root[:], path) == nil && n != 1 {
			t.Fatal("accepted")
		}
	})
}
