package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/storage"
)

// A Report is what [Log.Verify] found intact.
type Report struct {
	Origin      string
	Size        uint64        // entries in the log, all of them intact from Pruned on
	Root        merkle.Hash   // of the tree of that size
	Pruned      uint64        // entries below it were dropped by Prune
	Redacted    uint64        // entries of this log without payload, each with its log.redacted
	Checkpoints int           // stored checkpoints whose signature and root hold
	Outside     uint64        // size of the outside checkpoint compared with; 0: none
	Inversions  uint64        // entries whose time lies before the one of the entry before
	Pending     int           // committed entries that wait to be sealed
	Oldest      time.Duration // age of the oldest pending entry
	SetAside    int           // staged rows that were set aside, those with a wrong MAC by a log.row_rejected
	Closed      uint64        // entries left of earlier incarnations, which Reopen closed, intact too
}

// Verify reads the whole log and those that [Log.Reopen] closed, recomputes every leaf,
// the chain, the tree, each column, subject row, tile and stored checkpoint, and the
// head; and compares with the checkpoint of Options.Anchor. Memory does not grow with
// the log. Writers may go on meanwhile.
//
// The error is a [*Finding], which wraps [ErrTampered], when the log is not intact,
// and [ErrNoLog] when the tenant has no log at all: look whether its name is right.
// Without an outside checkpoint a log that was recomputed as a whole, or set back
// to an older checkpoint, is intact by all that can be seen: see the table in the
// package documentation.
func (l *Log) Verify(ctx context.Context) (*Report, error) {
	if err := l.allow(ctx, "audit.read", ""); err != nil {
		return nil, err
	}
	for again := 2; ; again-- {
		heads, err := l.heads(ctx)
		if errors.Is(err, ErrNoLog) {
			return &Report{}, l.verifyEmpty(ctx)
		}
		if err != nil {
			return &Report{}, err
		}
		r, err := l.verify(ctx, heads)
		var f *Finding
		if again > 0 && errors.As(err, &f) && l.moved(ctx, heads) {
			continue // pruned or reopened while we read
		}
		return r, err
	}
}

// moved reports whether something was pruned or the log reopened since its heads were
// read.
func (l *Log) moved(ctx context.Context, before []*head) bool {
	now, err := l.heads(ctx)
	return err == nil && !slices.EqualFunc(now, before, func(a, b *head) bool {
		return a.origin == b.origin && a.pruned == b.pruned
	})
}

func (l *Log) verify(ctx context.Context, heads []*head) (r *Report, err error) {
	h := heads[0]
	v := &verifier{l: l, h: h, r: &Report{Origin: h.origin, Pruned: h.pruned}, trusted: l.trusted(h.origin)}
	if v.outside, err = l.outsideCheckpoint(ctx, h); err != nil {
		return v.r, err
	}
	if err := v.run(ctx); err != nil {
		return v.r, err
	}
	if err := v.closedLogs(ctx, heads); err != nil {
		return v.r, err
	}
	return v.r, l.verifyStage(ctx, h, v.r)
}

// chunkSize is how many entries are verified between two looks at other tables.
const chunkSize = 32 * merkle.TileWidth

// verifier carries what one pass over the log has computed so far.
type verifier struct {
	l *Log
	h *head // as it was when the pass began; the pass covers the entries below its size
	r *Report
	state

	trusted []string
	outside *Checkpoint
	slot    int64   // 0, or the number of a closed incarnation
	later   []*head // of the incarnations after it, the present one first

	prunedRoot merkle.Hash // of the entries that Prune dropped

	hasher merkle.Hasher
	view   leafView
}

// state is what a chunk that is read again starts from.
type state struct {
	tree   merkle.Frontier
	chain  merkle.Hash
	last   int64     // time of the entry before
	mark   int64     // time of the last log.mark
	keys   []string  // verifier keys in force
	tiles  [8][]byte // the partial tile of each level
	groups []byte    // the subtrees of groupHeight in that of level 0
	due    []dueTile
	pruned bool // log.pruned for the present prefix was seen
	signed bool // a trusted key signed a stored checkpoint

	redacted, inversions uint64
	checkpoints          int
}

// clone copies what a chunk changes in place.
func (s *state) clone() state {
	c := *s
	for i := range c.tiles {
		c.tiles[i] = bytes.Clone(c.tiles[i])
	}
	c.groups, c.keys, c.due = bytes.Clone(c.groups), slices.Clone(c.keys), nil
	return c
}

// dueTile is a tile that a chunk has filled, to be compared with its row.
type dueTile struct {
	level int
	index uint64
	tile  []byte
}

func (v *verifier) run(ctx context.Context) error {
	if v.slot > 0 && v.h.whole() {
		return v.gone(ctx)
	}
	if err := v.begin(ctx); err != nil {
		return err
	}
	for v.tree.Size() < v.h.size() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := v.steady(ctx, min(v.h.size(), (v.tree.Size()/chunkSize+1)*chunkSize)); err != nil {
			return err
		}
	}
	if err := v.finish(ctx); err != nil {
		return err
	}
	v.r.Size, v.r.Root = v.tree.Size(), v.tree.Root()
	v.r.Redacted, v.r.Inversions, v.r.Checkpoints = v.redacted, v.inversions, v.checkpoints
	return nil
}

// steady verifies a chunk, again as long as payloads were dropped between its reads.
func (v *verifier) steady(ctx context.Context, end uint64) error {
	before, known := v.clone(), -1
	for {
		err := v.chunk(ctx, end)
		var f *Finding
		if !errors.As(err, &f) {
			return err
		}
		v.state = before.clone()
		n := 0
		args := []any{v.h.num, int64(v.tree.Size()), int64(end)}
		if e := v.l.store.Get(ctx, countRedactions, args, &n); e != nil {
			return e
		}
		if n == known {
			return err
		}
		known = n
	}
}

// begin looks at the outside checkpoint and, after pruning, loads the state at the
// first entry that is left.
func (v *verifier) begin(ctx context.Context) error {
	if v.h.root != v.h.tree.Root() {
		return foundLog("root and frontier of the head do not fit")
	}
	if o := v.outside; o != nil {
		v.r.Outside = o.Size
		if o.Size > v.h.size() {
			return rolledBack(v.h.size(), "the log is shorter than the outside checkpoint")
		}
	}
	if v.h.pruned == 0 {
		v.pruned = true
		return nil
	}
	if err := v.resume(ctx); err != nil {
		return err
	}
	return v.outsidePruned(ctx)
}

// outsidePruned compares with an outside checkpoint that lies where the entries were
// dropped. Prune leaves none there but at its very end.
func (v *verifier) outsidePruned(ctx context.Context) error {
	o := v.outside
	if o == nil || o.Size == 0 || o.Size > v.h.pruned {
		return nil
	}
	if !v.h.provable(o.Size) {
		return rolledBack(o.Size, "the log is pruned beyond the outside checkpoint")
	}
	root, err := merkle.Root(o.Size, v.l.tileNodes(ctx, v.h, false))
	if err == nil && root != o.Root {
		err = rolledBack(o.Size, "the log has another root at the size of the outside checkpoint")
	}
	return err
}

// now reads the head again.
func (v *verifier) now(ctx context.Context) (*head, error) {
	h, err := v.l.readSlot(ctx, v.slot)
	if errors.Is(err, ErrNoLog) {
		err = foundLog("the head is missing")
	}
	return h, err
}

// add takes the hash of the next leaf into chain, tree and tiles.
func (v *verifier) add(hash merkle.Hash) {
	n := v.tree.Size()
	v.chain = link(n, v.chain, hash)
	v.tiles[0] = append(v.tiles[0], hash[:]...)
	v.tree.Append(hash)
	if group, ok := v.tree.Ended(groupHeight); ok {
		v.groups = append(v.groups, group[:]...)
	}
	if root, ok := v.tree.Ended(merkle.TileHeight); ok {
		v.tiles[0] = append(v.tiles[0], v.groups...)
		v.full(0, n/merkle.TileWidth, root)
		v.groups = v.groups[:0]
	}
}

// full notes a full tile and carries its root upward.
func (v *verifier) full(level int, index uint64, root merkle.Hash) {
	v.due = append(v.due, dueTile{level, index, v.tiles[level]})
	v.tiles[level] = make([]byte, 0, leafTileBytes)
	if level+1 == len(v.tiles) {
		return
	}
	v.tiles[level+1] = append(v.tiles[level+1], root[:]...)
	if t := v.tiles[level+1]; len(t) == tileBytes {
		up, _ := merkle.TileRoot(t, merkle.TileHeight, 0)
		v.full(level+1, index/merkle.TileWidth, up)
	}
}

// finish compares the end of the pass with the head and looks for rows that belong
// to no entry.
func (v *verifier) finish(ctx context.Context) error {
	h := v.h
	switch {
	case v.tree.Root() != h.root:
		return foundLog("the head has another root than the entries")
	case v.chain != h.chain:
		return foundLog("the head has another chain value than the entries")
	case v.mark != h.mark:
		return foundLog("the head has another last mark than the entries")
	case !slices.Equal(v.keys, h.keys):
		return foundLog("the head has other verifier keys than the entries")
	case !v.pruned:
		return found(h.pruned, "entries are missing and no log.pruned says so")
	case v.slot == 0 && len(v.trusted) > 0 && v.checkpoints > 0 && !v.signed:
		return foundLog("no stored checkpoint is signed by a trusted key")
	}
	if err := v.partialTiles(ctx); err != nil {
		return err
	}
	return v.surplus(ctx)
}

// partialTiles compares the last tile of each level above 0. The row may hold more
// than this pass covers, if the log has grown meanwhile.
func (v *verifier) partialTiles(ctx context.Context) error {
	for level := 1; level < len(v.tiles); level++ {
		want := v.tiles[level]
		if len(want) == 0 {
			continue
		}
		index, _ := merkle.Tiles(v.h.size(), uint(level))
		if err := v.compareTile(ctx, dueTile{level, index, want}, true); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) compareTile(ctx context.Context, d dueTile, partial bool) error {
	var got []byte
	err := v.l.store.Get(ctx, selectTile, []any{v.h.num, d.level, int64(d.index)}, &got)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	first := d.index << (merkle.TileHeight * uint(d.level+1))
	if !bytes.HasPrefix(got, d.tile) || !partial && len(got) != len(d.tile) || len(got)%sha256.Size != 0 {
		return found(first, "tile %d of level %d is missing or differs from the entries", d.index, d.level)
	}
	if len(got) == len(d.tile) {
		return nil
	}
	now, err := v.now(ctx)
	if err != nil {
		return err
	}
	full, width := merkle.Tiles(now.size(), uint(d.level))
	if full == d.index && len(got) > width*sha256.Size {
		return found(first, "tile %d of level %d is longer than the log", d.index, d.level)
	}
	return nil
}
