package audit

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/audit/merkle"
)

// end checks the last line, that nothing follows it, and what all lines together
// say.
func (b *bundleReader) end(line []byte) error {
	if want := fmt.Sprintf("Z %d %x", b.lines-1, b.sum.Sum(nil)); string(line) != want {
		return b.bad("has another number of lines or another hash than the bundle")
	}
	if _, err := b.r.ReadByte(); err != io.EOF {
		return b.bad("is followed by more")
	}
	if !b.complete() || len(b.notes) == 0 {
		return b.bad("comes before the bundle is complete")
	}
	c, err := b.checkpoint()
	if err != nil {
		return err
	}
	for _, n := range b.notes[:len(b.notes)-1] {
		if err := b.earlier(c, n); err != nil {
			return err
		}
	}
	if b.head.Kind == KindSubject && !b.report.Stated {
		return foundLog("the bundle of a subject has no statement")
	}
	for m, path := range b.proofs {
		if b.outside != nil && m == b.outside.Size {
			continue // compared below
		}
		if _, err := merkle.FirstRoot(m, c.Size, c.Root, path); err != nil {
			return foundLog("the consistency proof from size %d does not hold", m)
		}
	}
	if err := b.explained(); err != nil {
		return err
	}
	if err := b.compare(c); err != nil {
		return err
	}
	b.report.Count, b.report.Root = b.count, c.Root
	return nil
}

// checkpoint opens the last note and demands that the entries lead to its root.
func (b *bundleReader) checkpoint() (*Checkpoint, error) {
	c, err := OpenCheckpoint(b.notes[len(b.notes)-1], b.keys...)
	if errors.Is(err, errNoKey) {
		return nil, fmt.Errorf("%w: no given key signed its checkpoint", ErrUndecided)
	}
	if err != nil {
		return nil, foundLog("the checkpoint is malformed or has a wrong signature")
	}
	if c.Origin != b.head.Origin || c.Size != b.head.Size {
		return nil, foundLog("the checkpoint is of another log or size than the header")
	}
	root := c.Root
	if b.contiguous() {
		root = b.tree.Root()
		if b.tree.Size() != c.Size {
			return nil, foundLog("the bundle covers another size than the checkpoint")
		}
	} else if b.root != nil {
		root = *b.root
	}
	if root != c.Root {
		return nil, found(b.head.First, "the entries lead to another root than the one signed")
	}
	return c, nil
}

// earlier checks a note before the last: the statement of a subject, or an older
// checkpoint that a consistency proof joins to the last.
func (b *bundleReader) earlier(last *Checkpoint, msg []byte) error {
	n, err := openNote(msg, b.keys)
	if errors.Is(err, errNoKey) {
		return fmt.Errorf("%w: no given key signed one of its notes", ErrUndecided)
	}
	if err != nil {
		return foundLog("a note is malformed or has a wrong signature")
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil || n.Sigs[0].Name != b.head.Origin {
		return foundLog("a note is not a checkpoint of this log")
	}
	if c.Origin == b.head.Origin+"/subject" && b.head.Kind == KindSubject && !b.report.Stated {
		return b.statement(last, c)
	}
	path, ok := b.proofs[c.Size]
	if c.Origin != b.head.Origin || !ok || merkle.CheckConsistency(c.Size, last.Size, c.Root, last.Root, path) != nil {
		return foundLog("an older checkpoint is not proven consistent")
	}
	return nil
}

// statement compares a subject's signed note with the entries.
func (b *bundleReader) statement(last, c *Checkpoint) error {
	var tokens []string
	for _, x := range c.Extra {
		if t, ok := strings.CutPrefix(x, "token "); ok && isToken([]byte(t)) {
			tokens = append(tokens, t)
		}
	}
	want := subjectNote(b.head.Origin, last.Size, last.Root, tokens, &b.indices)
	if want.Text() != c.Text() {
		return foundLog("the statement of the subject does not fit the entries")
	}
	for _, subs := range b.subs {
		if !slices.ContainsFunc(subs, func(s string) bool { return contains(tokens, s) }) {
			return foundLog("an entry is not about the subject of the statement")
		}
	}
	b.report.Stated = true
	return nil
}

// compare demands that the log extends the outside checkpoint.
func (b *bundleReader) compare(c *Checkpoint) error {
	o := b.outside
	if o == nil {
		return nil
	}
	path, proven := b.proofs[o.Size]
	switch {
	case o.Size > c.Size && b.head.Kind == KindLog:
		return rolledBack(c.Size, "the log is shorter than the outside checkpoint")
	case o.Size > c.Size:
		return fmt.Errorf("%w: the outside checkpoint is newer than the bundle", ErrUndecided)
	case o.Size == c.Size:
		if o.Root != c.Root {
			return rolledBack(o.Size, "the outside checkpoint has another root")
		}
	case proven:
		if merkle.CheckConsistency(o.Size, c.Size, o.Root, c.Root, path) != nil {
			return rolledBack(o.Size, "the log does not extend the outside checkpoint")
		}
	case b.at == nil:
		return fmt.Errorf("%w: the bundle has no proof from the size of the outside checkpoint", ErrUndecided)
	case *b.at != o.Root:
		return rolledBack(o.Size, "the outside checkpoint has another root")
	}
	b.report.Outside = o.Size
	return nil
}
