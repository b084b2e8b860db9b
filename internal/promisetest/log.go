package promisetest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"iter"
	"log/slog"
	"time"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"
)

var viewed = audit.Event{Action: "contact.viewed", Subject: subject, Attrs: []slog.Attr{slog.String("name", ada), gdpr.Clear("screen", "overview")}}

// log fills the log and seals it.
func (h *house) log(n int) []audit.Receipt {
	var out []audit.Receipt
	for range n {
		r, err := h.Log.Append(h.ctx, viewed)
		h.ok(err)
		out = append(out, r...)
	}
	_, err := h.Log.Checkpoint(h.ctx)
	h.ok(err)
	return out
}

// on makes a case of a method that needs a log with three entries.
func onLog(do act) func(h *house) act {
	return func(h *house) act {
		h.log(3)
		return do
	}
}

var logMethods = map[string]method{
	"Log.Append": {writes, func(*house) act {
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			e := viewed
			e.Key = keyOf(ctx)
			return k.Log.Append(ctx, e)
		}
	}},
	"Log.Record": {writes, func(*house) act {
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return nil, k.Log.Record(ctx, viewed.Action, subject, viewed.Attrs...)
		}
	}},
	"Log.RecordBatch": {writes, func(*house) act {
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return nil, k.Log.RecordBatch(ctx, viewed.Action, []string{subject, "c2"}, [][]slog.Attr{viewed.Attrs, viewed.Attrs})
		}
	}},
	"Log.Checkpoint": {alone, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		c, err := k.Log.Checkpoint(ctx)
		return c, err
	})},
	"Log.Entries": {reads, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return all(k.Log.Entries(ctx, audit.Filter{Subject: subject, Open: true}))
	})},
	"Log.Export": {reads, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return all(k.Log.Export(ctx, subject))
	})},
	"Log.Forget": {reads, // the token of the vault is shredded, not this
		onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			erased, _, err := k.Log.Forget(ctx, subject, "A17-1-b", time.Time{})
			return erased, err
		})},
	"Log.Housekeep": {alone, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return nil, k.Log.Housekeep(ctx) })},
	"Log.Lint":      {reads, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Log.Lint(ctx) })},
	"Log.Open":      {reads, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return nil, k.Log.Open(ctx) })},
	"Log.Pending": {reads, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		n, _, err := k.Log.Pending(ctx)
		return n, err
	})},
	"Log.ProveConsistency": {reads, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Log.ProveConsistency(ctx, 1, 3) })},
	"Log.ProveInclusion":   {reads, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Log.ProveInclusion(ctx, 1, 3) })},
	"Log.Prune":            {alone, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Log.Prune(ctx, 2, "policy-1") })},
	"Log.PruneIn":          {alone, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Log.PruneIn(ctx, 1, 2, "policy-1") })},
	"Log.Reconcile": {reads, func(h *house) act {
		receipts := h.log(3)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			var own iter.Seq2[audit.Receipt, error] = func(yield func(audit.Receipt, error) bool) {
				for _, r := range receipts {
					if !yield(r, nil) {
						return
					}
				}
			}
			return all(k.Log.Reconcile(ctx, own))
		}
	}},
	"Log.ReconcileKeys": {reads, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return all(k.Log.ReconcileKeys(ctx, func(yield func(string, error) bool) { yield("invoice-4711", nil) }))
	})},
	"Log.Redact": {alone, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return nil, k.Log.Redact(ctx, 2, "A17-1-b") })},
	"Log.RedactDue": {alone, func(h *house) act {
		h.log(2)
		_, _, err := h.Log.Forget(h.ctx, subject, "A17-3-b", h.now().Add(time.Hour))
		h.ok(err)
		h.pass(2 * time.Hour)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Log.RedactDue(ctx, 10) }
	}},
	"Log.RedactIn": {alone, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return nil, k.Log.RedactIn(ctx, 1, 2, "A17-1-b")
	})},
	"Log.RedactSubject": {alone, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return k.Log.RedactSubject(ctx, subject, "A17-1-b")
	})},
	"Log.Reopen": {alone, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return nil, k.Log.Reopen(ctx, "restored")
	})},
	"Log.Rotate": {alone, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return nil, k.Log.Rotate(ctx, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize)))
	})},
	"Log.Run":    {promise: nothing}, // returns when its context ends; what it does is Checkpoint and Housekeep
	"Log.Sealed": {looks, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Log.Sealed(ctx) })},
	"Log.Stage":  {promise: nothing}, // returns operations; Ledger.Give writes them
	"Log.VerifierKeys": {reads, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return k.Log.VerifierKeys(ctx)
	})},
	"Log.Verify": {reads, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Log.Verify(ctx) })},
	"Log.WriteBundle": {looks, onLog(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		var b bytes.Buffer
		_, err := k.Log.WriteBundle(ctx, &b, audit.Bundle{Kind: audit.KindSubject, Subject: subject})
		return b.String(), err
	})},
}
