package pseudonym

import (
	"bytes"
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/storage"
)

const rewrapPage = 200

// Rotate moves every key to a new key epoch and destroys the epochs whose window
// is over. It reads and writes pages, so that sealing and opening go on; after a
// crash the next call resumes. It is what makes older copies of the key store
// useless: see Report.Bound.
//
// The epoch that it retires can still be read for Options.Window; a later call,
// or Run, destroys it then.
func (v *Vault) Rotate(ctx context.Context) error {
	if v.keys.State(ctx) != storage.Outside || v.data.State(ctx) != storage.Outside {
		return storage.ErrInTx
	}
	if err := v.check(ctx); err != nil {
		return err
	}
	if err := v.finishAll(ctx); err != nil {
		return err
	}
	list, err := v.epochs(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(e epochRow) bool { return e.state == epochDraining }) {
		if err := v.begin(ctx, list); err != nil {
			return err
		}
	}
	if err := v.drain(ctx); err != nil {
		return err
	}
	return v.destroyRetired(ctx)
}

// rotateIfDue resumes a rotation, or starts one when the epoch is old enough.
func (v *Vault) rotateIfDue(ctx context.Context) error {
	list, err := v.epochs(ctx)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.state == epochDraining ||
			e.state == epochCurrent && v.now().Sub(storage.Time(e.created)) >= v.opts.EpochLength {
			return v.Rotate(ctx)
		}
	}
	return v.destroyRetired(ctx)
}

func (v *Vault) epochs(ctx context.Context) ([]epochRow, error) {
	var list []epochRow
	for row, err := range v.keys.Scan(ctx, selEpochs, nil) {
		if err != nil {
			return nil, unavailable("read the epochs", err)
		}
		var e epochRow
		if err := row.Scan(&e.epoch, &e.ref, &e.state, &e.created, &e.retired, &e.gone); err != nil {
			return nil, unavailable("read the epochs", err)
		}
		list = append(list, e)
	}
	return list, nil
}

// begin creates the next epoch, makes sure that it can be used, and makes it the
// current one.
func (v *Vault) begin(ctx context.Context, list []epochRow) error {
	k, err := v.keysHead(ctx)
	if err != nil {
		return err
	}
	next := k.epoch + 1
	ready := slices.IndexFunc(list, func(e epochRow) bool { return e.epoch == next })
	ref := ""
	if ready >= 0 {
		ref = list[ready].ref
	} else {
		row, err := v.newEpoch(ctx, next, epochReady)
		if err != nil {
			return err
		}
		n, err := v.keys.Apply(ctx, insEpoch.With(row.args()...))
		if err != nil {
			return unavailable("create the epoch", err)
		}
		if ref = row.ref; n[0] == 0 {
			_, _ = v.wrapper.Destroy(ctx, row.ref) // another process was first; nothing is under it
			if list, err = v.epochs(ctx); err != nil {
				return err
			}
			return v.begin(ctx, list)
		}
	}
	v.teks.drop(next)
	if _, err := v.tek(ctx, next); err != nil {
		return err
	}
	if v.opts.Confirm != nil {
		if err := v.opts.Confirm(ctx, ref); err != nil {
			return unavailable("confirm the new epoch", err)
		}
	}
	err = v.keys.InTx(ctx, func(ctx context.Context) error {
		_, err := v.keys.Apply(ctx,
			updEpoch.With(next, headKeys, k.epoch),
			updEpochState.With(epochDraining, 0, k.epoch, epochCurrent),
			updEpochState.With(epochCurrent, 0, next, epochReady))
		if err != nil {
			return err
		}
		return v.record(ctx, "key.epoch.begun", "", slog.Int("epoch", next))
	})
	if errors.Is(err, storage.ErrStale) {
		return nil // another process has begun it
	}
	return unavailableIf("begin the epoch", err)
}

// drain moves the keys out of the epochs that are not current any more.
func (v *Vault) drain(ctx context.Context) error {
	list, err := v.epochs(ctx)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.state != epochDraining {
			continue
		}
		left, err := v.moveOut(ctx, e.epoch)
		if err != nil {
			return err
		}
		if left > 0 {
			return fmt.Errorf("pseudonym: %d keys stay in epoch %d, rotate again: %w", left, e.epoch, ErrKeyUnavailable)
		}
		err = v.keys.InTx(ctx, func(ctx context.Context) error {
			n, err := v.keys.Apply(ctx, updEpochState.With(epochRetired, storage.Micros(v.now()), e.epoch, epochDraining))
			if err != nil || n[0] == 0 {
				return err
			}
			return v.record(ctx, "key.epoch.retired", "", slog.Int("epoch", e.epoch))
		})
		if err != nil {
			return unavailable("retire the epoch", err)
		}
	}
	return nil
}

// moveOut rewraps every key and secret of an epoch under the current one, and
// returns how many are left.
func (v *Vault) moveOut(ctx context.Context, from int) (left int, err error) {
	k, err := v.keysHead(ctx)
	if err != nil {
		return 0, err
	}
	oldTEK, err := v.tek(ctx, from)
	if err != nil {
		return 0, err
	}
	newTEK, err := v.tek(ctx, k.epoch)
	if err != nil {
		return 0, err
	}
	m := mover{v: v, from: from, to: k.epoch, oldTEK: oldTEK, newTEK: newTEK}
	if err := m.secrets(ctx); err != nil {
		return 0, unavailable("rewrap the secrets", err)
	}
	if err := m.keys(ctx); err != nil {
		return 0, unavailable("rewrap the keys", err)
	}
	return v.countOf(ctx, from)
}

func (v *Vault) countOf(ctx context.Context, epoch int) (int, error) {
	var keys, secrets int
	if err := v.keys.Get(ctx, countKeysOfEpoch, []any{epoch}, &keys); err != nil {
		return 0, unavailable("count the keys of the epoch", err)
	}
	if err := v.keys.Get(ctx, countSecretsOfEpoch, []any{epoch}, &secrets); err != nil {
		return 0, unavailable("count the secrets of the epoch", err)
	}
	return keys + secrets, nil
}

// mover rewraps what is in one epoch. It only ever updates a live row of the id and
// epoch that it has read, so that a key shredded meanwhile stays gone.
type mover struct {
	v              *Vault
	from, to       int
	oldTEK, newTEK cipher.AEAD
}

func (m *mover) rewrap(kid keyID, subject, compartment string, wrapped []byte) ([]byte, error) {
	key, err := unwrap(m.oldTEK, wrapped, wrapAAD(m.v.tenant, subject, compartment, kid, m.from))
	if err != nil {
		return nil, err
	}
	return wrap(m.newTEK, key, wrapAAD(m.v.tenant, subject, compartment, kid, m.to)), nil
}

func (m *mover) keys(ctx context.Context) error {
	after := []byte{}
	for {
		var ops []storage.Op
		last := after
		for row, err := range m.v.keys.Scan(ctx, selKeysOfEpoch, []any{m.from, after}) {
			if err != nil {
				return err
			}
			var kid, wrapped []byte
			var subject, compartment string
			if err := row.Scan(&kid, &subject, &compartment, &wrapped); err != nil {
				return err
			}
			last = bytes.Clone(kid)
			fresh, err := m.rewrap(keyID(kid), subject, compartment, wrapped)
			if err != nil {
				m.v.opts.Logger.WarnContext(ctx, "a stored key does not unwrap and cannot move to the new epoch")
				continue
			}
			ops = append(ops, rewrapKey.With(fresh, m.to, last, m.from, live))
		}
		if bytes.Equal(last, after) {
			return nil
		}
		if len(ops) > 0 {
			if _, err := m.v.keys.Apply(ctx, ops...); err != nil {
				return err
			}
		}
		after = last
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func (m *mover) secrets(ctx context.Context) error {
	var ops []storage.Op
	for row, err := range m.v.keys.Scan(ctx, selSecretsOfEpoch, []any{m.from}) {
		if err != nil {
			return err
		}
		var name string
		var generation, state int
		var kid, wrapped []byte
		if err := row.Scan(&name, &generation, &kid, &wrapped, &state); err != nil {
			return err
		}
		fresh, err := m.rewrap(keyID(kid), "", name, wrapped)
		if err != nil {
			return err
		}
		ops = append(ops, rewrapSecret.With(fresh, m.to, bytes.Clone(kid), m.from, state))
	}
	if len(ops) == 0 {
		return nil
	}
	_, err := m.v.keys.Apply(ctx, ops...)
	return err
}

// destroyRetired destroys the epochs whose window is over. A transaction that was
// open while the epoch ended may have added a key to it since: it moves first.
func (v *Vault) destroyRetired(ctx context.Context) error {
	list, err := v.epochs(ctx)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.state != epochRetired || v.now().Sub(storage.Time(e.retired)) < v.opts.Window {
			continue
		}
		left, err := v.countOf(ctx, e.epoch)
		if err == nil && left > 0 {
			left, err = v.moveOut(ctx, e.epoch)
		}
		if err != nil {
			return err
		}
		if left > 0 {
			return fmt.Errorf("pseudonym: %d keys stay in epoch %d: %w", left, e.epoch, ErrKeyUnavailable)
		}
		if err := v.destroyEpoch(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (v *Vault) destroyEpoch(ctx context.Context, e epochRow) error {
	gone, err := v.wrapper.Destroy(ctx, e.ref)
	if errors.Is(err, ErrUnknownRef) { // a crash after the destruction
		gone, err = v.now(), nil
	}
	if err != nil {
		return unavailable("destroy the key-encryption key", err)
	}
	v.teks.drop(e.epoch)
	return unavailableIf("mark the destroyed epoch", v.keys.InTx(ctx, func(ctx context.Context) error {
		if _, err := v.keys.Apply(ctx, updEpochGone.With(epochDestroyed, []byte{}, storage.Micros(gone), e.epoch)); err != nil {
			return err
		}
		return v.record(ctx, "key.epoch.destroyed", "", slog.Int("epoch", e.epoch))
	}))
}

// bound is B: how long after a shred an older copy of the key store opens nothing
// of it any more, not counting the time to rewrap.
func (v *Vault) bound(delay time.Duration) time.Duration {
	return v.opts.EpochLength + v.opts.Window + delay
}
