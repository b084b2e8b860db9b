package audit

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	updatePruned = &storage.Write{
		Verb: storage.Update, Table: auditHead, Must: true, Set: []string{"pruned", "base"}, Where: storage.By("slot", "log"),
	}
	selectChain = &storage.Select{From: auditEntry, Columns: []string{"chain"}, Where: storage.By("log", "seq")}
	firstRow    = &storage.Select{
		From: auditEntry, Columns: []string{"seq"}, Where: storage.By("log"), Order: []string{"seq"}, Limit: 1,
	}
	logsBelow = &storage.Select{
		From: auditEntry, Columns: []string{"log"}, Where: []storage.Term{{Column: "log", Cmp: storage.Lt}},
		Order: []string{"log", "seq"}, Limit: 1,
	}
	deleteHeads = &storage.Write{
		Verb: storage.Delete, Table: auditHead,
		Where: []storage.Term{{Column: "slot", Cmp: storage.Gt}, {Column: "slot", Cmp: storage.Lt}},
	}
	dropTiles        = &storage.Write{Verb: storage.Delete, Table: schema.AuditTile, Where: storage.By("log")}
	pruneEntries     = deleteBelow(auditEntry, "seq", storage.Lt)
	pruneSubjects    = deleteBelow(schema.AuditSubject, "seq", storage.Lt)
	pruneRedactions  = deleteBelow(schema.AuditRedaction, "seq", storage.Lt)
	pruneCheckpoints = deleteBelow(schema.AuditCheckpoint, "size", storage.Le)
	pruneTiles       = deleteBelow(schema.AuditTile, "idx", storage.Lt, "level")
)

func deleteBelow(t *storage.Table, column string, cmp storage.Cmp, by ...string) *storage.Write {
	where := append(storage.By("log"), storage.By(by...)...)
	return &storage.Write{Verb: storage.Delete, Table: t, Where: append(where, storage.Term{Column: column, Cmp: cmp})}
}

// Prune drops the entries below upTo of the present log, rounded down to a multiple of
// 256, and returns the index of the first that is left. First an entry log.pruned is
// sealed with the root at that size, the checkpoint kept outside and the policy, a
// code; then rows are deleted in ascending chunks. What remains is contiguous and
// provable against each checkpoint of a size not below upTo, or of a multiple of 256,
// since tiles of level 1 and above stay.
//
// What [Log.Reopen] closed comes before the present log: with an upTo above 0, closed
// logs are dropped as a whole first, each with its own log.pruned.
//
// It is refused while Options.Held says so and unless the outside checkpoint
// covers upTo ([ErrNoAnchor]). A Prune that was interrupted is finished by the next
// one or by Run.
func (l *Log) Prune(ctx context.Context, upTo uint64, policy string) (uint64, error) {
	return l.prune(ctx, 0, upTo, policy)
}

// PruneIn is [Log.Prune] for the log with a number, [Entry].Log, which may be one that
// [Log.Reopen] closed: logs before it are dropped as a whole, and so is it if upTo is
// not below its size. The log.pruned stands in the present log and names the closed
// one. It returns [ErrNotFound] for a log of which nothing is left.
func (l *Log) PruneIn(ctx context.Context, log int, upTo uint64, policy string) (uint64, error) {
	if log < 1 {
		return 0, gdpr.Invalid("Log", "must be the number of a log, as Entry.Log has it")
	}
	return l.prune(ctx, int64(log), upTo, policy)
}

func (l *Log) prune(ctx context.Context, num int64, upTo uint64, policy string) (uint64, error) {
	if !isCode(policy) {
		return 0, gdpr.Invalid("Policy", "must be a code of 1 to 96 of the characters A-Z, a-z, 0-9, \".\", \"_\", \"-\"")
	}
	if err := l.allow(ctx, "audit.prune", ""); err != nil {
		return 0, err
	}
	if err := l.free(ctx); err != nil {
		return 0, err
	}
	if _, err := l.Sealed(ctx); err != nil {
		return 0, err
	}
	heads, err := l.heads(ctx)
	if err != nil {
		return 0, err
	}
	h := heads[0]
	if num > 0 {
		if h, err = headOf(heads, num); err != nil {
			return 0, err
		}
	}
	before := upTo > 0 // what comes before the log goes too
	if h != heads[0] && upTo >= h.size() {
		upTo = h.size()
	} else {
		upTo -= upTo % merkle.TileWidth
	}
	c, err := l.outsideCheckpoint(ctx, heads[0])
	if err != nil {
		return 0, err
	}
	if h == heads[0] && upTo > h.pruned && (c == nil || c.Size < upTo) {
		return 0, ErrNoAnchor // before anything is dropped
	}
	for _, old := range slices.Backward(heads) { // the oldest first
		end := old.size()
		if old == h {
			end = upTo
		} else if old.num > h.num || !before {
			continue
		}
		if err := l.beginPrune(ctx, heads, old, c, end, policy); err != nil {
			return 0, err
		}
	}
	return max(h.pruned, upTo), l.sweep(ctx)
}

// beginPrune seals the entry and moves the beginning of the log, which is the oldest
// that has entries left.
func (l *Log) beginPrune(ctx context.Context, heads []*head, h *head, c *Checkpoint, upTo uint64, policy string) error {
	if upTo <= h.pruned {
		return nil
	}
	if c == nil || c.Size == 0 {
		return ErrNoAnchor
	}
	present := heads[0]
	if err := l.extends(ctx, present, c); err != nil {
		return err
	}
	if err := l.linked(ctx, heads, h); err != nil {
		return err
	}
	p, err := l.pruningAt(ctx, heads, h, upTo)
	if err != nil {
		return err
	}
	var attr []value
	prefix := ""
	if h != present {
		prefix = "closed."
		attr = append(attr, value{key: "closed", kind: 's', text: h.origin})
	}
	attr = append(attr, []value{
		{key: prefix + "upTo", kind: 'i', text: strconv.FormatUint(upTo, 10)},
		{key: "root", kind: 'r', text: string(p.root)},
		{key: "chain", kind: 'r', text: string(p.chain)},
		{key: "checkpoint", kind: 's', text: string(c.Note)},
		{key: "keys", kind: 's', text: strings.Join(p.keys, "\n")},
		{key: "mark", kind: 'i', text: strconv.FormatInt(p.mark, 10)},
		{key: "policy", kind: 's', text: policy},
	}...)
	d, err := l.tell(present.identity, "log.pruned", append(attr, l.unguarded()...)...)
	if err != nil {
		return err
	}
	return l.store.InTx(ctx, func(ctx context.Context) error {
		now, err := l.lockHead(ctx)
		if err != nil {
			return err
		}
		slot, was := h.slot(present), now
		if slot > 0 {
			if was, err = l.readSlot(ctx, slot); err != nil {
				return err
			}
		}
		if now.num != present.num || was.pruned != h.pruned {
			return storage.ErrStale
		}
		return l.seal(ctx, now, []*draft{d}, updatePruned.With(int64(upTo), p.chain, slot, h.num), deleteHeads.With(0, h.num))
	})
}

// pruningAt returns what is to be said of the log as it was at upTo.
func (l *Log) pruningAt(ctx context.Context, heads []*head, h *head, upTo uint64) (*pruning, error) {
	if upTo == h.size() {
		return &pruning{keys: h.keys, mark: h.mark, root: h.root[:], chain: h.chain[:]}, nil
	}
	root, err := merkle.Root(upTo, l.nodes(ctx, h))
	if err != nil {
		return nil, err
	}
	if err := l.prefix(ctx, h, upTo, root, "tiles and head do not fit"); err != nil {
		return nil, err
	}
	p := &pruning{mark: h.mark, root: root[:]}
	if err := l.store.Get(ctx, selectChain, []any{h.num, int64(upTo) - 1}, &p.chain); err != nil {
		return nil, err
	}
	p.keys, err = l.keysAt(ctx, h, heads[:heads[0].num-h.num], upTo)
	return p, err
}

// keysAt returns the verifier keys in force at a size.
func (l *Log) keysAt(ctx context.Context, h *head, later []*head, size uint64) ([]string, error) {
	var keys []string
	if h.pruned > 0 {
		p, err := l.prunedState(ctx, h, later)
		if err != nil {
			return nil, err
		}
		keys = p.keys
	}
	var sources []iterRows
	for _, act := range []string{"log.opened", "log.key.added", "log.key.retired"} {
		sources = append(sources, l.scanRows(ctx, actionUp, h.num, act, int64(h.pruned), int64(size)))
	}
	for r, err := range mergeRows(sources, false) {
		var v leafView
		if err == nil {
			_, err = l.readLeaf(ctx, h, uint64(r.seq), &v)
		}
		if err != nil {
			return nil, err
		}
		k := v.text("key")
		if string(v.act) == "log.key.retired" {
			keys = slices.DeleteFunc(keys, func(s string) bool { return s == k })
		} else if k != "" {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// sweep deletes the rows of what was pruned: of each log below its beginning, and all of
// the logs before the oldest.
func (l *Log) sweep(ctx context.Context) error {
	heads, err := l.heads(ctx)
	if err != nil {
		return err
	}
	for _, h := range heads {
		if h.pruned == 0 {
			continue
		}
		if err := l.sweepRows(ctx, h.num, int64(h.pruned), h.whole()); err != nil {
			return err
		}
	}
	oldest := heads[len(heads)-1]
	for oldest.pruned > 0 {
		var num int64
		err := l.store.Get(ctx, logsBelow, []any{oldest.num}, &num)
		if errors.Is(err, storage.ErrNotFound) {
			break
		}
		if err == nil {
			err = l.sweepRows(ctx, num, math.MaxInt64, true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepRows deletes the rows of a log below an index and, if nothing is to be left of
// it, the tiles.
func (l *Log) sweepRows(ctx context.Context, num, below int64, whole bool) error {
	for {
		var first int64
		err := l.store.Get(ctx, firstRow, []any{num}, &first)
		if errors.Is(err, storage.ErrNotFound) || err == nil && first >= below {
			return nil
		}
		if err != nil {
			return err
		}
		end := min(below, first-first%merkle.TileWidth+4*merkle.TileWidth)
		ops := []storage.Op{
			pruneSubjects.With(num, end), pruneRedactions.With(num, end), pruneCheckpoints.With(num, end),
			pruneTiles.With(num, 0, end/merkle.TileWidth), pruneEntries.With(num, end),
		}
		if whole {
			ops = append(ops, dropTiles.With(num))
		}
		err = l.store.InTx(ctx, func(ctx context.Context) error {
			_, err := l.store.Apply(ctx, ops...)
			return err
		})
		if err != nil {
			return err
		}
	}
}
