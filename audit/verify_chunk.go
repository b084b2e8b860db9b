package audit

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	wholeRows = &storage.Select{
		From: auditEntry, Order: []string{"seq"}, Stream: true,
		Columns: []string{"seq", "id", "at", "actor", "action", "sub", "leaf", "hash", "chain"},
		Where:   append(storage.By("log"), seqRange...),
	}
	furtherRows = &storage.Select{
		From: schema.AuditSubject, Columns: []string{"seq", "sub"}, Order: []string{"seq", "sub"},
		Where: append(storage.By("log"), seqRange...),
	}
	redactionRows = &storage.Select{
		From: schema.AuditRedaction, Columns: []string{"seq", "teller", "entry"}, Order: []string{"seq"},
		Where: append(storage.By("log"), seqRange...),
	}
	countRedactions = &storage.Select{
		From: schema.AuditRedaction, Columns: []string{storage.Count}, Where: append(storage.By("log"), seqRange...),
	}
	tileRows = &storage.Select{
		From: schema.AuditTile, Columns: []string{"idx", "hashes"}, Order: []string{"idx"},
		Where: append(storage.By("log", "level"), storage.Term{Column: "idx", Cmp: storage.Ge}, storage.Term{Column: "idx", Cmp: storage.Lt}),
	}
	checkpointRows = &storage.Select{
		From: schema.AuditCheckpoint, Columns: []string{"size", "note"}, Order: []string{"size"},
		Where: []storage.Term{{Column: "log"}, {Column: "size", Cmp: storage.Gt}, {Column: "size", Cmp: storage.Le}},
	}
)

// side is what other tables say about the entries of a chunk. It is read before
// the entries, since nothing else may be read while they stream.
type side struct {
	subjects    []subjectRow
	redactions  map[int64][]byte // leaf hash by seq, from the log.redacted entry
	checkpoints []storedNote
}

type subjectRow struct {
	seq int64
	sub string
}

type storedNote struct {
	size int64
	note []byte
}

// chunk verifies the entries from where the tree ends up to end.
func (v *verifier) chunk(ctx context.Context, end uint64) error {
	first := v.tree.Size()
	s, err := v.side(ctx, int64(first), int64(end))
	if err != nil {
		return err
	}
	var row fullRow
	for r, err := range v.l.store.Scan(ctx, wholeRows, []any{v.h.num, int64(first), int64(end)}) {
		if err == nil {
			err = row.scan(r)
		}
		if err != nil {
			return err
		}
		if err := v.entry(&row, s); err != nil {
			return err
		}
	}
	if n := v.tree.Size(); n != end {
		return found(n, "the entry is missing")
	}
	if len(s.subjects) > 0 {
		return found(uint64(s.subjects[0].seq), "a subject's row has no entry")
	}
	if len(s.checkpoints) > 0 {
		return foundLog("a stored checkpoint belongs to no entry")
	}
	return v.compareTiles(ctx, first, end)
}

// compareTiles compares the tiles that the chunk filled: those of level 0, of which
// there are many, in one read.
func (v *verifier) compareTiles(ctx context.Context, first, end uint64) error {
	args := []any{v.h.num, 0, int64(first / merkle.TileWidth), int64(end / merkle.TileWidth)}
	next := 0
	for r, err := range v.l.store.Scan(ctx, tileRows, args) {
		var index int64
		var tile []byte
		if err == nil {
			err = r.Scan(&index, &tile)
		}
		if err != nil {
			return err
		}
		for next < len(v.due) && v.due[next].level != 0 {
			next++
		}
		if next == len(v.due) || v.due[next].index != uint64(index) || !bytes.Equal(v.due[next].tile, tile) {
			break // compareTile says which
		}
		v.due = slices.Delete(v.due, next, next+1)
	}
	for _, d := range v.due {
		if err := v.compareTile(ctx, d, false); err != nil {
			return err
		}
	}
	v.due = v.due[:0]
	return nil
}

func (v *verifier) side(ctx context.Context, first, end int64) (*side, error) {
	s := &side{redactions: map[int64][]byte{}}
	for r, err := range v.l.store.Scan(ctx, furtherRows, []any{v.h.num, first, end}) {
		var x subjectRow
		if err == nil {
			err = r.Scan(&x.seq, &x.sub)
		}
		if err != nil {
			return nil, err
		}
		s.subjects = append(s.subjects, x)
	}
	for r, err := range v.l.store.Scan(ctx, redactionRows, []any{v.h.num, first, end}) {
		var seq, teller, entry int64
		if err == nil {
			err = r.Scan(&seq, &teller, &entry)
		}
		if err == nil {
			s.redactions[seq], err = v.redaction(ctx, seq, teller, entry)
		}
		if err != nil {
			return nil, err
		}
	}
	for r, err := range v.l.store.Scan(ctx, checkpointRows, []any{v.h.num, first, end}) {
		var x storedNote
		if err == nil {
			err = r.Scan(&x.size, &x.note)
		}
		if err != nil {
			return nil, err
		}
		s.checkpoints = append(s.checkpoints, x)
	}
	return s, nil
}

// redaction reads the entry that sealed the dropping of a payload: a later one of the
// same log, or one of a log after it. That entry is itself verified when the pass comes
// to it.
func (v *verifier) redaction(ctx context.Context, seq, teller, entry int64) ([]byte, error) {
	in, key := v.h, "seq"
	if teller != v.h.num {
		key = "closed.seq"
		i := slices.IndexFunc(v.later, func(h *head) bool { return h.num == teller })
		if i < 0 {
			return nil, found(uint64(seq), "a redaction points to no later log")
		}
		in = v.later[i]
	} else if entry <= seq {
		return nil, found(uint64(seq), "a redaction points to an earlier entry")
	}
	if entry < 0 || uint64(entry) >= in.size() {
		present := v.h
		if len(v.later) > 0 {
			present = v.later[0]
		}
		now, err := v.l.readSlot(ctx, in.slot(present))
		if err != nil || entry < 0 || now.num != in.num || uint64(entry) >= now.size() {
			return nil, found(uint64(seq), "a redaction points outside the log")
		}
	}
	var x leafView
	text, err := v.l.readLeaf(ctx, in, uint64(entry), &x)
	if errors.Is(err, ErrNotFound) {
		return nil, found(uint64(seq), "a redaction points to no entry")
	}
	if err != nil {
		return nil, err
	}
	n, ok := x.uint(key)
	if string(x.act) != "log.redacted" || !ok || n != uint64(seq) || in != v.h && x.text("closed") != v.h.origin {
		return nil, found(uint64(seq), "a redaction points to an entry that does not tell of it")
	}
	if !v.l.told(text, &x) {
		return nil, found(uint64(seq), "log.redacted has a wrong MAC, or Options.Secret was changed")
	}
	return x.bytes("leafHash"), nil
}

// fullRow is every column of an entry.
type fullRow struct {
	seq, at               int64
	id, leaf, hash, chain storage.Raw
	actor, action, sub    storage.Raw
	dest                  []any
}

func (r *fullRow) scan(row storage.Row) error {
	if r.dest == nil {
		r.dest = []any{&r.seq, &r.id, &r.at, &r.actor, &r.action, &r.sub, &r.leaf, &r.hash, &r.chain}
	}
	return row.Scan(r.dest...)
}

// entry verifies the next row.
func (v *verifier) entry(r *fullRow, s *side) error {
	n := v.tree.Size()
	if r.seq != int64(n) {
		return found(n, "the entry is missing")
	}
	if len(r.hash) != len(merkle.Hash{}) {
		return found(n, "the hash column is malformed")
	}
	hash := merkle.Hash(r.hash)
	redaction, redacted := s.redactions[r.seq]
	if (r.leaf == nil) != redacted {
		return found(n, "payload and redaction do not fit")
	}
	var err error
	if redacted {
		err = v.dropped(n, r, hash, redaction)
	} else {
		err = v.payload(n, r, hash, s)
	}
	if err != nil {
		return err
	}
	v.add(hash)
	if !bytes.Equal(v.chain[:], r.chain) {
		return found(n, "the chain does not fit")
	}
	if v.outside != nil && v.outside.Size == n+1 && v.outside.Root != v.tree.Root() {
		return rolledBack(n+1, "the log has another root at the size of the outside checkpoint")
	}
	for len(s.checkpoints) > 0 && s.checkpoints[0].size == int64(n+1) {
		if err := v.checkpoint(s.checkpoints[0]); err != nil {
			return err
		}
		s.checkpoints = s.checkpoints[1:]
	}
	return nil
}

// dropped verifies a row without payload.
func (v *verifier) dropped(n uint64, r *fullRow, hash merkle.Hash, redaction []byte) error {
	if !bytes.Equal(redaction, hash[:]) {
		return found(n, "the redaction names another leaf hash")
	}
	if r.at != 0 || len(r.actor)+len(r.action)+len(r.sub) > 0 || !bytes.Equal(r.id, hash[:len(ids.ID{})]) {
		return found(n, "a redacted row still has columns")
	}
	v.redacted++
	return nil
}

// payload verifies the leaf and what is projected from it.
func (v *verifier) payload(n uint64, r *fullRow, hash merkle.Hash, s *side) error {
	if v.hasher.Leaf(r.leaf) != hash {
		return found(n, "the entry has another hash than its row says")
	}
	x := &v.view
	if !x.parse(r.leaf) || string(x.log) != v.h.id {
		return found(n, "the entry is not of the form v1 or of another log")
	}
	var first []byte
	if len(x.sub) > 0 {
		first = x.sub[0]
	}
	if !bytes.Equal(r.id, x.id[:]) || r.at != x.at || !bytes.Equal(r.actor, x.by) || !bytes.Equal(r.action, x.act) || !bytes.Equal(r.sub, first) {
		return found(n, "a column differs from the entry")
	}
	if err := v.further(n, s); err != nil {
		return err
	}
	if x.at < v.last {
		v.inversions++
	}
	v.last = x.at
	if bytes.HasPrefix(x.act, []byte("log.")) {
		return v.own(n, x)
	}
	if n == 0 {
		return found(n, "the first entry is not log.opened")
	}
	return nil
}

// further compares the rows of further subjects, which are in order of the token.
func (v *verifier) further(n uint64, s *side) error {
	x := &v.view
	for range max(0, len(x.sub)-1) {
		if len(s.subjects) == 0 || s.subjects[0].seq != int64(n) ||
			!slices.ContainsFunc(x.sub[1:], func(b []byte) bool { return string(b) == s.subjects[0].sub }) {
			return found(n, "the rows of further subjects differ from the entry")
		}
		s.subjects = s.subjects[1:]
	}
	if len(s.subjects) > 0 && s.subjects[0].seq <= int64(n) {
		return found(n, "the rows of further subjects differ from the entry")
	}
	return nil
}

// own follows what the log says about itself.
func (v *verifier) own(n uint64, x *leafView) error {
	switch act := string(x.act); {
	case (act == "log.opened") != (n == 0):
		return found(n, "log.opened is not the first entry")
	case n == 0 && x.text("origin") != v.h.origin:
		return found(n, "log.opened names another origin")
	case act == "log.opened" || act == "log.key.added":
		if k := x.text("key"); k != "" {
			v.keys = append(v.keys, k)
		}
	case act == "log.key.retired":
		k := x.text("key")
		v.keys = slices.DeleteFunc(v.keys, func(s string) bool { return s == k })
	case act == "log.mark":
		v.mark = max(v.mark, x.at)
	case act == "log.pruned":
		return v.prunedEntry(n, x)
	}
	return nil
}

// checkpoint verifies a stored checkpoint at the size that the tree now has.
func (v *verifier) checkpoint(s storedNote) error {
	c, err := OpenCheckpoint(s.note, append(slices.Clone(v.keys), v.trusted...)...)
	if err != nil {
		return found(uint64(s.size), "a stored checkpoint is malformed or not signed by a key in force")
	}
	if c.Origin != v.h.origin || c.Size != uint64(s.size) || c.Root != v.tree.Root() {
		return found(uint64(s.size), "a stored checkpoint does not fit the entries")
	}
	if n, err := openNote(s.note, append(slices.Clone(v.keys), v.trusted...)); err != nil || len(n.UnverifiedSigs) > 0 {
		return found(uint64(s.size), "a stored checkpoint has a signature by an unknown key")
	}
	if _, err := OpenCheckpoint(s.note, v.trusted...); err == nil {
		v.signed = true
	}
	v.checkpoints++
	return nil
}
