package audit

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/calendar"
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
		Verb: storage.Insert, Table: schema.AuditRedaction, Set: []string{"log", "seq", "entry"},
	}
)

// Redact drops the payload of an entry, with its salt: what remains is the leaf
// hash, which still proves everything around it. An entry log.redacted with index,
// leaf hash and ground, a code, is sealed in the same transaction. To redact an
// entry twice changes nothing. Entries of the log about itself cannot be redacted.
func (l *Log) Redact(ctx context.Context, index uint64, ground string) error {
	if !isCode(ground) {
		return gdpr.Invalid("Ground", "must be a code of 1 to 96 of the characters A-Z, a-z, 0-9, \".\", \"_\", \"-\"")
	}
	if err := l.allow(ctx, "audit.redact", ""); err != nil {
		return err
	}
	if err := l.free(ctx); err != nil {
		return err
	}
	if _, err := l.Sealed(ctx); err != nil {
		return err
	}
	return l.store.InTx(ctx, func(ctx context.Context) error {
		h, err := l.lockHead(ctx)
		if err != nil {
			return err
		}
		return l.redact(ctx, h, int64(index), ground)
	})
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

func (l *Log) redact(ctx context.Context, h *head, index int64, ground string) error {
	var r entryRow
	err := l.store.Get(ctx, selectSeq, []any{h.num, index}, &r.seq, &r.leaf, &r.hash)
	if errors.Is(err, storage.ErrNotFound) || err == nil && index >= int64(h.size()) {
		return ErrNotFound
	}
	if err != nil || r.leaf == nil {
		return err
	}
	var v leafView
	if hash := merkle.Leaf(r.leaf); !v.parse(r.leaf) || string(hash[:]) != string(r.hash) {
		return found(uint64(index), "the entry has another hash than its row says, or is not of the form v1")
	}
	if strings.HasPrefix(string(v.act), "log.") {
		return gdpr.Invalid("Index", "is that of an entry of the log about itself")
	}
	d, err := l.own(h.identity, "log.redacted", append([]value{
		{key: "seq", kind: 'i', text: strconv.FormatInt(index, 10)},
		{key: "leafHash", kind: 'r', text: string(r.hash)},
		{key: "ground", kind: 's', text: ground},
	}, l.unguarded()...)...)
	if err != nil {
		return err
	}
	ops := []storage.Op{
		dropPayload.With(r.hash[:16], 0, "", "", "", nil, h.num, index),
		insertRedaction.With(h.num, index, int64(h.size())),
	}
	if len(v.sub) > 1 {
		ops = append(ops, deleteSubjects.With(h.num, index))
	}
	return l.seal(ctx, h, []*draft{d}, ops...)
}

// period returns how long the payload of an action stays; the longest prefix wins.
func (l *Log) period(action string) (calendar.Period, bool) {
	if strings.HasPrefix(action, "log.") || action == "" {
		return calendar.Period{}, false
	}
	for a := action; ; {
		if p, ok := l.opt.periods[a]; ok {
			return p, true
		}
		i := strings.LastIndexByte(strings.TrimSuffix(a, "."), '.')
		if i < 0 {
			return calendar.Period{}, false
		}
		a = a[:i+1]
	}
}

// Lint returns, sorted, the actions in the log for which Options.Payload says
// nothing: their payload stays until it is pruned.
func (l *Log) Lint(ctx context.Context) ([]string, error) {
	h, err := l.readHead(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for row, err := range l.store.Scan(ctx, dueRows, []any{h.num, int64(h.pruned), int64(h.size())}) {
		var seq, at int64
		var action string
		if err == nil {
			err = row.Scan(&seq, &at, &action)
		}
		if err != nil {
			return nil, err
		}
		if _, ok := l.period(action); !ok && action != "" && !strings.HasPrefix(action, "log.") {
			seen[action] = true
		}
	}
	unset := make([]string, 0, len(seen))
	for a := range seen {
		unset = append(unset, a)
	}
	slices.Sort(unset)
	return unset, nil
}
