package audit

import (
	"context"
	"crypto"

	"github.com/gdprkit/gdprkit/storage"
)

func (l *Log) signerKey() crypto.Signer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opt.Signer
}

// Rotate replaces the signing key: the log names the new key under a checkpoint of
// the old one, then both sign a checkpoint, then the old key is retired under one
// of the new. Whoever trusts the old key can so follow to the new one. Afterwards
// the host opens the log with the new key as Options.Signer. A Rotate that was
// interrupted is repeated with the same keys.
func (l *Log) Rotate(ctx context.Context, next crypto.Signer) error {
	if l.signerKey() == nil {
		return ErrNoSigner
	}
	if !l.outside(ctx) {
		return storage.ErrInTx
	}
	if err := l.allow(ctx, "audit.rotate", ""); err != nil {
		return err
	}
	id, err := l.opened(ctx)
	if err != nil {
		return err
	}
	old, err := newKeySigner(id.origin, l.signerKey())
	if err != nil {
		return err
	}
	fresh, err := newKeySigner(id.origin, next)
	if err != nil {
		return err
	}
	if _, err := l.unbroken(ctx, nil); err != nil {
		return err
	}
	if err := l.tellKey(ctx, id, "log.key.added", fresh.vkey); err != nil {
		return err
	}
	if _, err := l.checkpoint(ctx, old); err != nil {
		return err
	}
	if _, err := l.checkpoint(ctx, old, fresh); err != nil {
		return err
	}
	if err := l.tellKey(ctx, id, "log.key.retired", old.vkey); err != nil {
		return err
	}
	l.mu.Lock()
	l.opt.Signer = next
	l.mu.Unlock()
	_, err = l.checkpoint(ctx, fresh)
	return err
}

// tellKey seals an entry about a key unless the log already is in that state.
func (l *Log) tellKey(ctx context.Context, id *identity, act, vkey string) error {
	h, err := l.readHead(ctx)
	if err != nil {
		return err
	}
	if added := act == "log.key.added"; contains(h.keys, vkey) == added {
		return nil
	}
	d, err := l.own(id, act, value{key: "key", kind: 's', text: vkey})
	if err != nil {
		return err
	}
	if act == "log.key.added" {
		d.addKey = vkey
	} else {
		d.dropKey = vkey
	}
	return l.commit(ctx, []*draft{d})
}
