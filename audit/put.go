package audit

import (
	"bytes"
	"context"
	"errors"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// put writes drafts where the context and the engine ask for it: outside of a
// transaction by group commit, inside one as a step of it.
func (l *Log) put(ctx context.Context, drafts []*draft, fresh *newcomers) error {
	keyed := false
	for _, d := range drafts {
		keyed = keyed || d.idem != nil
	}
	if !keyed && l.outside(ctx) {
		return l.commit(ctx, drafts)
	}
	var todo []*draft
	var results []draft
	err := l.store.InTx(ctx, func(ctx context.Context) error {
		var err error
		todo = drafts
		if keyed {
			if todo, results, err = l.claimKeys(ctx, drafts); err != nil {
				return err
			}
		}
		if len(todo) == 0 {
			return nil
		}
		return l.write(ctx, todo, fresh)
	})
	if err == nil && keyed {
		for i, d := range drafts {
			d.id, d.hash, d.at = results[i].id, results[i].hash, results[i].at
		}
	}
	return err
}

// write adds drafts within the transaction that ctx holds, and the aliases that
// were given for them.
func (l *Log) write(ctx context.Context, drafts []*draft, fresh *newcomers) error {
	aliases := fresh.ops()
	if l.inside {
		h, err := l.follow(ctx, drafts, aliases)
		if h == nil && err == nil {
			h, err = l.sealBehind(ctx, drafts, aliases)
		}
		if err != nil {
			return err
		}
		if l.store.State(ctx) == storage.Owned {
			storage.AfterCommit(ctx, func() { l.keepHead(h, nil) })
		}
		l.keepAliases(ctx, fresh)
		return nil
	}
	if err := l.stage(ctx, drafts, aliases...); err != nil {
		return err
	}
	l.keepAliases(ctx, fresh)
	storage.AfterCommit(ctx, func() { l.sealSoon(len(drafts)) })
	return nil
}

// sealBehind seals drafts behind the head as it is in the transaction that ctx holds.
func (l *Log) sealBehind(ctx context.Context, drafts []*draft, more []storage.Op) (*head, error) {
	h, err := l.lockHead(ctx)
	if err == nil {
		err = h.belong(drafts)
	}
	if err == nil {
		err = l.seal(ctx, h, drafts, more...)
	}
	return h, err
}

var (
	keyColumns = []string{"idem", "request", "id", "hash", "at", "mac"}
	insertKey  = &storage.Write{Verb: storage.InsertNew, Table: schema.AuditKey, Set: keyColumns}
	selectKey  = &storage.Select{
		From: schema.AuditKey, Columns: keyColumns, Where: storage.By("idem"), Mode: storage.Current,
	}
)

// claimKeys takes the idempotency keys of drafts. It returns those that are new
// and, for each, the result that its caller gets.
func (l *Log) claimKeys(ctx context.Context, drafts []*draft) (todo []*draft, results []draft, err error) {
	results = make([]draft, len(drafts))
	for i, d := range drafts {
		results[i] = *d
		if d.idem == nil {
			todo = append(todo, d)
			continue
		}
		k := keyRow{idem: d.idem, request: d.request, id: d.id[:], hash: d.hash[:], at: d.at}
		k.mac = l.keyMAC(&k)
		n, err := l.store.Apply(ctx, insertKey.With(k.idem, k.request, k.id, k.hash, k.at, k.mac))
		if err != nil {
			return nil, nil, err
		}
		if n[0] == 1 {
			todo = append(todo, d)
			continue
		}
		if err := l.store.Get(ctx, selectKey, []any{d.idem}, k.dest()...); err != nil {
			return nil, nil, err
		}
		if !bytes.Equal(k.request, d.request) {
			return nil, nil, storage.ErrKeyReuse
		}
		if len(k.id) != len(ids.ID{}) || len(k.hash) != len(merkle.Hash{}) {
			return nil, nil, errors.New("audit: row of an idempotency key is malformed")
		}
		results[i] = draft{id: ids.ID(k.id), hash: merkle.Hash(k.hash), at: k.at}
	}
	return todo, results, nil
}

// keyRow is what is remembered of an idempotency key.
type keyRow struct {
	idem, request, id, hash, mac []byte
	at                           int64
}

func (k *keyRow) dest() []any { return []any{&k.idem, &k.request, &k.id, &k.hash, &k.at, &k.mac} }

func (l *Log) keyMAC(k *keyRow) []byte {
	var at [8]byte
	for i := range at {
		at[i] = byte(k.at >> (8 * i))
	}
	return l.mac("gdprkit/audit/keyrow/v1", k.idem, k.request, k.id, k.hash, at[:])
}
