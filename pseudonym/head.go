package pseudonym

import (
	"context"
	"errors"

	"github.com/gdprkit/gdprkit/storage"
)

// The rows of the head table.
const (
	headKeys = "keys"
	headData = "data"
)

type digest = [32]byte

// head is the state of one store in the chain of erasures.
type head struct {
	incarnation keyID
	n           int64  // erasures carried out
	h           digest // of record n
	planned     int64  // erasures numbered; n <= planned
	plannedHash digest
	epoch       int
	journal     bool  // a journal was in use
	restored    int64 // when a restore was noticed that nobody has accepted yet
	remnants    int64 // n of the last shred whose wrapped key may linger in files; 0: clean
}

func (h *head) row(name string) []any {
	return []any{name, h.incarnation[:], h.n, h.h[:], h.planned, h.plannedHash[:], h.epoch, h.journal, h.restored, h.remnants}
}

// rawHead takes the byte columns while a head is read.
type rawHead struct {
	head
	inc, h, ph []byte
}

func (r *rawHead) dest() []any {
	return []any{&r.inc, &r.n, &r.h, &r.planned, &r.ph, &r.epoch, &r.journal, &r.restored, &r.remnants}
}

func (r *rawHead) value() head {
	copy(r.incarnation[:], r.inc)
	copy(r.head.h[:], r.h)
	copy(r.plannedHash[:], r.ph)
	return r.head
}

func readHead(ctx context.Context, s storage.Store, name string) (head, error) {
	var r rawHead
	if err := s.Get(ctx, selHead, []any{name}, r.dest()...); err != nil {
		return head{}, err
	}
	return r.value(), nil
}

// lockHead inserts the head if it is missing, locks it and reads it.
func lockHead(ctx context.Context, s storage.Store, name string, missing head) (head, error) {
	var r rawHead
	if err := s.Claim(ctx, claimHead, missing.row(name), r.dest()...); err != nil {
		return head{}, err
	}
	return r.value(), nil
}

// keysHead reads the head of the key store and makes it if there is none.
func (v *Vault) keysHead(ctx context.Context) (head, error) {
	k, err := readHead(ctx, v.keys, headKeys)
	if errors.Is(err, storage.ErrNotFound) {
		if err = v.setup(ctx); err == nil {
			k, err = readHead(ctx, v.keys, headKeys)
		}
	}
	return k, unavailableIf("read the key store", err)
}

func unavailableIf(what string, err error) error {
	if err == nil {
		return nil
	}
	return unavailable(what, err)
}

// setup makes the head and the first epoch.
func (v *Vault) setup(ctx context.Context) error {
	row, err := v.newEpoch(ctx, 1, epochCurrent)
	if err != nil {
		return err
	}
	first := head{incarnation: newKeyID(""), epoch: 1}
	won := false
	err = v.keys.InTx(ctx, func(ctx context.Context) error {
		k, err := lockHead(ctx, v.keys, headKeys, first)
		if won = k.incarnation == first.incarnation; err != nil || !won {
			return err
		}
		_, err = v.keys.Apply(ctx, insEpoch.With(row.args()...))
		return err
	})
	switch {
	case err != nil || !won:
		_, _ = v.wrapper.Destroy(ctx, row.ref) // nothing was wrapped under it
	case v.keys.State(ctx) != storage.Outside:
		v.unseen.add(row.kid, v.clock())
	}
	return err
}

// check looks at the key store, at most once per KeyBound: it compares it with
// data store and journal and forgets the keys that others have shredded.
func (v *Vault) check(ctx context.Context) error {
	if v.fresh() {
		return nil
	}
	return v.look(ctx)
}

// look is check without the question whether it is time.
func (v *Vault) look(ctx context.Context) error {
	if err := v.findOut(ctx); err != nil {
		return err
	}
	began := v.clock()
	state := v.keys.State(ctx)
	old := state == storage.Joined && v.keys.Traits().Snapshot // what it reads may be old
	var k head
	var err error
	if old && v.everOpened() {
		k, err = v.keysHead(ctx)
	} else {
		k, err = v.compare(ctx)
	}
	if err != nil {
		return err
	}
	if err := v.catchUp(ctx, k); err != nil {
		return unavailable("read what was shredded", err)
	}
	if !old {
		v.checked.Store(began + 1)
	}
	return nil
}

func (v *Vault) everOpened() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seen.epoch != 0
}

// catchUp evicts what was shredded, or is about to be, since the last check.
func (v *Vault) catchUp(ctx context.Context, k head) error {
	v.mu.Lock()
	seen := v.seen
	v.mu.Unlock()
	if seen.epoch != 0 && (seen.incarnation != k.incarnation || k.n < seen.n && v.keys.State(ctx) == storage.Outside) {
		v.cache.clear()
	}
	if seen.epoch != 0 && seen.incarnation == k.incarnation && k.n > seen.n {
		if err := v.buryFences(ctx, seen.n); err != nil {
			return err
		}
	}
	for row, err := range v.data.Scan(ctx, selClosings, nil) {
		if err != nil {
			return err
		}
		var c closingRow
		if err := row.Scan(&c.subject, &c.compartment); err != nil {
			return err
		}
		v.cache.evict(c.subject, c.compartment)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seen.epoch == 0 || v.seen.incarnation != k.incarnation || k.n >= v.seen.n {
		v.seen, v.tip = k, k
	}
	return nil
}

// expected is where the key store stands unless others shredded since the last check.
func (v *Vault) expected() head {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.tip.n != v.tip.planned {
		return head{}
	}
	return v.tip
}

// moved notes a shred of this process. Where others shred at the same time nothing is
// expected until the next check.
func (v *Vault) moved(from, to head) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t := &v.tip; t.incarnation != from.incarnation || t.n != from.n {
		to = head{}
	}
	v.tip = to
}

// buryFences forgets the keys destroyed after erasure n.
func (v *Vault) buryFences(ctx context.Context, n int64) error {
	dead := map[keyID]bool{}
	for row, err := range v.keys.Scan(ctx, selFences, []any{n}) {
		if err != nil {
			return err
		}
		var at int64
		var kid []byte
		if err := row.Scan(&at, &kid); err != nil {
			return err
		}
		dead[keyID(kid)] = true
		v.dead.add(keyID(kid))
	}
	v.cache.evictKeys(dead)
	return nil
}
