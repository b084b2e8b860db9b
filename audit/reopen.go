package audit

import (
	"context"
	"errors"
	"strconv"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

var putHead = &storage.Write{Verb: storage.Put, Table: auditHead, Set: append([]string{"slot"}, headColumns...)}

// Reopen begins a new incarnation of the log after [ErrRolledBack]: a new log id,
// whose first entry names the old one, the checkpoint kept outside, how many
// entries are lost, and the reason, a code. With Options.Anchor a checkpoint of the
// new incarnation takes the place of the old one, so a signer is needed: whoever can
// only write the database cannot pass off a new log for the old one. A Reopen that
// was interrupted before that is repeated.
//
// The entries of the old incarnation stay where they are. Verify covers them, Entries
// and Export yield them, Reconcile and Forget know them. Entries that other processes
// stage for the old one meanwhile are set aside, each with a log.row_rejected.
//
// Their payloads end as others do: RedactDue, RedactSubject, RedactIn, Prune and
// PruneIn reach them. A closed log takes no entry any more, since the new one names its
// last root; so each log.redacted and log.pruned stands in the present log and names
// the closed one. WriteBundle and the proofs are of the present log only.
func (l *Log) Reopen(ctx context.Context, reason string) error {
	if !isCode(reason) {
		return gdpr.Invalid("Reason", "must be a code of 1 to 96 of the characters A-Z, a-z, 0-9, \".\", \"_\", \"-\"")
	}
	if !l.outside(ctx) {
		return storage.ErrInTx
	}
	if err := l.allow(ctx, "audit.reopen", ""); err != nil {
		return err
	}
	var outside []byte
	if l.opt.Anchor != nil {
		var err error
		if outside, err = l.opt.Anchor.Load(ctx, l.anchorName()); err != nil {
			return err
		}
		if outside != nil && l.signerKey() == nil {
			return ErrNoSigner
		}
	}
	old, err := l.readHead(ctx)
	if errors.Is(err, ErrNoLog) {
		old, err = nil, nil
	}
	if err == nil && old != nil {
		_, err = l.Sealed(ctx)
	}
	if err != nil {
		return err
	}
	num := int64(1)
	if old != nil {
		num = old.num + 1
	}
	id := l.newIncarnation(num)
	err = l.store.InTx(ctx, func(ctx context.Context) error {
		if old != nil {
			if old, err = l.lockHead(ctx); err != nil {
				return err
			}
			if old.num+1 != num {
				return storage.ErrStale // somebody else reopened it
			}
		}
		return l.reopen(ctx, id, old, outside, reason)
	})
	if err != nil {
		return err
	}
	l.setIdent(ctx, id)
	if outside == nil {
		return nil
	}
	return l.replaceOutside(ctx, id)
}

// replaceOutside anchors the new incarnation.
func (l *Log) replaceOutside(ctx context.Context, id *identity) error {
	s, err := newKeySigner(id.origin, l.signerKey())
	if err != nil {
		return err
	}
	h, err := l.readHead(ctx)
	if err != nil {
		return err
	}
	if h.num != id.num {
		return storage.ErrStale
	}
	c, err := l.sign(ctx, h, s)
	if err != nil {
		return err
	}
	return l.save(ctx, c)
}

func (l *Log) reopen(ctx context.Context, id *identity, old *head, outside []byte, reason string) error {
	extra := []value{{key: "reason", kind: 's', text: reason}}
	size := uint64(0)
	if old != nil {
		size = old.size()
		extra = append(extra,
			value{key: "previous.origin", kind: 's', text: old.origin},
			value{key: "previous.size", kind: 'i', text: strconv.FormatUint(size, 10)},
			value{key: "previous.root", kind: 'r', text: string(old.root[:])})
	}
	if outside != nil {
		extra = append(extra, value{key: "previous.checkpoint", kind: 's', text: std64.EncodeToString(outside)})
		if c, err := parseNote(outside); err == nil && (old == nil || c.Origin == old.origin) {
			extra = append(extra, value{key: "lost", kind: 'i', text: strconv.FormatUint(max(c.Size, size)-size, 10)})
		}
	}
	genesis, err := l.genesis(id, extra)
	if err != nil {
		return err
	}
	h := &head{identity: id}
	ops := h.extend([]*draft{genesis})
	if old != nil {
		ops = append(ops, insertHead.With(append([]any{old.num}, old.args()...)...))
	}
	ops = append(ops, putHead.With(append([]any{0}, h.args()...)...))
	_, err = l.store.Apply(ctx, ops...)
	return err
}
