package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"math"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// outsideRange finds a row of t whose index does not lie in [0, size).
func outsideRange(t *storage.Table, column string, cmp storage.Cmp) *storage.Select {
	return &storage.Select{
		From: t, Columns: []string{column}, Where: []storage.Term{{Column: "log"}, {Column: column, Cmp: cmp}},
		Order: []string{column}, Desc: cmp != storage.Lt, Limit: 1,
	}
}

var (
	entriesBeyond     = outsideRange(auditEntry, "seq", storage.Ge)
	entriesBelow      = outsideRange(auditEntry, "seq", storage.Lt)
	subjectsBeyond    = outsideRange(schema.AuditSubject, "seq", storage.Ge)
	subjectsBelow     = outsideRange(schema.AuditSubject, "seq", storage.Lt)
	redactionsBeyond  = outsideRange(schema.AuditRedaction, "seq", storage.Ge)
	redactionsBelow   = outsideRange(schema.AuditRedaction, "seq", storage.Lt)
	checkpointsBeyond = outsideRange(schema.AuditCheckpoint, "size", storage.Gt)
	checkpointsBelow  = outsideRange(schema.AuditCheckpoint, "size", storage.Lt)

	strayLogs  = strays(storage.Gt)
	strayBelow = strays(storage.Lt)
	allTiles   = &storage.Select{
		From: schema.AuditTile, Columns: []string{"level", "idx"}, Order: []string{"level", "idx"}, Where: storage.By("log"),
	}
	allKeys  = &storage.Select{From: schema.AuditKey, Columns: keyColumns, Order: []string{"idem"}}
	allStage = &storage.Select{
		From: schema.AuditStage, Columns: []string{"id", "leaf", "mac"}, Where: storage.By("state"), Order: []string{"id"},
	}
)

// strays find rows of incarnations beyond or below a number.
func strays(cmp storage.Cmp) (list []*storage.Select) {
	for _, t := range []*storage.Table{
		auditEntry, schema.AuditSubject, schema.AuditTile, schema.AuditCheckpoint, schema.AuditRedaction,
	} {
		list = append(list, &storage.Select{
			From: t, Columns: []string{"log"}, Where: []storage.Term{{Column: "log", Cmp: cmp}}, Limit: 1,
		})
	}
	return list
}

// surplus looks for rows that belong to no entry of the log.
func (v *verifier) surplus(ctx context.Context) error {
	beyond := []struct {
		s *storage.Select
		n int64 // found at the bound or beyond
	}{{entriesBeyond, 0}, {subjectsBeyond, 0}, {redactionsBeyond, 0}, {checkpointsBeyond, 1}}
	for _, b := range beyond {
		var last int64
		err := v.l.store.Get(ctx, b.s, []any{v.h.num, int64(v.h.size())}, &last)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		// The head is read after the row: had the log grown, it covers the row.
		now, err := v.now(ctx)
		if err != nil {
			return err
		}
		if uint64(last) >= now.size()+uint64(b.n) {
			return found(now.size(), "table %s has rows beyond the head", b.s.From.Name)
		}
	}
	for _, s := range []*storage.Select{entriesBelow, subjectsBelow, redactionsBelow, checkpointsBelow} {
		var n int64
		if err := v.l.store.Get(ctx, s, []any{v.h.num, 0}, &n); !errors.Is(err, storage.ErrNotFound) {
			return orFound(err, "table %s has rows before the first entry", s.From.Name)
		}
	}
	if v.slot != 0 {
		if v.h.whole() {
			return nil
		}
		return v.surplusTiles(ctx)
	}
	for _, s := range strayLogs {
		var n int64
		err := v.l.store.Get(ctx, s, []any{v.h.num}, &n)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if now, e := v.now(ctx); err == nil && e == nil && now.num >= n {
			continue // reopened meanwhile
		}
		return orFound(err, "table %s has rows of a log that does not exist", s.From.Name)
	}
	for _, s := range strayBelow {
		var n int64
		if err := v.l.store.Get(ctx, s, []any{1}, &n); !errors.Is(err, storage.ErrNotFound) {
			return orFound(err, "table %s has rows of a log that does not exist", s.From.Name)
		}
	}
	return v.surplusTiles(ctx)
}

func orFound(err error, rule string, args ...any) error {
	if err != nil {
		return err
	}
	return foundLog(rule, args...)
}

// surplusTiles counts the tiles; their content was compared.
func (v *verifier) surplusTiles(ctx context.Context) error {
	type at struct{ level, index int64 }
	var rows []at
	for r, err := range v.l.store.Scan(ctx, allTiles, []any{v.h.num}) {
		var x at
		if err == nil {
			err = r.Scan(&x.level, &x.index)
		}
		if err != nil {
			return err
		}
		if n := len(rows); n == 0 || rows[n-1].level != x.level {
			rows = append(rows, x)
		}
		if n := len(rows); x.index > rows[n-1].index {
			rows[n-1].index = x.index
		}
		if x.index < 0 || x.level < 0 {
			return foundLog("a tile has a negative place")
		}
	}
	now, err := v.now(ctx)
	if err != nil {
		return err
	}
	for _, x := range rows {
		full, width := merkle.Tiles(now.size(), uint(min(x.level, 63)))
		if x.level > 0 && width > 0 {
			full++
		}
		if uint64(x.index) >= full {
			return foundLog("tile %d of level %d lies beyond the head", x.index, x.level)
		}
	}
	return nil
}

// verifyEmpty demands that a log that was never opened has no rows and no
// checkpoint outside. It never returns nil: ErrNoLog says that nothing is there.
func (l *Log) verifyEmpty(ctx context.Context) error {
	for _, s := range strayLogs {
		var n int64
		if err := l.store.Get(ctx, s, []any{int64(math.MinInt64)}, &n); !errors.Is(err, storage.ErrNotFound) {
			return orFound(err, "the head is missing")
		}
	}
	if l.opt.Anchor == nil {
		return ErrNoLog
	}
	note, err := l.opt.Anchor.Load(ctx, l.anchorName())
	switch {
	case err != nil:
		return err
	case note == nil:
		return ErrNoLog
	}
	return rolledBack(0, "the log is empty, but a checkpoint of it is kept outside")
}

// verifyStage checks the MAC of what waits to be sealed and of idempotency keys.
func (l *Log) verifyStage(ctx context.Context, h *head, r *Report) (err error) {
	for row, err := range l.store.Scan(ctx, allStage, []any{pending}) {
		var id, text, mac []byte
		if err == nil {
			err = row.Scan(&id, &text, &mac)
		}
		if err != nil {
			return err
		}
		if _, s, _ := l.admit(ctx, h, id, text, mac, false); s == rowBad {
			return foundLog("a staged row has a wrong MAC, or Options.Secret was changed")
		}
	}
	for row, err := range l.store.Scan(ctx, allKeys, nil) {
		var k keyRow
		if err == nil {
			err = row.Scan(k.dest()...)
		}
		if err != nil {
			return err
		}
		if !hmac.Equal(k.mac, l.keyMAC(&k)) {
			return foundLog("the row of an idempotency key has a wrong MAC, or Options.Secret was changed")
		}
	}
	if err := l.store.Get(ctx, countPending, []any{setAside}, &r.SetAside); err != nil {
		return err
	}
	r.Pending, r.Oldest, err = l.Pending(ctx)
	return err
}

// resume starts the pass at the first entry that pruning left: the tree from the
// tiles of level 1 and above, the chain from the head. Both are proven later by
// the root and the chain of the head, and the root by the log.pruned entry.
func (v *verifier) resume(ctx context.Context) error {
	n := v.h.pruned
	if n%merkle.TileWidth != 0 || len(v.h.base) != sha256.Size {
		return foundLog("the head has a malformed end of pruning")
	}
	nodes := v.l.tileNodes(ctx, v.h, false)
	err := merkle.Walk(0, n, func(level uint, index uint64) error {
		x, err := nodes(level, index)
		v.tree.AppendNode(level, x)
		return err
	})
	if err != nil {
		return err
	}
	v.chain, v.prunedRoot = merkle.Hash(v.h.base), v.tree.Root()
	p, err := v.l.prunedState(ctx, v.h, v.later)
	if err != nil {
		return err
	}
	if v.keys, v.mark, v.pruned = p.keys, p.mark, p.later; p.later && !p.fits(v.prunedRoot, v.h.base) {
		return foundLog("log.pruned in a later log names another root or chain")
	}
	for level := uint(1); level < uint(len(v.tiles)); level++ {
		full, width := merkle.Tiles(n, level)
		if err := v.oldTiles(ctx, int(level), full); err != nil {
			return err
		}
		if width == 0 {
			continue
		}
		tile, err := v.l.tile(ctx, v.h, uint64(level), full)
		if err != nil {
			return err
		}
		if len(tile) < width*sha256.Size {
			return found(full, "a tile of level %d is missing or too short", level)
		}
		v.tiles[level] = append(make([]byte, 0, tileBytes), tile[:width*sha256.Size]...)
	}
	return nil
}

// pruning is what log.pruned says of the present end of pruning.
type pruning struct {
	keys        []string // verifier keys in force there
	mark        int64    // the last mark is not before it
	root, chain []byte
	later       bool // it stands in a later log
}

func (p *pruning) fits(root merkle.Hash, chain []byte) bool {
	return bytes.Equal(p.root, root[:]) && bytes.Equal(p.chain, chain)
}

// prunedState reads the log.pruned of the present end of pruning, in the log itself or,
// if that is closed, in a later one. The entry is verified when a pass comes to it.
func (l *Log) prunedState(ctx context.Context, h *head, later []*head) (*pruning, error) {
	for _, in := range append([]*head{h}, later...) {
		first, key, origin := int64(0), "closed.upTo", h.origin
		if in == h {
			first, key, origin = int64(h.pruned), "upTo", ""
		}
		for r, err := range l.scanRows(ctx, actionDown, in.num, "log.pruned", first, int64(in.size())) {
			var x leafView
			var text []byte
			if err == nil {
				text, err = l.readLeaf(ctx, in, uint64(r.seq), &x)
			}
			if err != nil {
				return nil, err
			}
			if n, ok := x.uint(key); ok && n == h.pruned && x.text("closed") == origin {
				if !l.told(text, &x) {
					return nil, found(h.pruned, "log.pruned has a wrong MAC, or Options.Secret was changed")
				}
				at, _ := x.uint("mark")
				return &pruning{splitKeys(x.text("keys")), int64(at), x.bytes("root"), x.bytes("chain"), in != h}, nil
			}
		}
	}
	return nil, found(h.pruned, "entries are missing and no log.pruned says so")
}

// oldTiles compares each full tile below the end of pruning with its parent.
func (v *verifier) oldTiles(ctx context.Context, level int, full uint64) error {
	for i := range full {
		tile, err := v.l.tile(ctx, v.h, uint64(level), i)
		if err != nil {
			return err
		}
		root, ok := merkle.TileRoot(tile, merkle.TileHeight, 0)
		parent, err := v.l.tile(ctx, v.h, uint64(level)+1, i/merkle.TileWidth)
		if err != nil {
			return err
		}
		want, wok := merkle.TileRoot(parent, 0, i%merkle.TileWidth)
		if !ok || !wok || root != want {
			return foundLog("tile %d of level %d does not fit the one above", i, level)
		}
	}
	return nil
}

// prunedEntry takes the entry that sealed the present end of pruning.
func (v *verifier) prunedEntry(n uint64, x *leafView) error {
	if x.text("closed") != "" {
		return nil // of a log before: its own pass looks it up
	}
	upTo, ok := x.uint("upTo")
	if !ok || upTo > n {
		return found(n, "log.pruned names an impossible end")
	}
	if upTo != v.h.pruned {
		return nil
	}
	if !bytes.Equal(x.bytes("root"), v.prunedRoot[:]) || !bytes.Equal(x.bytes("chain"), v.h.base) {
		return found(n, "log.pruned names another root or chain")
	}
	v.pruned = true
	return nil
}
