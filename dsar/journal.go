package dsar

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"

	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/storage"
)

// A record of the erasure journal, version 1:
//
//	"gdprkit/dsar/1\x00" ‖ u64 µs ‖ keyed hash of the subject[32] ‖
//	plan hash[32] ‖ SHA-256 of the policy version[32] ‖ lp(ground) ‖ lp(scope JSON)
//	‖ lp(keyed hash of identifier)...
//
// The hashes are keyed with Options.Secret: without it nobody can tell who is
// meant. Kept as long as the oldest backup, plus a margin.
// Records of other users of the journal are passed over.
const (
	journalMagic = "gdprkit/dsar/1\x00"
	journalHead  = len(journalMagic) + 8 + 3*sha256.Size
)

// keyed returns HMAC-SHA-256 with a key derived from the secret for one use.
func (d *Desk) keyed(use string, parts ...string) []byte {
	if d.onKeyed != nil {
		d.onKeyed(use)
	}
	k := hmac.New(sha256.New, d.o.Secret.Reveal())
	k.Write([]byte("gdprkit/dsar/" + use + "/v1\x00"))
	m := hmac.New(sha256.New, k.Sum(nil))
	m.Write(frame.Append(frame.Append([]byte(nil), []byte(d.store.Scope())), toBytes(parts)...))
	return m.Sum(nil)
}

func toBytes(parts []string) [][]byte {
	out := make([][]byte, len(parts))
	for i, p := range parts {
		out[i] = []byte(p)
	}
	return out
}

// journal writes, before the first row goes, who is about to be erased. It runs
// again after a crash; a record twice does no harm.
func (w *worker) journal(ctx context.Context) error {
	if w.d.o.Journal == nil {
		w.d.o.Logger.WarnContext(ctx, "dsar: erasure without a journal; a restored backup brings the person back")
		return nil
	}
	scope, err := json.Marshal(w.f.Scope)
	if err != nil {
		return err
	}
	plan, err := hex.DecodeString(w.r.planHash)
	if err != nil || len(plan) != sha256.Size {
		return ErrPlan
	}
	policy := sha256.Sum256([]byte(w.r.policy))
	for _, subject := range w.r.subjects {
		b := binary.BigEndian.AppendUint64([]byte(journalMagic), uint64(storage.Micros(w.d.now())))
		b = append(b, w.d.keyed("replay", subject)...)
		b = append(append(b, plan...), policy[:]...)
		b = frame.Append(b, []byte(w.r.ground), scope)
		for _, kind := range sortedKeys(w.f.Identities) {
			b = frame.Append(b, w.d.keyed("identifier", kind, w.f.Identities[kind]))
		}
		if err := w.d.o.Journal.Append(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// erasedBefore is one record of the journal.
type erasedBefore struct {
	subject []byte
	ground  string
	scope   Scope
}

func parseJournal(b []byte) (*erasedBefore, error) {
	if len(b) < journalHead {
		return nil, errors.New("dsar: record in the erasure journal is cut short")
	}
	at := len(journalMagic) + 8
	e := &erasedBefore{subject: bytes.Clone(b[at : at+sha256.Size])}
	rest := b[journalHead:]
	ground, rest, ok := cutFrame(rest)
	if !ok {
		return nil, errors.New("dsar: record in the erasure journal is cut short")
	}
	scope, _, ok := cutFrame(rest)
	if !ok {
		return nil, errors.New("dsar: record in the erasure journal is cut short")
	}
	e.ground = string(ground)
	return e, json.Unmarshal(scope, &e.scope)
}

func cutFrame(b []byte) (part, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}

// Replayed says what [Desk.Replay] did.
type Replayed struct {
	Records  int // records in the journal
	Subjects int // subjects found again and erased again
	Items    int // records erased or masked
	Kept     int // records that a Keeper protects, or that a part of this library keeps
}

// Replay erases again, after a restore of the host's database, whoever the journal
// says was erased and the backup brought back. Sources that list their subjects
// ([Lister]) are searched; records that a Keeper protects today stay. It does not
// need the request to be there, which the backup may be older than. It must not
// run inside a transaction, and may be repeated.
func (d *Desk) Replay(ctx context.Context, act Act) (*Replayed, error) {
	if d.store.State(ctx) != storage.Outside {
		return nil, storage.ErrInTx
	}
	if d.o.Journal == nil {
		return nil, wrap(ErrCapability, invalid("Options.Journal", "is not set"))
	}
	if err := d.checkAct(&act); err != nil {
		return nil, err
	}
	out := new(Replayed)
	gone := map[string][]*erasedBefore{}
	for b, err := range d.o.Journal.Read(ctx, 0) {
		if err != nil {
			return nil, err
		}
		if !bytes.HasPrefix(b, []byte(journalMagic)) {
			continue
		}
		e, err := parseJournal(b)
		if err != nil {
			return nil, err
		}
		out.Records++
		gone[string(e.subject)] = append(gone[string(e.subject)], e)
	}
	return out, d.replay(ctx, gone, out)
}

func (d *Desk) replay(ctx context.Context, gone map[string][]*erasedBefore, out *Replayed) error {
	seen := map[string]bool{}
	for _, s := range d.sources {
		l, ok := s.(Lister)
		if !ok {
			continue
		}
		for subject, err := range l.Subjects(ctx) {
			if err != nil {
				return &SourceError{s.Name(), FaultError, err}
			}
			records := gone[string(d.keyed("replay", subject))]
			if len(records) == 0 || seen[subject] {
				continue
			}
			seen[subject] = true
			out.Subjects++
			for _, e := range records {
				if err := d.eraseAgain(ctx, subject, e, out); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// eraseAgain erases one subject from every source that can, by the scope of then
// and the rules of now.
func (d *Desk) eraseAgain(ctx context.Context, subject string, e *erasedBefore, out *Replayed) error {
	r := &row{kind: Erasure, ground: e.ground, subject: subject, subjects: []string{subject}}
	p := &planner{d: d, r: r, f: &file{Scope: e.scope}}
	for _, s := range d.sources {
		if err := d.guarded(ctx, s, func(ctx context.Context) error { return d.eraseSource(ctx, p, s, subject, out) }); err != nil {
			return err
		}
	}
	if d.o.Auditor == nil {
		return nil
	}
	return d.store.InTx(ctx, func(ctx context.Context) error {
		return d.o.Auditor.Record(ctx, "request.replayed", subject)
	})
}

func (d *Desk) eraseSource(ctx context.Context, p *planner, s Source, subject string, out *Replayed) error {
	if f, ok := s.(forgetter); ok {
		if f.forgetFunc() == nil {
			return nil
		}
		n, kept, err := f.forgetFunc()(ctx, subject, p.r.ground, storage.Time(0))
		out.Items, out.Kept = out.Items+n, out.Kept+kept
		return err
	}
	items, kept, err := d.collectAgain(ctx, p, s, subject)
	if err != nil {
		return err
	}
	out.Kept += kept
	e, ok := s.(Eraser)
	if !ok && len(items) > 0 {
		return ErrCapability
	}
	for batch := range slices.Chunk(items, MaxBatch) {
		err := d.store.InTx(ctx, func(ctx context.Context) error {
			_, err := e.Erase(ctx, subject, batch)
			return err
		})
		if err != nil {
			return err
		}
		out.Items += len(batch)
	}
	return nil
}

// collectAgain gathers what is to go from one source.
func (d *Desk) collectAgain(ctx context.Context, p *planner, s Source, subject string) (items []Item, kept int, err error) {
	c := d.newCopier(p.r, p.f)
	for rec, err := range s.Collect(ctx, subject, p.f.Scope) {
		if err != nil {
			return nil, 0, err
		}
		if err := c.check(s, rec); err != nil {
			return nil, 0, err
		}
		i := item{subject: subject, source: s.Name(), category: rec.Section.Category, table: rec.Section.Table, record: rec.Key}
		fields, err := p.decide(ctx, &i, rec)
		if err != nil {
			return nil, 0, err
		}
		if i.action == ActBlock || i.action == ActKeep {
			kept++
			continue
		}
		i.fields = encodeFields(fields)
		if it, ok := eraserItem(&i); ok {
			items = append(items, it)
		}
	}
	return items, kept, nil
}
