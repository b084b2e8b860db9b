package pseudonym

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Receipt says what a shred did.
type Receipt struct {
	Compartments []string // that were shredded, also those in which there was no key
	Kept         []string
	// Finished is false when the call was part of a transaction that is still open:
	// the keys are destroyed after its commit.
	Finished bool
}

// Shred destroys the subject's keys in every compartment but those to keep, so
// that nothing sealed under them can be opened again, here or in a copy of the
// data. It takes the same time however much was sealed.
//
// Inside a transaction it only notes the decision, which commits with the host's
// own changes. Committed, it is final: the transaction that the store began
// finishes it after the commit, and [Vault.Run], [Vault.Ready] or another Shred
// finishes what a transaction of the host decided.
func (v *Vault) Shred(ctx context.Context, subject string, keep ...string) error {
	_, err := v.Destroy(ctx, subject, keep...)
	return err
}

// Destroy is [Vault.Shred] and says what it did.
func (v *Vault) Destroy(ctx context.Context, subject string, keep ...string) (Receipt, error) {
	r, err := v.plan(subject, keep)
	if err != nil {
		return r, err
	}
	if err := v.check(ctx); err != nil {
		return r, err
	}
	rows := make([]closingRow, 0, len(r.Compartments))
	for _, c := range r.Compartments {
		rows = append(rows, closingRow{subject: subject, compartment: c})
	}
	outside := v.data.State(ctx) == storage.Outside && v.keys.State(ctx) == storage.Outside
	if outside && v.opts.Journal == nil && !v.separate() {
		if r.Finished, err = v.shredAtOnce(ctx, rows); r.Finished || err != nil {
			return r, err
		}
	}
	if r.Finished, err = v.isShredded(ctx, subject, r.Compartments); r.Finished || err != nil {
		return r, err
	}
	if err := v.decide(ctx, rows, outside); err != nil {
		return r, err
	}
	v.cache.evict(subject, r.Compartments...)
	if outside {
		if err := v.complete(ctx, rows); err != nil {
			return r, fmt.Errorf("%w: %w", ErrUnfinished, err)
		}
		r.Finished = true
		return r, nil
	}
	v.completeAfter(ctx, rows)
	return r, nil
}

// isShredded tells that nothing is left to do, so that a repeated shred does and
// records nothing.
func (v *Vault) isShredded(ctx context.Context, subject string, compartments []string) (bool, error) {
	tag, err := v.tag(ctx, subject)
	if err != nil {
		return false, err
	}
	gone, err := v.goneOf(ctx, tag)
	if err != nil {
		return false, unavailable("read the tombstones", err)
	}
	for _, c := range compartments {
		if !gone[c] {
			return false, nil
		}
	}
	for row, err := range v.keys.Scan(ctx, selKeysOf, []any{subject}) {
		var k keyRow
		if err == nil {
			err = k.scan(row)
		}
		if err != nil || slices.Contains(compartments, k.compartment) { // made in a transaction that did not see the shred
			return false, unavailableIf("read the keys", err)
		}
	}
	for _, err := range v.data.Scan(ctx, selClosingsOf, []any{subject}) {
		return false, unavailableIf("read the shreds", err) // one is to be finished
	}
	return true, nil
}

// completeAfter finishes a shred once the transaction of ctx has committed, if that
// can be seen.
func (v *Vault) completeAfter(ctx context.Context, rows []closingRow) {
	clean := storage.Detach(ctx)
	storage.AfterCommit(ctx, func() {
		if err := v.complete(clean, rows); err != nil {
			v.opts.Logger.WarnContext(clean, "shred is decided and not finished", slog.Any("error", err))
		}
	})
}

func (v *Vault) plan(subject string, keep []string) (Receipt, error) {
	var r Receipt
	if err := gdpr.CheckSubject("subject", subject, v.opts.LooseSubjects); err != nil {
		return r, err
	}
	for _, k := range keep {
		if !slices.Contains(v.compartments, k) { // it may be a subject
			return r, gdpr.Invalid("keep", "has a name that is not a compartment of this vault; further subjects take a call each")
		}
	}
	for _, c := range v.compartments {
		if slices.Contains(keep, c) {
			r.Kept = append(r.Kept, c)
		} else {
			r.Compartments = append(r.Compartments, c)
		}
	}
	return r, nil
}

// closingRow is one key that is to be destroyed.
type closingRow struct {
	subject, compartment string

	kid      keyID
	tag      keyID
	none     bool // there is no key: a row, if any, only keeps others from making one
	theirs   bool // the row was there before
	live     bool // the key was usable
	gone     bool // it was destroyed before, only the intent is left
	numbered bool // it has its record in the chain, or needs none

	tokens []byte // the key of tokens, of a live row of compartment ID if there is an Auditor
}

// decide commits the intent: the rows in the data store and their audit entry; and,
// as far as the key store takes part in the same transaction, it closes the keys.
// Outside a transaction it numbers the erasures as well.
func (v *Vault) decide(ctx context.Context, rows []closingRow, number bool) error {
	at := storage.Micros(v.now())
	err := v.data.InTx(ctx, func(ctx context.Context) error {
		if !v.separate() {
			if err := v.closeKeys(ctx, rows); err != nil {
				return err
			}
			if number {
				if err := v.number(ctx, rows); err != nil {
					return err
				}
			}
		}
		ops := make([]storage.Op, 0, len(rows))
		for _, r := range rows {
			if !r.gone {
				ops = append(ops, insClosing.With(r.subject, r.compartment, at))
			}
		}
		if len(ops) == 0 {
			return nil
		}
		more, err := v.unschedule(ctx, rows)
		if err != nil {
			return err
		}
		n, err := v.data.Apply(ctx, append(ops, more...)...)
		if err != nil || n[0] == 0 { // already decided
			return err
		}
		return v.recordDecided(ctx, rows)
	})
	return unavailableIf("decide the shred", err)
}

// recordDecided records that the shred of rows is decided, under the token that the
// subject has had until now.
func (v *Vault) recordDecided(ctx context.Context, rows []closingRow) error {
	var key []byte
	if i := slices.IndexFunc(rows, func(r closingRow) bool { return r.compartment == ID && r.tag != keyID{} }); i >= 0 {
		switch r := &rows[i]; {
		case r.tokens != nil:
			key = r.tokens
		case !r.gone && (r.live || !r.theirs):
			key = r.tag[:]
		}
	}
	return v.recordShred(ctx, "key.shred.decided", rows[0].subject, key,
		gdpr.Clear("compartments", strings.Join(names(rows), ",")))
}

// unschedule returns the write that strikes the scheduled shred of the subject of
// rows, if it has nothing left to do after them: the row names the subject.
func (v *Vault) unschedule(ctx context.Context, rows []closingRow) ([]storage.Op, error) {
	subject := rows[0].subject
	if len(rows) < len(v.compartments) {
		var kept string
		err := v.data.Get(ctx, selScheduleOf, []any{subject}, &kept)
		if errors.Is(err, storage.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		shredded := names(rows)
		for _, c := range v.compartments {
			if !slices.Contains(shredded, c) && !slices.Contains(strings.Split(kept, ","), c) {
				return nil, nil
			}
		}
	}
	return []storage.Op{delSchedule.With(subject)}, nil
}

// closeKeys makes each key unusable, and puts a row where there is no key, so that
// none can be made. The rows are sorted.
func (v *Vault) closeKeys(ctx context.Context, rows []closingRow) error {
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].subject == rows[0].subject {
			n++
		}
		if err := v.closeSubject(ctx, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// closeSubject inserts the rows of one subject, reads them, and closes those that
// were there before.
func (v *Vault) closeSubject(ctx context.Context, rows []closingRow) error {
	if err := v.findKeys(ctx, rows); err != nil {
		return err
	}
	var closes, dels []storage.Op
	for i := range rows {
		r := &rows[i]
		switch {
		case r.live:
			closes = append(closes, closeKey.With(closing, r.subject, r.compartment))
		case r.gone && r.kid != keyID{}: // put there while somebody else shredded
			dels = append(dels, delKey.With(r.kid[:]))
			r.kid = keyID{}
		}
	}
	_, err := v.keys.Apply(ctx, append(closes, dels...)...)
	return err
}

// keyRow is a row of selKeysOf.
type keyRow struct {
	compartment  string
	kid          []byte
	epoch, state int
	wrapped      []byte
}

func (k *keyRow) scan(row storage.Row) error {
	return row.Scan(&k.compartment, &k.kid, &k.epoch, &k.state, &k.wrapped)
}

// tokens returns the key of tokens of a live row of compartment ID; nil if it does not
// unwrap.
func (v *Vault) tokens(ctx context.Context, subject string, k *keyRow) []byte {
	tek, err := v.tek(ctx, k.epoch)
	if err != nil {
		return nil
	}
	key, err := unwrap(tek, k.wrapped, wrapAAD(v.tenant, subject, ID, keyID(k.kid), k.epoch))
	if err != nil || len(key) != 2*keySize {
		return nil
	}
	return key[keySize:]
}

// findKeys holds and reads the keys and the tombstones of one subject.
func (v *Vault) findKeys(ctx context.Context, rows []closingRow) error {
	if err := v.holdKeys(ctx, rows, true); err != nil {
		return err
	}
	if _, err := v.readKeys(ctx, rows); err != nil {
		return err
	}
	return v.readTombs(ctx, rows)
}

// holdKeys puts a row where there is no key of the subject, so that nobody makes one
// until the transaction ends; what others are making meanwhile it waits for. Without
// insert it only prepares rows.
func (v *Vault) holdKeys(ctx context.Context, rows []closingRow, insert bool) error {
	tag, err := v.tag(ctx, rows[0].subject)
	if err != nil {
		return err
	}
	now := storage.Micros(v.now())
	ops := make([]storage.Op, len(rows))
	for i := range rows {
		r := &rows[i]
		*r = closingRow{subject: r.subject, compartment: r.compartment, tag: tag, none: true}
		if insert {
			r.kid = newKeyID(r.compartment)
			ops[i] = insKey.With(r.subject, r.compartment, r.kid[:], 0, closing, []byte{}, now)
		}
	}
	if insert {
		_, err = v.keys.Apply(ctx, ops...)
	}
	return err
}

// readKeys reads the keys of the subject of rows, and counts those of other
// compartments.
func (v *Vault) readKeys(ctx context.Context, rows []closingRow) (others int, err error) {
	for row, err := range v.keys.Scan(ctx, selKeysOf, []any{rows[0].subject}) {
		var k keyRow
		if err == nil {
			err = k.scan(row)
		}
		if err != nil {
			return 0, err
		}
		i := slices.IndexFunc(rows, func(r closingRow) bool { return r.compartment == k.compartment })
		if i < 0 {
			others++
		} else if r := &rows[i]; r.kid != keyID(k.kid) {
			r.kid, r.none, r.live, r.theirs = keyID(k.kid), k.epoch == 0, k.state == live, true
			if v.auditor != nil && r.live && r.compartment == ID {
				r.tokens = v.tokens(ctx, r.subject, &k)
			}
		}
	}
	return others, nil
}

// readTombs marks those of rows whose key was destroyed before. A key that was made
// in a transaction that did not see the tombstone counts all the same.
func (v *Vault) readTombs(ctx context.Context, rows []closingRow) error {
	gone, err := v.goneOf(ctx, rows[0].tag)
	for i := range rows {
		rows[i].gone = gone[rows[i].compartment] && !rows[i].theirs
	}
	return err
}

// goneOf returns the compartments whose key was destroyed and none has taken its
// place.
func (v *Vault) goneOf(ctx context.Context, tag keyID) (map[string]bool, error) {
	gone := map[string]bool{}
	for row, err := range v.keys.Scan(ctx, selTombsOf, []any{tag[:]}) {
		if err != nil {
			return nil, err
		}
		var compartment string
		var back bool
		if err := row.Scan(&compartment, &back); err != nil {
			return nil, err
		}
		gone[compartment] = !back
	}
	return gone, nil
}

func names(rows []closingRow) []string {
	list := make([]string, len(rows))
	for i, r := range rows {
		list[i] = r.compartment
	}
	return list
}

func sum(n []int64) (total int64) {
	for _, x := range n {
		total += x
	}
	return total
}

// ScheduleShred has [Vault.Run] shred the subject at due or soon after. A later
// call for the same subject takes the place of the earlier one. It takes part in
// the transaction of ctx.
func (v *Vault) ScheduleShred(ctx context.Context, subject string, due time.Time, keep ...string) error {
	r, err := v.plan(subject, keep)
	if err != nil {
		return err
	}
	if due.IsZero() {
		return gdpr.Invalid("due", "is the zero time")
	}
	kept := strings.Join(r.Kept, ",")
	if len(kept) > 512 {
		return gdpr.Invalid("keep", "is longer than 512 bytes in all")
	}
	if err := v.check(ctx); err != nil {
		return err
	}
	err = v.data.InTx(ctx, func(ctx context.Context) error {
		if _, err := v.data.Apply(ctx, putSchedule.With(subject, kept, storage.Micros(due))); err != nil {
			return err
		}
		return v.record(ctx, "key.shred.scheduled", subject, slog.Time("due", due.UTC()))
	})
	return unavailableIf("schedule the shred", err)
}

// UnscheduleShred takes back what ScheduleShred asked for, if it is not due yet.
func (v *Vault) UnscheduleShred(ctx context.Context, subject string) error {
	if err := gdpr.CheckSubject("subject", subject, v.opts.LooseSubjects); err != nil {
		return err
	}
	err := v.data.InTx(ctx, func(ctx context.Context) error {
		n, err := v.data.Apply(ctx, delSchedule.With(subject))
		if err != nil || sum(n) == 0 {
			return err
		}
		return v.record(ctx, "key.shred.unscheduled", subject)
	})
	return unavailableIf("unschedule the shred", err)
}

// Readmit lets a person who was shredded have keys again, under their own new key:
// what was sealed before stays closed. Reason says why in words without personal
// data, at most 512 bytes; it stands in the audit entry.
func (v *Vault) Readmit(ctx context.Context, subject, reason string) error {
	if err := gdpr.CheckSubject("subject", subject, v.opts.LooseSubjects); err != nil {
		return err
	}
	if reason == "" || len(reason) > 512 {
		return gdpr.Invalid("reason", "must have 1 to 512 bytes")
	}
	if err := v.allow(ctx, "pseudonym.readmit", subject); err != nil {
		return err
	}
	if err := v.check(ctx); err != nil {
		return err
	}
	tag, err := v.tag(ctx, subject)
	if err != nil {
		return err
	}
	err = v.keys.InTx(ctx, func(ctx context.Context) error {
		for _, err := range v.data.Scan(ctx, selClosingsOf, []any{subject}) {
			return errors.Join(err, ErrUnfinished)
		}
		var ops []storage.Op
		for _, c := range v.compartments {
			ops = append(ops, backTomb.With(1, tag[:], c))
		}
		n, err := v.keys.Apply(ctx, ops...)
		if err != nil {
			return err
		}
		if sum(n) == 0 {
			return ErrNoKey
		}
		return v.record(ctx, "key.readmitted", subject, gdpr.Clear("reason", reason))
	})
	return unavailableIf("readmit", err)
}
