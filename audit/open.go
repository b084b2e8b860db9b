package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/gdprkit/gdprkit/internal/ids"
)

// Open writes the first entry, log.opened, unless the log has one. The first
// Record does the same; a host calls Open at start so that two transactions with
// the very first entries do not wait for each other.
//
// It returns [ErrRolledBack] when Options.Anchor holds a checkpoint of a log that
// is no longer there.
func (l *Log) Open(ctx context.Context) error {
	_, err := l.opened(ctx)
	return err
}

// opened returns the present incarnation and opens the log if there is none.
func (l *Log) opened(ctx context.Context) (*identity, error) {
	id, err := l.known(ctx)
	if !errors.Is(err, ErrNoLog) {
		return id, err
	}
	if l.opt.Anchor != nil {
		note, err := l.opt.Anchor.Load(ctx, l.anchorName())
		if err != nil {
			return nil, err
		}
		if note != nil {
			return nil, rolledBack(0, "the log is empty, but a checkpoint of it is kept outside")
		}
	}
	id = l.newIncarnation(1)
	genesis, err := l.genesis(id, nil)
	if err != nil {
		return nil, err
	}
	err = l.store.InTx(ctx, func(ctx context.Context) error {
		h := &head{identity: id}
		ops := h.extend([]*draft{genesis})
		var r headRow
		if err := l.store.Claim(ctx, claimHead, append([]any{0}, h.args()...), r.dest()...); err != nil {
			return err
		}
		if r.origin != id.origin {
			id = newIdentity(r.num, r.origin) // somebody else was first
			return nil
		}
		_, err := l.store.Apply(ctx, ops...)
		return err
	})
	if err != nil {
		return nil, err
	}
	l.setIdent(ctx, id)
	return id, nil
}

func (l *Log) newIncarnation(num int64) *identity {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return newIdentity(num, l.opt.Origin+"/"+hex.EncodeToString(b[:]))
}

// genesis makes entry 0. Extra attributes tell of an earlier incarnation.
func (l *Log) genesis(id *identity, extra []value) (*draft, error) {
	x := &leaf{log: id.id, id: ids.New(), at: l.now(), act: "log.opened"}
	x.seed()
	tenant := sha256.Sum256(append(append([]byte("gdprkit/tenant/v1\x00"), x.salt[:]...), l.store.Scope()...))
	x.attr = []value{
		{key: "origin", kind: 's', text: id.origin},
		{key: "tenant", kind: 'r', text: string(tenant[:])},
	}
	if l.signerKey() != nil {
		s, err := newKeySigner(id.origin, l.signerKey())
		if err != nil {
			return nil, err
		}
		x.attr = append(x.attr, value{key: "key", kind: 's', text: s.vkey}) // must stay third
	}
	x.attr = append(x.attr, l.unguarded()...)
	x.attr = append(x.attr, extra...)
	d, err := newDraft(x)
	if err == nil && l.signerKey() != nil {
		d.addKey = x.attr[2].text
	}
	return d, err
}

// unguarded marks the entries of powerful acts that no Guard allowed.
func (l *Log) unguarded() []value {
	if l.opt.Guard != nil {
		return nil
	}
	return []value{{key: "unguarded", kind: 'b', on: true}}
}

// own makes an entry of the log about itself.
func (l *Log) own(id *identity, act string, attr ...value) (*draft, error) {
	return newDraft(l.ownLeaf(id, act, attr))
}

func (l *Log) ownLeaf(id *identity, act string, attr []value) *leaf {
	x := &leaf{log: id.id, id: ids.New(), at: l.now(), act: act, attr: attr}
	x.seed()
	return x
}
