package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	auditHead  = schema.AuditHead
	auditEntry = schema.AuditEntry
)

// head is the state of an incarnation of the log.
type head struct {
	*identity
	tree   merkle.Frontier
	chain  merkle.Hash
	mark   int64
	pruned uint64
	base   []byte      // chain before entry pruned, empty while nothing is pruned
	keys   []string    // verifier keys in force
	stored uint64      // size when it was read …
	from   merkle.Hash // … and chain
	root   merkle.Hash
}

func (h *head) size() uint64 { return h.tree.Size() }

// settle takes what was written for what is stored.
func (h *head) settle() { h.stored, h.from = h.size(), h.chain }

// link returns c_n = SHA-256(c_{n-1} ‖ leaf hash); c_0 is the hash of the genesis.
func link(n uint64, prev, leaf merkle.Hash) merkle.Hash {
	if n == 0 {
		return leaf
	}
	var b [2 * sha256.Size]byte
	copy(b[:], prev[:])
	copy(b[sha256.Size:], leaf[:])
	return sha256.Sum256(b[:])
}

var headColumns = []string{"log", "origin", "size", "root", "frontier", "chain", "mark", "pruned", "base", "keys"}

var (
	selectHead = &storage.Select{From: auditHead, Columns: headColumns, Where: storage.By("slot")}
	claimHead  = &storage.Claim{Into: auditHead, Columns: append([]string{"slot"}, headColumns...), Read: headColumns}
	insertHead = &storage.Write{Verb: storage.Insert, Table: auditHead, Set: append([]string{"slot"}, headColumns...)}
	updateHead = &storage.Write{
		Verb: storage.Update, Table: auditHead, Must: true,
		Set:   []string{"size", "root", "frontier", "chain", "mark", "keys"},
		Where: storage.By("slot", "log", "size", "chain"),
	}
	tryHead = &storage.Write{Verb: storage.Update, Table: auditHead, Set: updateHead.Set, Where: updateHead.Where}
)

// headRow holds the columns of a head as they are stored.
type headRow struct {
	num, size, mark, pruned     int64
	origin, keys                string
	root, frontier, chain, base []byte
}

func (r *headRow) dest() []any {
	return []any{&r.num, &r.origin, &r.size, &r.root, &r.frontier, &r.chain, &r.mark, &r.pruned, &r.base, &r.keys}
}

func (r *headRow) head() (*head, error) {
	tree, ok := merkle.ParseFrontier(uint64(r.size), r.frontier)
	if !ok || r.size <= 0 || len(r.chain) != sha256.Size || len(r.root) != sha256.Size ||
		r.pruned < 0 || r.pruned > r.size || (r.pruned == 0) != (len(r.base) == 0) || len(r.base)%sha256.Size != 0 {
		return nil, foundLog("the head row is malformed")
	}
	h := &head{
		identity: newIdentity(r.num, r.origin), tree: tree, chain: merkle.Hash(r.chain), mark: r.mark,
		pruned: uint64(r.pruned), base: r.base, root: merkle.Hash(r.root), keys: splitKeys(r.keys),
	}
	h.settle()
	return h, nil
}

func splitKeys(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

func (h *head) args() []any {
	root := h.tree.Root()
	return []any{
		h.num, h.origin, int64(h.size()), root[:], h.tree.Bytes(), h.chain[:], h.mark, int64(h.pruned), h.base, strings.Join(h.keys, "\n"),
	}
}

// advance is the compare-and-set of the head from what was read.
func (h *head) advance(set *storage.Write) storage.Op {
	root := h.tree.Root()
	return set.With(int64(h.size()), root[:], h.tree.Bytes(), h.chain[:], h.mark, strings.Join(h.keys, "\n"),
		0, h.num, int64(h.stored), h.from[:])
}

// readHead reads the present head without a lock.
func (l *Log) readHead(ctx context.Context) (*head, error) { return l.readSlot(ctx, 0) }

func (l *Log) readSlot(ctx context.Context, slot int64) (*head, error) {
	var r headRow
	err := l.store.Get(ctx, selectHead, []any{slot}, r.dest()...)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ErrNoLog
	}
	if err != nil {
		return nil, err
	}
	return r.head()
}

// lockHead reads the present head and keeps everybody else from advancing it
// until the transaction ends. It must have been opened.
func (l *Log) lockHead(ctx context.Context) (*head, error) {
	if l.inside && l.store.State(ctx) == storage.Owned {
		return l.readHead(ctx) // the transaction is the only writer
	}
	var r headRow
	empty := []byte{}
	args := []any{0, 0, "/", 0, empty, empty, empty, 0, 0, empty, ""}
	if err := l.store.Claim(ctx, claimHead, args, r.dest()...); err != nil {
		return nil, err
	}
	if r.num == 0 { // nobody opened the log: our placeholder must not stay
		return nil, ErrNoLog
	}
	return r.head()
}
