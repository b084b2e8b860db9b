package merkle

import (
	"fmt"
	"strings"
)

// A tile holds up to 256 neighbouring hashes of a level that is a multiple of 8
// (c2sp.org/tlog-tiles).
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
)

// TilePath returns the path of a tile, "tile/<level>/<index>" with the index in
// groups of three digits, and ".p/<width>" for one that is not full. The level
// counts tiles: level 1 holds the roots of full tiles of level 0.
func TilePath(level uint, index uint64, width int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "tile/%d/", level)
	digits := fmt.Sprintf("%d", index)
	digits = strings.Repeat("0", (3-len(digits)%3)%3) + digits
	for len(digits) > 3 {
		b.WriteString("x" + digits[:3] + "/")
		digits = digits[3:]
	}
	b.WriteString(digits)
	if width < TileWidth {
		fmt.Fprintf(&b, ".p/%d", width)
	}
	return b.String()
}

// Tiles returns how many full tiles a tree of that size has at a tile level, and
// the width of the partial one behind them, 0 if there is none.
func Tiles(size uint64, level uint) (full uint64, partial int) {
	if TileHeight*level > 63 {
		return 0, 0
	}
	n := size >> (TileHeight * level)
	return n / TileWidth, int(n % TileWidth)
}

// TileRoot returns the hash of the complete subtree of the given level, 0 to
// [TileHeight], at index within the hashes of a tile, joined. It reports false
// when they do not reach that far.
func TileRoot(tile []byte, level uint, index uint64) (h Hash, ok bool) {
	first, n := int(index)<<level, 1<<level
	if level > TileHeight || index > TileWidth || (first+n)*len(h) > len(tile) {
		return h, false
	}
	var f Frontier
	for ; n > 0; n-- {
		f.Append(Hash(tile[first*len(h):]))
		first++
	}
	return f.Root(), true
}

// A Tree holds every complete subtree within a tile.
type Tree struct{ levels [TileHeight + 1][]Hash }

// ParseTile hashes the hashes of a tile, joined, upward. It reports false when they
// are not whole hashes, or too many.
func ParseTile(tile []byte) (t Tree, ok bool) {
	const size = len(Hash{})
	if len(tile)%size != 0 || len(tile) > TileWidth*size {
		return t, false
	}
	t.levels[0] = make([]Hash, len(tile)/size, 2*len(tile)/size+1)
	for i := range t.levels[0] {
		t.levels[0][i] = Hash(tile[i*size:])
	}
	rest := t.levels[0][:cap(t.levels[0])][len(t.levels[0]):]
	for l := 1; l <= TileHeight; l++ {
		below := t.levels[l-1]
		t.levels[l] = rest[: len(below)/2 : len(below)/2]
		rest = rest[len(below)/2:]
		for i := range t.levels[l] {
			t.levels[l][i] = Node(below[2*i], below[2*i+1])
		}
	}
	return t, true
}

// Node returns the complete subtree of a level, 0 to [TileHeight], at index within
// the tile. It reports false when the tile does not reach that far.
func (t *Tree) Node(level uint, index uint64) (h Hash, ok bool) {
	if level > TileHeight || index >= uint64(len(t.levels[level])) {
		return h, false
	}
	return t.levels[level][index], true
}
