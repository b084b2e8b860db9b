package consent

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
)

// change is one write before its transaction: everything that can fail without the
// database has been done.
type change struct {
	events []*event // ascending by subject once prepared; those of a subject in order
	// main is the event whose record is returned and which the key is bound to; nil:
	// the first.
	main *event
	// check looks at the locked states, in the order of the subjects, and may fill in
	// what depends on them.
	check func(states []*state) error
	// more are further operations of the same step.
	more []storage.Op
	// audit is written once instead of once per event.
	audit func(ctx context.Context) error
}

// commit writes the events of one act: claim the persons, one Apply, the entries of
// the audit log. It returns the record of the main event.
func (l *Ledger) commit(ctx context.Context, c *change) (rec Record, err error) {
	if c.main == nil {
		c.main = c.events[0]
	}
	if err := l.prepare(ctx, c.events, c.main); err != nil {
		return Record{}, err
	}
	if done, err := l.atOnce(ctx, c); done {
		return c.main.public(), err
	}
	err = l.store.InTx(ctx, func(ctx context.Context) error {
		rec, err = l.write(ctx, c)
		return err
	})
	if err != nil {
		return Record{}, err
	}
	return rec, nil
}

// prepare gives the events their ids, seals the evidence and binds the key.
func (l *Ledger) prepare(ctx context.Context, events []*event, main *event) error {
	slices.SortStableFunc(events, func(a, b *event) int { return strings.Compare(a.subject, b.subject) })
	recorded := storage.Micros(l.now())
	for _, e := range events {
		e.id, e.recorded = ids.New(), recorded
		e.idem = [16]byte(e.id)
		switch {
		case e.key == "":
		case e == main:
			e.idem = l.idem(e.key)
		default: // goes with the main event
			e.idem = l.idem(e.key, e.subject, e.channel)
		}
		if err := e.encodeDetail(); err != nil {
			return err
		}
		e.request = e.hash()
		if e.personal == nil {
			continue
		}
		if l.sealer == nil {
			return fmt.Errorf("consent: personal evidence: %w", gdpr.ErrUnsealed)
		}
		sealed, err := l.sealer.Seal(ctx, e.subject, proofPlace(e.id), e.personal)
		if err != nil {
			return fmt.Errorf("consent: sealing evidence: %w", err)
		}
		sum := sha256.Sum256(sealed)
		e.sealed, e.proof = sealed, sum[:]
	}
	return nil
}

// idem returns what keeps an idempotency key unique in the ledger.
func (l *Ledger) idem(key ...string) [16]byte {
	sum := frame.Hash("gdprkit/consent/key/v1", append(key, l.store.Scope())...)
	return [16]byte(sum[:16])
}

// proofPlace is where evidence is sealed: pseudonym.Place of its column.
func proofPlace(id ids.ID) string { return "gdpr_consent_proof.sealed/" + id.String() }

// locked is a person whose row is locked, or compared and set.
type locked struct {
	subject   string
	seq       int64
	old, next *state
	free      bool // not locked
	known     bool // free: there is a row
}

func (l *Ledger) write(ctx context.Context, c *change) (Record, error) {
	people, err := l.claim(ctx, c.events)
	if err != nil {
		return Record{}, err
	}
	if c.check != nil {
		states := make([]*state, len(people))
		for i := range people {
			states[i] = people[i].old
		}
		if err := c.check(states); err != nil {
			return l.repeatedBefore(ctx, c.main, err)
		}
	}
	ops, err := l.operations(people, c.events)
	if err != nil {
		return Record{}, err
	}
	want := len(c.events)
	if c.main.key != "" && want > 1 {
		// Merged since or with other channels, a repeated act may have other events than
		// the first, so the main event decides before anything else is written.
		i := slices.Index(c.events, c.main)
		counts, err := l.store.Apply(ctx, ops[i])
		switch {
		case err != nil:
			return Record{}, err
		case counts[0] == 0:
			return l.repeatedBefore(ctx, c.main, storage.ErrConflict)
		}
		ops, want = slices.Delete(ops, i, i+1), want-1
	}
	entries, err := l.stage(ctx, c)
	if err != nil {
		return Record{}, err
	}
	counts, err := l.store.Apply(ctx, append(append(ops, c.more...), entries.ops...)...)
	if err != nil {
		return Record{}, err
	}
	switch counts[0] {
	case int64(want):
	case 0:
		return l.repeated(ctx, people, c)
	default: // the key was used for an act of another shape
		return Record{}, storage.ErrKeyReuse
	}
	l.drainAfter(ctx, c.events)
	if c.audit != nil {
		return c.main.public(), c.audit(ctx)
	}
	if entries.complete {
		storage.AfterCommit(ctx, entries.committed)
		return c.main.public(), nil
	}
	for _, e := range c.events {
		if err := l.record(ctx, "consent."+string(e.kind), e.subject, e.attrs()...); err != nil {
			return Record{}, err
		}
	}
	return c.main.public(), nil
}

// claim locks the persons of the events, in the order of their keys. Where one
// transaction writes at a time, and has begun with that, to read is enough.
func (l *Ledger) claim(ctx context.Context, events []*event) ([]locked, error) {
	var people []locked
	read := l.lockPerson
	if l.store.Traits().SealInside && l.store.State(ctx) == storage.Owned {
		read = l.readPerson
	}
	for _, e := range events {
		if n := len(people); n > 0 && people[n-1].subject == e.subject {
			continue
		}
		p, err := read(ctx, e.subject)
		if err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	return people, nil
}

// lockPerson inserts the row of a person as a whole if it is missing, and locks it.
func (l *Ledger) lockPerson(ctx context.Context, subject string) (p locked, err error) {
	p.subject = subject
	var body []byte
	if err := l.store.Claim(ctx, claimStar, []any{AllPurposes, "", subject, []byte{}}, &p.seq, &body); err != nil {
		return p, err
	}
	p.old, err = decodeState(body)
	return p, err
}

// readPerson reads the row of a person as a whole.
func (l *Ledger) readPerson(ctx context.Context, subject string) (p locked, err error) {
	p = locked{subject: subject, known: true}
	var body []byte
	err = l.store.Get(ctx, starBody, []any{AllPurposes, "", subject}, &p.seq, &body)
	if errors.Is(err, storage.ErrNotFound) {
		p.known = false
	} else if err != nil {
		return p, err
	}
	p.old, err = decodeState(body)
	return p, err
}

// operations folds the events into the states and returns what to write, the events
// first.
func (l *Ledger) operations(people []locked, events []*event) ([]storage.Op, error) {
	ops := make([]storage.Op, 0, 2*len(events)+2*len(people))
	var proofs, rows []storage.Op
	i := 0
	for k := range people {
		p := &people[k]
		p.next = p.old
		seq := p.seq
		for ; i < len(events) && events[i].subject == p.subject; i++ {
			e := events[i]
			seq++
			e.seq = seq
			if e.detail.State != nil { // known only under the lock
				if err := e.encodeDetail(); err != nil {
					return nil, err
				}
			}
			p.next = fold(p.next, e)
			if p.free {
				ops = append(ops, addEvent.With(e.args()...))
			} else {
				ops = append(ops, insertEvent.With(e.args()...))
			}
			if l.journal != nil && e.stops() {
				proofs = append(proofs, insertOutbox.With(e.id[:], e.recorded, l.stopRecord(e)))
			}
			if e.sealed != nil {
				proofs = append(proofs, insertProof.With(e.subject, e.id[:], e.sealed, 0, ""))
			}
		}
		rows = append(rows, p.rows(seq)...)
	}
	rest := append(proofs, rows...)
	slices.SortStableFunc(rest, func(a, b storage.Op) int { return rank(a) - rank(b) })
	return append(ops, rest...), nil
}

// rank brings operations of one kind together, so that they become one statement.
func rank(op storage.Op) int {
	return slices.Index([]*storage.Write{insertProof, insertOutbox, addState, setStar, putState, deleteState}, op.Write)
}

// rows returns the operations that write the row of the person as a whole and those
// of the pairs. Without a lock the former are compared and set, or all of them new.
func (p *locked) rows(seq int64) []storage.Op {
	ops := append([]storage.Op{starOp(p.subject, seq, p.next)}, changedRows(p.subject, p.old, p.next)...)
	switch {
	case !p.free:
	case p.known:
		r := p.next.star()
		ops[0] = setStar.With(seq, int64(r.stops), r.event[:], r.body, AllPurposes, "", p.subject, p.seq)
	default:
		for i := range ops {
			ops[i].Write = addState
		}
	}
	return ops
}

func starOp(subject string, seq int64, s *state) storage.Op {
	r := s.star()
	return putState.With(r.args(AllPurposes, "", subject, seq)...)
}

func (r *row) args(purpose, channel, subject string, seq int64) []any {
	args := []any{purpose, channel, subject, seq, int64(r.status), int64(r.stops), int64(r.version), r.from, r.until, r.event[:], nil}
	if r.body != nil {
		args[len(args)-1] = r.body
	}
	return args
}

// changedRows returns the operations that turn the rows of one state into those of
// another. A stop of the person changes every row.
func changedRows(subject string, old, next *state) (ops []storage.Op) {
	for _, key := range sortedKeys(next.Pairs) {
		r := next.project(key)
		if _, had := old.Pairs[key]; had {
			if was := old.project(key); was.equal(&r) {
				continue
			}
		}
		purpose, channel := splitKey(key)
		ops = append(ops, putState.With(r.args(purpose, channel, subject, 0)...))
	}
	for _, key := range sortedKeys(old.Pairs) {
		if _, stays := next.Pairs[key]; !stays {
			purpose, channel := splitKey(key)
			ops = append(ops, deleteState.With(purpose, channel, subject))
		}
	}
	return ops
}

func (r *row) equal(o *row) bool {
	return r.status == o.status && r.stops == o.stops && r.version == o.version && r.from == o.from && r.until == o.until &&
		r.event == o.event && sameBody(r.body, o.body)
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// repeated undoes what the step wrote beside an event whose key was there already,
// and returns the first result. The rows are functions of the state, so putting the
// old state back is exact; no error is caught, so a host's transaction stays usable.
func (l *Ledger) repeated(ctx context.Context, people []locked, c *change) (Record, error) {
	first, err := l.byIdem(ctx, c.main.idem[:])
	if err != nil {
		return Record{}, err
	}
	if first.request != c.main.request {
		return Record{}, storage.ErrKeyReuse
	}
	var ops []storage.Op
	for i := range people {
		p := &people[i]
		ops = append(ops, starOp(p.subject, p.seq, p.old))
		ops = append(ops, changedRows(p.subject, p.next, p.old)...)
	}
	for _, e := range c.events {
		if l.journal != nil && e.stops() {
			ops = append(ops, deleteOutbox.With(e.id[:]))
		}
		if e.sealed != nil {
			ops = append(ops, deleteProof.With(e.subject, e.id[:]))
		}
	}
	if _, err := l.store.Apply(ctx, ops...); err != nil {
		return Record{}, err
	}
	rec := first.public()
	rec.Repeated = true
	return rec, nil
}

// repeatedBefore answers an act that the state refuses: when its key was used for the
// same act before, that act is why, and the answer is its record.
func (l *Ledger) repeatedBefore(ctx context.Context, e *event, refused error) (Record, error) {
	if e.key == "" {
		return Record{}, refused
	}
	first, err := l.byIdem(ctx, e.idem[:])
	switch {
	case errors.Is(err, storage.ErrConflict):
		return Record{}, refused
	case err != nil:
		return Record{}, err
	case first.request != e.request:
		return Record{}, storage.ErrKeyReuse
	}
	rec := first.public()
	rec.Repeated = true
	return rec, nil
}

func (l *Ledger) byIdem(ctx context.Context, idem []byte) (*event, error) {
	e := new(event)
	s := e.scanner()
	if err := l.store.Get(ctx, eventByIdem, []any{idem}, s.dest()...); err != nil {
		if errors.Is(err, storage.ErrNotFound) { // met another constraint: not in an order of ours
			err = storage.ErrConflict
		}
		return nil, err
	}
	return e, s.done()
}

func (e *event) args() []any {
	return []any{e.subject, e.seq, e.id[:], string(e.kind), e.purpose, e.channel, int64(e.version), e.at, e.recorded, e.until,
		string(e.ground), nonNil(e.text), nonNil(e.proof), e.idem[:], e.request[:], e.detailText}
}

func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// eventScanner reads an event from a row.
type eventScanner struct {
	e                 *event
	id, idem, request []byte
}

func (e *event) scanner() *eventScanner { return &eventScanner{e: e} }

func (s *eventScanner) dest() []any {
	e := s.e
	return []any{&e.subject, &e.seq, &s.id, &e.kind, &e.purpose, &e.channel, &e.version, &e.at, &e.recorded, &e.until,
		&e.ground, &e.text, &e.proof, &s.idem, &s.request, &e.detailText}
}

func (s *eventScanner) done() error {
	if len(s.id) != 16 || len(s.idem) != 16 || len(s.request) != 32 {
		return errors.New("consent: event row is damaged")
	}
	s.e.id, s.e.idem, s.e.request = ids.ID(s.id), [16]byte(s.idem), [32]byte(s.request)
	if err := json.Unmarshal([]byte(s.e.detailText), &s.e.detail); err != nil {
		return fmt.Errorf("consent: event row is damaged: %w", err)
	}
	return nil
}
