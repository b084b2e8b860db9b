package audit

import (
	"context"
	"errors"
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

// Prune drops the entries below upTo, rounded down to a multiple of 256, and
// returns the index of the first that is left. First an entry log.pruned is sealed
// with the root at that size, the checkpoint kept outside and the policy, a code;
// then rows are deleted in ascending chunks. What remains is contiguous and provable
// against each checkpoint of a size not below upTo, or of a multiple of 256, since
// tiles of level 1 and above stay.
//
// It is refused while Options.Held says so and unless the outside checkpoint
// covers upTo ([ErrNoAnchor]). A Prune that was interrupted is finished by the next
// one or by Run.
func (l *Log) Prune(ctx context.Context, upTo uint64, policy string) (uint64, error) {
	if !isCode(policy) {
		return 0, gdpr.Invalid("Policy", "must be a code of 1 to 96 of the characters A-Z, a-z, 0-9, \".\", \"_\", \"-\"")
	}
	upTo -= upTo % merkle.TileWidth
	if err := l.allow(ctx, "audit.prune", ""); err != nil {
		return 0, err
	}
	if err := l.free(ctx); err != nil {
		return 0, err
	}
	if _, err := l.Sealed(ctx); err != nil {
		return 0, err
	}
	h, err := l.readHead(ctx)
	if err != nil {
		return 0, err
	}
	if upTo > h.pruned {
		if err := l.beginPrune(ctx, h, upTo, policy); err != nil {
			return 0, err
		}
		h.pruned = upTo
	}
	return h.pruned, l.sweepPruned(ctx, h)
}

// beginPrune seals the entry and moves the beginning of the log.
func (l *Log) beginPrune(ctx context.Context, h *head, upTo uint64, policy string) error {
	c, err := l.outsideCheckpoint(ctx, h)
	if err != nil {
		return err
	}
	if c == nil || c.Size < upTo {
		return ErrNoAnchor
	}
	if err := l.extends(ctx, h, c); err != nil {
		return err
	}
	root, err := merkle.Root(upTo, l.nodes(ctx, h))
	if err != nil {
		return err
	}
	if err := l.prefix(ctx, h, upTo, root, "tiles and head do not fit"); err != nil {
		return err
	}
	var chain []byte
	if err := l.store.Get(ctx, selectChain, []any{h.num, int64(upTo) - 1}, &chain); err != nil {
		return err
	}
	keys, err := l.keysAt(ctx, h, upTo)
	if err != nil {
		return err
	}
	d, err := l.own(h.identity, "log.pruned", append([]value{
		{key: "upTo", kind: 'i', text: strconv.FormatUint(upTo, 10)},
		{key: "root", kind: 'r', text: string(root[:])},
		{key: "chain", kind: 'r', text: string(chain)},
		{key: "checkpoint", kind: 's', text: string(c.Note)},
		{key: "keys", kind: 's', text: strings.Join(keys, "\n")},
		{key: "mark", kind: 'i', text: strconv.FormatInt(h.mark, 10)},
		{key: "policy", kind: 's', text: policy},
	}, l.unguarded()...)...)
	if err != nil {
		return err
	}
	return l.store.InTx(ctx, func(ctx context.Context) error {
		now, err := l.lockHead(ctx)
		if err != nil {
			return err
		}
		if now.num != h.num || now.pruned != h.pruned {
			return storage.ErrStale
		}
		return l.seal(ctx, now, []*draft{d}, updatePruned.With(int64(upTo), chain, 0, h.num))
	})
}

// keysAt returns the verifier keys in force at a size.
func (l *Log) keysAt(ctx context.Context, h *head, size uint64) ([]string, error) {
	var keys []string
	if h.pruned > 0 {
		var err error
		if keys, _, err = l.prunedState(ctx, h); err != nil {
			return nil, err
		}
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

// sweepPruned deletes the rows below the beginning of the log.
func (l *Log) sweepPruned(ctx context.Context, h *head) error {
	for {
		var first int64
		err := l.store.Get(ctx, firstRow, []any{h.num}, &first)
		if errors.Is(err, storage.ErrNotFound) || err == nil && first >= int64(h.pruned) {
			return nil
		}
		if err != nil {
			return err
		}
		end := min(int64(h.pruned), first-first%merkle.TileWidth+4*merkle.TileWidth)
		err = l.store.InTx(ctx, func(ctx context.Context) error {
			_, err := l.store.Apply(ctx,
				pruneSubjects.With(h.num, end), pruneRedactions.With(h.num, end), pruneCheckpoints.With(h.num, end),
				pruneTiles.With(h.num, 0, end/merkle.TileWidth), pruneEntries.With(h.num, end))
			return err
		})
		if err != nil {
			return err
		}
	}
}
