package pseudonym

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Replayed says what [Vault.Replay] did.
type Replayed struct {
	Records   int  // erasures that the key store did not know of
	Destroyed int  // keys that had come back and were destroyed again
	Forked    bool // histories were joined and a new incarnation began
}

// Replay brings a restored key store up to what was shredded since: it destroys
// the keys that came back with the backup, by the records of the journal and of
// the data store, and opens the vault. Where the histories differ it takes the
// union of all and begins a new incarnation. It can be repeated after a crash.
// Reason says why in words without personal data, at most 512 bytes.
//
// Afterwards, [Vault.Restored] reports true until [Vault.AcceptRestore], if the
// data was restored too: the host's own erasures and the stops of consent have to
// be carried out again first. What was sealed under a key that the backup does not
// hold answers with [ErrKeyLost].
func (v *Vault) Replay(ctx context.Context, reason string) (Replayed, error) {
	var done Replayed
	if v.keys.State(ctx) != storage.Outside || v.data.State(ctx) != storage.Outside {
		return done, storage.ErrInTx
	}
	if reason == "" || len(reason) > 512 {
		return done, gdpr.Invalid("reason", "must have 1 to 512 bytes")
	}
	k, err := v.keysHead(ctx)
	if err != nil {
		return done, err
	}
	h, err := v.histories(ctx, k)
	if err != nil {
		return done, unavailable("read the histories", err)
	}
	done.Forked = h.forked
	v.secrets.clear()
	for page := range slices.Chunk(h.missing, finishPage) {
		n, err := v.destroyAgain(ctx, page)
		if err != nil {
			return done, unavailable("destroy the keys again", err)
		}
		done.Records += len(page)
		done.Destroyed += n
	}
	if h.forked {
		if err := v.joinHistories(ctx, &h); err != nil {
			return done, unavailable("join the histories", err)
		}
	}
	if err := v.adopt(ctx, k, &h, reason, done); err != nil {
		return done, unavailable("note the restore", err)
	}
	v.cache.clear()
	v.expire()
	if v.separate() {
		if err := v.markData(ctx, nil); err != nil {
			return done, unavailable("mark the data store", err)
		}
	}
	return done, v.Ready(ctx)
}

// histories is what journal, data store and key store remember.
type histories struct {
	tip     head     // where the key store is to stand in the end
	missing []record // that the key store has not carried out
	only    []record // that the journal lacks
	parents []keyID  // incarnations that end, if forked
	forked  bool
}

func (v *Vault) histories(ctx context.Context, k head) (histories, error) {
	h := histories{tip: k}
	journal, err := v.journalRecords(ctx)
	if err != nil {
		return h, err
	}
	data, err := v.storedRecords(ctx, v.data)
	if err != nil {
		return h, err
	}
	keys := data
	if v.separate() {
		if keys, err = v.storedRecords(ctx, v.keys); err != nil {
			return h, err
		}
	}
	if err := v.findTip(ctx, &h, data); err != nil {
		return h, err
	}
	sources := [][]record{journal, data}
	if !v.separate() && !h.forked {
		sources = sources[:1] // what the key store itself still has to do, it will do
	}
	if h.missing, err = v.notFenced(ctx, slices.Concat(sources...)); err != nil {
		return h, err
	}
	in := map[keyID]bool{}
	for _, r := range journal {
		in[r.kid] = true
	}
	for _, r := range slices.Concat(keys, data) {
		if r.kind == kindShred && !in[r.kid] {
			in[r.kid] = true
			h.only = append(h.only, r)
		}
	}
	return h, nil
}

// notFenced returns the erasures that the key store has not carried out.
func (v *Vault) notFenced(ctx context.Context, list []record) ([]record, error) {
	var missing []record
	seen := map[keyID]bool{}
	for _, r := range list {
		if r.kind != kindShred || seen[r.kid] {
			continue
		}
		seen[r.kid] = true
		var n int64
		switch err := v.keys.Get(ctx, selFence, []any{r.kid[:]}, &n); {
		case errors.Is(err, storage.ErrNotFound):
			missing = append(missing, r)
		case err != nil:
			return nil, err
		}
	}
	return missing, nil
}

// findTip follows the journal, or without one the data store, from the key store's
// position. If that is not on the way, the histories forked.
func (v *Vault) findTip(ctx context.Context, h *histories, data []record) error {
	if v.opts.Journal == nil {
		d, err := v.dataHead(ctx)
		if err != nil || d.incarnation == (keyID{}) {
			return err
		}
		k := h.tip
		known := slices.ContainsFunc(data, func(r record) bool { return r.log == k.incarnation && r.n == k.n })
		if d.incarnation == k.incarnation && (d.n < k.n || d.n == k.n && d.h != k.h) ||
			d.incarnation != k.incarnation && !known && k.n > 0 {
			h.forked, h.parents = true, []keyID{k.incarnation, d.incarnation}
			return nil
		}
		h.tip.incarnation, h.tip.n, h.tip.h = d.incarnation, d.n, d.h
		return nil
	}
	t := &v.trail
	t.mu.Lock()
	defer t.mu.Unlock()
	inc := h.tip.incarnation
	c := t.chains[inc]
	if t.broken[inc] || c.len() < h.tip.n || h.tip.n > 0 && c.at(h.tip.n) != h.tip.h {
		h.forked, h.parents = true, []keyID{inc}
	}
	for {
		next, ok := t.next[inc]
		if !ok {
			break
		}
		inc = next
	}
	if h.forked {
		if inc != h.tip.incarnation {
			h.parents = append(h.parents, inc)
		}
		return nil
	}
	c = t.chains[inc]
	if h.tip.incarnation, h.tip.n = inc, c.len(); h.tip.n > 0 {
		h.tip.h = c.at(h.tip.n)
	}
	return nil
}

// journalRecords reads the records of this tenant's chains; those of other vaults
// that share the journal have keys that no row here names.
func (v *Vault) journalRecords(ctx context.Context) ([]record, error) {
	if v.opts.Journal == nil {
		return nil, nil
	}
	v.trail.mu.Lock()
	err := v.trail.sync(ctx, v.opts.Journal)
	v.trail.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var list []record
	for b, err := range v.opts.Journal.Read(ctx, 0) {
		if err != nil {
			return nil, err
		}
		if r, ok := parseRecord(b); ok {
			list = append(list, r)
		}
	}
	return list, nil
}

func (v *Vault) storedRecords(ctx context.Context, s storage.Store) ([]record, error) {
	var list []record
	for row, err := range s.Scan(ctx, selRecordsAll, nil) {
		if err != nil {
			return nil, err
		}
		var inc, b []byte
		var n int64
		if err := row.Scan(&inc, &n, &b); err != nil {
			return nil, err
		}
		if r, ok := parseRecord(b); ok {
			list = append(list, r)
		}
	}
	return list, nil
}

// destroyAgain deletes the keys of a page of records and sets their fences, and
// tombstones in every compartment that the shred had closed. Where the key is not
// there, the id still tells its compartment.
func (v *Vault) destroyAgain(ctx context.Context, page []record) (destroyed int, err error) {
	err = v.keys.InTx(ctx, func(ctx context.Context) error {
		destroyed = 0
		var dels, toks, tombs, fences []storage.Op
		type tomb struct {
			tag         keyID
			compartment string
		}
		seen := map[tomb]bool{}
		for _, r := range page {
			c, err := v.keyOf(ctx, &r, nil)
			if err != nil {
				return err
			}
			if c.subject != "" {
				destroyed++
			} else if c.compartment = v.compartmentOf(r.kid); c.compartment == "" {
				c.compartment = Ordinary
			}
			for _, name := range append(v.namesIn(&r.closed), c.compartment) {
				if at := (tomb{r.tag, name}); !seen[at] {
					seen[at] = true
					alias := newKeyID("")
					tombs = append(tombs, putTomb.With(r.tag[:], name, alias[:], r.day, 0))
				}
			}
			dels = append(dels, delKey.With(r.kid[:]))
			toks = append(toks, delTokens.With(r.kid[:]))
			fences = append(fences, insFence.With(r.kid[:], r.n, r.day))
			v.dead.add(r.kid)
		}
		_, err := v.keys.Apply(ctx, slices.Concat(dels, toks, tombs, fences)...)
		return err
	})
	return destroyed, err
}

// namesIn returns the compartments of a set.
func (v *Vault) namesIn(s *compartmentSet) (list []string) {
	for _, c := range v.compartments {
		if s.has(c) {
			list = append(list, c)
		}
	}
	return list
}

// compartmentOf returns the compartment that an id was made for.
func (v *Vault) compartmentOf(kid keyID) string {
	for _, c := range v.compartments {
		if compartmentByte(c) == kid[0] {
			return c
		}
	}
	return ""
}

// joinHistories begins a new incarnation in the journal and repeats there what it
// lacks. Until the key store has taken it over, the key store counts as restored.
func (v *Vault) joinHistories(ctx context.Context, h *histories) error {
	id := newKeyID("")
	var n int64
	var prev digest
	var list [][]byte
	add := func(r record) {
		n++
		r.n, r.log, r.prev = n, id, prev
		b := r.encode()
		prev = hashRecord(b)
		list = append(list, b)
	}
	for _, p := range h.parents {
		add(record{kind: kindIncarnation, day: day(v.now()), kid: p})
	}
	for _, r := range h.only {
		add(r)
	}
	if v.opts.Journal != nil {
		if err := appendAll(ctx, v.opts.Journal, list); err != nil {
			return err
		}
		v.trail.mu.Lock()
		err := v.trail.sync(ctx, v.opts.Journal)
		v.trail.mu.Unlock()
		if err != nil {
			return err
		}
	}
	h.tip.incarnation, h.tip.n, h.tip.h = id, n, prev
	h.only = nil
	for _, b := range list {
		r, _ := parseRecord(b)
		h.only = append(h.only, r)
	}
	return nil
}

// adopt moves the key store to the tip and notes the restore.
func (v *Vault) adopt(ctx context.Context, k head, h *histories, reason string, done Replayed) error {
	now := storage.Micros(v.now())
	id := newKeyID("")
	kind := "replayed"
	if h.forked {
		kind = "forked"
	}
	records := h.missing
	if h.forked {
		records = h.only
	}
	var copies []storage.Op
	for _, r := range records {
		copies = append(copies, putRecord.With(r.log[:], r.n, r.kid[:], r.encode(), 1))
	}
	restored := k.restored
	if !v.separate() && restored == 0 {
		restored = now
	}
	return v.keys.InTx(ctx, func(ctx context.Context) error {
		if _, err := lockHead(ctx, v.keys, headKeys, head{}); err != nil {
			return err
		}
		t := h.tip
		ops := append([]storage.Op{delPlanned.With(k.incarnation[:], 0)}, copies...)
		ops = append(ops,
			updChain.With(t.incarnation[:], t.n, t.h[:], t.n, t.h[:], restored, headKeys),
			updJournal.With(v.opts.Journal != nil, headKeys),
			insIncarnation.With(id[:], kind, reason, t.n, now))
		if _, err := v.keys.Apply(ctx, ops...); err != nil {
			return err
		}
		return v.record(ctx, "key.replayed", "", slog.Int("records", done.Records),
			slog.Int("destroyed", done.Destroyed), slog.Bool("forked", done.Forked))
	})
}

// Restored reports whether the data store was restored from a backup and nobody
// has accepted that yet. A consent ledger that has the same journal notices the
// restore by itself and denies until it is accepted there too.
func (v *Vault) Restored(ctx context.Context) (bool, error) {
	if err := v.check(ctx); err != nil {
		return true, err
	}
	s, name := v.dataRow()
	h, err := readHead(ctx, s, name)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return h.restored != 0 || err != nil, unavailableIf("read the data store", err)
}

// AcceptRestore ends what [Vault.Restored] reports, after the host's erasures and
// stops were replayed. Reason says so in words without personal data, at most 512
// bytes.
func (v *Vault) AcceptRestore(ctx context.Context, reason string) error {
	if reason == "" || len(reason) > 512 {
		return gdpr.Invalid("reason", "must have 1 to 512 bytes")
	}
	restored, err := v.Restored(ctx)
	if err != nil {
		return err
	}
	if !restored {
		return fmt.Errorf("pseudonym: no restore waits to be accepted: %w", gdpr.ErrInvalid)
	}
	s, name := v.dataRow()
	return unavailableIf("accept the restore", s.InTx(ctx, func(ctx context.Context) error {
		id := newKeyID("")
		if _, err := s.Apply(ctx, updRestored.With(0, name),
			insIncarnation.With(id[:], "accepted", reason, 0, storage.Micros(v.now()))); err != nil {
			return err
		}
		return v.record(ctx, "key.restore.accepted", "", gdpr.Clear("reason", reason))
	}))
}

// dataRow returns where it is noted that the data was restored.
func (v *Vault) dataRow() (storage.Store, string) {
	if v.separate() {
		return v.data, headData
	}
	return v.keys, headKeys
}
