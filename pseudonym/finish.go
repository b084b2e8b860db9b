package pseudonym

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gdprkit/gdprkit/storage"
)

const finishPage = 256

// finishAll finishes every shred that was decided.
func (v *Vault) finishAll(ctx context.Context) error {
	for {
		var rows []closingRow
		for row, err := range v.data.Scan(ctx, selClosings, nil) {
			if err != nil {
				return unavailable("read the shreds", err)
			}
			var c closingRow
			if err := row.Scan(&c.subject, &c.compartment); err != nil {
				return unavailable("read the shreds", err)
			}
			if rows = append(rows, c); len(rows) >= finishPage && rows[0].subject != c.subject {
				break
			}
		}
		if err := v.complete(ctx, rows); err != nil || len(rows) < finishPage {
			return err
		}
	}
}

// complete carries out shreds whose intent is committed: number them in the key
// store, append them to the journal, destroy the keys, mark it in the data store.
// Each step can be repeated, by this process or another, and only leads forward.
func (v *Vault) complete(ctx context.Context, rows []closingRow) error {
	if len(rows) > 0 {
		if err := v.assign(ctx, rows); err != nil {
			return unavailable("number the shred", err)
		}
		for _, r := range rows {
			if r.gone {
				continue
			}
			v.dead.add(r.kid)
			v.cache.evict(r.subject, r.compartment)
		}
	}
	upTo, err := v.appendPlanned(ctx)
	if err != nil {
		return err
	}
	if err := v.destroy(ctx, rows, upTo); err != nil {
		return unavailable("destroy the keys", err)
	}
	if v.separate() {
		if err := v.markData(ctx, rows); err != nil {
			return unavailable("mark the shred in the data store", err)
		}
	}
	return nil
}

// assign closes and numbers the keys, unless decide has done so.
func (v *Vault) assign(ctx context.Context, rows []closingRow) error {
	isClosed := func(r closingRow) bool { return r.gone || r.kid != keyID{} }
	isNumbered := func(r closingRow) bool { return r.gone || r.numbered }
	closed, numbered := all(rows, isClosed), all(rows, isNumbered)
	if numbered {
		return nil
	}
	return v.keys.InTx(ctx, func(ctx context.Context) error {
		if !closed {
			if err := v.closeKeys(ctx, rows); err != nil {
				return err
			}
		}
		return v.number(ctx, rows)
	})
}

func all(rows []closingRow, f func(closingRow) bool) bool {
	return !slices.ContainsFunc(rows, func(r closingRow) bool { return !f(r) })
}

// number gives each key that is to be destroyed the next place in the chain. Where
// a subject had no key at all, one record still carries its tag. The caller has
// closed the keys.
func (v *Vault) number(ctx context.Context, rows []closingRow) error {
	missing, err := v.unnumbered(ctx, rows)
	if err != nil || len(missing) == 0 {
		return err
	}
	k, err := lockHead(ctx, v.keys, headKeys, head{})
	if err != nil {
		return err
	}
	var ops []storage.Op
	for _, r := range v.chain(&k, rows, missing) {
		ops = append(ops, insRecord.With(r.log[:], r.n, r.kid[:], r.encode(), 0))
	}
	ops = append(ops, updPlan.With(k.planned, k.plannedHash[:], headKeys))
	_, err = v.keys.Apply(ctx, ops...)
	return err
}

// chain makes the next records, and moves what k has planned on. Each says which
// compartments are closed to its subject, out of rows.
func (v *Vault) chain(k *head, rows, missing []closingRow) []record {
	closed := map[string]*compartmentSet{}
	for _, r := range rows {
		if closed[r.subject] == nil {
			closed[r.subject] = new(compartmentSet)
		}
		closed[r.subject].add(r.compartment)
	}
	list := make([]record, len(missing))
	for i, c := range missing {
		r := record{kind: kindShred, n: k.planned + 1, day: day(v.now()), log: k.incarnation, tag: c.tag, kid: c.kid,
			prev: k.plannedHash, closed: *closed[c.subject]}
		k.planned, k.plannedHash = r.n, hashRecord(r.encode())
		list[i] = r
	}
	return list
}

// unnumbered returns the rows that need a record and do not have one.
func (v *Vault) unnumbered(ctx context.Context, rows []closingRow) ([]closingRow, error) {
	hasKey := map[string]bool{}
	for i := range rows {
		rows[i].numbered = true
		hasKey[rows[i].subject] = hasKey[rows[i].subject] || !rows[i].none
	}
	var missing []closingRow
	for _, r := range rows {
		if r.gone || r.none && hasKey[r.subject] {
			continue
		}
		hasKey[r.subject] = true
		var n int64
		switch err := v.keys.Get(ctx, selRecordByKey, []any{r.kid[:]}, &n); {
		case errors.Is(err, storage.ErrNotFound):
			missing = append(missing, r)
		case err != nil:
			return nil, err
		}
	}
	return missing, nil
}

// destroy deletes the keys of every numbered erasure up to n, and the rows that
// stand for keys that never were. Where data and keys share a database it marks
// the data too.
func (v *Vault) destroy(ctx context.Context, rows []closingRow, upTo int64) error {
	for {
		more := false
		err := v.keys.InTx(ctx, func(ctx context.Context) error {
			k, err := lockHead(ctx, v.keys, headKeys, head{})
			if err != nil {
				return err
			}
			last := min(upTo, k.planned)
			ops, done, err := v.carryOut(ctx, &k, last, rows)
			if err != nil {
				return err
			}
			more = k.n < last
			if more {
				return v.bury(ctx, k, ops, done, nil)
			}
			return v.bury(ctx, k, ops, append(done, rows...), rows)
		})
		if err != nil || !more {
			return err
		}
	}
}

// carryOut returns the writes that destroy a page of keys after k.n, in order, and
// moves k on. Rows are those that were read already.
func (v *Vault) carryOut(ctx context.Context, k *head, upTo int64, rows []closingRow) (ops []storage.Op, done []closingRow, err error) {
	pages := 0
	for row, err := range v.keys.Scan(ctx, selRecordsFrom, []any{k.incarnation[:], k.n, upTo}) {
		if err != nil {
			return nil, nil, err
		}
		if pages++; pages > finishPage {
			break
		}
		var n int64
		var b []byte
		if err := row.Scan(&n, &b); err != nil {
			return nil, nil, err
		}
		r, ok := parseRecord(b)
		if !ok || r.n != k.n+1 || r.prev != k.h {
			return nil, nil, fmt.Errorf("pseudonym: record %d does not follow: %w", n, ErrForked)
		}
		k.n, k.h = r.n, hashRecord(b)
		c, err := v.keyOf(ctx, &r, rows)
		if err != nil {
			return nil, nil, err
		}
		if c.subject != "" {
			done = append(done, c)
		}
		if c.compartment == ID || c.compartment == "" {
			ops = append(ops, delTokens.With(r.kid[:]))
		}
		ops = append(ops, insFence.With(r.kid[:], r.n, r.day), doneRecord.With(1, k.incarnation[:], r.n))
		v.dead.add(r.kid)
	}
	return ops, done, nil
}

// keyOf finds the row of a record's key; it may be gone.
func (v *Vault) keyOf(ctx context.Context, r *record, rows []closingRow) (closingRow, error) {
	if i := slices.IndexFunc(rows, func(c closingRow) bool { return c.kid == r.kid && !c.gone }); i >= 0 {
		return rows[i], nil
	}
	c := closingRow{kid: r.kid, tag: r.tag}
	var state int
	err := v.keys.Get(ctx, selKeyByID, []any{r.kid[:]}, &c.subject, &c.compartment, &state)
	if errors.Is(err, storage.ErrNotFound) {
		err = nil
	}
	return c, err
}

// bury deletes the key rows, sets the tombstones and moves the head. In a common
// database it takes away the intents of rows and records the outcome.
func (v *Vault) bury(ctx context.Context, k head, ops []storage.Op, done, rows []closingRow) error {
	var dels, tombs []storage.Op
	today := day(v.now())
	seen := map[closingKey]bool{}
	aliases := map[string][]byte{} // of compartment ID, by subject
	for _, c := range done {
		id := closingKey{c.subject, c.compartment}
		if seen[id] || c.gone {
			continue
		}
		seen[id] = true
		alias := newKeyID("")
		dels = append(dels, delKey.With(c.kid[:]))
		tombs = append(tombs, putTomb.With(c.tag[:], c.compartment, alias[:], today, 0))
		if c.compartment == ID {
			aliases[c.subject] = alias[:]
		}
		v.cache.evict(c.subject, c.compartment)
	}
	ops = slices.Concat(ops, dels, tombs, []storage.Op{updDone.With(k.n, k.h[:], k.n, headKeys)})
	if v.separate() || len(rows) == 0 {
		_, err := v.keys.Apply(ctx, ops...)
		return err
	}
	return v.outcome(ctx, v.keys, ops, rows, aliases)
}

// outcome applies ops, takes the intents away and records what was shredded, once.
// Aliases are those that ops give to subjects.
func (v *Vault) outcome(ctx context.Context, s storage.Store, ops []storage.Op, rows []closingRow, aliases map[string][]byte) error {
	if len(rows) > 0 && rows[0].subject != rows[len(rows)-1].subject {
		var err error
		if rows, err = stillClosing(ctx, s, rows); err != nil {
			return err
		}
	}
	var subjects []string
	for _, r := range rows {
		ops = append(ops, delClosing.With(r.subject, r.compartment))
		if !slices.Contains(subjects, r.subject) {
			subjects = append(subjects, r.subject)
		}
	}
	n, err := s.Apply(ctx, ops...)
	if err != nil || len(rows) == 0 || n[len(n)-1] == 0 {
		return err // somebody else has finished and recorded it
	}
	for _, s := range subjects {
		if err := v.recordShred(ctx, "key.shredded", s, aliases[s]); err != nil {
			return err
		}
	}
	return nil
}

// stillClosing returns those of rows that nobody else has finished.
func stillClosing(ctx context.Context, s storage.Store, rows []closingRow) (list []closingRow, err error) {
	open := map[closingKey]bool{}
	for row, err := range s.Scan(ctx, selClosings, nil) {
		var k closingKey
		if err == nil {
			err = row.Scan(&k.subject, &k.compartment)
		}
		if err != nil {
			return nil, err
		}
		open[k] = true
	}
	for _, r := range rows {
		if open[closingKey{r.subject, r.compartment}] {
			list = append(list, r)
		}
	}
	return list, nil
}

type closingKey struct{ subject, compartment string }

// markData copies the records to a data store of its own, takes the intents away
// and records the outcome.
func (v *Vault) markData(ctx context.Context, rows []closingRow) error {
	k, err := readHead(ctx, v.keys, headKeys)
	if err != nil {
		return err
	}
	return v.data.InTx(ctx, func(ctx context.Context) error {
		d, err := lockHead(ctx, v.data, headData, head{incarnation: k.incarnation})
		if err != nil {
			return err
		}
		ops, err := v.copyRecords(ctx, d, k)
		if err != nil {
			return err
		}
		return v.outcome(ctx, v.data, ops, rows, nil)
	})
}

// copyRecords returns the writes that bring a data store's chain up to that of the
// key store.
func (v *Vault) copyRecords(ctx context.Context, d, k head) ([]storage.Op, error) {
	from := d.n
	if d.incarnation != k.incarnation {
		from = 0
	}
	var ops []storage.Op
	for row, err := range v.keys.Scan(ctx, selRecordsFrom, []any{k.incarnation[:], from, k.n}) {
		if err != nil {
			return nil, err
		}
		var n int64
		var b []byte
		if err := row.Scan(&n, &b); err != nil {
			return nil, err
		}
		r, _ := parseRecord(b)
		ops = append(ops, putRecord.With(k.incarnation[:], n, r.kid[:], b, 1))
	}
	if k.n > from || d.incarnation != k.incarnation {
		ops = append(ops, updChain.With(k.incarnation[:], k.n, k.h[:], k.n, k.h[:], d.restored, headData))
	}
	return ops, nil
}
