package consent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Stops outside the database. Each stop puts a row into an outbox, in its own
// transaction; after the commit the rows are appended to the journal, and taken out
// of the outbox together with the position up to which the journal is known. A
// record of the journal beyond the position that is not in the outbox is a stop that
// this database never saw or no longer has: it is older than its anchor.

// journalMagic begins a record of ours; others in a shared journal are skipped.
var journalMagic = []byte("gdprkit/consent/stop/v1\x00")

// journaled is a stop in the journal: the person only as a keyed hash.
type journaled struct {
	ID      ids.ID `json:"id"`
	Kind    Event  `json:"kind"`
	Ledger  []byte `json:"ledger"` // HMAC of the tenant: a journal may be shared
	Tag     []byte `json:"tag"`    // HMAC of the subject
	Purpose string `json:"purpose,omitempty"`
	Channel string `json:"channel,omitempty"`
	Scope   string `json:"scope,omitempty"`
	Ground  Ground `json:"ground,omitempty"`
	At      int64  `json:"at"`
	Digest  []byte `json:"digest,omitempty"` // of a suppressed address
}

var (
	insertOutbox = &storage.Write{Verb: storage.Insert, Table: schema.ConsentAnchor, Set: []string{"id", "n", "body"}}
	deleteOutbox = &storage.Write{Verb: storage.Delete, Table: schema.ConsentAnchor, Where: storage.By("id")}
	putAnchor    = &storage.Write{Verb: storage.Put, Table: schema.ConsentAnchor, Set: []string{"id", "n", "body"}}
	claimAnchor  = &storage.Claim{Into: schema.ConsentAnchor, Columns: []string{"id", "n", "body"}, Read: []string{"n"}}
	readAnchor   = &storage.Select{From: schema.ConsentAnchor, Columns: []string{"n"}, Where: storage.By("id"), Mode: storage.Current}
	scanOutbox   = &storage.Select{From: schema.ConsentAnchor, Columns: []string{"id", "body"},
		Where: []storage.Term{{Column: "id", Cmp: storage.Gt}}, Order: []string{"id"}, Mode: storage.Current}
	scanStars = &storage.Select{From: schema.ConsentState, Columns: []string{"subject"}, Where: storage.By("purpose", "channel"), Order: []string{"subject"}}
)

// anchorID is the row that holds the position; no event has it as its id.
var anchorID = make([]byte, 16)

// stops reports whether losing the event would loosen something.
func (e *event) stops() bool {
	switch e.kind {
	case EventWithdrawn, EventRefused, EventRevoked, EventInvalidated, EventObjected, EventUpheld, EventMarketing, EventSuppressed, EventRestricted, EventCeased:
		return true
	}
	return false
}

func (l *Ledger) stopRecord(e *event) []byte {
	doc, err := json.Marshal(journaled{ID: e.id, Kind: e.kind, Ledger: l.ledgerTag(0), Tag: l.tag(0, e.subject), Purpose: e.purpose, Channel: e.channel,
		Scope: e.detail.Scope, Ground: e.ground, At: e.at, Digest: e.digest})
	if err != nil {
		panic(err) // plain data
	}
	return append(bytes.Clone(journalMagic), doc...)
}

// tag names a person in the journal under secret i.
func (l *Ledger) tag(i int, subject string) []byte {
	return mac(l.secrets[i].stop, "gdprkit/stop/v1", l.store.Scope(), subject)[:16]
}

func (l *Ledger) ledgerTag(i int) []byte {
	return mac(l.secrets[i].stop, "gdprkit/ledger/v1", l.store.Scope())[:16]
}

// secretOf returns which secret a record was made with, or -1 if it is not of this
// ledger.
func (l *Ledger) secretOf(j *journaled) int {
	for i := range l.secrets {
		if bytes.Equal(j.Ledger, l.ledgerTag(i)) {
			return i
		}
	}
	return -1
}

// drainAfter empties the outbox after the commit, where the commit can be seen.
func (l *Ledger) drainAfter(ctx context.Context, events []*event) {
	storage.AfterCommit(ctx, func() { l.drain(ctx, events) })
}

// drain empties the outbox if the events, which are committed, left something in it.
func (l *Ledger) drain(ctx context.Context, events []*event) {
	if l.journal == nil || !slices.ContainsFunc(events, (*event).stops) {
		return
	}
	if _, err := l.Anchor(storage.Detach(ctx)); err != nil {
		l.log.Error("consent: stops are not in the journal yet", "error", err)
	}
}

// Anchor writes committed stops to the journal and returns how many. The ledger does
// so after its own commits; call it, or [Ledger.Run], for stops that the host
// committed itself. Inside a transaction it returns storage.ErrInTx.
func (l *Ledger) Anchor(ctx context.Context) (int, error) {
	if l.journal == nil {
		return 0, nil
	}
	if l.store.State(ctx) != storage.Outside {
		return 0, storage.ErrInTx
	}
	if err := l.compareJournal(ctx); err != nil || l.restored.Load() {
		return 0, err
	}
	var done [][]byte
	for r, err := range l.store.Scan(ctx, scanOutbox, []any{anchorID}) {
		var id, body []byte
		if err == nil {
			err = r.Scan(&id, &body)
		}
		if err == nil {
			err = l.journal.Append(ctx, body)
		}
		if err != nil {
			return len(done), fmt.Errorf("consent: journal: %w", err)
		}
		done = append(done, id)
	}
	if len(done) == 0 {
		return 0, nil
	}
	_, end, err := l.lost(ctx)
	if err != nil {
		return 0, err
	}
	return len(done), l.advance(ctx, end, done)
}

// advance moves the position forward and empties the outbox in one transaction.
func (l *Ledger) advance(ctx context.Context, end int64, done [][]byte) error {
	return l.store.InTx(ctx, func(ctx context.Context) error {
		var n int64
		if err := l.store.Claim(ctx, claimAnchor, []any{anchorID, 0, []byte{}}, &n); err != nil {
			return err
		}
		var ops []storage.Op
		for _, id := range done {
			ops = append(ops, deleteOutbox.With(id))
		}
		_, err := l.store.Apply(ctx, append(ops, putAnchor.With(anchorID, max(n, end), []byte{}))...)
		return err
	})
}

// Run calls Anchor at an interval until ctx ends.
func (l *Ledger) Run(ctx context.Context, every time.Duration) error {
	if every <= 0 {
		return gdpr.Invalid("Run.every", "must be positive")
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if _, err := l.Anchor(ctx); err != nil && ctx.Err() == nil {
			l.log.Error("consent: stops are not in the journal yet", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// compareJournal notices a database that is older than the journal.
func (l *Ledger) compareJournal(ctx context.Context) error {
	if l.journal == nil {
		return nil
	}
	lost, _, err := l.lost(ctx)
	if err != nil {
		return err
	}
	if l.restored.Swap(len(lost) > 0) != (len(lost) > 0) {
		l.log.Warn("consent: compared with the journal", "missing_stops", len(lost))
	}
	return nil
}

// lost returns the stops of the journal that the database has not, and the end of
// the journal.
func (l *Ledger) lost(ctx context.Context) (lost []journaled, end int64, err error) {
	from, err := l.position(ctx)
	if err != nil {
		return nil, 0, err
	}
	end = from
	for rec, err := range l.journal.Read(ctx, uint64(from)) {
		if err != nil {
			return nil, 0, fmt.Errorf("consent: journal: %w", err)
		}
		end++
		doc, ours := bytes.CutPrefix(rec, journalMagic)
		if !ours {
			continue
		}
		var j journaled
		if err := json.Unmarshal(doc, &j); err != nil {
			return nil, 0, errors.New("consent: a record of the journal is damaged")
		}
		if l.secretOf(&j) < 0 {
			continue
		}
		known, err := l.knows(ctx, &j, end)
		if err != nil {
			return nil, 0, err
		}
		if !known {
			lost = append(lost, j)
		}
	}
	return lost, end, nil
}

func (l *Ledger) position(ctx context.Context) (n int64, err error) {
	err = l.store.Get(ctx, readAnchor, []any{anchorID}, &n)
	if errors.Is(err, storage.ErrNotFound) {
		err = nil
	}
	return n, err
}

// knows reports whether a stop waits in the outbox, or another process has meanwhile
// moved the position past it.
func (l *Ledger) knows(ctx context.Context, j *journaled, end int64) (bool, error) {
	var n int64
	switch err := l.store.Get(ctx, readAnchor, []any{j.ID[:]}, &n); {
	case err == nil:
		return true, nil
	case !errors.Is(err, storage.ErrNotFound):
		return false, err
	}
	n, err := l.position(ctx)
	return n >= end, err
}

// whileRestored denies while the database is older than its journal. Another process
// may have accepted the restore, so it looks again.
func (l *Ledger) whileRestored(ctx context.Context, q *Query, at time.Time) (Decision, bool) {
	if !l.restored.Load() {
		return Decision{}, false
	}
	if err := l.compareJournal(ctx); err == nil && !l.restored.Load() {
		return Decision{}, false
	}
	return deny(q, Restored, at), true
}

// AcceptRestore brings the stops that the journal has and the database lost back
// into the ledger, and ends the denials with reason "restored". Reason is a code. It
// returns how many stops were applied; those of persons that the older database does
// not know have nothing to stop. It is refused inside a transaction.
func (l *Ledger) AcceptRestore(ctx context.Context, reason string) (applied int, err error) {
	switch {
	case l.journal == nil:
		return 0, gdpr.Invalid("Options.Journal", "is nil; without it a restore cannot be noticed")
	case reason == "" || !isReference(reason):
		return 0, gdpr.Invalid("AcceptRestore.reason", "must be a code such as the number of the incident")
	case l.store.State(ctx) != storage.Outside:
		return 0, storage.ErrInTx
	}
	if err := l.allow(ctx, "consent.accept_restore", "", gdpr.Clear("reason", reason)); err != nil {
		return 0, err
	}
	lost, end, err := l.lost(ctx)
	if err != nil {
		return 0, err
	}
	if applied, err = l.replay(ctx, lost); err != nil {
		return applied, err
	}
	err = l.store.InTx(ctx, func(ctx context.Context) error {
		if err := l.advance(ctx, end, nil); err != nil {
			return err
		}
		return l.record(ctx, "consent.restore_accepted", "", gdpr.Clear("reason", reason))
	})
	if err != nil {
		return applied, err
	}
	return applied, l.compareJournal(ctx)
}

// replay applies lost stops to the persons whose keyed hash they hold. A stop has
// its id as key, so that a second run applies nothing twice.
func (l *Ledger) replay(ctx context.Context, lost []journaled) (applied int, err error) {
	byTag := map[string][]journaled{}
	for _, j := range lost {
		byTag[string(j.Tag)] = append(byTag[string(j.Tag)], j)
		if j.Digest != nil {
			ops := suppressing(j.Digest, j.Scope, j.Channel, "", j.At, string(ObjectionMarketing), j.ID[:])
			if _, err := l.store.Apply(ctx, ops...); err != nil {
				return applied, err
			}
		}
	}
	var todo []*event
	for r, err := range l.store.Scan(ctx, scanStars, []any{AllPurposes, ""}) {
		var subject string
		if err == nil {
			err = r.Scan(&subject)
		}
		if err != nil {
			return applied, err
		}
		for i := range l.secrets {
			for _, j := range byTag[string(l.tag(i, subject))] {
				todo = append(todo, &event{subject: subject, kind: j.Kind, purpose: j.Purpose, channel: j.Channel, ground: j.Ground, at: j.At,
					key: "journal/" + j.ID.String(), detail: detail{Scope: j.Scope, Via: "journal"}})
			}
		}
	}
	for _, e := range todo {
		rec, err := l.commit(ctx, &change{events: []*event{e}})
		if err != nil {
			return applied, err
		}
		if !rec.Repeated {
			applied++
		}
	}
	return applied, nil
}
