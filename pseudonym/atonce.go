package pseudonym

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/gdpr"
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
// Mostly a subject with a key was never shredded, so the tombstones are not read
// before they are written, unless one is met.
func (v *Vault) shredAtOnce(ctx context.Context, rows []closingRow) (done bool, err error) {
	var dead []keyID
	try := func(look bool) error {
		return v.keys.InTx(ctx, func(ctx context.Context) (err error) {
			dead, err = v.shredNow(ctx, rows, look)
			return err
		})
	}
	if err = try(false); errors.Is(err, errMet) {
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
	for _, kid := range dead {
		v.dead.add(kid)
	}
	v.cache.evict(rows[0].subject, names(rows)...)
	return true, nil
}

// shredNow is the transaction of shredAtOnce. Look tells to read the tombstones.
// From the lock of the head on no other shred is carried out, so that what is read
// after it stays true.
func (v *Vault) shredNow(ctx context.Context, rows []closingRow, look bool) (dead []keyID, err error) {
	if err := v.holdKeys(ctx, rows, !v.keys.Traits().SealInside); err != nil { // one writer at a time: nobody makes a key
		return nil, err
	}
	k, err := lockHead(ctx, v.keys, headKeys, head{})
	if err != nil {
		return nil, err
	}
	others, err := v.readKeys(ctx, rows)
	if err != nil {
		return nil, err
	}
	if err := v.pending(ctx, k, rows); err != nil {
		return nil, err
	}
	if look = look || all(rows, func(r closingRow) bool { return !r.live }); look {
		if err := v.readTombs(ctx, rows); err != nil {
			return nil, err
		}
		if all(rows, func(r closingRow) bool { return r.gone }) {
			return nil, errDone
		}
	}
	whole := others == 0 && len(rows) == len(v.compartments)
	ops, dead := v.shredOps(k, rows, look, whole)
	if err := v.record(ctx, "key.shred.decided", rows[0].subject,
		gdpr.Clear("compartments", strings.Join(names(rows), ","))); err != nil {
		return nil, err
	}
	v.cache.evict(rows[0].subject, names(rows)...)
	more, err := v.unschedule(ctx, rows)
	if err != nil {
		return nil, err
	}
	n, err := v.keys.Apply(ctx, append(ops, more...)...)
	if err != nil {
		return nil, err
	}
	if err := shredCheck(n, rows, look, whole); err != nil {
		return nil, err
	}
	return dead, v.record(ctx, "key.shredded", rows[0].subject)
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

// shredOps returns the writes of a shred from k on: its tombstones, the end of the
// keys, records and fences. The tombstones are the first run, the keys the second.
func (v *Vault) shredOps(k head, rows []closingRow, look, whole bool) (ops []storage.Op, dead []keyID) {
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
	var dels, rest, fences []storage.Op
	for _, r := range rows {
		if !r.gone {
			alias := newKeyID("")
			ops = append(ops, tomb.With(r.tag[:], r.compartment, alias[:], day(v.now()), 0))
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
	for _, r := range v.chain(&k, rows, missing) {
		rest = append(rest, insRecord.With(r.log[:], r.n, r.kid[:], r.encode(), 1))
		fences = append(fences, insFence.With(r.kid[:], r.n, r.day))
		dead = append(dead, r.kid)
	}
	ops = slices.Concat(ops, dels, rest, fences)
	return append(ops, updBoth.With(k.planned, k.plannedHash[:], k.planned, k.plannedHash[:], k.planned, headKeys)), dead
}

// shredCheck looks whether the writes met what was expected: each tombstone is new,
// and the subject had no other keys than those read.
func shredCheck(n []int64, rows []closingRow, look, whole bool) error {
	if !look && n[0] != int64(len(rows)) {
		return errMet
	}
	var found int64
	for _, r := range rows {
		if r.kid != (keyID{}) {
			found++
		}
	}
	if whole && n[1] != found {
		return errPending
	}
	return nil
}
