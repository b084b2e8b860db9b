package audit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// WriteBundle writes entries with everything that proves them against a signed
// checkpoint, which it returns: a new one, or the newest stored one if there is no
// signer. Entries go out as they stand in the log; what is sealed stays sealed.
// The bundle streams: memory does not grow with it.
//
// It fails with [storage.ErrStale] when something was dropped meanwhile; what was
// written then is no bundle, and a second call succeeds. A bundle is of the present
// log: of those that [Log.Reopen] closed there is none.
//
// That a bundle of KindSubject is complete cannot be proven by a Merkle tree. The
// log signs a statement of it, which anyone with the whole log can refute.
func (l *Log) WriteBundle(ctx context.Context, w io.Writer, b Bundle) (*Checkpoint, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	if err := l.allow(ctx, "audit.export", b.Subject); err != nil {
		return nil, err
	}
	c, err := l.current(ctx)
	if err != nil {
		return nil, err
	}
	heads, err := l.heads(ctx)
	if err != nil {
		return nil, err
	}
	h := heads[0]
	out := &bundleWriter{l: l, h: h, c: c, nodes: l.nodes(ctx, h), w: bufio.NewWriterSize(w, 64<<10), sum: sha256.New()}
	out.put(bundleMagic)
	switch b.Kind {
	case KindSubject:
		err = out.subject(ctx, b.Subject)
	case KindEntry:
		err = out.single(ctx, b.Index)
	default:
		err = out.run(ctx, &b)
	}
	if err == nil {
		err = out.end(ctx, b.Since)
	}
	if f := (*Finding)(nil); errors.As(err, &f) && l.moved(ctx, heads) {
		err = storage.ErrStale // pruned meanwhile
	}
	return c, err
}

// current returns the checkpoint that a bundle is proven against.
func (l *Log) current(ctx context.Context) (*Checkpoint, error) {
	if l.signerKey() != nil {
		return l.Checkpoint(ctx)
	}
	id, err := l.known(ctx)
	if err != nil {
		return nil, err
	}
	c, err := l.newest(ctx, id, l.trusted(id.origin))
	if err == nil && c == nil {
		err = ErrNoSigner
	}
	return c, err
}

// bundleWriter writes lines and hashes them.
type bundleWriter struct {
	l     *Log
	h     *head
	c     *Checkpoint
	nodes merkle.Nodes
	w     *bufio.Writer
	sum   hash.Hash
	lines int
	buf   []byte
	notes [][]byte // C lines before the last
	err   error
}

func (o *bundleWriter) put(line string) {
	if o.err != nil {
		return
	}
	o.buf = append(append(o.buf[:0], line...), '\n')
	o.sum.Write(o.buf)
	_, o.err = o.w.Write(o.buf)
	o.lines++
}

func (o *bundleWriter) header(kind Kind, first, count uint64) {
	h := bundleHeader{kind, o.c.Origin, first, count, o.c.Size}
	o.put(string(h.append(nil)))
}

func (o *bundleWriter) row(r entryRow) error {
	if r.leaf == nil {
		o.put("X " + strconv.FormatInt(r.seq, 10) + " " + hex.EncodeToString(r.hash))
		return o.err
	}
	if h := merkle.Leaf(r.leaf); string(h[:]) != string(r.hash) {
		return found(uint64(r.seq), "the entry has another hash than its row says")
	}
	o.put("E " + strconv.FormatInt(r.seq, 10) + " " + string(r.leaf))
	return o.err
}

func join(path []merkle.Hash) string {
	var b []byte
	for i, h := range path {
		if i > 0 {
			b = append(b, ',')
		}
		b = std64.AppendEncode(b, h[:])
	}
	return string(b)
}

// run writes a contiguous range between the subtrees left and right of it.
func (o *bundleWriter) run(ctx context.Context, b *Bundle) error {
	first, end := o.h.pruned, o.c.Size
	if b.Kind == KindRange {
		var err error
		if first, end, err = o.bounds(ctx, b); err != nil {
			return err
		}
	}
	toEnd := end == o.c.Size && end > first
	if toEnd {
		if err := o.tells(ctx, first); err != nil {
			return err
		}
	}
	o.header(b.Kind, first, end-first)
	if err := merkle.Walk(0, first, o.node); err != nil {
		return err
	}
	next := first
	for r, err := range o.l.scanRows(ctx, rangeUp, o.h.num, int64(first), int64(end)) {
		if err == nil && r.seq != int64(next) {
			err = found(next, "the entry is missing")
		}
		if err == nil {
			err = o.row(r)
		}
		if err != nil {
			return err
		}
		next++
	}
	if next != end {
		return found(next, "the entry is missing")
	}
	if toEnd { // once more: payloads may have been dropped since
		if err := o.tells(ctx, first); err != nil {
			return err
		}
	}
	return merkle.Walk(end, o.c.Size, o.node)
}

func (o *bundleWriter) bounds(ctx context.Context, b *Bundle) (first, end uint64, err error) {
	first, end = b.First, b.End
	if !b.From.IsZero() {
		if first, err = o.markBefore(ctx, storage.Micros(b.From)); err == nil {
			end, err = o.markAfter(ctx, storage.Micros(b.To))
		}
	}
	if end == 0 {
		end = o.c.Size
	}
	if err == nil && (first < o.h.pruned || end > o.c.Size || first > end) {
		err = gdpr.Invalid("Bundle.First", "and End must lie within what the log still has")
	}
	return first, end, err
}

var lastMarks = selectRows(auditEntry, []string{"seq", "at"}, true, "log", "action")
var firstMarks = selectRows(auditEntry, []string{"seq", "at"}, false, "log", "action")

// markBefore returns the index after the last mark whose time is not after at.
func (o *bundleWriter) markBefore(ctx context.Context, at int64) (uint64, error) {
	seq, err := o.findMark(ctx, lastMarks, func(t int64) bool { return t <= at })
	return max(o.h.pruned, uint64(seq+1)), err
}

// markAfter returns the index after the first mark that is later than at.
func (o *bundleWriter) markAfter(ctx context.Context, at int64) (uint64, error) {
	seq, err := o.findMark(ctx, firstMarks, func(t int64) bool { return t > at })
	return uint64(seq + 1), err
}

// findMark returns -1 if there is none.
func (o *bundleWriter) findMark(ctx context.Context, s *storage.Select, ok func(at int64) bool) (int64, error) {
	for r, err := range o.l.store.Scan(ctx, s, []any{o.h.num, "log.mark", int64(o.h.pruned), int64(o.c.Size)}) {
		var seq, at int64
		if err == nil {
			err = r.Scan(&seq, &at)
		}
		if err != nil {
			return 0, err
		}
		if ok(at) {
			return seq, nil
		}
	}
	return -1, nil
}

func (o *bundleWriter) node(level uint, index uint64) error {
	h, err := o.nodes(level, index)
	if err == nil {
		o.put(fmt.Sprintf("N %d %d %s", level, index, std64.EncodeToString(h[:])))
		err = o.err
	}
	return err
}

func (o *bundleWriter) single(ctx context.Context, index uint64) error {
	if index < o.h.pruned || index >= o.c.Size {
		return ErrNotFound
	}
	o.header(KindEntry, index, 1)
	return o.proven(ctx, index)
}

// proven writes an entry with its inclusion path.
func (o *bundleWriter) proven(ctx context.Context, index uint64) error {
	var r entryRow
	err := o.l.store.Get(ctx, selectSeq, []any{o.h.num, int64(index)}, &r.seq, &r.leaf, &r.hash)
	if errors.Is(err, storage.ErrNotFound) {
		return found(index, "the entry is missing")
	}
	if err == nil {
		err = o.row(r)
	}
	if err != nil {
		return err
	}
	p, err := prove(index, o.c.Size, o.l.nodes(ctx, o.h))
	if err == nil {
		o.put("P " + strconv.FormatUint(index, 10) + " " + join(p.Path))
		err = o.err
	}
	return err
}

// subject reads the entries twice: the header has to count them first.
func (o *bundleWriter) subject(ctx context.Context, subject string) error {
	m, err := o.l.matcher(ctx, &Filter{Subject: subject})
	if err != nil {
		return err
	}
	m.h = o.h
	var indices indexHash
	first := uint64(0)
	each := func(f func(uint64) error) error {
		if m.none {
			return nil
		}
		for r, err := range m.subjectRows(ctx, int64(o.h.pruned), int64(o.c.Size)) {
			if err == nil {
				err = f(uint64(r.seq))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	err = each(func(index uint64) error {
		if indices.n == 0 {
			first = index
		}
		indices.add(index)
		return nil
	})
	if err != nil {
		return err
	}
	o.header(KindSubject, first, indices.n)
	if err := each(func(index uint64) error { return o.proven(ctx, index) }); err != nil {
		return err
	}
	if o.l.signerKey() == nil {
		return ErrNoSigner
	}
	s, err := newKeySigner(o.c.Origin, o.l.signerKey())
	if err != nil {
		return err
	}
	note, err := signNote(subjectNote(o.c.Origin, o.c.Size, o.c.Root, m.subjects, &indices).Text(), s)
	o.notes = append(o.notes, note)
	return err
}

// end writes the consistency proofs, the notes and the last line.
func (o *bundleWriter) end(ctx context.Context, since []uint64) error {
	sizes := slices.Clone(since)
	outside, err := o.l.outsideCheckpoint(ctx, o.h)
	if err != nil {
		return err
	}
	if outside != nil {
		sizes = append(sizes, outside.Size)
	}
	slices.Sort(sizes)
	for _, m := range slices.Compact(sizes) {
		if m == 0 || m >= o.c.Size || !o.h.provable(m) {
			continue
		}
		path, err := merkle.Consistency(m, o.c.Size, o.nodes)
		if err != nil {
			return err
		}
		o.put("K " + strconv.FormatUint(m, 10) + " " + join(path))
	}
	for _, n := range append(o.notes, o.c.Note) {
		o.put("C " + std64.EncodeToString(n))
	}
	z := fmt.Sprintf("Z %d %x\n", o.lines-2, o.sum.Sum(nil))
	if o.err == nil {
		_, o.err = o.w.WriteString(z)
	}
	return errors.Join(o.err, o.w.Flush())
}
