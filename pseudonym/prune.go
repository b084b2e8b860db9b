package pseudonym

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

const prunePage = 500

// PruneTombstones removes the tombstones and records of subjects that were
// shredded before a day, once no backup is older than that, and returns how many
// tombstones there were. What stays are the ids of the destroyed keys. A person
// whose tombstone is gone gets a new key like anybody else. The journal is pruned
// by its own means. [Vault.Run] does it by itself if Options.BackupAge is set.
func (v *Vault) PruneTombstones(ctx context.Context, before time.Time) (int, error) {
	if v.keys.State(ctx) != storage.Outside {
		return 0, storage.ErrInTx
	}
	if before.IsZero() || before.After(v.now()) {
		return 0, gdpr.Invalid("before", "must be a time in the past")
	}
	if err := v.look(ctx); err != nil {
		return 0, err
	}
	total := 0
	for {
		n, err := v.prunePage(ctx, day(before))
		total += n
		if err != nil {
			return total, unavailable("prune the tombstones", err)
		}
		if n == 0 {
			break
		}
	}
	for _, s := range v.stores() {
		if err := v.pruneRecords(ctx, s, day(before)); err != nil {
			return total, unavailable("prune the records", err)
		}
	}
	return total, unavailableIf("record the pruning", v.record(ctx, "key.tombstones.pruned", "",
		slog.Int("count", total), slog.Time("before", before.UTC())))
}

// pruneIfDue prunes by Options.BackupAge, if there is a tombstone that old.
func (v *Vault) pruneIfDue(ctx context.Context) error {
	if v.opts.BackupAge == 0 {
		return nil
	}
	before := v.now().Add(-v.opts.BackupAge)
	var oldest int64
	switch err := v.keys.Get(ctx, selOldestTomb, nil, &oldest); {
	case errors.Is(err, storage.ErrNotFound) || err == nil && oldest >= day(before):
		return nil
	case err != nil:
		return unavailable("read the tombstones", err)
	}
	_, err := v.PruneTombstones(ctx, before)
	return err
}

func (v *Vault) stores() []storage.Store {
	if v.separate() {
		return []storage.Store{v.keys, v.data}
	}
	return []storage.Store{v.keys}
}

func (v *Vault) prunePage(ctx context.Context, before int64) (int, error) {
	var ops []storage.Op
	for row, err := range v.keys.Scan(ctx, selOldTombs, []any{before}) {
		if err != nil {
			return 0, err
		}
		var at int64
		var tag []byte
		var compartment string
		if err := row.Scan(&at, &tag, &compartment); err != nil {
			return 0, err
		}
		ops = append(ops, delTomb.With(append([]byte{}, tag...), compartment))
	}
	if len(ops) == 0 {
		return 0, nil
	}
	_, err := v.keys.Apply(ctx, ops...)
	return len(ops), err
}

// pruneRecords keeps the last record of each incarnation, on which the chain goes on.
func (v *Vault) pruneRecords(ctx context.Context, s storage.Store, before int64) error {
	var ops []storage.Op
	var last *record
	for row, err := range s.Scan(ctx, selRecordsAll, nil) {
		if err != nil {
			return err
		}
		var inc, b []byte
		var n int64
		if err := row.Scan(&inc, &n, &b); err != nil {
			return err
		}
		r, _ := parseRecord(b)
		if last != nil && last.log == r.log && last.day < before {
			ops = append(ops, delRecord.With(last.log[:], last.n, 1))
		}
		last = &r
		if len(ops) >= prunePage {
			if _, err := s.Apply(ctx, ops...); err != nil {
				return err
			}
			ops = ops[:0]
		}
	}
	if len(ops) == 0 {
		return nil
	}
	_, err := s.Apply(ctx, ops...)
	return err
}

// held is what the vault holds about a subject, for an answer under GDPR art. 15.
type held struct {
	Kind        string    `json:"kind"` // "key", "token" or "scheduled shred"
	Compartment string    `json:"compartment,omitempty"`
	Domain      string    `json:"domain,omitempty"`
	Created     time.Time `json:"created,omitzero"`
	Due         time.Time `json:"due,omitzero"`
}

// Export yields what the vault itself holds about a subject: that there are keys
// and tokens, and since when; never the keys. It yields nothing for a subject
// that it does not know.
func (v *Vault) Export(ctx context.Context, subject string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		list, err := v.held(ctx, subject)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, h := range list {
			b, err := json.Marshal(h)
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

func (v *Vault) held(ctx context.Context, subject string) (list []held, err error) {
	if err := gdpr.CheckSubject("subject", subject, v.opts.LooseSubjects); err != nil {
		return nil, err
	}
	if err := v.check(ctx); err != nil {
		return nil, err
	}
	for row, err := range v.keys.Scan(ctx, selHeldKeys, []any{subject, live}) {
		var created int64
		h := held{Kind: "key"}
		if err == nil {
			err = row.Scan(&h.Compartment, &created)
		}
		if err != nil {
			return nil, unavailable("read the keys", err)
		}
		h.Created = storage.Time(created)
		list = append(list, h)
	}
	for row, err := range v.keys.Scan(ctx, selHeldTokens, []any{subject}) {
		h := held{Kind: "token"}
		var token []byte
		if err == nil {
			err = row.Scan(&h.Domain, &token)
		}
		if err != nil {
			return nil, unavailable("read the tokens", err)
		}
		list = append(list, h)
	}
	for row, err := range v.data.Scan(ctx, selHeldSchedule, []any{subject}) {
		h := held{Kind: "scheduled shred"}
		var who string
		var due int64
		if err == nil {
			err = row.Scan(&who, &due)
		}
		if err != nil {
			return nil, unavailable("read the schedule", err)
		}
		h.Due = storage.Time(due)
		list = append(list, h)
	}
	return list, nil
}
