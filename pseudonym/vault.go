package pseudonym

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Vault seals and opens the personal data of one tenant, and shreds it. It is safe
// for concurrent use. Make one per tenant and process: two vaults over the same
// store do not know what the other created in a transaction that is still open.
type Vault struct {
	opts    Options
	tenant  string
	keys    storage.Store // rows of keys
	data    storage.Store // the host's data and the intents to shred
	wrapper KeyWrapper

	auditor      Auditor
	compartments []string // sorted
	fields       *fields
	cache        *cache
	teks         teks
	secrets      secrets
	indexes      indexes
	structs      structs
	unseen       unseen
	dead         graveyard
	trail        trail

	start   time.Time
	checked atomic.Int64 // monotonic ns after start of the last check that went well, plus 1
	found   atomic.Bool  // common is known
	common  atomic.Bool  // keys and data share a database
	armed   atomic.Bool  // Run is looking, and its timer has not run out: no need to read the clock
	mu      sync.Mutex
	seen    head // as of the last check
	tip     head // where the next shred should find the key store; epoch 0: not known
	warned  atomic.Bool
}

// New returns a vault over the rows of a tenant and its key wrapper. It does no
// I/O; the first call that needs a key creates the first epoch. To have that
// done, and a restored backup noticed, at start-up, call [Vault.Ready].
func New(store storage.Store, wrapper KeyWrapper, o *Options) (*Vault, error) {
	switch {
	case store == nil:
		return nil, gdpr.Invalid("store", "is nil")
	case wrapper == nil:
		return nil, gdpr.Invalid("wrapper", "is nil; use a keyring or the adapter of a key service")
	}
	opts, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	v := &Vault{opts: opts, tenant: store.Scope(), keys: store, data: store, wrapper: wrapper, start: time.Now()}
	if opts.Data != nil {
		v.data = opts.Data
	}
	if v.data.Scope() != v.tenant {
		return nil, gdpr.Invalid("Options.Data", "is the store of another tenant")
	}
	if v.compartments, err = compartmentsOf(opts.Compartments); err != nil {
		return nil, err
	}
	if opts.Now != nil {
		v.start = opts.Now()
	}
	v.fields = newFields(opts.Compartments)
	v.cache = newCache(opts.CacheSize)
	return v, nil
}

// AuditTo has every later decision about keys recorded by log. Call it once,
// before the vault is shared.
func (v *Vault) AuditTo(log Auditor) { v.auditor = log }

// Scope returns the tenant's name.
func (v *Vault) Scope() string { return v.tenant }

// String returns "pseudonym.Vault" and nothing of what it holds.
func (v *Vault) String() string { return "pseudonym.Vault" }

// GoString returns what String does.
func (v *Vault) GoString() string { return v.String() }

// Format prints what String returns, for every verb and flag.
func (v *Vault) Format(f fmt.State, _ rune) { fmt.Fprint(f, v.String()) }

// LogValue returns what String does.
func (v *Vault) LogValue() slog.Value { return slog.StringValue(v.String()) }

// Ready sets the vault up if it is new, compares key store, data store and journal
// with each other, and finishes what a crash left half done. Call it outside a
// transaction, at start-up.
func (v *Vault) Ready(ctx context.Context) error {
	if v.keys.State(ctx) != storage.Outside || v.data.State(ctx) != storage.Outside {
		return storage.ErrInTx
	}
	if err := v.look(ctx); err != nil {
		return err
	}
	if _, err := v.secret(ctx, secretTomb); err != nil { // needed by the first key of a transaction
		return err
	}
	return v.finishAll(ctx)
}

// Invalidate forgets the keys of the subjects that this process holds ready, or
// all of them if none is named. A host that hears of a shred in another process
// calls it to be faster than KeyBound.
func (v *Vault) Invalidate(subjects ...string) {
	v.expire()
	if len(subjects) == 0 {
		v.cache.clear()
	}
	for _, s := range subjects {
		v.cache.evict(s, v.compartments...)
	}
}

// separate tells whether keys and data live in different databases. Until that is
// known they count as if they did, which is right for both.
func (v *Vault) separate() bool { return v.opts.Data != nil && !v.common.Load() }

// findOut looks once whether a transaction of the data store is one of the key
// store: stores of one database are not always the same value.
func (v *Vault) findOut(ctx context.Context) error {
	if v.opts.Data == nil || v.found.Load() || v.keys.State(ctx) != storage.Outside || v.data.State(ctx) != storage.Outside {
		return nil
	}
	err := v.data.InTx(ctx, func(ctx context.Context) error {
		v.common.Store(v.keys.State(ctx) != storage.Outside)
		return nil
	})
	v.found.Store(err == nil)
	return unavailableIf("begin a transaction", err)
}

func (v *Vault) now() time.Time {
	if v.opts.Now != nil {
		return v.opts.Now()
	}
	return time.Now()
}

// clock is the time since the vault was made, from the monotonic clock.
func (v *Vault) clock() int64 {
	if v.opts.Now != nil {
		return int64(v.opts.Now().Sub(v.start))
	}
	return int64(time.Since(v.start))
}

// expire makes the next call look at the key store.
func (v *Vault) expire() {
	v.checked.Store(0)
	v.armed.Store(false)
}

// fresh tells whether the key store was looked at within KeyBound.
func (v *Vault) fresh() bool {
	if v.armed.Load() {
		return true
	}
	at := v.checked.Load()
	return at != 0 && v.clock()-(at-1) < int64(v.opts.KeyBound)
}

func (v *Vault) record(ctx context.Context, action, subject string, attrs ...slog.Attr) error {
	if v.auditor == nil {
		return nil
	}
	return v.auditor.Record(ctx, action, subject, attrs...)
}

func (v *Vault) allow(ctx context.Context, action, subject string, attrs ...slog.Attr) error {
	if v.opts.Guard == nil {
		return nil
	}
	if err := v.opts.Guard.Allow(ctx, action, subject, attrs...); err != nil {
		return fmt.Errorf("pseudonym: %s: %w: %w", action, gdpr.ErrDenied, err)
	}
	return nil
}

// unavailable makes err an [ErrKeyUnavailable], unless it already says what it is.
func unavailable(what string, err error) error {
	for _, known := range []error{ErrKeyUnavailable, ErrKeyLost, ErrShredded, ErrNoKey, ErrDamaged,
		gdpr.ErrInvalid, storage.ErrTxFailed, storage.ErrTxDone, storage.ErrConflict} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("pseudonym: %s: %w: %w", what, ErrKeyUnavailable, err)
}
