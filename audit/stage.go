package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"errors"

	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// A staged row is pending until it is sealed, or set aside if its MAC is wrong.
const (
	pending  = 0
	setAside = 1
)

var (
	insertStage = &storage.Write{
		Verb: storage.Insert, Table: schema.AuditStage, Set: []string{"state", "id", "leaf", "mac"},
	}
	putStage = &storage.Write{
		Verb: storage.Put, Table: schema.AuditStage, Set: []string{"state", "id", "leaf", "mac"},
	}
	deleteStage = &storage.Write{
		Verb: storage.Delete, Table: schema.AuditStage, Where: storage.By("state", "id"),
	}
	selectStage = &storage.Select{
		From: schema.AuditStage, Columns: []string{"id", "leaf", "mac"}, Where: storage.By("state"),
		Order: []string{"id"}, Limit: batchSize,
	}
	selectID = &storage.Select{
		From: auditEntry, Columns: []string{"seq", "hash"}, Where: storage.By("log", "id"),
	}
)

// stageMAC binds a staged row to this log and to the secret outside the database.
func (l *Log) stageMAC(logID string, d *draft) []byte {
	return l.mac("gdprkit/audit/stage/v1", []byte(logID), d.hash[:])
}

// stage puts the drafts beside the log, for a sealer to take, after more operations
// of the same step.
func (l *Log) stage(ctx context.Context, drafts []*draft, ops ...storage.Op) error {
	for _, d := range drafts {
		ops = append(ops, l.stageOp(d))
	}
	_, err := l.store.Apply(ctx, ops...)
	return err
}

func (l *Log) stageOp(d *draft) storage.Op {
	logID := string(d.leaf[len(leafPrefix) : len(leafPrefix)+32])
	return insertStage.With(pending, d.id[:], d.leaf, l.stageMAC(logID, d))
}

// A drain is a page of staged rows on their way into the log.
type drain struct {
	drafts []*draft
	ops    []storage.Op // that take the rows away
	full   bool         // there may be more
}

// drain reads the pending rows as visible in the order of their key, never
// "greater than the last": a transaction that began earlier may commit later. With
// check set, rows that are in the log already are recognised.
func (l *Log) drain(ctx context.Context, h *head, check bool) (*drain, error) {
	d := new(drain)
	n := 0
	var bad []storage.Op
	for row, err := range l.store.Scan(ctx, selectStage, []any{pending}) {
		var id, text, mac []byte
		if err == nil {
			err = row.Scan(&id, &text, &mac)
		}
		if err != nil {
			return nil, err
		}
		n++
		d.ops = append(d.ops, deleteStage.With(pending, id))
		x, state, err := l.admit(ctx, h, id, text, mac, check)
		if err != nil {
			return nil, err
		}
		switch state {
		case rowGood:
			d.drafts = append(d.drafts, x)
		case rowBad:
			bad = append(bad, putStage.With(setAside, id, text, mac))
			reject, err := l.own(h.identity, "log.row_rejected", value{key: "row", kind: 'r', text: string(id)})
			if err != nil {
				return nil, err
			}
			d.drafts = append(d.drafts, reject)
		}
	}
	d.ops = append(d.ops, bad...)
	d.full = n == batchSize
	return d, nil
}

type rowState int

const (
	rowGood rowState = iota
	rowBad
	rowSealed // it is in the log already
)

// admit decides about a staged row.
func (l *Log) admit(ctx context.Context, h *head, id, text, mac []byte, check bool) (*draft, rowState, error) {
	var v leafView
	if !v.parse(text) || string(v.log) != h.id || string(id) != string(v.id[:]) ||
		bytes.HasPrefix(v.act, []byte("log.")) && string(v.act) != "log.forgotten" {
		return nil, rowBad, nil
	}
	d := v.draft(text)
	if !hmac.Equal(mac, l.stageMAC(h.id, d)) {
		return nil, rowBad, nil
	}
	if check {
		_, hash, err := l.sealed(ctx, h.num, v.id)
		if err == nil && string(hash) == string(d.hash[:]) {
			return nil, rowSealed, nil
		}
		if err == nil {
			return nil, rowBad, nil
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return nil, rowBad, err
		}
	}
	return d, rowGood, nil
}

// sealed looks an entry up by its id.
func (l *Log) sealed(ctx context.Context, num int64, id ids.ID) (seq int64, hash []byte, err error) {
	err = l.store.Get(ctx, selectID, []any{num, id[:]}, &seq, &hash)
	return seq, hash, err
}
