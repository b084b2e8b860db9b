package audit

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/storage"
)

// nodes looks up complete subtrees of the log below the size of h: in the frontier,
// in the tiles, and behind the last full tile of level 0 in the entries. It keeps
// what it read, so that a proof costs at most a read per tile level and edge.
func (l *Log) nodes(ctx context.Context, h *head) merkle.Nodes {
	tiles := l.tileNodes(ctx, h)
	return func(level uint, index uint64) (merkle.Hash, error) {
		if x, ok := h.tree.Node(level, index); ok {
			return x, nil
		}
		return tiles(level, index)
	}
}

// tileNodes looks only in the tiles and entries.
func (l *Log) tileNodes(ctx context.Context, h *head) merkle.Nodes {
	cache := map[[2]uint64][]byte{}
	return func(level uint, index uint64) (merkle.Hash, error) {
		tl := uint64(level / merkle.TileHeight)
		in := level % merkle.TileHeight
		first := index << in // among the hashes of the tile level
		key := [2]uint64{tl, first / merkle.TileWidth}
		tile, ok := cache[key]
		if !ok {
			var err error
			if tile, err = l.tile(ctx, h, tl, key[1]); err != nil {
				return merkle.Hash{}, err
			}
			cache[key] = tile
		}
		x, ok := merkle.TileRoot(tile, in, first%merkle.TileWidth>>in)
		if !ok {
			return x, found(index<<level, "a tile of level %d is missing or too short", tl)
		}
		return x, nil
	}
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
	if len(tile)%sha256.Size != 0 {
		return nil, foundLog("a tile of level %d is malformed", level)
	}
	return tile, err
}
