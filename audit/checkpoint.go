package audit

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// A Checkpoint is a signed statement of what the log holds (c2sp.org/tlog-checkpoint).
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   merkle.Hash
	Extra  []string // further lines of the text
	Note   []byte   // as signed; empty if it was parsed from its text
}

// Text returns the body that is signed.
func (c *Checkpoint) Text() string {
	var b strings.Builder
	b.WriteString(c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + std64.EncodeToString(c.Root[:]) + "\n")
	for _, x := range c.Extra {
		b.WriteString(x + "\n")
	}
	return b.String()
}

var errCheckpoint = gdpr.Invalid("Checkpoint", "is not of the form c2sp.org/tlog-checkpoint")

// ParseCheckpoint reads the body of a checkpoint, the text of a note. Signatures
// are checked by [OpenCheckpoint].
func ParseCheckpoint(text string) (*Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" {
		return nil, errCheckpoint
	}
	lines = lines[:len(lines)-1]
	for _, l := range lines {
		if l == "" {
			return nil, errCheckpoint
		}
	}
	c := &Checkpoint{Origin: lines[0]}
	var err error
	if c.Size, err = strconv.ParseUint(lines[1], 10, 63); err != nil || strconv.FormatUint(c.Size, 10) != lines[1] {
		return nil, errCheckpoint
	}
	root, err := std64.DecodeString(lines[2])
	if err != nil || len(root) != len(c.Root) {
		return nil, errCheckpoint
	}
	c.Root = merkle.Hash(root)
	if c.Size == 0 && c.Root != merkle.EmptyRoot() {
		return nil, errCheckpoint
	}
	c.Extra = append(c.Extra, lines[3:]...)
	return c, nil
}

// OpenCheckpoint checks the signatures of a checkpoint as [OpenNote] does and
// demands that a given key whose name is the origin signed it.
func OpenCheckpoint(msg []byte, vkeys ...string) (*Checkpoint, error) {
	n, err := openNote(msg, vkeys)
	if err != nil {
		return nil, err
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return nil, err
	}
	for _, s := range n.Sigs {
		if s.Name == c.Origin {
			c.Note = msg
			return c, nil
		}
	}
	return nil, errNoKey
}

var (
	insertCheckpoint = &storage.Write{
		Verb: storage.Put, Table: schema.AuditCheckpoint, Set: []string{"log", "size", "note"},
	}
	lastCheckpoint = &storage.Select{
		From: schema.AuditCheckpoint, Columns: []string{"size", "note"}, Where: storage.By("log"),
		Order: []string{"size"}, Desc: true, Limit: 1,
	}
)

// Checkpoint seals what was committed before the call, adds a log.mark, and signs
// the size and root of the log. With Options.Anchor it first demands that the log
// still contains the checkpoint kept there ([ErrRolledBack] otherwise, and no
// signature), and then replaces it. If nothing was added since the newest
// checkpoint, that one is returned.
func (l *Log) Checkpoint(ctx context.Context) (*Checkpoint, error) {
	if l.signerKey() == nil {
		return nil, ErrNoSigner
	}
	if !l.outside(ctx) {
		return nil, storage.ErrInTx
	}
	for again := true; ; again = false {
		id, err := l.opened(ctx)
		if err != nil {
			return nil, err
		}
		s, err := newKeySigner(id.origin, l.signerKey())
		if err != nil {
			return nil, err
		}
		c, err := l.checkpoint(ctx, s)
		if !again || !errors.Is(err, errMoved) {
			return c, err
		}
		l.forgetIdent() // another process has reopened the log
	}
}

func (l *Log) checkpoint(ctx context.Context, signers ...*keySigner) (*Checkpoint, error) {
	size, err := l.Sealed(ctx)
	if err != nil {
		return nil, err
	}
	id, err := l.known(ctx)
	if err != nil {
		return nil, err
	}
	last, err := l.newest(ctx, id, append(l.trusted(id.origin), signers[0].vkey))
	if err != nil {
		return nil, err
	}
	if _, err := l.unbroken(ctx, last); err != nil {
		return nil, err // before anything is written
	}
	if last == nil || last.Size != size || len(signers) > 1 {
		if err := l.mark(ctx, id, signers[0]); err != nil {
			return nil, err
		}
	}
	h, err := l.unbroken(ctx, last)
	if err != nil {
		return nil, err
	}
	if last != nil && last.Size == h.size() {
		return last, l.save(ctx, last)
	}
	c, err := l.sign(ctx, h, signers...)
	if err != nil {
		return nil, err
	}
	return c, l.save(ctx, c)
}

// unbroken returns the head if it extends a checkpoint and the outside one.
func (l *Log) unbroken(ctx context.Context, last *Checkpoint) (*head, error) {
	h, err := l.readHead(ctx)
	if err == nil {
		err = l.extends(ctx, h, last)
	}
	if err == nil {
		err = l.compareOutside(ctx, h)
	}
	return h, err
}

// sign makes a checkpoint of the head and stores it.
func (l *Log) sign(ctx context.Context, h *head, signers ...*keySigner) (*Checkpoint, error) {
	c := &Checkpoint{Origin: h.origin, Size: h.size(), Root: h.tree.Root()}
	var err error
	if c.Note, err = signNote(c.Text(), signers...); err != nil {
		return nil, err
	}
	_, err = l.store.Apply(ctx, insertCheckpoint.With(h.num, int64(c.Size), c.Note))
	return c, err
}

// trusted returns the verifier keys that this process knows by itself.
func (l *Log) trusted(origin string) []string {
	keys := append([]string(nil), l.opt.Keys...)
	if l.signerKey() != nil {
		if s, err := newKeySigner(origin, l.signerKey()); err == nil {
			keys = append(keys, s.vkey)
		}
	}
	return keys
}

// newest returns the newest stored checkpoint that a given key signed, or nil.
func (l *Log) newest(ctx context.Context, id *identity, keys []string) (*Checkpoint, error) {
	var size int64
	var msg []byte
	err := l.store.Get(ctx, lastCheckpoint, []any{id.num}, &size, &msg)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := OpenCheckpoint(msg, keys...)
	if errors.Is(err, errNoKey) {
		return nil, nil // signed before this key
	}
	if err != nil || c.Origin != id.origin || c.Size != uint64(size) {
		return nil, foundLog("the newest stored checkpoint is malformed or has a wrong signature")
	}
	return c, nil
}

// extends demands that the log contains what an earlier checkpoint covers.
func (l *Log) extends(ctx context.Context, h *head, c *Checkpoint) error {
	switch {
	case c == nil || c.Size == 0:
		return nil
	case c.Size > h.size():
		return rolledBack(h.size(), "the log is shorter than a checkpoint of it")
	case !h.provable(c.Size):
		return rolledBack(c.Size, "the log is pruned beyond a checkpoint of it")
	}
	return l.prefix(ctx, h, c.Size, c.Root, "the log has another root at the size of a checkpoint of it")
}

// prefix demands that the log as the head has it had that root at size. That the
// tiles say so is not enough: whoever rewrote entries and head may have left them.
func (l *Log) prefix(ctx context.Context, h *head, size uint64, root merkle.Hash, rule string) error {
	path, err := merkle.Consistency(size, h.size(), l.nodes(ctx, h))
	if err != nil {
		return err
	}
	if merkle.CheckConsistency(size, h.size(), root, h.tree.Root(), path) != nil {
		return rolledBack(size, rule)
	}
	return nil
}

// mark leaves the time and the age of the oldest pending entry, so that a period
// of time is a range of indices; and names a signer that the log does not know yet.
func (l *Log) mark(ctx context.Context, id *identity, s *keySigner) error {
	_, age, err := l.Pending(ctx)
	if err != nil {
		return err
	}
	h, err := l.readHead(ctx)
	if err != nil {
		return err
	}
	var drafts []*draft
	if !contains(h.keys, s.vkey) {
		d, err := l.own(id, "log.key.added", value{key: "key", kind: 's', text: s.vkey})
		if err != nil {
			return err
		}
		d.addKey = s.vkey
		drafts = append(drafts, d)
	}
	d, err := l.own(id, "log.mark", value{key: "oldestPending", kind: 'd', text: strconv.FormatInt(int64(age), 10)})
	if err != nil {
		return err
	}
	return l.commit(ctx, append(drafts, d))
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

var (
	countPending = &storage.Select{From: schema.AuditStage, Columns: []string{storage.Count}, Where: storage.By("state")}
	oldestStage  = &storage.Select{
		From: schema.AuditStage, Columns: []string{"id"}, Where: storage.By("state"), Order: []string{"id"}, Limit: 1,
	}
)

// Pending returns how many committed entries wait to be sealed and how old the
// oldest of them is. The age is a number to alert on: an entry dropped by somebody
// before it is sealed leaves no trace in the log.
func (l *Log) Pending(ctx context.Context) (n int, oldest time.Duration, err error) {
	if err := l.store.Get(ctx, countPending, []any{pending}, &n); err != nil || n == 0 {
		return 0, 0, err
	}
	var id []byte
	err = l.store.Get(ctx, oldestStage, []any{pending}, &id)
	if errors.Is(err, storage.ErrNotFound) {
		return 0, 0, nil
	}
	if err != nil || len(id) != 16 {
		return n, 0, err
	}
	ms := int64(id[0])<<40 | int64(id[1])<<32 | int64(id[2])<<24 | int64(id[3])<<16 | int64(id[4])<<8 | int64(id[5])
	return n, max(0, l.opt.Now().Sub(time.UnixMilli(ms))), nil
}

// parseNote reads a checkpoint without checking who signed it.
func parseNote(msg []byte) (*Checkpoint, error) {
	text, _, ok := strings.Cut(string(msg), "\n\n")
	if !ok {
		return nil, errCheckpoint
	}
	return ParseCheckpoint(text + "\n")
}
