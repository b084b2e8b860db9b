package pseudonym

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"

	"github.com/gdprkit/gdprkit/storage"
)

// trail is what this process has read of the journal: the chain of hashes of each
// incarnation. A record may stand there twice, when two processes finished the
// same shred.
type trail struct {
	mu     sync.Mutex
	pos    uint64
	chains map[keyID]chain
	next   map[keyID]keyID // the incarnation that took the place of another
	broken map[keyID]bool
	at     int64 // clock of the last reading that went well, plus 1
}

// chain is what the journal holds of an incarnation. The first records may be missing:
// they were pruned, there or before the journal was begun.
type chain struct {
	from   int64 // the last record that is missing; 0: none
	before digest
	hashes []digest
}

// len is the number of the last record.
func (c *chain) len() int64 { return c.from + int64(len(c.hashes)) }

// at returns the hash of record n, and the zero digest if it is missing.
func (c *chain) at(n int64) digest {
	switch {
	case n == c.from:
		return c.before
	case n > c.from && n <= c.len():
		return c.hashes[n-c.from-1]
	}
	return digest{}
}

// sync reads what was appended since. The caller holds mu.
func (t *trail) sync(ctx context.Context, j Journal) error {
	if t.chains == nil {
		t.chains, t.next, t.broken = map[keyID]chain{}, map[keyID]keyID{}, map[keyID]bool{}
	}
	for b, err := range j.Read(ctx, t.pos) {
		if err != nil {
			return err
		}
		t.pos++
		if r, ok := parseRecord(b); ok {
			t.add(&r, hashRecord(b))
		}
	}
	return nil
}

func (t *trail) add(r *record, h digest) {
	c := t.chains[r.log]
	if c.len() == 0 && r.n > 1 {
		c.from, c.before = r.n-1, r.prev
	}
	switch n := c.len(); {
	case r.n <= n && c.at(r.n) == h:
		return
	case r.n != n+1 || c.at(n) != r.prev:
		t.broken[r.log] = true
		return
	}
	c.hashes = append(c.hashes, h)
	t.chains[r.log] = c
	if r.kind == kindIncarnation {
		t.next[r.kid] = r.log
	}
}

// compare reads journal, data store and key store, in this order: each step of a
// shred goes the other way, so that a shred under way never looks like a restore.
func (v *Vault) compare(ctx context.Context) (head, error) {
	reached, err := v.readJournal(ctx)
	if err != nil {
		return head{}, err
	}
	d, err := v.dataHead(ctx)
	if err != nil {
		return head{}, unavailable("read the data store", err)
	}
	k, err := v.keysHead(ctx)
	if err != nil {
		return k, err
	}
	if reached {
		if k, err = v.judgeJournal(ctx, k); err != nil {
			return k, err
		}
	}
	if v.separate() {
		return k, v.judgeData(ctx, d, k)
	}
	return k, nil
}

// readJournal reports whether the journal could be read. For the length of
// KeyBound after a good reading a bad one is put up with.
func (v *Vault) readJournal(ctx context.Context) (bool, error) {
	if v.opts.Journal == nil {
		if !v.warned.Swap(true) {
			v.opts.Logger.WarnContext(ctx, "vault has no journal: a backup of keys and data restored from the same night would open what was shredded since")
		}
		return false, nil
	}
	v.trail.mu.Lock()
	defer v.trail.mu.Unlock()
	now := v.clock() + 1
	err := v.trail.sync(ctx, v.opts.Journal)
	if err == nil {
		v.trail.at = now
		return true, nil
	}
	if v.trail.at != 0 && now-v.trail.at < 2*int64(v.opts.KeyBound) {
		v.opts.Logger.WarnContext(ctx, "journal of erasures cannot be read", slog.Any("error", err))
		return false, nil
	}
	return false, fmt.Errorf("pseudonym: read the journal: %w: %w", ErrKeyUnavailable, err)
}

func (v *Vault) dataHead(ctx context.Context) (d head, err error) {
	if !v.separate() {
		return d, nil
	}
	d, err = readHead(ctx, v.data, headData)
	if errors.Is(err, storage.ErrNotFound) {
		return head{}, nil
	}
	return d, err
}

// judgeJournal says what it means where journal and key store stand, and returns where
// the key store does. Both move on while others shred, so what the journal has more is
// compared with a head that was read after it.
func (v *Vault) judgeJournal(ctx context.Context, k head) (head, error) {
	n, last, err := v.judge(ctx, k, math.MaxInt64)
	if n > k.planned {
		if k, err = v.keysHead(ctx); err == nil {
			n, last, err = v.judge(ctx, k, n)
		}
	}
	if err != nil || n <= k.n {
		return k, err
	}
	var b []byte
	err = v.keys.Get(ctx, selRecord, []any{k.incarnation[:], n}, &b)
	if errors.Is(err, storage.ErrNotFound) || err == nil && hashRecord(b) != last {
		return k, ErrForked
	}
	return k, unavailableIf("read the records", err)
}

// judge is [trail.judge], after the journal was read again if it lacks what the key store
// has carried out.
func (v *Vault) judge(ctx context.Context, k head, known int64) (n int64, last digest, err error) {
	if n, last, err = v.trail.judge(k, known); n >= k.n {
		return n, last, err
	}
	if reached, err := v.readJournal(ctx); err != nil || !reached {
		return k.n, k.h, err
	}
	return v.trail.judge(k, known)
}

// judge returns how far the journal goes in the incarnation of k, and its last hash
// there. The key store may lack records after the first known ones.
func (t *trail) judge(k head, known int64) (n int64, last digest, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.chains[k.incarnation]
	n = c.len()
	last = c.at(n)
	_, moved := t.next[k.incarnation]
	switch {
	case moved:
		return n, last, ErrRestored
	case t.broken[k.incarnation]:
		return n, last, ErrForked
	case n < k.n && k.journal:
		return n, last, fmt.Errorf("pseudonym: the journal lacks records: %w", ErrForked)
	case n >= k.n && k.n > 0 && c.at(k.n) != k.h:
		return n, last, ErrForked
	case min(n, known) > k.planned:
		return n, last, ErrRestored
	}
	return n, last, nil
}

// judgeData says what it means where data store and key store stand.
func (v *Vault) judgeData(ctx context.Context, d, k head) error {
	switch {
	case d.incarnation == keyID{} && k.n == 0:
		return nil
	case d.incarnation == k.incarnation && d.n > k.n:
		return ErrRestored
	case d.incarnation == k.incarnation && d.n == k.n && d.h != k.h:
		return ErrForked
	case d.incarnation == k.incarnation && d.n == k.n:
		return nil
	case d.incarnation != k.incarnation && d.n > 0:
		known, err := v.knows(ctx, d.incarnation)
		if err != nil {
			return unavailable("read the restores", err)
		}
		if !known {
			return ErrRestored
		}
	}
	if v.data.State(ctx) != storage.Outside || v.keys.State(ctx) != storage.Outside {
		return nil // looked at when there is no transaction
	}
	return unavailableIf("mark the restored data store", v.dataBehind(ctx, d, k))
}

// knows tells whether the key store once had that incarnation.
func (v *Vault) knows(ctx context.Context, incarnation keyID) (bool, error) {
	var n int
	err := v.keys.Get(ctx, countRecordsOf, []any{incarnation[:]}, &n)
	return n > 0, err
}

// dataBehind tells a data store whose shreds are being finished from one that was
// restored. Sealed data in the latter is safe; what else was erased there, the
// host has to erase again, so it is marked until AcceptRestore.
func (v *Vault) dataBehind(ctx context.Context, d, k head) error {
	pending := map[keyID]bool{}
	for row, err := range v.data.Scan(ctx, selClosings, nil) {
		if err != nil {
			return err
		}
		var c closingRow
		if err := row.Scan(&c.subject, &c.compartment); err != nil {
			return err
		}
		tag, err := v.tag(ctx, c.subject)
		if err != nil {
			return err
		}
		pending[tag] = true
	}
	from := d.n
	if d.incarnation != k.incarnation {
		from = 0
	}
	restored := false
	for row, err := range v.keys.Scan(ctx, selRecordsFrom, []any{k.incarnation[:], from, k.n}) {
		if err != nil {
			return err
		}
		var n int64
		var b []byte
		if err := row.Scan(&n, &b); err != nil {
			return err
		}
		if r, _ := parseRecord(b); r.kind == kindShred && !pending[r.tag] {
			restored = true
			break
		}
	}
	if !restored {
		return nil
	}
	return v.data.InTx(ctx, func(ctx context.Context) error {
		now, err := lockHead(ctx, v.data, headData, head{incarnation: k.incarnation})
		if err != nil || now.n != d.n { // somebody finished a shred meanwhile
			return err
		}
		if now.restored == 0 {
			now.restored = storage.Micros(v.now())
		}
		ops, err := v.copyRecords(ctx, now, k)
		if err != nil {
			return err
		}
		_, err = v.data.Apply(ctx, ops...)
		return err
	})
}

// appendPlanned brings the journal up to what the key store has numbered, and
// returns the number up to which keys may be destroyed.
func (v *Vault) appendPlanned(ctx context.Context) (int64, error) {
	if v.opts.Journal == nil {
		return math.MaxInt64, nil
	}
	k, err := readHead(ctx, v.keys, headKeys)
	if err != nil {
		return 0, unavailable("read the key store", err)
	}
	n, err := v.reach(ctx, k.incarnation, nil)
	if err != nil {
		return 0, err
	}
	if n < k.planned {
		list, err := v.plannedRecords(ctx, k, n)
		if err != nil {
			return 0, unavailable("read the records", err)
		}
		if n, err = v.reach(ctx, k.incarnation, list); err != nil {
			return 0, err
		}
	}
	if !k.journal {
		if _, err := v.keys.Apply(ctx, updJournal.With(true, headKeys)); err != nil {
			return 0, unavailable("note the journal", err)
		}
	}
	return min(k.planned, n), nil
}

// reach appends the records that the journal lacks and returns how far it goes. It
// calls no store: the lock must not wait for a connection.
func (v *Vault) reach(ctx context.Context, incarnation keyID, list [][]byte) (int64, error) {
	t := &v.trail
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.sync(ctx, v.opts.Journal); err != nil {
		return 0, unavailable("read the journal", err)
	}
	c := t.chains[incarnation]
	for len(list) > 0 {
		if r, _ := parseRecord(list[0]); r.n > c.len() {
			break
		}
		list = list[1:]
	}
	if len(list) > 0 {
		if err := appendAll(ctx, v.opts.Journal, list); err != nil {
			return 0, unavailable("append to the journal", err)
		}
		if err := t.sync(ctx, v.opts.Journal); err != nil {
			return 0, unavailable("read the journal", err)
		}
	}
	if t.broken[incarnation] {
		return 0, ErrForked
	}
	t.at = v.clock() + 1
	c = t.chains[incarnation]
	return c.len(), nil
}

func (v *Vault) plannedRecords(ctx context.Context, k head, from int64) ([][]byte, error) {
	var list [][]byte
	for row, err := range v.keys.Scan(ctx, selRecordsFrom, []any{k.incarnation[:], from, k.planned}) {
		if err != nil {
			return nil, err
		}
		var n int64
		var b []byte
		if err := row.Scan(&n, &b); err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

func appendAll(ctx context.Context, j Journal, list [][]byte) error {
	if all, ok := j.(interface {
		AppendAll(ctx context.Context, records [][]byte) error
	}); ok && len(list) > 0 {
		return all.AppendAll(ctx, list)
	}
	for _, b := range list {
		if err := j.Append(ctx, b); err != nil {
			return err
		}
	}
	return nil
}
