package dsar

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
)

// Options configures a [Desk]. Every field may be left out; what is then missing
// is refused when it is needed, never skipped.
type Options struct {
	// Sources are the places that are asked for every request. Default: none.
	Sources []Source
	// Auditor records every step. Default: steps are in the request's history only.
	Auditor Auditor
	// Actor puts the id of who acts into the context for the Auditor, for example
	// audit.WithActor. Default: the context is left as it is.
	Actor func(ctx context.Context, by string) context.Context
	// Sealer seals the files of requests. Default: requests with personal content
	// are refused with gdpr.ErrUnsealed.
	Sealer Sealer
	// Shredder destroys the keys of an erased subject, last. Default: no keys.
	Shredder Shredder
	// Keeper protects records from erasure. Default: nothing is kept.
	Keeper Keeper
	// Grounds is asked, when a withdrawal or an objection is planned, whether the
	// purpose still stands; the plan's items say so. Default: not asked.
	Grounds Grounds
	// Restricter carries out restrictions. Default: only sources restrict.
	Restricter Restricter
	// Blocker shields records that are kept for a duty. Default: they only stay.
	Blocker Blocker
	// Guard is asked before approval, disclosure and lifting. Default: allowed.
	Guard Guard
	// Journal keeps erasures outside the backup set; needs Secret. It may be that of
	// the vault: records of others are passed over. Default: none,
	// and a restored backup brings erased persons back.
	Journal Journal
	// Notifier tells recipients (GDPR art. 19). Default: the host records that it
	// told them.
	Notifier Notifier
	// Held says since when the CRM has held an address of a subject, the zero time
	// if it does not. Codes go only to addresses held before the request. Default:
	// no codes.
	Held func(ctx context.Context, subject, address string) (since time.Time, err error)
	// Withdraw and Object carry out a withdrawal of consent or an objection for one
	// purpose; [MarketingPurpose] is the objection of art. 21(2). They run inside
	// the desk's transaction. Default: requests of these kinds cannot be planned.
	Withdraw func(ctx context.Context, subject, purpose string) error
	Object   func(ctx context.Context, subject, purpose string) error
	// Suppress puts the person on the block list when an erasure of everything is
	// carried out, before the first source is touched, so that the addresses can still
	// be read; not if the person declined. It may be called again. Default: not
	// offered.
	Suppress func(ctx context.Context, subject, ground string) error
	// Prove writes an audit bundle of kind "entry" for the entry with that action
	// and request. Default: Statement returns ErrCapability.
	Prove func(ctx context.Context, action, request string, w io.Writer) error

	// Information is what art. 15(1) asks for beside the data. Default: empty, and
	// access requests fail with what is missing, which their plan lists already.
	Information Information
	// Policy is the version of the rules in force (retention schedule, data map). It
	// is frozen into each plan. Default: "".
	Policy string
	// Deadlines chooses between readings of the periods. Default: see [Deadlines].
	Deadlines Deadlines
	// Letters overrides templates: files "nl.tmpl", "en.tmpl", "de.tmpl" or
	// "fr.tmpl" that define some of the letters again. Default: the built-in ones.
	Letters fs.FS
	// Redact decides on further redactions. It returns the replacement and true to
	// redact. Default: the marks of columns and records only.
	Redact func(r *Record, column *Column) (string, bool)
	// Encrypt wraps bundles, for example with age. Default: bundles are plain ZIP.
	Encrypt func(io.Writer) (io.WriteCloser, error)

	// Secret is at least 32 random bytes from outside the database, the same in
	// every process and after a restore. Codes, the erasure journal and
	// commitments need it. Default: none.
	Secret gdpr.Secret
	// KeepCompartments are not shredded with an erased subject. Default: "proof",
	// "request" and "statutory".
	KeepCompartments []string
	// SelfApproval lets the planner approve the own plan, and sign the assessment of
	// an own refusal. Default: two persons.
	SelfApproval bool
	// PlanFor is how long a plan may wait for its execution. Default: 7 days.
	PlanFor time.Duration
	// BundleFor is how long a stored bundle is kept. Default: 14 days.
	BundleFor time.Duration
	// FileFor is how long the file of a request is kept after it was closed; see
	// [Desk.Expire]. Default: 3 years.
	FileFor time.Duration
	// LiftAfter is how long after the answer to an objection the restriction that held
	// meanwhile is lifted: the person is told before (GDPR art. 18(3)). Default: 7 days.
	LiftAfter time.Duration
	// SourceTimeout ends a source that does not answer. Default: 15 minutes.
	SourceTimeout time.Duration
	// Parallel is how many sources work at a time. Default: 4.
	Parallel int
	// LooseSubjects accepts "@" and white space in subject keys. Default: refused.
	LooseSubjects bool
	// Logger gets warnings without personal data. Default: discard.
	Logger *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Deadlines chooses between readings of the legal periods that authorities or
// authors dispute, and adds public holidays. The zero value is the reading that
// is never later than the law allows.
type Deadlines struct {
	// Pauses admits that the clock stands still. Without it a pause is recorded
	// and changes no date. Default: not admitted, except in the United Kingdom.
	Pauses bool
	// InclusivePauses counts both end days of a pause (Data Protection Act 2018 s.
	// 54(3C)). Default: the elapsed days.
	InclusivePauses bool
	// IdentityRestarts starts the period anew when the proof of identity asked for
	// arrives (UK GDPR art. 12A). Default: only in the United Kingdom.
	IdentityRestarts bool
	// LiberationDay counts 5 May in the Netherlands. Default: not.
	LiberationDay bool
	// GoodFriday counts Good Friday in the Netherlands. Default: not.
	GoodFriday bool
	// Holidays are further days, "2006-01-02" to a name. Default: none.
	Holidays map[string]string
}

const (
	defaultPlanFor       = 7 * 24 * time.Hour
	defaultBundleFor     = 14 * 24 * time.Hour
	defaultFileFor       = 3 * 365 * 24 * time.Hour
	defaultLiftAfter     = 7 * 24 * time.Hour
	defaultSourceTimeout = 15 * time.Minute
	minSecret            = 32
)

// check reports a period that would end before it began.
func (o *Options) check() error {
	for _, p := range []struct {
		field string
		is    time.Duration
	}{
		{"PlanFor", o.PlanFor}, {"BundleFor", o.BundleFor}, {"FileFor", o.FileFor}, {"LiftAfter", o.LiftAfter}, {"SourceTimeout", o.SourceTimeout},
	} {
		if p.is < 0 {
			return invalid("Options."+p.field, "is negative")
		}
	}
	return nil
}

func (o *Options) withDefaults() Options {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.PlanFor == 0 {
		c.PlanFor = defaultPlanFor
	}
	if c.BundleFor == 0 {
		c.BundleFor = defaultBundleFor
	}
	if c.FileFor == 0 {
		c.FileFor = defaultFileFor
	}
	if c.LiftAfter == 0 {
		c.LiftAfter = defaultLiftAfter
	}
	if c.SourceTimeout == 0 {
		c.SourceTimeout = defaultSourceTimeout
	}
	if c.Parallel <= 0 {
		c.Parallel = 4
	}
	if c.KeepCompartments == nil {
		c.KeepCompartments = []string{"proof", "request", "statutory"}
	}
	return c
}
