package audit

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// An Entry is a sealed entry of the log.
type Entry struct {
	Log      int    // number of the log, from 1: Reopen begins the next
	Index    uint64 // place in that log, from 0
	Closed   bool   // of a log that Reopen closed: Index is not a place in the present one
	ID       ID
	At       time.Time // the appender's claim, UTC
	Actor    string    // token; "" if nobody was named
	Action   string
	Subjects []string    // tokens
	Attrs    []slog.Attr // clear text as gdpr.ClearValue; sealed text as [Sealed], or gdpr.PersonalValue when opened
	Hash     merkle.Hash // of the leaf
	Redacted bool        // the payload was dropped: only Index and Hash are known
	Leaf     []byte      // the entry verbatim; nil when redacted
}

// A Filter selects entries. The zero Filter selects all, oldest first.
type Filter struct {
	Subject string    // the CRM's key of a person
	Actor   string    // the CRM's key of a member of staff
	Action  string    // exactly this action
	From    time.Time // Entry.At not before it; zero: from the beginning
	To      time.Time // Entry.At before it; zero: to the end
	First   uint64    // Entry.Index not below it; above 0, entries of closed logs are left out
	Limit   int       // at most so many; 0: all
	Newest  bool      // newest first
	Open    bool      // open what is sealed for Subject; asks the Guard for "audit.open"
}

// Entries yields the sealed entries that match; what is still pending is counted
// by [Log.Pending]. Those of logs that [Log.Reopen] closed come before those of the
// present one. Rows are found by their columns, but each entry is read from
// its leaf, compared with its hash and with the filter again: columns are not
// trusted. After an error the iteration ends.
func (l *Log) Entries(ctx context.Context, f Filter) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		if err := l.entries(ctx, &f, yield); err != nil {
			yield(nil, err)
		}
	}
}

func (l *Log) entries(ctx context.Context, f *Filter, yield func(*Entry, error) bool) error {
	m, err := l.matcher(ctx, f)
	if errors.Is(err, ErrNoLog) {
		return nil
	}
	if err != nil || m.none {
		return err
	}
	for i := range m.heads {
		if !f.Newest {
			i = len(m.heads) - 1 - i
		}
		if m.h, m.closed = m.heads[i], i > 0; m.closed && f.First > 0 {
			continue
		}
		if more, err := m.each(ctx, yield); err != nil || !more {
			return err
		}
	}
	return nil
}

// each yields what matches in one log, and reports whether more is wanted.
func (m *matcher) each(ctx context.Context, yield func(*Entry, error) bool) (bool, error) {
	for row, err := range m.rows(ctx) {
		if err != nil {
			return false, err
		}
		e, err := m.entry(ctx, row)
		if err != nil {
			return false, err
		}
		if e == nil {
			continue
		}
		if m.n++; !yield(e, nil) || m.n == m.Limit {
			return false, nil
		}
	}
	return true, nil
}

// A matcher is a filter with its tokens.
type matcher struct {
	*Filter
	l        *Log
	heads    []*head
	h        *head // the one whose entries are read
	subjects []string
	actors   []string
	none     bool // nothing can match
	closed   bool // h is that of a log that Reopen closed
	n        int  // yielded so far
	view     leafView
}

func (l *Log) matcher(ctx context.Context, f *Filter) (*matcher, error) {
	action := "audit.read"
	if f.Open {
		action = "audit.open"
	}
	if err := l.allow(ctx, action, f.Subject); err != nil {
		return nil, err
	}
	heads, err := l.heads(ctx)
	if err != nil {
		return nil, err
	}
	m := &matcher{Filter: f, l: l, heads: heads, h: heads[0]}
	if f.Subject != "" {
		if m.subjects, err = l.tokens(ctx, "audit", f.Subject); err != nil {
			return nil, err
		}
		m.none = len(m.subjects) == 0
	}
	if f.Actor != "" {
		if m.actors, err = l.tokens(ctx, "actor", f.Actor); err != nil {
			return nil, err
		}
		m.none = m.none || len(m.actors) == 0
	}
	return m, nil
}

// entryRow is what is read of a row.
type entryRow struct {
	seq        int64
	leaf, hash []byte
}

var (
	rowColumns = []string{"seq", "leaf", "hash"}
	seqRange   = []storage.Term{{Column: "seq", Cmp: storage.Ge}, {Column: "seq", Cmp: storage.Lt}}

	selectSeq   = &storage.Select{From: auditEntry, Columns: rowColumns, Where: storage.By("log", "seq")}
	rangeUp     = selectRows(auditEntry, rowColumns, false, "log")
	rangeDown   = selectRows(auditEntry, rowColumns, true, "log")
	actionUp    = selectRows(auditEntry, rowColumns, false, "log", "action")
	actionDown  = selectRows(auditEntry, rowColumns, true, "log", "action")
	subjectUp   = selectRows(auditEntry, append([]string{"sub"}, rowColumns...), false, "log", "sub")
	subjectDown = selectRows(auditEntry, append([]string{"sub"}, rowColumns...), true, "log", "sub")
	furtherUp   = selectRows(schema.AuditSubject, []string{"seq"}, false, "log", "sub")
	furtherDown = selectRows(schema.AuditSubject, []string{"seq"}, true, "log", "sub")
)

func selectRows(t *storage.Table, columns []string, desc bool, by ...string) *storage.Select {
	return &storage.Select{
		From: t, Columns: columns, Where: append(storage.By(by...), seqRange...), Order: []string{"seq"}, Desc: desc,
	}
}

func pick(desc bool, up, down *storage.Select) *storage.Select {
	if desc {
		return down
	}
	return up
}

func (m *matcher) rows(ctx context.Context) iter.Seq2[entryRow, error] {
	lo, hi := int64(max(m.First, m.h.pruned)), int64(m.h.size())
	switch {
	case m.subjects != nil:
		return m.subjectRows(ctx, lo, hi)
	case m.Action != "":
		return m.l.scanRows(ctx, pick(m.Newest, actionUp, actionDown), m.h.num, m.Action, lo, hi)
	default:
		return m.l.scanRows(ctx, pick(m.Newest, rangeUp, rangeDown), m.h.num, lo, hi)
	}
}

func (l *Log) scanRows(ctx context.Context, s *storage.Select, args ...any) iter.Seq2[entryRow, error] {
	return func(yield func(entryRow, error) bool) {
		for row, err := range l.store.Scan(ctx, s, args) {
			var r entryRow
			if err == nil {
				switch len(s.Columns) {
				case 1:
					err = row.Scan(&r.seq)
				case 3:
					err = row.Scan(&r.seq, &r.leaf, &r.hash)
				default:
					var sub string
					err = row.Scan(&sub, &r.seq, &r.leaf, &r.hash)
				}
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// subjectRows merges, by index, the rows of each token of the subject as first and
// as further subject.
func (m *matcher) subjectRows(ctx context.Context, lo, hi int64) iter.Seq2[entryRow, error] {
	var sources []iterRows
	for _, t := range m.subjects {
		sources = append(sources,
			m.l.scanRows(ctx, pick(m.Newest, subjectUp, subjectDown), m.h.num, t, lo, hi),
			m.l.scanRows(ctx, pick(m.Newest, furtherUp, furtherDown), m.h.num, t, lo, hi))
	}
	return func(yield func(entryRow, error) bool) {
		for r, err := range mergeRows(sources, m.Newest) {
			if err == nil && r.hash == nil { // a further subject: the row has only the index
				err = m.l.store.Get(ctx, selectSeq, []any{m.h.num, r.seq}, &r.seq, &r.leaf, &r.hash)
				if errors.Is(err, storage.ErrNotFound) {
					if err = m.missing(ctx, r.seq); err == nil {
						continue
					}
				}
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// missing returns what is to be said of a subject's row without an entry: nothing if
// that was pruned meanwhile.
func (m *matcher) missing(ctx context.Context, seq int64) error {
	heads, err := m.l.heads(ctx)
	if err != nil {
		return err
	}
	if h, err := headOf(heads, m.h.num); err != nil || uint64(seq) < h.pruned {
		return nil
	}
	return found(uint64(seq), "a subject's row points to a missing entry")
}

// entry reads a row, or returns nil if it does not match.
func (m *matcher) entry(ctx context.Context, r entryRow) (*Entry, error) {
	if len(r.hash) != len(merkle.Hash{}) {
		return nil, found(uint64(r.seq), "the hash column is malformed")
	}
	e := &Entry{Log: int(m.h.num), Index: uint64(r.seq), Closed: m.closed, Hash: merkle.Hash(r.hash), Leaf: r.leaf}
	if r.leaf == nil {
		e.Redacted = true
		if m.Subject+m.Actor+m.Action != "" || !m.From.IsZero() || !m.To.IsZero() {
			return nil, nil
		}
		return e, nil
	}
	if merkle.Leaf(r.leaf) != e.Hash {
		return nil, found(e.Index, "the entry has another hash than its row says")
	}
	if !m.view.parse(r.leaf) || string(m.view.log) != m.h.id {
		return nil, found(e.Index, "the entry is not of the form v1 or of another log")
	}
	if !m.match(&m.view) {
		return nil, nil
	}
	e.fill(&m.view)
	if m.Open {
		if err := m.open(ctx, e); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (m *matcher) match(v *leafView) bool {
	has := func(tokens []string, b []byte) bool {
		for _, t := range tokens {
			if string(b) == t {
				return true
			}
		}
		return false
	}
	if m.Action != "" && m.Action != string(v.act) || m.Actor != "" && !has(m.actors, v.by) ||
		!m.From.IsZero() && v.at < storage.Micros(m.From) || !m.To.IsZero() && v.at >= storage.Micros(m.To) {
		return false
	}
	if m.Subject == "" {
		return true
	}
	for _, s := range v.sub {
		if has(m.subjects, s) {
			return true
		}
	}
	return false
}

func (e *Entry) fill(v *leafView) {
	e.ID, e.At, e.Actor, e.Action = v.id, time.UnixMicro(v.at).UTC(), string(v.by), string(v.act)
	e.Subjects = make([]string, len(v.sub))
	for i, s := range v.sub {
		e.Subjects[i] = string(s)
	}
	e.Attrs = make([]slog.Attr, len(v.attrs))
	for i := range v.attrs {
		e.Attrs[i] = v.attrs[i].attr(v.sub)
	}
}

// open replaces the values that are sealed for the filter's subject. One whose key
// is gone stays sealed.
func (m *matcher) open(ctx context.Context, e *Entry) error {
	if m.Subject == "" || m.l.opt.Sealer == nil {
		return gdpr.Invalid("Filter.Open", "needs Filter.Subject and Options.Sealer")
	}
	for i, a := range e.Attrs {
		s, ok := a.Value.Any().(Sealed)
		if !ok || !contains(m.subjects, s.Subject) {
			continue
		}
		plain, err := m.l.opt.Sealer.Open(ctx, m.Subject, place(a.Key, e.ID.String()), s.Value)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		e.Attrs[i] = gdpr.Personal(a.Key, m.Subject, string(bytes.Clone(plain)))
	}
	return nil
}

// readLeaf reads and checks one entry. The view is valid as long as the text.
func (l *Log) readLeaf(ctx context.Context, h *head, seq uint64, v *leafView) ([]byte, error) {
	var r entryRow
	err := l.store.Get(ctx, selectSeq, []any{h.num, int64(seq)}, &r.seq, &r.leaf, &r.hash)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if r.leaf == nil {
		return nil, ErrNotFound
	}
	if hash := merkle.Leaf(r.leaf); string(hash[:]) != string(r.hash) || !v.parse(r.leaf) || string(v.log) != h.id {
		return nil, found(seq, "the entry has another hash than its row says, or is not of the form v1")
	}
	return r.leaf, nil
}
