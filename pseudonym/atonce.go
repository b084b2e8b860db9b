package pseudonym

import (
	"context"
	"errors"
	"slices"

	"github.com/gdprkit/gdprkit/storage"
)

var (
	// errPending tells that something was decided before and is to be finished first.
	errPending = errors.New("pseudonym: a shred is pending")

	// errDone tells that there is nothing left to shred.
	errDone = errors.New("pseudonym: is shredded")

	// errMet tells of a tombstone from before.
	errMet = errors.New("pseudonym: was shredded before")
)

// shredAtOnce decides and carries out the shred of one subject in a single
// transaction. That is possible where nothing outside of one database has to agree:
// there is no journal, and keys and data commit together. It reports false, having
// done nothing, where an earlier decision waits to be finished.
//
// Mostly a subject with a key was never shredded, and mostly nobody else shreds at the
// same time. So the first attempt neither reads the tombstones before it writes them
// nor locks the head: it goes on from the head that this process saw last. If it meets
// a tombstone, or another head, the second attempt looks first.
func (v *Vault) shredAtOnce(ctx context.Context, rows []closingRow) (done bool, err error) {
	var did shredded
	try := func(look bool) error {
		return v.keys.InTx(ctx, func(ctx context.Context) (err error) {
			did, err = v.shredNow(ctx, rows, look)
			return err
		})
	}
	err = try(false)
	if errors.Is(err, errMet) || errors.Is(err, storage.ErrStale) || errors.Is(err, storage.ErrDuplicate) {
		err = try(true)
	}
	switch {
	case errors.Is(err, errPending):
		return false, nil
	case errors.Is(err, errDone):
		return true, nil
	case err != nil:
		v.expire() // if nobody knows whether it was committed
		return false, unavailable("shred", err)
	}
	for _, kid := range did.dead {
		v.dead.add(kid)
	}
	v.cache.evict(rows[0].subject, names(rows)...)
	v.moved(did.from, did.to)
	return true, nil
}

// shredded is what shredNow did.
type shredded struct {
	from, to head
	dead     []keyID
	alias    []byte // of the tombstone of compartment ID, if it wrote one
}

// shredNow is the transaction of shredAtOnce. Look tells to lock the head and to read
// the tombstones. What is read stays true to the end: no other shred is carried out
// once the head is locked, and if one was before, the head is not the expected one.
func (v *Vault) shredNow(ctx context.Context, rows []closingRow, look bool) (did shredded, err error) {
	if err := v.holdKeys(ctx, rows, !v.keys.Traits().SealInside); err != nil { // one writer at a time: nobody makes a key
		return did, err
	}
	if did.from = v.expected(); look || did.from.epoch == 0 {
		if did.from, err = lockHead(ctx, v.keys, headKeys, head{}); err != nil {
			return did, err
		}
	}
	others, err := v.readKeys(ctx, rows)
	if err != nil {
		return did, err
	}
	if err := v.pending(ctx, did.from, rows); err != nil {
		return did, err
	}
	if look = look || all(rows, func(r closingRow) bool { return !r.live }); look {
		if err := v.readTombs(ctx, rows); err != nil {
			return did, err
		}
		if all(rows, func(r closingRow) bool { return r.gone }) {
			return did, errDone
		}
	}
	whole := others == 0 && len(rows) == len(v.compartments)
	ops := v.shredOps(&did, rows, look, whole)
	if err := v.recordDecided(ctx, rows); err != nil {
		return did, err
	}
	v.cache.evict(rows[0].subject, names(rows)...)
	more, err := v.unschedule(ctx, rows)
	if err != nil {
		return did, err
	}
	n, err := v.keys.Apply(ctx, append(ops, more...)...)
	if err != nil {
		return did, err
	}
	if err := shredCheck(n, rows, look, whole); err != nil {
		return did, err
	}
	return did, v.recordShred(ctx, "key.shredded", rows[0].subject, did.alias)
}

// pending returns errPending if an earlier decision waits to be finished: such a one
// has closed the subject's keys, unless its process did not know that keys and data
// share a database.
func (v *Vault) pending(ctx context.Context, k head, rows []closingRow) error {
	if k.n != k.planned || slices.ContainsFunc(rows, func(r closingRow) bool { return r.theirs && !r.live }) {
		return errPending
	}
	if v.opts.Data == nil {
		return nil
	}
	for _, err := range v.data.Scan(ctx, selClosingsOf, []any{rows[0].subject}) {
		return errors.Join(err, errPending)
	}
	return nil
}

// shredOps returns the writes of a shred from did.from on, and fills in the rest of
// did: the head, tombstones, the end of the keys, records and fences, the first three
// in the order of the runs.
func (v *Vault) shredOps(did *shredded, rows []closingRow, look, whole bool) []storage.Op {
	var missing []closingRow
	for _, r := range rows {
		if r.live {
			missing = append(missing, r)
		}
	}
	if len(missing) == 0 { // one record still carries the tag
		r := rows[0]
		r.kid = newKeyID(r.compartment)
		missing = append(missing, r)
	}
	tomb := newTomb
	if look {
		tomb = putTomb
	}
	var tombs, dels, rest, fences []storage.Op
	for _, r := range rows {
		if !r.gone {
			alias := newKeyID("")
			tombs = append(tombs, tomb.With(r.tag[:], r.compartment, alias[:], day(v.now()), 0))
			if r.compartment == ID {
				did.alias = alias[:]
			}
		}
		if !whole && r.kid != (keyID{}) {
			dels = append(dels, delKey.With(r.kid[:]))
		}
		if r.live && r.compartment == ID {
			rest = append(rest, delTokens.With(r.kid[:]))
		}
	}
	if whole {
		dels = append(dels, delKeysOf.With(rows[0].subject))
	}
	k, from := did.from, &did.from
	for _, r := range v.chain(&k, rows, missing) {
		rest = append(rest, insRecord.With(r.log[:], r.n, r.kid[:], r.encode(), 1))
		fences = append(fences, insFence.With(r.kid[:], r.n, r.day))
		did.dead = append(did.dead, r.kid)
	}
	k.n, k.h = k.planned, k.plannedHash
	did.to = k
	move := moveHead.With(k.n, k.h[:], k.planned, k.plannedHash[:], k.n, headKeys, from.incarnation[:], from.n, from.plannedHash[:])
	return slices.Concat([]storage.Op{move}, tombs, dels, rest, fences)
}

// shredCheck looks whether the writes met what was expected: each tombstone is new,
// and the subject had no other keys than those read.
func shredCheck(n []int64, rows []closingRow, look, whole bool) error {
	if !look && n[1] != int64(len(rows)) {
		return errMet
	}
	var found int64
	for _, r := range rows {
		if r.kid != (keyID{}) {
			found++
		}
	}
	if whole && n[2] != found {
		return errPending
	}
	return nil
}
