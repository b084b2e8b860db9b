package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/storage"
)

// A BundleReport is what [VerifyBundle] found intact.
type BundleReport struct {
	Kind     Kind
	Origin   string
	First    uint64 // index of the first entry
	Count    uint64 // entries in the bundle
	Redacted uint64 // of them without payload
	// Unexplained counts those of the redacted whose log.redacted is not in the bundle:
	// in a bundle that does not reach to the end of the log it may stand behind, and
	// only a KindLog bundle tells. Where it has to be in the bundle, its absence is an
	// error that wraps [ErrTampered].
	Unexplained uint64
	Size        uint64 // of the log, as signed
	Root        merkle.Hash
	Earliest    time.Time // by the entries' own claim
	Latest      time.Time
	Outside     uint64 // size of the outside checkpoint compared with; 0: none
	// Stated is set for a subject: the log signed that these are all its entries,
	// which only the whole log could refute.
	Stated bool
}

// VerifyBundle reads a bundle and checks every line of it with nothing but the
// given verifier keys, whose name is the origin of the log. Outside is a checkpoint
// that the reader kept, nil if there is none.
//
// The error wraps [ErrTampered] when the bundle is not intact and [ErrUndecided]
// when that cannot be said. In a bundle that reaches to the end of the log, each
// payload that is missing must have its log.redacted, and what is missing at the
// beginning of a KindLog its log.pruned.
//
// Memory does not grow with the bundle, but for 48 bytes for each entry without
// payload.
func VerifyBundle(r io.Reader, vkeys []string, outside []byte) (*BundleReport, error) {
	b := &bundleReader{r: bufio.NewReaderSize(r, maxLine), keys: vkeys, sum: sha256.New(), report: new(BundleReport)}
	if len(vkeys) == 0 {
		return b.report, fmt.Errorf("%w: no verifier key was given", ErrUndecided)
	}
	for _, k := range vkeys {
		if _, err := NewVerifier(k); err != nil {
			return b.report, fmt.Errorf("%w: a verifier key is malformed", ErrUndecided)
		}
	}
	if outside != nil {
		c, err := OpenCheckpoint(outside, vkeys...)
		if err != nil {
			return b.report, fmt.Errorf("%w: the outside checkpoint has no valid signature by a given key", ErrUndecided)
		}
		b.outside = c
	}
	return b.report, b.verify()
}

// bundleReader goes through a bundle line by line.
type bundleReader struct {
	r       *bufio.Reader
	sum     hash.Hash
	lines   uint64 // after the header
	keys    []string
	outside *Checkpoint
	report  *BundleReport
	head    bundleHeader
	view    leafView
	hasher  merkle.Hasher

	pos     uint64          // next index of a range; last index + 1 otherwise
	count   uint64          // E and X lines
	tree    merkle.Frontier // of log and range
	walk    []node          // subtrees expected left, then right
	open    int64           // index of an entry that waits for its path, or -1
	leaf    merkle.Hash     // and its hash
	root    *merkle.Hash    // that the paths imply
	indices indexHash

	gone       []gone      // in order of the index
	prunedRoot merkle.Hash // of the entries below First
	pruned     bool        // log.pruned for them was seen

	seen   map[string]bool // the sets of subjects of the entries, joined
	subs   [][]string      // and apart, to be compared with the statement
	at     *merkle.Hash    // root at the size of the outside checkpoint
	proofs map[uint64][]merkle.Hash
	lastK  uint64
	notes  [][]byte
}

type node struct {
	level uint
	index uint64
}

func (b *bundleReader) bad(rule string) error {
	return foundLog("line %d of the bundle: %s", b.lines+2, rule)
}

// next returns a line without its line feed.
func (b *bundleReader) next() ([]byte, error) {
	line, err := b.r.ReadSlice('\n')
	switch {
	case err == io.EOF && len(line) == 0:
		return nil, io.EOF
	case err == io.EOF:
		return nil, b.bad("has no line feed: the bundle is cut off")
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, b.bad("is longer than 128 KiB")
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUndecided, err)
	}
	return line[:len(line)-1], nil
}

func (b *bundleReader) verify() error {
	line, err := b.next()
	if err != nil || string(line) != bundleMagic {
		return fmt.Errorf("%w: it does not begin with %q", ErrUndecided, bundleMagic)
	}
	b.hash(line)
	if line, err = b.next(); err != nil {
		return b.truncated(err)
	}
	b.hash(line)
	var ok bool
	if b.head, ok = parseHeader(line); !ok {
		return b.bad("is not a header")
	}
	h := &b.head
	b.report.Kind, b.report.Origin, b.report.First, b.report.Size = h.Kind, h.Origin, h.First, h.Size
	b.open, b.proofs, b.seen = -1, map[uint64][]merkle.Hash{}, map[string]bool{}
	if b.outside != nil && b.outside.Origin != h.Origin {
		return fmt.Errorf("%w: the outside checkpoint is of another log", ErrUndecided)
	}
	b.expect(0, h.First)
	if h.Count == 0 {
		b.expect(h.First, h.Size)
	}
	for {
		b.lines++
		line, err := b.next()
		if err != nil {
			return b.truncated(err)
		}
		if bytes.HasPrefix(line, []byte("Z ")) {
			return b.end(line)
		}
		b.hash(line)
		if err := b.line(line); err != nil {
			return err
		}
	}
}

func (b *bundleReader) hash(line []byte) {
	b.sum.Write(line)
	b.sum.Write([]byte{'\n'})
}

func (b *bundleReader) truncated(err error) error {
	if err == io.EOF {
		return b.bad("is missing: the bundle is cut off")
	}
	return err
}

func (b *bundleReader) contiguous() bool { return b.head.Kind == KindLog || b.head.Kind == KindRange }

// expect notes the subtrees that must follow, for the leaves [first, end).
func (b *bundleReader) expect(first, end uint64) {
	if b.contiguous() {
		_ = merkle.Walk(first, end, func(level uint, index uint64) error {
			b.walk = append(b.walk, node{level, index})
			return nil
		})
	} else {
		b.pos = b.head.First
	}
}

func (b *bundleReader) line(line []byte) error {
	kind, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || len(kind) != 1 {
		return b.bad("is of no known kind")
	}
	field, rest, two := bytes.Cut(rest, []byte(" "))
	n, isNumber := number(field)
	switch k := kind[0]; {
	case k == 'C' && !two:
		return b.note(field)
	case !two || !isNumber || len(b.notes) > 0:
	case k == 'N':
		return b.node(n, rest)
	case (k == 'E' || k == 'X') && len(b.proofs) == 0:
		return b.entry(k, n, rest)
	case k == 'P' && len(b.proofs) == 0:
		return b.path(n, rest)
	case k == 'K':
		return b.consistency(n, rest)
	}
	return b.bad("is malformed or out of place")
}

// number reads a decimal below 2^63 that has only one spelling.
func number(field []byte) (uint64, bool) {
	if len(field) > 19 || !isDecimal(field, false) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(field), 10, 63)
	return n, err == nil
}

func (b *bundleReader) node(level uint64, rest []byte) error {
	field, enc, ok := bytes.Cut(rest, []byte(" "))
	index, isNumber := number(field)
	h, valid := hash64(enc)
	if !ok || !isNumber || !valid || len(b.walk) == 0 || b.walk[0] != (node{uint(level), index}) || len(b.proofs) > 0 {
		return b.bad("is not the subtree that must stand here")
	}
	b.walk = b.walk[1:]
	if !b.tree.AppendNode(uint(level), h) {
		return b.bad("is not the subtree that must stand here")
	}
	b.snapshot()
	b.pos = b.tree.Size()
	return nil
}

// snapshot keeps the root at the size of the outside checkpoint.
func (b *bundleReader) snapshot() {
	if b.outside != nil && b.tree.Size() == b.outside.Size {
		r := b.tree.Root()
		b.at = &r
	}
}

func hash64(b []byte) (h merkle.Hash, ok bool) {
	raw, err := std64.DecodeString(string(b))
	if err != nil || len(raw) != len(h) || bytes.ContainsAny(b, "\r\n") {
		return h, false
	}
	return merkle.Hash(raw), true
}

func hashList(b []byte) ([]merkle.Hash, bool) {
	if len(b) == 0 {
		return nil, true
	}
	parts := bytes.Split(b, []byte(","))
	if len(parts) > maxProofs {
		return nil, false
	}
	list := make([]merkle.Hash, len(parts))
	for i, p := range parts {
		var ok bool
		if list[i], ok = hash64(p); !ok {
			return nil, false
		}
	}
	return list, true
}

func (b *bundleReader) entry(kind byte, index uint64, rest []byte) error {
	if len(b.walk) > 0 || b.open >= 0 || b.count == b.head.Count {
		return b.bad("is an entry out of place")
	}
	if b.contiguous() && index != b.pos || index < b.pos || index >= b.head.Size || b.count == 0 && index != b.head.First {
		return found(b.pos, "the bundle has another index in its place")
	}
	if b.count == 0 && b.contiguous() && index > 0 {
		b.prunedRoot = b.tree.Root()
	}
	if kind == 'X' {
		raw, err := hex.DecodeString(string(rest))
		if err != nil || len(raw) != len(b.leaf) || !isHex(rest) {
			return b.bad("is not a leaf hash")
		}
		b.leaf = merkle.Hash(raw)
		b.report.Redacted++
		b.gone = append(b.gone, gone{index: index, hash: b.leaf})
	} else if err := b.payload(index, rest); err != nil {
		return err
	}
	b.pos = index + 1
	b.count++
	if !b.contiguous() {
		b.open = int64(index)
		b.indices.add(index)
		return nil
	}
	b.tree.Append(b.leaf)
	b.snapshot()
	if b.count == b.head.Count {
		b.expect(b.pos, b.head.Size)
	}
	return nil
}

func (b *bundleReader) payload(index uint64, text []byte) error {
	v := &b.view
	if !v.parse(text) {
		return found(index, "the entry is not of the form v1")
	}
	if !strings.HasSuffix(b.head.Origin, "/"+string(v.log)) {
		return found(index, "the entry is of another log")
	}
	b.leaf = b.hasher.Leaf(text)
	at := storage.Time(v.at)
	if b.report.Earliest.IsZero() || at.Before(b.report.Earliest) {
		b.report.Earliest = at
	}
	if at.After(b.report.Latest) {
		b.report.Latest = at
	}
	if b.head.Kind == KindSubject {
		return b.subjects(index)
	}
	return b.explain()
}

// subjects keeps whom the entry is about until the statement, which comes last,
// names the tokens of the subject.
func (b *bundleReader) subjects(index uint64) error {
	if len(b.view.sub) == 0 {
		return found(index, "the entry names no subject")
	}
	set := make([]string, len(b.view.sub))
	for i, s := range b.view.sub {
		set[i] = string(s)
	}
	key := strings.Join(set, " ")
	if b.seen[key] {
		return nil
	}
	if len(b.subs) == 1<<16 {
		return fmt.Errorf("%w: its entries name too many different sets of subjects", ErrUndecided)
	}
	b.seen[key] = true
	b.subs = append(b.subs, set)
	return nil
}

func (b *bundleReader) path(index uint64, rest []byte) error {
	list, ok := hashList(rest)
	if !ok || b.open < 0 || uint64(b.open) != index {
		return b.bad("is a path out of place or malformed")
	}
	b.open = -1
	root, err := merkle.Implied(index, b.head.Size, b.leaf, list)
	if err != nil {
		return found(index, "the path has another length than the log asks for")
	}
	if b.root == nil {
		b.root = &root
	} else if *b.root != root {
		return found(index, "the path leads to another root than the ones before")
	}
	return nil
}

func (b *bundleReader) consistency(m uint64, rest []byte) error {
	list, ok := hashList(rest)
	if !ok || !b.complete() || m <= b.lastK || m >= b.head.Size || len(b.proofs) == maxProofs {
		return b.bad("is a consistency proof out of place or malformed")
	}
	b.lastK = m
	b.proofs[m] = list
	return nil
}

// complete reports whether all entries and subtrees are there.
func (b *bundleReader) complete() bool {
	return b.count == b.head.Count && len(b.walk) == 0 && b.open < 0
}

func (b *bundleReader) note(field []byte) error {
	raw, err := std64.DecodeString(string(field))
	if err != nil || bytes.ContainsAny(field, "\r\n") || !b.complete() || len(b.notes) == maxProofs {
		return b.bad("is a checkpoint out of place or malformed")
	}
	b.notes = append(b.notes, raw)
	return nil
}
