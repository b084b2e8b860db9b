package audit

import (
	"context"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
)

// A Proof shows that a leaf stands at Index of the tree of Size leaves with Root.
// Check it with merkle.VerifyInclusion.
type Proof struct {
	Index uint64
	Size  uint64
	Hash  merkle.Hash // of the leaf
	Root  merkle.Hash
	Path  []merkle.Hash // from the leaf up, RFC 6962 section 2.1.1
}

// ProveInclusion proves that the entry at index is in the log as it was at size; 0
// stands for its present size. It reads at most a tile per level and edge.
func (l *Log) ProveInclusion(ctx context.Context, index, size uint64) (*Proof, error) {
	h, err := l.readHead(ctx)
	if err != nil {
		return nil, err
	}
	if size == 0 {
		size = h.size()
	}
	if size > h.size() || index >= size || index < h.pruned {
		return nil, gdpr.Invalid("ProveInclusion", "needs an index that is not pruned and a size within the log")
	}
	p, err := prove(index, size, l.nodes(ctx, h))
	if err == nil && size == h.size() && p.Root != h.root {
		err = found(index, "the tiles lead to another root than the head has")
	}
	return p, err
}

func prove(index, size uint64, nodes merkle.Nodes) (*Proof, error) {
	p := &Proof{Index: index, Size: size}
	var err error
	if p.Hash, err = nodes(0, index); err != nil {
		return nil, err
	}
	if p.Path, err = merkle.Inclusion(index, size, nodes); err != nil {
		return nil, err
	}
	p.Root, err = merkle.Implied(index, size, p.Hash, p.Path)
	return p, err
}

// provable reports whether the tiles for the tree of that size are still there.
func (h *head) provable(size uint64) bool {
	return size >= h.pruned || size%merkle.TileWidth == 0
}

// ProveConsistency proves that the log at size m is a prefix of the log at size n;
// n 0 stands for its present size. Check it with merkle.VerifyConsistency.
func (l *Log) ProveConsistency(ctx context.Context, m, n uint64) ([]merkle.Hash, error) {
	h, err := l.readHead(ctx)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		n = h.size()
	}
	if m == 0 || m > n || n > h.size() || !h.provable(m) || !h.provable(n) {
		return nil, gdpr.Invalid("ProveConsistency", "needs 0 < m <= n within the log, not below what is pruned unless they are multiples of 256")
	}
	return merkle.Consistency(m, n, l.nodes(ctx, h))
}
