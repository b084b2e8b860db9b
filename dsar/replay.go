package dsar

import (
	"context"
	"errors"
	"slices"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Replayed says what [Desk.Replay] did.
type Replayed struct {
	Records  int // records of this desk in the journal
	Subjects int // subjects found again and erased again
	Items    int // records erased or masked
	Kept     int // records that a Keeper or their source protects, or that a part of this library keeps
	// Readmitted counts subjects that were found and left, in one source or all,
	// because they were readmitted after the erasure.
	Readmitted int
}

var (
	journalPlace = &storage.Select{From: schema.RequestJournal, Columns: []string{"n"}, Where: storage.By("id")}
	putPlace     = &storage.Write{Verb: storage.Put, Table: schema.RequestJournal, Set: []string{"id", "n"}}
)

// Readmit notes in the journal that a person who was erased is entered again: what
// the CRM has of them from now on is no matter of that erasure any more, and
// [Desk.Replay] leaves it. Call it before the first row is entered, beside
// pseudonym.Vault.Readmit and consent.Ledger.Readmit; gdprkit's Kit.Readmit calls all
// three. The reason is a short clear code. A record cannot be rolled back, so inside
// a transaction it is storage.ErrInTx. Twice does no harm.
func (d *Desk) Readmit(ctx context.Context, subject, reason string, act Act) error {
	if d.store.State(ctx) != storage.Outside {
		return storage.ErrInTx
	}
	if d.o.Journal == nil {
		return wrap(ErrCapability, invalid("Options.Journal", "is not set"))
	}
	if err := d.checkAct(&act); err != nil {
		return err
	}
	if err := gdpr.CheckSubject("Readmit.subject", subject, d.o.LooseSubjects); err != nil {
		return err
	}
	if err := checkCode("Readmit.reason", reason); err != nil {
		return err
	}
	if err := d.allow(ctx, "request.readmit", &row{subject: subject}); err != nil {
		return err
	}
	if err := d.o.Journal.Append(ctx, d.journalHead(journalBack, subject, "")); err != nil {
		return err
	}
	if d.o.Auditor == nil {
		return nil
	}
	return d.store.InTx(ctx, func(ctx context.Context) error {
		if d.o.Actor != nil {
			ctx = d.o.Actor(ctx, act.By)
		}
		return d.o.Auditor.Record(ctx, "request.readmitted", subject, gdpr.Clear("reason", reason))
	})
}

// Replay erases again, after a restore of the host's database, whoever the journal
// says was erased and the backup brought back. Sources that list their subjects
// ([Lister]) are searched; records that a Keeper protects today stay, blocked again
// and without what its duty does not name. It does not need the request to be there,
// which the backup may be older than. It must not
// run inside a transaction, and may be repeated.
//
// A person readmitted after the erasure ([Desk.Readmit]) is left, unless the store
// itself is older than the erasure: it does not have the request as carried out, and
// no Replay went over that record before. Then what lies beside it is older too, and
// is erased; the readmission is lost with the restored database and has to be made
// again. Of a [RemoteSource], which may be newer or older than the store, nobody here
// can tell, so there a readmitted person is left in any case and counted. Replay
// therefore comes first after a restore, before anything is entered.
func (d *Desk) Replay(ctx context.Context, act Act) (*Replayed, error) {
	if d.store.State(ctx) != storage.Outside {
		return nil, storage.ErrInTx
	}
	if d.o.Journal == nil {
		return nil, wrap(ErrCapability, invalid("Options.Journal", "is not set"))
	}
	if err := d.checkAct(&act); err != nil {
		return nil, err
	}
	p := &replayer{d: d, out: new(Replayed), erased: map[string][]*journaled{}, back: map[string]uint64{}, act: act}
	if err := p.read(ctx); err != nil {
		return nil, err
	}
	if err := p.search(ctx); err != nil {
		return p.out, err
	}
	_, err := d.store.Apply(ctx, putPlace.With(0, int64(p.end)))
	return p.out, err
}

// replayer goes over the journal once.
type replayer struct {
	d      *Desk
	act    Act
	out    *Replayed
	erased map[string][]*journaled // by keyed hash of the subject
	back   map[string]uint64       // after which record the subject was readmitted last
	place  uint64                  // records that an earlier Replay over this store has seen
	end    uint64
}

func (p *replayer) read(ctx context.Context) error {
	var n int64
	if err := p.d.store.Get(ctx, journalPlace, []any{0}, &n); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	p.place = uint64(n)
	for b, err := range p.d.o.Journal.Read(ctx, 0) {
		if err != nil {
			return err
		}
		p.end++
		e, ours, err := parseJournal(b)
		switch {
		case err != nil:
			return err
		case !ours:
			continue
		}
		p.out.Records++
		if e.at = p.end; e.kind == journalErased {
			p.erased[string(e.subject)] = append(p.erased[string(e.subject)], e)
		} else {
			p.back[string(e.subject)] = e.at
		}
	}
	return nil
}

func (p *replayer) search(ctx context.Context) error {
	seen := map[string]bool{}
	for _, s := range p.d.sources {
		l, ok := s.(Lister)
		if !ok {
			continue
		}
		for subject, err := range l.Subjects(ctx) {
			if err != nil {
				return &SourceError{s.Name(), FaultError, err}
			}
			if seen[subject] {
				continue
			}
			tag := string(p.d.keyed("replay", subject))
			if len(p.erased[tag]) == 0 {
				continue
			}
			seen[subject] = true
			if err := p.subject(ctx, subject, tag); err != nil {
				return err
			}
		}
	}
	return nil
}

// subject carries out again what the journal has about a person who was found.
func (p *replayer) subject(ctx context.Context, subject, tag string) error {
	erased, left := false, false
	for _, e := range p.erased[tag] {
		back := p.back[tag] > e.at
		if back {
			left = true
			known, err := p.known(ctx, e)
			if err != nil {
				return err
			}
			if known {
				continue
			}
		}
		erased = true
		if err := p.eraseAgain(ctx, subject, e, back); err != nil {
			return err
		}
	}
	if erased {
		p.out.Subjects++
	}
	if left {
		p.out.Readmitted++
	}
	return nil
}

// known reports whether the store is younger than an erasure.
func (p *replayer) known(ctx context.Context, e *journaled) (bool, error) {
	if e.at <= p.place || e.request == "" {
		return true, nil
	}
	var s State
	err := p.d.store.Get(ctx, stateOf, []any{e.request}, &s)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return s == StateWorked || s == StateFulfilled || s == StateNoDataHeld, err
}

// eraseAgain erases one subject from every source that can, by the scope of then
// and the rules of now.
func (p *replayer) eraseAgain(ctx context.Context, subject string, e *journaled, back bool) error {
	d := p.d
	r := &row{kind: Erasure, ground: e.ground, subject: subject, subjects: []string{subject}}
	plan := &planner{d: d, r: r, f: &file{Scope: e.scope}}
	for _, s := range d.sources {
		if far, ok := s.(RemoteSource); back && ok && far.Remote() {
			continue
		}
		if err := d.guarded(ctx, s, func(ctx context.Context) error { return d.eraseSource(ctx, plan, s, subject, p.out) }); err != nil {
			return err
		}
	}
	if d.o.Auditor == nil {
		return nil
	}
	return d.store.InTx(ctx, func(ctx context.Context) error {
		if d.o.Actor != nil {
			ctx = d.o.Actor(ctx, p.act.By)
		}
		return d.o.Auditor.Record(ctx, "request.replayed", subject)
	})
}

func (d *Desk) eraseSource(ctx context.Context, p *planner, s Source, subject string, out *Replayed) error {
	if f, ok := s.(forgetter); ok {
		if f.forgetFunc() == nil {
			return nil
		}
		n, kept, err := f.forgetFunc()(ctx, subject, p.r.ground, storage.Time(0))
		out.Items, out.Kept = out.Items+n, out.Kept+kept
		return err
	}
	items, err := d.collectAgain(ctx, p, s, subject)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(items, MaxBatch) {
		if err := d.eraseBatchAgain(ctx, p, s, batch, out); err != nil {
			return err
		}
	}
	return nil
}

// eraseBatchAgain does with a batch of one subject what the work on a request does:
// what stays for a duty loses what the duty does not name, and is blocked.
func (d *Desk) eraseBatchAgain(ctx context.Context, p *planner, s Source, batch []item, out *Replayed) error {
	var call []Item
	var at []int
	for n := range batch {
		if it, ok := eraserItem(&batch[n]); ok {
			call, at = append(call, it), append(at, n)
		}
	}
	e, ok := s.(Eraser)
	if !ok && len(call) > 0 {
		return ErrCapability
	}
	var res []Result
	err := d.store.InTx(ctx, func(ctx context.Context) (err error) {
		if len(call) > 0 {
			if res, err = e.Erase(ctx, batch[0].subject, call); err != nil {
				return err
			}
		}
		for n := range batch {
			i := &batch[n]
			if i.action != ActBlock || d.o.Blocker == nil || len(p.f.Scope.Fields) > 0 {
				continue
			}
			if err := d.o.Blocker.Block(ctx, i.subject, i.category, d.recordName(i), i.ground, storage.Time(i.until)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(res) != len(call) {
		return errContract
	}
	for k, r := range res {
		switch {
		case r.Outcome == Failed:
			return itemFailed(d.section(&batch[at[k]]), "", r)
		case batch[at[k]].action == ActBlock: // counted below
		case r.Outcome == Blocked, r.Outcome == KeptBasis, r.Outcome == KeptClaim:
			out.Kept++
		case r.Outcome == Erased, r.Outcome == Masked, r.Outcome == Anonymised:
			out.Items++
		}
	}
	for _, i := range batch {
		if i.action == ActBlock || i.action == ActKeep {
			out.Kept++
		}
	}
	return nil
}

// collectAgain gathers the records of one source with what is to become of each.
func (d *Desk) collectAgain(ctx context.Context, p *planner, s Source, subject string) (items []item, err error) {
	c := d.newCopier(p.r, p.f)
	for rec, err := range s.Collect(ctx, subject, p.f.Scope) {
		if err != nil {
			return nil, err
		}
		if err := c.check(s, rec); err != nil {
			return nil, err
		}
		i := item{subject: subject, source: s.Name(), category: rec.Section.Category, table: rec.Section.Table, record: rec.Key}
		fields, err := p.decide(ctx, &i, rec)
		if err != nil {
			return nil, err
		}
		i.fields = encodeFields(fields)
		items = append(items, i)
	}
	return items, nil
}
