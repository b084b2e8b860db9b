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
)

// shredAtOnce decides and carries out the shred of one subject in a single
// transaction. That is possible where nothing outside of one database has to agree:
// there is no journal, and keys and data commit together. It reports false, having
// done nothing, where an earlier decision waits to be finished.
func (v *Vault) shredAtOnce(ctx context.Context, rows []closingRow) (done bool, err error) {
	var dead []keyID
	err = v.keys.InTx(ctx, func(ctx context.Context) error {
		dead = dead[:0]
		if err := v.findKeys(ctx, rows, !v.keys.Traits().SealInside); err != nil { // one writer at a time: nobody makes a key
			return err
		}
		for _, err := range v.data.Scan(ctx, selClosingsOf, []any{rows[0].subject}) {
			return errors.Join(err, errPending)
		}
		if all(rows, func(r closingRow) bool { return r.gone }) {
			return errDone
		}
		k, err := lockHead(ctx, v.keys, headKeys, head{})
		if err != nil {
			return err
		}
		if k.n != k.planned || slices.ContainsFunc(rows, func(r closingRow) bool { return !r.none && !r.live }) {
			return errPending
		}
		ops := v.shredOps(k, rows, &dead)
		if err := v.record(ctx, "key.shred.decided", rows[0].subject,
			gdpr.Clear("compartments", strings.Join(names(rows), ","))); err != nil {
			return err
		}
		v.cache.evict(rows[0].subject, names(rows)...)
		more, err := v.unschedule(ctx, rows)
		if err != nil {
			return err
		}
		if _, err := v.keys.Apply(ctx, append(ops, more...)...); err != nil {
			return err
		}
		return v.record(ctx, "key.shredded", rows[0].subject)
	})
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

// shredOps returns the writes of a shred from k on: its records, fences and
// tombstones, and the end of the keys.
func (v *Vault) shredOps(k head, rows []closingRow, dead *[]keyID) []storage.Op {
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
	var records, fences, toks, dels, tombs []storage.Op
	for _, r := range v.chain(&k, rows, missing) {
		records = append(records, insRecord.With(r.log[:], r.n, r.kid[:], r.encode(), 1))
		fences = append(fences, insFence.With(r.kid[:], r.n, r.day))
		*dead = append(*dead, r.kid)
	}
	for _, r := range rows {
		if r.kid != (keyID{}) {
			dels = append(dels, delKey.With(r.kid[:]))
		}
		if r.gone {
			continue
		}
		if r.live && r.compartment == ID {
			toks = append(toks, delTokens.With(r.kid[:]))
		}
		alias := newKeyID("")
		tombs = append(tombs, putTomb.With(r.tag[:], r.compartment, alias[:], day(v.now()), 0))
	}
	ops := slices.Concat(records, fences, toks, dels, tombs)
	return append(ops, updBoth.With(k.planned, k.plannedHash[:], k.planned, k.plannedHash[:], k.planned, headKeys))
}
