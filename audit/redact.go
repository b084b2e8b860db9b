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
	dropPayload = &storage.Write{
		Verb: storage.Update, Table: auditEntry, Must: true,
		Set: []string{"id", "at", "actor", "action", "sub", "leaf"}, Where: storage.By("log", "seq"),
	}
	deleteSubjects  = &storage.Write{Verb: storage.Delete, Table: schema.AuditSubject, Where: storage.By("log", "seq")}
	insertRedaction = &storage.Write{
		Verb: storage.Insert, Table: schema.AuditRedaction, Set: []string{"log", "seq", "teller", "entry"},
	}
)

// Redact drops the payload of an entry of the present log, with its salt: what remains
// is the leaf hash, which still proves everything around it. An entry log.redacted with
// index, leaf hash and ground, a code, is sealed in the same transaction. To redact an
// entry twice changes nothing. Entries of the log about itself cannot be redacted.
func (l *Log) Redact(ctx context.Context, index uint64, ground string) error {
	_, err := l.redact(ctx, []spot{{0, int64(index)}}, ground)
	return err
}

// RedactIn is [Log.Redact] for an entry of the log with a number, [Entry].Log, which
// may be one that [Log.Reopen] closed. The log.redacted stands in the present log and
// names the closed one.
func (l *Log) RedactIn(ctx context.Context, log int, index uint64, ground string) error {
	if log < 1 {
		return gdpr.Invalid("Log", "must be the number of a log, as Entry.Log has it")
	}
	_, err := l.redact(ctx, []spot{{int64(log), int64(index)}}, ground)
	return err
}

// RedactSubject redacts every sealed entry about subject, also those of closed logs and
// those that are about others as well, and returns how many had a payload. After an
// error some may be redacted; a second call does the rest.
func (l *Log) RedactSubject(ctx context.Context, subject, ground string) (int, error) {
	if err := gdpr.CheckSubject("Subject", subject, l.opt.LooseSubjects); err != nil {
		return 0, err
	}
	if !l.outside(ctx) {
		return 0, storage.ErrInTx
	}
	if _, err := l.Sealed(ctx); err != nil && !errors.Is(err, ErrNoLog) {
		return 0, err
	}
	var places []spot
	for e, err := range l.Entries(ctx, Filter{Subject: subject}) {
		if err != nil {
			return 0, err
		}
		places = append(places, spot{int64(e.Log), int64(e.Index)})
	}
	return l.redact(ctx, places, ground)
}

// A spot is the place of an entry: in the log with that number, 0 for the present one.
type spot struct{ num, seq int64 }

// redactions is how many payloads are dropped in one transaction.
const redactions = 128

// redact drops the payloads at the places and returns how many there were.
func (l *Log) redact(ctx context.Context, places []spot, ground string) (n int, err error) {
	if !isCode(ground) {
		return 0, gdpr.Invalid("Ground", "must be a code of 1 to 96 of the characters A-Z, a-z, 0-9, \".\", \"_\", \"-\"")
	}
	if err := l.allow(ctx, "audit.redact", ""); err != nil {
		return 0, err
	}
	if err := l.free(ctx); err != nil || len(places) == 0 {
		return 0, err
	}
	if _, err := l.Sealed(ctx); err != nil {
		return 0, err
	}
	for batch := range slices.Chunk(places, redactions) {
		done := 0
		err := l.store.InTx(ctx, func(ctx context.Context) (err error) {
			done, err = l.redactOnce(ctx, batch, ground)
			return err
		})
		if err != nil {
			return n, err
		}
		n += done
	}
	return n, nil
}

// free reports ErrHeld while nothing may be dropped.
func (l *Log) free(ctx context.Context) error {
	if !l.outside(ctx) {
		return storage.ErrInTx
	}
	if l.opt.Held == nil {
		return nil
	}
	held, err := l.opt.Held(ctx)
	if err == nil && held {
		err = ErrHeld
	}
	return err
}

// redactOnce drops payloads within the transaction that ctx holds.
func (l *Log) redactOnce(ctx context.Context, places []spot, ground string) (int, error) {
	h, err := l.lockHead(ctx)
	if err != nil {
		return 0, err
	}
	heads := []*head{h}
	if slices.ContainsFunc(places, func(p spot) bool { return p.num != 0 && p.num != h.num }) {
		if heads, err = l.heads(ctx); err != nil {
			return 0, err
		}
	}
	var drafts []*draft
	var drops, tells, subs []storage.Op
	for _, p := range places {
		in := h
		if p.num != 0 && p.num != h.num {
			if in, err = headOf(heads, p.num); err != nil {
				return 0, err
			}
		}
		r, several, err := l.droppable(ctx, in, p.seq)
		if err != nil {
			return 0, err
		}
		if r.leaf == nil {
			continue // dropped before
		}
		d, err := l.redacted(h, in, r, ground)
		if err != nil {
			return 0, err
		}
		tells = append(tells, insertRedaction.With(in.num, p.seq, h.num, int64(h.size())+int64(len(drafts))))
		drafts = append(drafts, d)
		drops = append(drops, dropPayload.With(r.hash[:16], 0, "", "", "", nil, in.num, p.seq))
		if several {
			subs = append(subs, deleteSubjects.With(in.num, p.seq))
		}
	}
	if len(drafts) == 0 {
		return 0, nil
	}
	return len(drafts), l.seal(ctx, h, drafts, slices.Concat(drops, tells, subs)...)
}

// droppable reads an entry that is to lose its payload, and whether it has further
// subjects.
func (l *Log) droppable(ctx context.Context, h *head, seq int64) (r entryRow, several bool, err error) {
	err = l.store.Get(ctx, selectSeq, []any{h.num, seq}, &r.seq, &r.leaf, &r.hash)
	if errors.Is(err, storage.ErrNotFound) || err == nil && (seq < int64(h.pruned) || seq >= int64(h.size())) {
		return r, false, ErrNotFound
	}
	if err != nil || r.leaf == nil {
		return r, false, err
	}
	var v leafView
	if hash := merkle.Leaf(r.leaf); !v.parse(r.leaf) || string(hash[:]) != string(r.hash) || string(v.log) != h.id {
		return r, false, found(uint64(seq), "the entry has another hash than its row says, or is not of the form v1")
	}
	if strings.HasPrefix(string(v.act), "log.") {
		return r, false, gdpr.Invalid("Index", "is that of an entry of the log about itself")
	}
	return r, len(v.sub) > 1, nil
}

// redacted makes the entry that tells of a dropped payload. Of a closed log it has
// other attributes, which a reader of the present one cannot take for its own.
func (l *Log) redacted(present, in *head, r entryRow, ground string) (*draft, error) {
	var attr []value
	prefix := ""
	if in.num != present.num {
		prefix = "closed."
		attr = append(attr, value{key: "closed", kind: 's', text: in.origin})
	}
	attr = append(attr,
		value{key: prefix + "seq", kind: 'i', text: strconv.FormatInt(r.seq, 10)},
		value{key: "leafHash", kind: 'r', text: string(r.hash)},
		value{key: "ground", kind: 's', text: ground})
	return l.tell(present.identity, "log.redacted", append(attr, l.unguarded()...)...)
}
