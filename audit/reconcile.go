package audit

import (
	"context"
	"errors"
	"iter"

	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// A Discrepancy is a receipt that the log does not bear out.
type Discrepancy struct {
	Receipt Receipt
	Rule    string // "missing" or "another entry has this id"
}

var selectStaged = &storage.Select{
	From: schema.AuditStage, Columns: []string{"leaf"}, Where: storage.By("state", "id"),
}

// Reconcile compares receipts that state rows kept with the log and yields those
// that it does not hold: an entry dropped before it was sealed is found so, as far
// as the state row was not rewritten too. Entries that wait to be sealed and
// redacted ones count as there; those that were pruned cannot be told from missing
// ones, so leave out receipts older than the policy of Prune.
func (l *Log) Reconcile(ctx context.Context, receipts iter.Seq2[Receipt, error]) iter.Seq2[Discrepancy, error] {
	return func(yield func(Discrepancy, error) bool) {
		id, err := l.known(ctx)
		if err != nil {
			yield(Discrepancy{}, err)
			return
		}
		for r, err := range receipts {
			rule := ""
			if err == nil {
				rule, err = l.reconcile(ctx, id, &r)
			}
			if (err != nil || rule != "") && !yield(Discrepancy{r, rule}, err) || err != nil {
				return
			}
		}
	}
}

func (l *Log) reconcile(ctx context.Context, id *identity, r *Receipt) (string, error) {
	for num := id.num; num > 0; num-- { // also the incarnations before
		for _, key := range []ids.ID{r.ID, ids.ID(r.Hash[:16])} { // a redacted row has the hash for id
			_, hash, err := l.sealed(ctx, num, key)
			if errors.Is(err, storage.ErrNotFound) {
				continue
			}
			if err == nil && string(hash) != string(r.Hash[:]) {
				return "another entry has this id", nil
			}
			return "", err
		}
	}
	for _, state := range []int{pending, setAside} {
		var leaf []byte
		err := l.store.Get(ctx, selectStaged, []any{state, r.ID[:]}, &leaf)
		if !errors.Is(err, storage.ErrNotFound) {
			return "", err
		}
	}
	return "missing", nil
}
