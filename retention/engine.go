package retention

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Auditor takes an entry for each act, inside the transaction of ctx. *audit.Log is
// one. An Auditor that also has [BatchAuditor] gets the entries of a batch at once.
type Auditor interface {
	Record(ctx context.Context, action, subject string, attrs ...slog.Attr) error
}

// BatchAuditor is an optional capability of an [Auditor]: the entries of a batch of
// rows in one call, attrs[i] for subjects[i].
type BatchAuditor interface {
	RecordBatch(ctx context.Context, action string, subjects []string, attrs [][]slog.Attr) error
}

// Grounds says whether a purpose still stands for a person. *consent.Ledger is one.
type Grounds interface {
	Stands(ctx context.Context, subject, purpose string, at time.Time) (stands bool, code string, err error)
}

// Guard is asked before a plan is approved ("retention.approve") and before a hold is
// placed, released or overridden ("retention.hold", "retention.release",
// "retention.override"). An error denies. Without one everything is allowed, and the
// entry says so.
type Guard interface {
	Allow(ctx context.Context, action, subject string, attrs ...slog.Attr) error
}

// Stopper says whether the records of a person must be left alone: a restriction
// under GDPR art. 18 in whose scope they lie, or an open request. The ground
// appears in entries and reports, such as "A18-1-c". A failure stops, too.
type Stopper interface {
	Stops(ctx context.Context, subject, category string) (stopped bool, ground string, err error)
}

// StopFunc makes a [Stopper] of a function.
type StopFunc func(ctx context.Context, subject, category string) (stopped bool, ground string, err error)

// Stops calls f.
func (f StopFunc) Stops(ctx context.Context, subject, category string) (bool, string, error) {
	return f(ctx, subject, category)
}

// Options configures an [Engine]. Nil is a safe default.
type Options struct {
	Sources []Source // what Plan sweeps. Default none.
	Auditor Auditor  // default none: nothing is recorded
	Grounds Grounds  // needed when a rule ends with its purposes. Default none: no purpose lapses.
	Guard   Guard    // default none: everything is allowed and marked unguarded
	// Shredder destroys the keys of a person of whom an execution erased the last
	// record, so that sealed values cannot be opened in copies that no sweep reaches,
	// such as backups. Every source must be a SubjectLister, and they must cover all
	// tables with values sealed for persons: what lies elsewhere becomes unreadable.
	// Default none: keys stay.
	Shredder Shredder
	// KeepCompartments are not shredded. Default: "proof", "request", "statutory".
	KeepCompartments []string
	Stoppers         []Stopper // restrictions and open requests. Default none.

	// SelfApproval lets the planner approve the own plan. Default false: four eyes.
	SelfApproval bool
	// PlanFor is how long a plan may wait for its execution. Default 7 days.
	PlanFor time.Duration
	// BatchRows bounds the rows of one transaction, 1 to 10 000. Default 1000.
	BatchRows int
	// BatchTime is how long a transaction should take at most; batches shrink and
	// grow to meet it. Default 500 ms.
	BatchTime time.Duration
	// Shards is the number of parts of a plan on which processes can work at the
	// same time, 1 to 64. Default 8.
	Shards int
	// Lease is how long a process that died keeps its shard from others, at least 1 ms.
	// Default 1 minute.
	Lease time.Duration
	// LooseSubjects allows "@" and white space in subject keys. Default false.
	LooseSubjects bool

	Logger *slog.Logger     // default: discard
	Now    func() time.Time // default time.Now
}

// Engine applies a schedule to the records of one tenant. It is safe for
// concurrent use and starts no goroutine.
type Engine struct {
	store    storage.Store
	schedule *Schedule
	opt      Options

	mu    sync.Mutex
	holds *holdSet // the committed holds of a version, for reads outside transactions
}

// New returns an Engine. It does no I/O. Every source must deliver a category of
// the schedule, under a name of its own.
func New(store storage.Store, schedule *Schedule, o *Options) (*Engine, error) {
	if store == nil {
		return nil, gdpr.Invalid("Store", "is nil")
	}
	if schedule == nil {
		return nil, gdpr.Invalid("Schedule", "is nil; read one with ParseSchedule")
	}
	e := &Engine{store: store, schedule: schedule}
	if o != nil {
		e.opt = *o
	}
	if slices.Contains(e.opt.Sources, nil) {
		return nil, gdpr.Invalid("Options.Sources", "holds nil")
	}
	e.opt.defaults()
	if err := e.check(); err != nil {
		return nil, err
	}
	return e, nil
}

func (o *Options) defaults() {
	o.PlanFor = cmp.Or(o.PlanFor, 7*24*time.Hour)
	o.BatchRows = cmp.Or(o.BatchRows, 1000)
	o.BatchTime = cmp.Or(o.BatchTime, 500*time.Millisecond)
	o.Shards = cmp.Or(o.Shards, 8)
	o.Lease = cmp.Or(o.Lease, time.Minute)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.KeepCompartments == nil {
		o.KeepCompartments = []string{"proof", "request", "statutory"}
	}
	o.Sources = slices.Clone(o.Sources)
	slices.SortStableFunc(o.Sources, func(a, b Source) int { return cmp.Compare(a.Name(), b.Name()) })
}

func (e *Engine) check() error {
	switch o := &e.opt; {
	case o.BatchRows < 1 || o.BatchRows > 10_000:
		return gdpr.Invalid("Options.BatchRows", "is %d; 1 to 10000 are allowed", o.BatchRows)
	case o.Shards < 1 || o.Shards > 64:
		return gdpr.Invalid("Options.Shards", "is %d; 1 to 64 are allowed", o.Shards)
	case o.PlanFor < 0 || o.BatchTime < 0 || o.Lease < time.Millisecond:
		return gdpr.Invalid("Options", "PlanFor and BatchTime must not be negative, Lease at least 1ms")
	}
	for i, s := range e.opt.Sources {
		switch name := s.Name(); {
		case name == "" || len(name) > 64:
			return gdpr.Invalid("Options.Sources", "a source needs a name of 1 to 64 bytes")
		case i > 0 && e.opt.Sources[i-1].Name() == name:
			return gdpr.Invalid("Options.Sources", "two sources are called %q", name)
		}
		if _, lists := s.(SubjectLister); e.opt.Shredder != nil && !lists {
			return gdpr.Invalid("Options.Shredder", "needs sources that list the rows of a person (SubjectLister); %q does not", s.Name())
		}
		p := e.schedule.policies[s.Category()]
		if p == nil {
			return fmt.Errorf("retention: source %s: %w: %q", s.Name(), ErrUnknownCategory, s.Category())
		}
		for _, r := range p.rules {
			if e.opt.Grounds == nil && len(r.Purposes) > 0 && len(r.Start.Events) == 0 {
				return gdpr.Invalid("Options.Grounds", "is nil, and rule %q ends only with its purposes", r.ID)
			}
		}
	}
	return nil
}

// Schedule returns the schedule that the engine applies.
func (e *Engine) Schedule() *Schedule { return e.schedule }

func (e *Engine) now() time.Time { return e.opt.Now() }

// condition returns the rules of a category as they stand now.
func (e *Engine) condition(category string) (*Condition, error) {
	return e.schedule.On(e.now()).Condition(category)
}

func (e *Engine) source(name string) Source {
	for _, s := range e.opt.Sources {
		if s.Name() == name {
			return s
		}
	}
	return nil
}

// audit records an act in the transaction of ctx.
func (e *Engine) audit(ctx context.Context, action, subject string, attrs ...slog.Attr) error {
	if e.opt.Auditor == nil {
		return nil
	}
	if err := e.opt.Auditor.Record(ctx, action, subject, attrs...); err != nil {
		return fmt.Errorf("%w: %w", ErrAudit, err)
	}
	return nil
}

// allow asks the guard before an act that a person decides.
func (e *Engine) allow(ctx context.Context, action, subject string, attrs ...slog.Attr) (slog.Attr, error) {
	if e.opt.Guard == nil {
		return slog.Bool("unguarded", true), nil
	}
	if err := e.opt.Guard.Allow(ctx, action, subject, attrs...); err != nil {
		return slog.Attr{}, fmt.Errorf("%w: %w", gdpr.ErrDenied, err)
	}
	return slog.Bool("unguarded", false), nil
}

// checkRecord checks the names of a record.
func (e *Engine) checkRecord(what, subject, category, record string, whole bool) error {
	if subject != "" {
		if err := gdpr.CheckSubject(what+".Subject", subject, e.opt.LooseSubjects); err != nil {
			return err
		}
	}
	if len(record) > 191 || whole && record == "" {
		return gdpr.Invalid(what+".Record", "needs 1 to 191 bytes")
	}
	if category != "" || whole {
		if e.schedule.policies[category] == nil {
			return fmt.Errorf("%w: %q", ErrUnknownCategory, clip(category))
		}
	}
	return nil
}
