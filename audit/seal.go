package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// errMoved tells that Reopen began a new incarnation after a draft was made.
var errMoved = errors.New("audit: log was reopened meanwhile")

var (
	insertEntry = &storage.Write{
		Verb: storage.Insert, Table: auditEntry,
		Set: []string{"log", "seq", "id", "at", "actor", "action", "sub", "leaf", "hash", "chain"},
	}
	insertSubject = &storage.Write{
		Verb: storage.Insert, Table: schema.AuditSubject, Set: []string{"log", "seq", "sub"},
	}
	putTile = &storage.Write{
		Verb: storage.Put, Table: schema.AuditTile, Set: []string{"log", "level", "idx", "hashes"},
	}
	selectTile = &storage.Select{
		From: schema.AuditTile, Columns: []string{"hashes"}, Where: storage.By("log", "level", "idx"),
	}
	selectHashes = &storage.Select{
		From: auditEntry, Columns: []string{"seq", "hash"}, Order: []string{"seq"},
		Where: []storage.Term{{Column: "log"}, {Column: "seq", Cmp: storage.Ge}, {Column: "seq", Cmp: storage.Lt}},
	}
)

// extend gives the drafts their place after the head and returns the rows to
// insert: those of entries, then those of further subjects.
func (h *head) extend(drafts []*draft) []storage.Op {
	ops := make([]storage.Op, 0, len(drafts)+2)
	var subs []storage.Op
	for _, d := range drafts {
		n := h.size()
		seq := int64(n)
		h.chain = link(n, h.chain, d.hash)
		chain := h.chain
		h.tree.Append(d.hash)
		ops = append(ops, insertEntry.With(h.num, seq, d.id[:], d.at, d.by, d.act, d.first(), d.leaf, d.hash[:], chain[:]))
		for i := 1; i < len(d.sub); i++ {
			subs = append(subs, insertSubject.With(h.num, seq, d.sub[i]))
		}
		h.learn(d)
	}
	return append(ops, subs...)
}

// learn takes over what an entry of the log about itself says.
func (h *head) learn(d *draft) {
	switch {
	case d.act == "log.mark":
		h.mark = max(h.mark, d.at)
	case d.addKey != "":
		h.keys = append(slices.Clone(h.keys), d.addKey)
	case d.dropKey != "":
		h.keys = slices.DeleteFunc(slices.Clone(h.keys), func(k string) bool { return k == d.dropKey })
	}
}

// seal appends the drafts to the log within the transaction that ctx holds, which
// has locked h. More operations go with them.
func (l *Log) seal(ctx context.Context, h *head, drafts []*draft, more ...storage.Op) error {
	ops := h.extend(drafts)
	tiles, err := l.tiles(ctx, h, drafts)
	if err != nil {
		return err
	}
	ops = append(append(ops, tiles...), more...)
	if len(drafts) > 0 {
		ops = append(ops, h.advance(updateHead))
	}
	if len(ops) == 0 {
		return nil
	}
	_, err = l.store.Apply(ctx, ops...)
	h.settle()
	return err
}

// tiles returns the operations that keep the tiles up to date: a row for each
// full one of level 0, and from level 1 on also the last partial one.
func (l *Log) tiles(ctx context.Context, h *head, drafts []*draft) ([]storage.Op, error) {
	first := h.stored
	if first/merkle.TileWidth == h.size()/merkle.TileWidth {
		return nil, nil
	}
	tile, err := l.tail(ctx, h.num, first)
	if err != nil {
		return nil, err
	}
	var ops []storage.Op
	var roots []merkle.Hash
	index := first / merkle.TileWidth
	for _, d := range drafts {
		if tile = append(tile, d.hash[:]...); len(tile) < tileBytes {
			continue
		}
		full, root := newLeafTile(tile)
		roots = append(roots, root)
		ops = append(ops, putTile.With(h.num, 0, int64(index), []byte(full)))
		index++
		tile = make([]byte, 0, tileBytes)
	}
	at := first / merkle.TileWidth
	for level := 1; len(roots) > 0; level++ {
		roots, ops, err = l.grow(ctx, h.num, level, at, roots, ops)
		if err != nil {
			return nil, err
		}
		at /= merkle.TileWidth
	}
	return ops, nil
}

const tileBytes = merkle.TileWidth * sha256.Size

// tail returns the hashes of the partial tile of level 0 that ends at size.
func (l *Log) tail(ctx context.Context, num int64, size uint64) ([]byte, error) {
	from := size / merkle.TileWidth * merkle.TileWidth
	tile := make([]byte, 0, tileBytes)
	if from == size {
		return tile, nil
	}
	for row, err := range l.store.Scan(ctx, selectHashes, []any{num, int64(from), int64(size)}) {
		var seq int64
		var hash []byte
		if err == nil {
			err = row.Scan(&seq, &hash)
		}
		if err != nil {
			return nil, err
		}
		tile = append(tile, hash...)
	}
	if len(tile) != int(size-from)*sha256.Size {
		return nil, found(from, "the hashes of the last entries are not complete")
	}
	return tile, nil
}

// grow appends hashes to the tiles of a level, of which there were so many, and
// returns the roots of those that it filled.
func (l *Log) grow(ctx context.Context, num int64, level int, have uint64, hashes []merkle.Hash, ops []storage.Op) (
	full []merkle.Hash, _ []storage.Op, err error) {
	var tile []byte
	index, width := int64(have/merkle.TileWidth), int(have%merkle.TileWidth)
	if width > 0 {
		if err := l.store.Get(ctx, selectTile, []any{num, level, index}, &tile); err != nil {
			return nil, nil, err
		}
		if len(tile) != width*sha256.Size {
			return nil, nil, foundLog("tile %d of level %d has another width than the log", index, level)
		}
	}
	for i, h := range hashes {
		tile = append(tile, h[:]...)
		if len(tile) == tileBytes || i == len(hashes)-1 {
			ops = append(ops, putTile.With(num, level, index, tile))
		}
		if len(tile) == tileBytes {
			root, _ := merkle.TileRoot(tile, merkle.TileHeight, 0)
			full, tile, index = append(full, root), nil, index+1
		}
	}
	return full, ops, nil
}
