package consent

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Auditor writes an entry that commits with the change. An audit.Log is one; as it
// also names the operations of an entry (Stage), they go into the statement of the
// change where the engine allows it.
type Auditor interface {
	Record(ctx context.Context, action, subject string, attrs ...slog.Attr) error
}

// Sealer encrypts personal evidence under the key of its subject. A pseudonym.Vault
// is one.
type Sealer interface {
	Seal(ctx context.Context, subject, place string, plain []byte) ([]byte, error)
	Open(ctx context.Context, subject, place string, sealed []byte) ([]byte, error)
}

// Guard says whether the caller behind ctx may do something; an error denies. The
// actions are "consent.evidence", "consent.export", "consent.lift",
// "consent.override" and "consent.accept_restore".
type Guard interface {
	Allow(ctx context.Context, action, subject string, attrs ...slog.Attr) error
}

// Journal keeps records outside the database and its backups.
type Journal interface {
	Append(ctx context.Context, record []byte) error
	Read(ctx context.Context, from uint64) iter.Seq2[[]byte, error]
}

// Options configures a [Ledger]. The zero value of each field is a safe default.
type Options struct {
	// Auditor gets an entry for every change, in its transaction. Default: none.
	Auditor Auditor
	// Sealer encrypts personal evidence. Default: personal evidence is refused with
	// gdpr.ErrUnsealed.
	Sealer Sealer
	// Guard is asked before evidence is opened, data exported, a restriction lifted,
	// an objection overridden or a restore accepted. Default: allowed.
	Guard Guard
	// Journal keeps stops outside the database, to notice that an older copy was
	// restored and to bring the lost stops back. Default: a restore goes unnoticed.
	Journal Journal
	// Controller stands in receipts; its country is that of persons of unknown
	// country. Default: receipts are refused and such persons get the strictest rule.
	Controller *gdpr.Controller
	// Secret keys withdrawal links, the suppression list and hashes of addresses: at
	// least 32 random bytes, kept outside the database and never shredded. Default:
	// these are refused with [ErrSecret].
	Secret gdpr.Secret
	// OldSecrets still verify links that are in old mails and recognise addresses that
	// were suppressed under them. Default: none.
	OldSecrets []gdpr.Secret
	// ContactRules come before the embedded ePrivacy table. Default: none.
	ContactRules []ContactRule
	// Ages take the place of rows of the embedded table of ages. Default: none.
	Ages []AgeRule
	// Sectors are those of the controller in the ePrivacy table: charity, lottery,
	// press. Default: none.
	Sectors []string
	// TokenLife is how long a confirmation token works. Default: 72 hours.
	TokenLife time.Duration
	// LooseSubjects allows "@" and white space in subject keys. Default: refused.
	LooseSubjects bool
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Logger gets what goes wrong without failing a call. Default: discard.
	Logger *slog.Logger
}

// A Ledger records consents, objections, restrictions and other grounds of one
// controller, and answers whether a processing is lawful. It is safe for concurrent
// use and holds no state that another process would have to see.
type Ledger struct {
	rules
	store     storage.Store
	auditor   Auditor
	sealer    Sealer
	guard     Guard
	journal   Journal
	ctrl      *gdpr.Controller
	secrets   []secret // the first makes, all verify
	tokenLife time.Duration
	loose     bool
	now       func() time.Time
	log       *slog.Logger
	restored  atomic.Bool
}

// New returns a ledger over the rows of one tenant. A nil catalogue knows no
// purpose, so everything is denied; a nil options is the safe default. With a
// Journal it compares the database with it, one read of each.
func New(store storage.Store, catalogue *Catalogue, o *Options) (*Ledger, error) {
	if store == nil {
		return nil, gdpr.Invalid("New.store", "is nil")
	}
	if o == nil {
		o = &Options{}
	}
	l := &Ledger{
		store: store, auditor: o.Auditor, sealer: o.Sealer, guard: o.Guard, journal: o.Journal, ctrl: o.Controller,
		tokenLife: o.TokenLife, loose: o.LooseSubjects, now: o.Now, log: o.Logger,
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.tokenLife == 0 {
		l.tokenLife = 72 * time.Hour
	}
	if err := l.configure(catalogue, o); err != nil {
		return nil, err
	}
	return l, l.compareJournal(context.Background())
}

func (l *Ledger) configure(catalogue *Catalogue, o *Options) (err error) {
	if catalogue == nil {
		catalogue = &Catalogue{}
	}
	l.rules = rules{catalogue: catalogue, home: unsettled}
	if c := o.Controller; c != nil {
		if err := c.Check(); err != nil {
			return err
		}
		l.home = c.Country
	}
	if l.ages, err = newAgeTable(o.Ages); err != nil {
		return err
	}
	if l.contacts, err = newContactTable(o.ContactRules, o.Sectors); err != nil {
		return err
	}
	if l.tokenLife < 0 {
		return gdpr.Invalid("Options.TokenLife", "is negative")
	}
	if o.Secret.Len() == 0 && (len(o.OldSecrets) > 0 || o.Journal != nil) {
		return gdpr.Invalid("Options.Secret", "is empty, but OldSecrets or Journal need it")
	}
	if o.Secret.Len() == 0 {
		return nil
	}
	for i, s := range append([]gdpr.Secret{o.Secret}, o.OldSecrets...) {
		if s.Len() < 32 {
			return gdpr.Invalid("Options.Secret", "number %d has %d bytes; at least 32 are asked", i, s.Len())
		}
		l.secrets = append(l.secrets, newSecret(s))
	}
	return nil
}

// allow asks the guard.
func (l *Ledger) allow(ctx context.Context, action, subject string, attrs ...slog.Attr) error {
	if l.guard == nil {
		return nil
	}
	err := l.guard.Allow(ctx, action, subject, attrs...)
	if err != nil && !errors.Is(err, gdpr.ErrDenied) {
		err = errors.Join(gdpr.ErrDenied, err)
	}
	return err
}

// record writes an audit entry.
func (l *Ledger) record(ctx context.Context, action, subject string, attrs ...slog.Attr) error {
	if l.auditor == nil {
		return nil
	}
	return l.auditor.Record(ctx, action, subject, attrs...)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
