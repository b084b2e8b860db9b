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

	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/storage"
)

// A record of the erasure journal, version 2:
//
//	"gdprkit/dsar/2\x00" ‖ u8 kind ‖ u64 µs ‖ keyed hash of the subject[32] ‖
//	lp(request)
//
// and for an erasure, kind 1, further
//
//	‖ plan hash[32] ‖ SHA-256 of the policy version[32] ‖ lp(ground) ‖ lp(scope JSON)
//	‖ lp(keyed hash of identifier)...
//
// Kind 2 says that the person was readmitted. Version 1, "gdprkit/dsar/1\x00", has
// erasures only, without kind and request.
//
// The hashes are keyed with Options.Secret: without it nobody can tell who is
// meant. Kept as long as the oldest backup, plus a margin.
// Records of other users of the journal are passed over.
const (
	journalFirst  = "gdprkit/dsar/1\x00"
	journalMagic  = "gdprkit/dsar/2\x00"
	journalErased = 1
	journalBack   = 2
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
		b := w.d.journalHead(journalErased, subject, w.r.id)
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

func (d *Desk) journalHead(kind byte, subject, request string) []byte {
	b := append([]byte(journalMagic), kind)
	b = binary.BigEndian.AppendUint64(b, uint64(storage.Micros(d.now())))
	b = append(b, d.keyed("replay", subject)...)
	return frame.Append(b, []byte(request))
}

// journaled is one record of the journal.
type journaled struct {
	at      uint64 // its place in the journal
	kind    byte
	subject []byte
	request string // "" in version 1
	ground  string
	scope   Scope
}

var errJournal = errors.New("dsar: record in the erasure journal is cut short")

// parseJournal reports false for a record that is not of a desk.
func parseJournal(b []byte) (e *journaled, ours bool, err error) {
	e = &journaled{kind: journalErased}
	rest, first := bytes.CutPrefix(b, []byte(journalFirst))
	if !first {
		if rest, ours = bytes.CutPrefix(b, []byte(journalMagic)); !ours {
			return nil, false, nil
		}
		if len(rest) == 0 {
			return nil, true, errJournal
		}
		e.kind, rest = rest[0], rest[1:]
	}
	if len(rest) < 8+sha256.Size {
		return nil, true, errJournal
	}
	e.subject, rest = bytes.Clone(rest[8:8+sha256.Size]), rest[8+sha256.Size:]
	ok := true
	if !first {
		var id []byte
		if id, rest, ok = cutFrame(rest); !ok {
			return nil, true, errJournal
		}
		e.request = string(id)
	}
	if e.kind != journalErased {
		return e, true, nil
	}
	if len(rest) < 2*sha256.Size {
		return nil, true, errJournal
	}
	ground, rest, ok := cutFrame(rest[2*sha256.Size:])
	if !ok {
		return nil, true, errJournal
	}
	scope, _, ok := cutFrame(rest)
	if !ok {
		return nil, true, errJournal
	}
	e.ground = string(ground)
	return e, true, json.Unmarshal(scope, &e.scope)
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
