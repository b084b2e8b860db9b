package pseudonym

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// errEpochMoved tells that a new epoch began while a key was being made.
var errEpochMoved = errors.New("pseudonym: key epoch moved on")

// entry returns the subject's key of a compartment, from the cache if that was
// confirmed within KeyBound. It makes the key if create is set.
func (v *Vault) entry(ctx context.Context, subject, compartment string, create bool) (*entry, error) {
	if e := v.cache.get(subject, compartment); e != nil && v.fresh() {
		return e, nil
	}
	return v.load(ctx, subject, compartment, create)
}

func (v *Vault) load(ctx context.Context, subject, compartment string, create bool) (*entry, error) {
	if err := gdpr.CheckSubject("subject", subject, v.opts.LooseSubjects); err != nil {
		return nil, err
	}
	if err := v.check(ctx); err != nil {
		return nil, err
	}
	if e := v.cache.get(subject, compartment); e != nil {
		return e, nil
	}
	if n, ok := ctx.Value(nameKey{v}).(*name); ok && compartment == ID && n.subject == subject {
		return nil, &shreddedAs{n.key}
	}
	e, err := v.read(ctx, subject, compartment)
	if !create || !errors.Is(err, errNoRow) {
		return e, err
	}
	for range 8 {
		if e, err = v.create(ctx, subject, compartment); !errors.Is(err, errEpochMoved) {
			return e, unavailableIf("create a key", err)
		}
	}
	return nil, unavailable("create a key", err)
}

// errNoRow wraps ErrNoKey where no tombstone stands in the way of a new key.
var errNoRow = fmt.Errorf("%w", ErrNoKey)

// read returns the key from its row. If the row's epoch is destroyed, it is read
// again: a rotation may have moved the key on between the two reads.
func (v *Vault) read(ctx context.Context, subject, compartment string) (*entry, error) {
	e, epoch, err := v.readRow(ctx, subject, compartment)
	for tries := 0; errors.Is(err, ErrKeyLost) && tries < 3; tries++ {
		was := epoch
		if e, epoch, err = v.readRow(ctx, subject, compartment); epoch == was {
			break
		}
	}
	return e, err
}

func (v *Vault) readRow(ctx context.Context, subject, compartment string) (*entry, int, error) {
	var r struct { // one allocation
		kid, wrapped []byte
		epoch, state int
	}
	err := v.keys.Get(ctx, selKey, []any{subject, compartment}, &r.kid, &r.epoch, &r.state, &r.wrapped)
	switch {
	case err == nil && r.state == live:
		e, err := v.unlock(ctx, subject, compartment, keyID(r.kid), r.epoch, r.wrapped)
		return e, r.epoch, err
	case err == nil:
		err = ErrShredded
	case errors.Is(err, storage.ErrNotFound):
		err = v.absent(ctx, subject, compartment)
	default:
		err = unavailable("read the key", err)
	}
	return nil, r.epoch, err
}

// unlock makes an entry of a key row that was read through ctx.
func (v *Vault) unlock(ctx context.Context, subject, compartment string, kid keyID, epoch int, wrapped []byte) (*entry, error) {
	tek, err := v.tek(ctx, epoch)
	if err != nil {
		return nil, err
	}
	key, err := unwrap(tek, wrapped, wrapAAD(v.tenant, subject, compartment, kid, epoch))
	if err != nil || len(key) != keySize && len(key) != 2*keySize {
		return nil, fmt.Errorf("pseudonym: the stored key does not unwrap: %w", ErrDamaged)
	}
	if v.dead.has(kid, never) {
		return nil, ErrShredded
	}
	e := newEntry(v.tenant, subject, compartment, kid, key)
	if v.settled(ctx, kid) && v.current(ctx) {
		v.keep(e)
	}
	return e, nil
}

// keep puts a committed key into the cache, unless it was shredded meanwhile.
func (v *Vault) keep(e *entry) {
	v.cache.put(e)
	if v.dead.has(e.kid, never) {
		v.cache.evict(e.subject, e.compartment)
	}
}

// current tells whether ctx sees the key store as new as this process has seen it.
// A transaction's snapshot may be older; what it shows must not enter the cache.
func (v *Vault) current(ctx context.Context) bool {
	if v.keys.State(ctx) != storage.Joined || !v.keys.Traits().Snapshot {
		return true
	}
	k, err := readHead(ctx, v.keys, headKeys)
	v.mu.Lock()
	defer v.mu.Unlock()
	return err == nil && k.incarnation == v.seen.incarnation && k.n == v.seen.n
}

// absent says why there is no key row.
func (v *Vault) absent(ctx context.Context, subject, compartment string) error {
	alias, back, err := v.tombstone(ctx, subject, compartment)
	switch {
	case errors.Is(err, storage.ErrNotFound):
	case err != nil:
		return unavailable("read the tombstone", err)
	case !back:
		return &shreddedAs{alias[:]}
	}
	return errNoRow
}

// lost turns the answer "no key" into "lost" for somebody who holds a sealed value,
// if the key store was ever restored.
func (v *Vault) lost(ctx context.Context, err error) error {
	if !errors.Is(err, errNoRow) {
		return err
	}
	var restores int
	if e := v.keys.Get(ctx, countRestores, []any{"accepted"}, &restores); e != nil {
		return unavailable("read the restores", e)
	}
	if restores > 0 {
		return ErrKeyLost
	}
	return ErrNoKey
}

// create makes the key, or finds the one that somebody else made first.
func (v *Vault) create(ctx context.Context, subject, compartment string) (*entry, error) {
	k, err := v.keysHead(ctx)
	if err != nil {
		return nil, err
	}
	tek, err := v.tek(ctx, k.epoch)
	if err != nil {
		return nil, err
	}
	tag, err := v.tag(ctx, subject)
	if err != nil {
		return nil, err
	}
	key := make([]byte, keySize, 2*keySize)
	if compartment == ID {
		key = key[:2*keySize]
	}
	random(key)
	made := newEntry(v.tenant, subject, compartment, newKeyID(compartment), key)
	row := []any{subject, compartment, made.kid[:], k.epoch, live,
		wrap(tek, key, wrapAAD(v.tenant, subject, compartment, made.kid, k.epoch)), storage.Micros(v.now())}

	won := false
	err = v.keys.InTx(ctx, func(ctx context.Context) error {
		won, err = v.insertKey(ctx, k.epoch, tag, compartment, row)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !won {
		return v.read(ctx, subject, compartment)
	}
	v.created(ctx, made)
	return made, nil
}

// insertKey writes the row unless there is one, a tombstone, or a new epoch. The
// tombstone is looked at before, so that the common case writes nothing, and
// after, since a shred may have finished in between.
func (v *Vault) insertKey(ctx context.Context, epoch int, tag keyID, compartment string, row []any) (won bool, err error) {
	now, err := readHead(ctx, v.keys, headKeys)
	if err != nil {
		return false, err
	}
	if now.epoch != epoch {
		return false, errEpochMoved
	}
	if err := v.refuseTomb(ctx, tag, compartment); err != nil {
		return false, err
	}
	n, err := v.keys.Apply(ctx, insKey.With(row...))
	if err != nil || n[0] == 0 {
		return false, err
	}
	return true, v.refuseTomb(ctx, tag, compartment)
}

func (v *Vault) refuseTomb(ctx context.Context, tag keyID, compartment string) error {
	switch _, back, err := v.readTomb(ctx, tag, compartment); {
	case errors.Is(err, storage.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !back:
		return ErrShredded
	}
	return nil
}

// created decides when a key that was just inserted through ctx may be shared.
func (v *Vault) created(ctx context.Context, e *entry) {
	if v.keys.State(ctx) == storage.Outside {
		v.keep(e)
		return
	}
	v.unseen.add(e.kid, v.clock())
	if v.keys.State(ctx) == storage.Owned && !v.separate() {
		storage.AfterCommit(ctx, func() {
			v.unseen.drop(e.kid)
			v.keep(e)
		})
	}
}

// Ensure makes the keys of the subjects that they do not have yet, in compartments
// Ordinary and ID, and holds ready those that they have. Call it before a
// transaction in which many things are sealed, so that no key is made inside it.
func (v *Vault) Ensure(ctx context.Context, subjects ...string) error {
	sorted := slices.Compact(slices.Sorted(slices.Values(subjects)))
	for _, s := range sorted {
		for _, c := range v.compartments {
			needed := c == Ordinary || c == ID
			_, err := v.entry(ctx, s, c, needed)
			if err != nil && (needed || !errors.Is(err, ErrNoKey) && !errors.Is(err, ErrShredded)) {
				return err
			}
		}
	}
	return nil
}
