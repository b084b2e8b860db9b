package consent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// A LegacyFlag is one row of an older system: "opt-in: yes or no", without proof.
type LegacyFlag struct {
	Subject string
	OptIn   bool
	At      time.Time // when the flag was set, if known; zero: unknown
	Address string    // optional: looked up in the suppression list
}

// An ImportJob names a stream of flags.
type ImportJob struct {
	ID      string // code of the run; the same id resumes it
	Purpose string
	Channel string
	Source  string // code of the system that the flags come from
	Batch   int    // rows per transaction; default 1000, at most 10000
}

// An ImportReport counts the rows of a run, over all its resumptions.
type ImportReport struct {
	Rows       int64 `json:"rows"`       // read, counted from the start of the stream
	Unproven   int64 `json:"unproven"`   // opt-ins kept as a flag of unknown provenance
	Objections int64 `json:"objections"` // opt-outs recorded as objection or withdrawal
	Known      int64 `json:"known"`      // the ledger knew better: nothing recorded
	Suppressed int64 `json:"suppressed"` // opt-ins refused: on the suppression list
	Erased     int64 `json:"erased"`     // opt-ins refused: the person was erased
	Resumed    int64 `json:"-"`          // rows skipped because an earlier call had done them
}

// Import takes over legacy flags. An opt-in of unknown provenance proves nothing and
// is never a ground: it becomes status "imported", which denies, and tells whom to
// ask. An opt-out is honoured, also beside an opt-in of the same person: an objection to
// marketing, or a withdrawal for other purposes, for every record of the person. What the
// ledger knows already is never replaced; the opt-ins of suppressed and erased persons are
// refused.
//
// The stream is read in batches, each one transaction with one audit entry that
// counts it. A run that was interrupted goes on with the same id and the same stream
// from the start: rows that are done are skipped. It must not run inside a
// transaction: storage.ErrInTx.
func (l *Ledger) Import(ctx context.Context, job ImportJob, flags iter.Seq2[LegacyFlag, error]) (ImportReport, error) {
	p, err := l.checkJob(ctx, &job)
	if err != nil {
		return ImportReport{}, err
	}
	im := &importing{l: l, job: job, p: p, chosen: map[string]int{}}
	if err := im.resume(ctx); err != nil {
		return ImportReport{}, err
	}
	skip := im.report.Rows
	var batch []LegacyFlag
	for f, err := range flags {
		if err != nil {
			return im.report, err
		}
		if skip > 0 {
			skip--
			im.report.Resumed++
			continue
		}
		if batch = append(batch, f); len(batch) == job.Batch {
			if err := im.write(ctx, batch); err != nil {
				return im.report, err
			}
			batch = batch[:0]
		}
	}
	if len(batch) > 0 {
		err = im.write(ctx, batch)
	}
	return im.report, err
}

func (l *Ledger) checkJob(ctx context.Context, job *ImportJob) (*Purpose, error) {
	switch {
	case job.ID == "" || !isReference(job.ID) || len(job.ID) > 64:
		return nil, gdpr.Invalid("ImportJob.ID", "must be a code of 1 to 64 bytes")
	case job.Source == "" || !isReference(job.Source):
		return nil, gdpr.Invalid("ImportJob.Source", "must be a code: where the flags come from")
	case job.Batch < 0 || job.Batch > 10000:
		return nil, gdpr.Invalid("ImportJob.Batch", "must lie between 1 and 10000")
	case l.store.State(ctx) != storage.Outside:
		return nil, storage.ErrInTx
	}
	if job.Batch == 0 {
		job.Batch = 1000
	}
	p, err := l.purpose(&Act{Purpose: job.Purpose, Channel: job.Channel, At: l.now()})
	if err != nil {
		return nil, err
	}
	if p.Basis != Consent && !p.Marketing {
		return nil, refuse(ErrGround, "ImportJob.Purpose", "purpose %s neither rests on consent nor is marketing, so a flag says nothing", p.ID)
	}
	return p, nil
}

type importing struct {
	l      *Ledger
	job    ImportJob
	p      *Purpose
	report ImportReport
	chosen map[string]int // the row of the batch that counts, by subject
	listed bool           // somebody is on the suppression list
}

var anySuppression = &storage.Select{From: schema.Suppression, Columns: []string{"digest"}, Limit: 1, Mode: storage.Current}

func (im *importing) resume(ctx context.Context) error {
	var kind, body string
	var at, total int64
	var hash, digest []byte
	err := im.l.store.Get(ctx, runByID, []any{im.job.ID}, &kind, &at, &total, &hash, &body)
	switch {
	case errors.Is(err, storage.ErrNotFound):
	case err != nil:
		return err
	case kind != "import":
		return storage.ErrKeyReuse
	default:
		if err := json.Unmarshal([]byte(body), &im.report); err != nil {
			return fmt.Errorf("consent: import row is damaged: %w", err)
		}
	}
	err = im.l.store.Get(ctx, anySuppression, nil, &digest)
	im.listed = err == nil
	if errors.Is(err, storage.ErrNotFound) {
		err = nil
	}
	return err
}

// write takes over one batch in one transaction.
func (im *importing) write(ctx context.Context, batch []LegacyFlag) error {
	next := im.report
	events, err := im.events(ctx, batch, &next)
	if err != nil {
		return err
	}
	next.Rows += int64(len(batch))
	var after ImportReport
	var linked map[string]*event
	err = errLinked
	for errors.Is(err, errLinked) {
		if events, err = im.extend(ctx, events, linked, &next); err != nil {
			return err
		}
		linked = map[string]*event{}
		err = im.commit(ctx, events, linked, next, &after)
	}
	if err == nil {
		im.report = after
	}
	return err
}

// commit writes the events and the report in one transaction, or finds who else was
// merged with a person that opted out, and returns errLinked.
func (im *importing) commit(ctx context.Context, events []*event, linked map[string]*event, next ImportReport, out *ImportReport) error {
	return im.l.store.InTx(ctx, func(ctx context.Context) error {
		after := next
		todo, people, err := im.claim(ctx, events, &after)
		if err != nil {
			return err
		}
		if im.findLinked(events, todo, people, linked); len(linked) > 0 {
			return errLinked
		}
		*out = after
		ops, err := im.l.operations(people, todo)
		if err != nil {
			return err
		}
		sum := sha256.New()
		for _, e := range todo {
			sum.Write(e.id[:])
		}
		body, err := json.Marshal(&after)
		if err != nil {
			return err
		}
		hash := sum.Sum(nil)
		ops = append(ops, putRun.With(im.job.ID, "import", storage.Micros(im.l.now()), after.Rows, hash, string(body)))
		if _, err := im.l.store.Apply(ctx, ops...); err != nil {
			return err
		}
		return im.l.record(ctx, "consent.imported", "", gdpr.Clear("run", im.job.ID), gdpr.Clear("purpose", im.job.Purpose),
			slog.Int64("rows", after.Rows), slog.Int("records", len(todo)), gdpr.Clear("hash", hexOf(hash)))
	})
}

// findLinked puts into linked the records that were merged with those that opt out and
// for which no event opts out yet.
func (im *importing) findLinked(events, todo []*event, people []locked, linked map[string]*event) {
	for i, e := range todo {
		if e.kind == EventImported {
			continue
		}
		for _, other := range people[i].old.Links {
			if k, ok := find(events, other); !ok || events[k].kind == EventImported {
				linked[other] = e
			}
		}
	}
}

func find(events []*event, subject string) (int, bool) {
	return slices.BinarySearchFunc(events, subject, func(e *event, s string) int { return strings.Compare(e.subject, s) })
}

// extend adds the events of the linked records. They take the place of an opt-in.
func (im *importing) extend(ctx context.Context, events []*event, linked map[string]*event, count *ImportReport) ([]*event, error) {
	if len(linked) == 0 {
		return events, nil
	}
	for _, other := range sortedKeys(linked) {
		e := im.event(linked[other].kind, other, micros(linked[other].at))
		e.detail.Via = "merge"
		if k, ok := find(events, other); ok {
			events[k] = e
			count.Known++
		} else {
			events = slices.Insert(events, k, e)
		}
	}
	return events, im.l.prepare(ctx, events, nil)
}

// events checks the rows and makes their events, ascending by subject. Of two rows about
// one person the first counts, or the first that opts out.
func (im *importing) events(ctx context.Context, batch []LegacyFlag, count *ImportReport) ([]*event, error) {
	clear(im.chosen)
	for i := range batch {
		f := &batch[i]
		if k, ok := im.chosen[f.Subject]; !ok || batch[k].OptIn && !f.OptIn {
			im.chosen[f.Subject] = i
		}
	}
	events := make([]*event, 0, len(batch))
	now := im.l.now()
	for i := range batch {
		f := &batch[i]
		field := "LegacyFlag(" + itoa(count.Rows+int64(i)) + ")"
		if err := gdpr.CheckSubject(field+".Subject", f.Subject, im.l.loose); err != nil {
			return nil, err
		}
		if f.At.After(now.Add(skew)) {
			return nil, refuse(ErrTime, field+".At", "lies in the future")
		}
		if im.chosen[f.Subject] != i {
			count.Known++
			continue
		}
		listed, err := im.suppressed(ctx, f)
		if err != nil {
			return nil, err
		}
		if listed {
			count.Suppressed++
			continue
		}
		at := f.At
		if at.IsZero() {
			at = now
		}
		events = append(events, im.event(im.kind(f), f.Subject, at))
	}
	return events, im.l.prepare(ctx, events, nil)
}

func (im *importing) event(kind Event, subject string, at time.Time) *event {
	e := im.l.event(kind, &Act{Subject: subject, Purpose: im.job.Purpose, Channel: im.job.Channel, At: at})
	e.version, e.ground = im.p.Version, im.p.Basis
	e.detail.By, e.detail.Source, e.detail.Run, e.detail.Via = ByImport, im.job.Source, im.job.ID, "import"
	if e.kind == EventMarketing {
		e.detail.Scope, e.ground = im.job.Purpose, ObjectionMarketing
	}
	return e
}

func (im *importing) kind(f *LegacyFlag) Event {
	switch {
	case f.OptIn:
		return EventImported
	case im.p.Marketing:
		return EventMarketing
	}
	return EventWithdrawn
}

func (im *importing) suppressed(ctx context.Context, f *LegacyFlag) (bool, error) {
	if f.Address == "" || !im.listed || !f.OptIn {
		return false, nil
	}
	if len(im.l.secrets) == 0 {
		return false, ErrSecret
	}
	for _, digest := range im.l.digests(f.Address) {
		found, err := im.l.suppressions(ctx, digest)
		if err != nil {
			return false, err
		}
		for i := range found {
			if found[i].covers(im.job.Purpose, im.job.Channel, im.p.Marketing) {
				return true, nil
			}
		}
	}
	return false, nil
}

var insertStar = &storage.Write{Verb: storage.InsertNew, Table: schema.ConsentState, Set: []string{"purpose", "channel", "subject", "event"}}

// claim locks the persons and leaves out what is known better. A batch of new
// persons, as most are, is one statement; the rows are new when all of them were
// inserted.
func (im *importing) claim(ctx context.Context, events []*event, count *ImportReport) (todo []*event, people []locked, err error) {
	if len(events) == 0 {
		return nil, nil, nil
	}
	ops := make([]storage.Op, len(events))
	for i, e := range events {
		ops[i] = insertStar.With(AllPurposes, "", e.subject, []byte{})
	}
	counts, err := im.l.store.Apply(ctx, ops...)
	if err != nil {
		return nil, nil, err
	}
	if counts[0] == int64(len(events)) {
		for _, e := range events {
			people = append(people, locked{subject: e.subject, old: new(state)})
			count.count(e)
		}
		return events, people, nil
	}
	all, err := im.l.claim(ctx, events)
	if err != nil {
		return nil, nil, err
	}
	for i, e := range events {
		s := all[i].old
		switch {
		case s.Erased != nil && e.kind == EventImported:
			count.Erased++
		case e.detail.Via == "merge" && (s.knows(e) || s.Erased != nil && !e.kind.outlasts()):
		case s.knows(e):
			count.Known++
		case e.kind == EventImported && s.listed(e, im.p.Marketing):
			count.Suppressed++
		default:
			todo, people = append(todo, e), append(people, all[i])
			count.count(e)
		}
	}
	return todo, people, nil
}

// knows reports whether the ledger knows better than a legacy flag.
func (s *state) knows(e *event) bool {
	switch e.kind {
	case EventMarketing:
		return s.bits(e.purpose, e.channel)&schema.StopMarketing != 0
	case EventWithdrawn: // better than an unproven opt-in
		return s.pair(e.purpose, e.channel).Status > Imported
	}
	return s.pair(e.purpose, e.channel).Status != Unknown
}

func (s *state) listed(e *event, marketing bool) bool {
	for i := range s.Stops {
		if s.Stops[i].covers(e.purpose, e.channel, marketing) {
			return true
		}
	}
	return false
}

func (r *ImportReport) count(e *event) {
	switch {
	case e.detail.Via == "merge":
	case e.kind == EventImported:
		r.Unproven++
	default:
		r.Objections++
	}
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// attrs are the attributes of the audit entry of a selection.
func (s *Selection) attrs() []slog.Attr {
	a := []slog.Attr{gdpr.Clear("run", s.ID), gdpr.Clear("purpose", s.Purpose), slog.Int64("allowed", s.Allowed), gdpr.Clear("hash", s.Hash)}
	if s.Channel != "" {
		a = append(a, gdpr.Clear("channel", s.Channel))
	}
	for _, code := range sortedKeys(s.Denied) {
		a = append(a, slog.Int64("denied."+string(code), s.Denied[code]))
	}
	return a
}
