package gdprkit

import (
	"context"
	"errors"
	"io"
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/calendar"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
)

// Kit is the library wired for one tenant. Its parts are those of their packages,
// nothing is hidden behind them. It is safe for concurrent use.
type Kit struct {
	Vault  *pseudonym.Vault
	Log    *audit.Log
	Ledger *consent.Ledger
	Engine *retention.Engine // nil without a schedule
	Desk   *dsar.Desk        // nil without a controller

	now   func() time.Time
	proof retention.Period // how long proof of consent outlives an erasure
	zone  *time.Location

	addresses func(ctx context.Context, subject string) iter.Seq2[Address, error]
	// What Replay can do, as Adjust left it.
	anchored, stopsKept, erasuresKept bool
}

// Open makes the parts for a tenant of db in the order in which they need each
// other: vault, log, ledger, engine, desk. Seals and tokens come from the vault,
// every part writes to the log, retention asks the ledger which purposes still
// stand, and requests ask retention what must be kept. The library's own rows are
// registered as sources of requests beside those of the host.
//
// The tables must be there: see sqlstore's Migrate. With a schedule, each category of
// the sources needs a rule, since what no rule covers can never be erased. Wrapper holds the
// key-encryption keys, for example a keyring. Open reads and makes the tenant's
// secrets, so it must not be called inside a transaction (storage.ErrInTx).
func Open(ctx context.Context, db storage.Directory, tenant string, wrapper pseudonym.KeyWrapper, o *Options) (*Kit, error) {
	if db == nil {
		return nil, gdpr.Invalid("Open.db", "is nil")
	}
	if o == nil {
		o = &Options{}
	}
	b := &builder{Options: *o, ctx: ctx, store: db.Tenant(tenant), kit: &Kit{now: o.Now, addresses: o.Addresses}}
	if b.kit.now == nil {
		b.kit.now = time.Now
	}
	if b.store.State(ctx) != storage.Outside {
		return nil, storage.ErrInTx
	}
	if b.Keys == nil {
		b.Keys = db
	}
	for _, step := range []func() error{
		b.periods,
		func() error { return b.vault(b.Keys.Tenant(tenant), wrapper) },
		b.log, b.ledger, b.engine, b.desk,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return b.kit, nil
}

// made reports a kit that Open did not make.
func (k *Kit) made() error {
	if k == nil || k.now == nil {
		return gdpr.Invalid("Kit", "was not made by Open")
	}
	return nil
}

// decided checks who decides and why, before the first part acts on it: of the parts
// that a kit may lack, each would check.
func (k *Kit) decided(what, by, reason string) error {
	if err := k.made(); err != nil {
		return err
	}
	if err := gdpr.CheckSubject(what+".by", by, false); err != nil {
		return err
	}
	if !code.MatchString(reason) {
		return gdpr.Invalid(what+".reason", "must be a code of 1 to 64 letters, digits, \"_\", \"-\" and \".\"")
	}
	return nil
}

var code = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// builder makes the parts one after the other.
type builder struct {
	Options
	ctx   context.Context
	store storage.Store
	kit   *Kit
}

func (b *builder) vault(keys storage.Store, wrapper pseudonym.KeyWrapper) (err error) {
	o := &pseudonym.Options{Data: b.store, Journal: b.Journal, Guard: b.Guard, Now: b.Now, Logger: b.Logger}
	b.kit.Vault, err = pseudonym.New(keys, wrapper, adjust(o, b.Adjust.Pseudonym))
	return err
}

func (b *builder) periods() (err error) {
	b.kit.zone = time.UTC
	if b.Controller != nil {
		if b.kit.zone, err = b.Controller.Location(); err != nil {
			return err
		}
	}
	if b.ProofPeriod != "" {
		if b.kit.proof, err = retention.ParsePeriod(b.ProofPeriod); err != nil {
			return gdpr.Invalid("Options.ProofPeriod", "must be ISO 8601, such as P3Y")
		}
	}
	return nil
}

func (b *builder) secret(name string) (gdpr.Secret, error) {
	return b.kit.Vault.Secret(b.ctx, name)
}

func (b *builder) log() error {
	secret, err := b.secret(pseudonym.SecretStage)
	if err != nil {
		return err
	}
	k := b.kit
	o := &audit.Options{
		Secret: secret, Signer: b.Signer, Anchor: b.Anchor, Sealer: k.Vault, Tokeniser: k.Vault, Guard: b.Guard,
		Held: k.held, Now: b.Now, Logger: b.Logger,
	}
	if k.Log, err = audit.New(b.store, adjust(o, b.Adjust.Audit)); err != nil {
		return err
	}
	k.anchored = o.Anchor != nil
	k.Vault.AuditTo(k.Log)
	return nil
}

func (b *builder) ledger() error {
	secrets, err := b.kit.Vault.Secrets(b.ctx, pseudonym.SecretLink)
	if err != nil {
		return err
	}
	k := b.kit
	o := &consent.Options{
		Auditor: k.Log, Sealer: k.Vault, Guard: b.Guard, Journal: b.Journal, Controller: b.Controller,
		Secret: secrets[0], OldSecrets: secrets[1:],
		Now: b.Now, Logger: b.Logger,
	}
	k.Ledger, err = consent.New(b.store, b.Catalogue, adjust(o, b.Adjust.Consent))
	k.stopsKept = o.Journal != nil
	return err
}

func (b *builder) engine() (err error) {
	if b.Schedule == nil {
		return nil
	}
	k := b.kit
	o := &retention.Options{
		Sources: b.Sweeps, Auditor: k.Log, Grounds: k.Ledger, Guard: b.Guard,
		Stoppers: []retention.Stopper{k.Ledger, retention.StopFunc(k.openRequest)},
		Now:      b.Now, Logger: b.Logger,
	}
	k.Engine, err = retention.New(b.store, b.Schedule, adjust(o, b.Adjust.Retention))
	return err
}

func (b *builder) desk() error {
	if b.Controller == nil {
		return nil
	}
	secret, err := b.secret(pseudonym.SecretCode)
	if err != nil {
		return err
	}
	k := b.kit
	o := &dsar.Options{
		Auditor: k.Log, Actor: audit.WithActor, Sealer: k.Vault, Shredder: k.Vault, Grounds: k.Ledger, Restricter: k.Ledger,
		Guard: b.Guard, Journal: b.Journal, Notifier: b.Notifier, Secret: secret,
		Withdraw: k.withdraw, Object: k.object, Prove: k.prove, Information: b.Information,
		Sources: append(append([]dsar.Source(nil), b.Sources...), k.sources()...),
		Now:     b.Now, Logger: b.Logger,
	}
	if k.Engine != nil {
		o.Keeper, o.Blocker, o.Policy = k.Engine, k.Engine, k.Engine.Schedule().Version()
	}
	if k.addresses != nil {
		o.Held, o.Suppress = k.heldSince, k.suppress
	}
	adjust(o, b.Adjust.DSAR)
	inform(o)
	k.erasuresKept = o.Journal != nil
	if err := b.covered(o); err != nil {
		return err
	}
	k.Desk, err = dsar.New(b.store, *b.Controller, o)
	return err
}

// covered demands a rule for each category of the host's sources: a request would
// find out on its last day.
func (b *builder) covered(o *dsar.Options) error {
	if b.kit.Engine == nil || o.Keeper != dsar.Keeper(b.kit.Engine) {
		return nil
	}
	rules := b.Schedule.Categories()
	var without []string
	for _, source := range b.Sources {
		if source == nil {
			continue // New refuses it
		}
		for _, section := range source.Sections() {
			if !slices.Contains(rules, section.Category) && !slices.Contains(without, section.Category) {
				without = append(without, section.Category)
			}
		}
	}
	if len(without) > 0 {
		return gdpr.Invalid("Options.Schedule", "has no rule for what Options.Sources hold in: %s; nothing there could ever be erased. Give each category a rule; one of an event that no row has leaves it to requests", strings.Join(without, ", "))
	}
	return nil
}

// sources are the library's own rows.
func (k *Kit) sources() []dsar.Source {
	own := []dsar.Source{
		dsar.FromFuncs("gdpr.consent", "consent", k.Ledger.Export, k.forget),
		dsar.FromFuncs("gdpr.log", "audit", k.Log.Export, k.Log.Forget),
	}
	if k.Engine != nil {
		own = append(own, dsar.FromFuncs("gdpr.retention", "retention", k.Engine.Export, k.Engine.Forget))
	}
	return own
}

// forget erases the ledger's rows, and keeps proof for the time that was chosen.
func (k *Kit) forget(ctx context.Context, subject, ground string, until time.Time) (erased, kept int, err error) {
	if until.IsZero() && !k.proof.IsZero() {
		until = calendar.DateOf(k.now().In(k.zone)).Add(k.proof).AddDays(1).Start(k.zone)
	}
	return k.Ledger.Forget(ctx, subject, ground, until)
}

// held tells whether a legal hold stands; it keeps the log from being pruned and
// redacted.
func (k *Kit) held(ctx context.Context) (bool, error) {
	if k.Engine == nil {
		return false, nil
	}
	for h, err := range k.Engine.Holds(ctx) {
		if err != nil {
			return true, err
		}
		if h.Released.IsZero() && h.Parent == "" { // neither over nor an exemption from another
			return true, nil
		}
	}
	return false, nil
}

func (k *Kit) openRequest(ctx context.Context, subject, category string) (bool, string, error) {
	if k.Desk == nil {
		return false, "", nil
	}
	return k.Desk.Stops(ctx, subject, category)
}

func (k *Kit) withdraw(ctx context.Context, subject, purpose string) error {
	_, err := k.Ledger.Withdraw(ctx, consent.Act{Subject: subject, Purpose: purpose, At: k.now()})
	return err
}

func (k *Kit) object(ctx context.Context, subject, purpose string) (err error) {
	if purpose == dsar.MarketingPurpose {
		_, err = k.Ledger.ObjectMarketing(ctx, consent.Act{Subject: subject, At: k.now()})
		return err
	}
	a := consent.Act{Subject: subject, Purpose: purpose, At: k.now()}
	if _, err = k.Ledger.Object(ctx, a); err != nil {
		return err
	}
	// A request that is carried out was found right. What the ledger took for a
	// withdrawal, or for an objection to marketing, was not pending.
	if _, err = k.Ledger.Uphold(ctx, a); errors.Is(err, consent.ErrNoRecord) {
		return nil
	}
	return err
}

var errNoEntry = errors.New("gdprkit: the log has no entry of that request")

// prove writes the newest entry of a request with an action as a bundle.
func (k *Kit) prove(ctx context.Context, action, request string, w io.Writer) error {
	if _, err := k.Log.Sealed(ctx); err != nil { // the entry may still be staged
		return err
	}
	for e, err := range k.Log.Entries(ctx, audit.Filter{Action: action, Newest: true}) {
		if err != nil {
			return err
		}
		if e.Closed { // a bundle is one of the present log
			break
		}
		for _, a := range e.Attrs {
			if v, ok := a.Value.Any().(gdpr.ClearValue); ok && a.Key == "request" && string(v) == request {
				_, err := k.Log.WriteBundle(ctx, w, audit.Bundle{Kind: audit.KindEntry, Index: e.Index})
				return err
			}
		}
	}
	return errNoEntry
}

// Run does the periodic work of the parts until ctx ends: it finishes shreds, moves
// keys to new epochs, seals and signs the log, and anchors stops. It starts one
// goroutine per part and returns, with the error of ctx, when all have ended. Several
// processes may run it.
//
// What needs an approval, a name or a mailer stays the host's: [Kit.Daily] and sweeps
// (retention.Engine.Plan) once a day, and dsar.Desk.Deliver as often as mail goes out.
func (k *Kit) Run(ctx context.Context) error {
	if err := k.made(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := []func(context.Context) error{
		k.Vault.Run, k.Log.Run,
		func(ctx context.Context) error { return k.Ledger.Run(ctx, time.Minute) },
	}
	done := make(chan error, len(parts))
	for _, run := range parts {
		go func() { done <- run(ctx) }()
	}
	var first error
	for range parts {
		if err := <-done; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

// Daily does the work of a day that needs somebody who answers for it: it erases what
// an earlier erasure had to leave and may go now, removes files of requests, stored
// answers, proof and tokens whose time is over, and lifts what was restricted while an
// objection was examined. By is as in dsar.Act, for example dsar.BySystem. What fails
// keeps nothing else from being done; the errors are joined. It may be called again
// after an error and must not run inside a transaction.
func (k *Kit) Daily(ctx context.Context, by string) error {
	if err := k.made(); err != nil {
		return err
	}
	act := dsar.Act{By: by}
	steps := []func(context.Context) (int, error){k.Ledger.Expire}
	if k.Desk != nil {
		steps = append(steps,
			func(ctx context.Context) (int, error) { return k.Desk.Rest(ctx, act) },
			func(ctx context.Context) (int, error) { return k.Desk.Expire(ctx, act) },
			k.Desk.DropBundles,
			func(ctx context.Context) (int, error) { return k.Desk.LiftDue(ctx, act) },
		)
	}
	steps = append(steps, func(ctx context.Context) (int, error) {
		n, err := k.Ledger.CleanTokens(ctx)
		return int(n), err
	})
	var failed []error
	for _, step := range steps {
		err := toTheEnd(ctx, step)
		if errors.Is(err, storage.ErrInTx) || ctx.Err() != nil {
			return err
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// toTheEnd calls what does a bounded number of things per call until there are no
// more, and returns the error of those that are left.
func toTheEnd(ctx context.Context, step func(context.Context) (int, error)) error {
	for {
		if n, err := step(ctx); n == 0 || ctx.Err() != nil {
			return err
		}
	}
}
