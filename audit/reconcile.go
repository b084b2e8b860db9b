package audit

import (
	"context"
	"crypto/hmac"
	"errors"
	"iter"
	"strings"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// String returns the receipt as text of 80 characters, for a column of the host's own
// table: "<id>/<hash in base64url>". [ParseReceipt] reads it.
func (r Receipt) String() string { return r.ID.String() + "/" + b64.EncodeToString(r.Hash[:]) }

// ParseReceipt reads what [Receipt.String] wrote; At stays zero.
func ParseReceipt(s string) (Receipt, error) {
	var r Receipt
	id, hash, _ := strings.Cut(s, "/")
	b, err := b64.DecodeString(hash)
	if err != nil || len(b) != len(r.Hash) || !parseUUID([]byte(id), &r.ID) {
		return Receipt{}, gdpr.Invalid("Receipt", "is not of the form that Receipt.String writes")
	}
	r.Hash = merkle.Hash(b)
	return r, nil
}

// A Discrepancy is something that the host knows to be committed and the log does
// not bear out.
type Discrepancy struct {
	Key     string  // of ReconcileKeys
	Receipt Receipt // zero if there is none for the key
	Rule    string  // "missing", "another entry has this id", "set aside" or "key row forged"
}

var selectStaged = &storage.Select{
	From: schema.AuditStage, Columns: []string{"leaf"}, Where: storage.By("state", "id"),
}

// Reconcile compares receipts that the host keeps beside its own rows with the log
// and yields those that it does not hold: an entry dropped before it was sealed is
// found so, as far as the host's row was not rewritten too. The host writes the row
// and calls [Log.Append] in one transaction, and stores [Receipt.String] in the row.
//
// Entries that wait to be sealed and redacted ones count as there; those that were
// pruned cannot be told from missing ones, so leave out receipts older than the policy
// of Prune. Rows set aside, as after a Reopen, are not in the log.
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
			if (err != nil || rule != "") && !yield(Discrepancy{Receipt: r, Rule: rule}, err) || err != nil {
				return
			}
		}
	}
}

// ReconcileKeys is [Log.Reconcile] for a host that kept no receipts, but gave each
// event a Key that it can tell again from its own rows, such as "invoice-4711".
func (l *Log) ReconcileKeys(ctx context.Context, keys iter.Seq2[string, error]) iter.Seq2[Discrepancy, error] {
	return func(yield func(Discrepancy, error) bool) {
		id, err := l.known(ctx)
		if err != nil {
			yield(Discrepancy{}, err)
			return
		}
		for key, err := range keys {
			d := Discrepancy{Key: key}
			if err == nil {
				err = l.reconcileKey(ctx, id, &d)
			}
			if (err != nil || d.Rule != "") && !yield(d, err) || err != nil {
				return
			}
		}
	}
}

func (l *Log) reconcileKey(ctx context.Context, id *identity, d *Discrepancy) error {
	var k keyRow
	err := l.store.Get(ctx, selectKey, []any{l.mac("gdprkit/audit/key/v1", []byte(d.Key))}, k.dest()...)
	if errors.Is(err, storage.ErrNotFound) {
		d.Rule = "missing"
		return nil
	}
	if err != nil {
		return err
	}
	if !hmac.Equal(k.mac, l.keyMAC(&k)) || len(k.id) != len(ids.ID{}) || len(k.hash) != len(merkle.Hash{}) {
		d.Rule = "key row forged"
		return nil
	}
	d.Receipt = Receipt{ids.ID(k.id), merkle.Hash(k.hash), storage.Time(k.at)}
	d.Rule, err = l.reconcile(ctx, id, &d.Receipt)
	return err
}

func (l *Log) reconcile(ctx context.Context, id *identity, r *Receipt) (string, error) {
	rule, err := l.reconcileSealed(ctx, id, r)
	if rule != "missing" || err != nil {
		return rule, err
	}
	for _, state := range []int{pending, setAside} {
		var leaf []byte
		err := l.store.Get(ctx, selectStaged, []any{state, r.ID[:]}, &leaf)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			continue
		case err == nil && merkle.Leaf(leaf) != r.Hash:
			return "another entry has this id", nil
		case err == nil && state == setAside:
			return "set aside", nil
		}
		return "", err
	}
	return l.reconcileSealed(ctx, id, r) // it may have been sealed meanwhile
}

// reconcileSealed looks also into the incarnations before.
func (l *Log) reconcileSealed(ctx context.Context, id *identity, r *Receipt) (string, error) {
	for num := id.num; num > 0; num-- {
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
	return "missing", nil
}
