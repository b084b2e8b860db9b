package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/storage"
)

// nodes looks up complete subtrees of the log below the size of h: in the frontier,
// in the tiles, and behind the last full tile of level 0 in the entries. It keeps
// what it read, so that a proof costs at most a read per tile level and edge.
func (l *Log) nodes(ctx context.Context, h *head) merkle.Nodes {
	tiles := l.tileNodes(ctx, h, true)
	return func(level uint, index uint64) (merkle.Hash, error) {
		if x, ok := h.tree.Node(level, index); ok {
			return x, nil
		}
		return tiles(level, index)
	}
}

// tileNodes looks only in the tiles and entries; Verify does so without the cache.
func (l *Log) tileNodes(ctx context.Context, h *head, cached bool) merkle.Nodes {
	read := map[tileKey]subtrees{}
	return func(level uint, index uint64) (merkle.Hash, error) {
		tl, in := uint64(level/merkle.TileHeight), level%merkle.TileHeight
		first := index << in // among the hashes of the tile level
		key := tileKey{h.num, tl, first / merkle.TileWidth, merkle.TileWidth}
		if full, width := merkle.Tiles(h.size(), uint(tl)); key.index == full {
			key.width = width
		}
		tree, ok := read[key]
		if !ok {
			var err error
			if tree, err = l.tree(ctx, h, key, cached); err != nil {
				return merkle.Hash{}, err
			}
			read[key] = tree
		}
		x, ok := tree.Node(in, first%merkle.TileWidth>>in)
		if !ok {
			return x, found(index<<level, "a tile of level %d is missing or too short", tl)
		}
		return x, nil
	}
}

// subtrees are those within a tile.
type subtrees interface {
	Node(level uint, index uint64) (merkle.Hash, bool)
}

// A leafTile is a full tile of level 0 as it is stored: behind its hashes stand the
// roots of its sixteenths, so that a path through it takes 22 hashes and not 255.
type leafTile []byte

const (
	groupHeight   = 4
	leafTileBytes = tileBytes + tileBytes>>groupHeight
)

func newLeafTile(hashes []byte) (t leafTile, root merkle.Hash) {
	t = append(make(leafTile, 0, leafTileBytes), hashes...)
	for i := range uint64(merkle.TileWidth >> groupHeight) {
		group, _ := merkle.TileRoot(hashes, groupHeight, i)
		t = append(t, group[:]...)
	}
	root, _ = t.Node(merkle.TileHeight, 0)
	return t, root
}

func (t leafTile) Node(level uint, index uint64) (merkle.Hash, bool) {
	if level < groupHeight {
		return merkle.TileRoot(t[:tileBytes], level, index)
	}
	return merkle.TileRoot(t[tileBytes:], level-groupHeight, index)
}

type tileKey struct {
	num          int64
	level, index uint64
	width        int // the hashes that the log has at the head's size
}

// trees caches tiles above level 0: their first hashes never change, and they stand
// in the path of every proof.
type trees struct {
	mu sync.Mutex
	m  map[tileKey]*merkle.Tree
}

const maxTrees = 64 // of 16 KiB

// tree reads a tile and hashes it upward.
func (l *Log) tree(ctx context.Context, h *head, key tileKey, cached bool) (subtrees, error) {
	l.trees.mu.Lock()
	t := l.trees.m[key]
	l.trees.mu.Unlock()
	if t != nil && cached {
		return t, nil
	}
	tile, err := l.tile(ctx, h, key.level, key.index)
	if err != nil {
		return nil, err
	}
	if key.level == 0 && len(tile) == leafTileBytes {
		return leafTile(tile), nil
	}
	tree, ok := merkle.ParseTile(tile)
	if !ok {
		return nil, foundLog("a tile of level %d is malformed", key.level)
	}
	if key.level > 0 && len(tile) >= key.width*sha256.Size {
		l.trees.mu.Lock()
		if l.trees.m == nil || len(l.trees.m) >= maxTrees {
			l.trees.m = map[tileKey]*merkle.Tree{}
		}
		l.trees.m[key] = &tree
		l.trees.mu.Unlock()
	}
	return &tree, nil
}

// tile reads a tile; a partial one of level 0 is made of the entries.
func (l *Log) tile(ctx context.Context, h *head, level, index uint64) ([]byte, error) {
	if level == 0 && index == h.size()/merkle.TileWidth {
		return l.tail(ctx, h.num, h.size())
	}
	var tile []byte
	err := l.store.Get(ctx, selectTile, []any{h.num, int64(level), int64(index)}, &tile)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return tile, err
}
