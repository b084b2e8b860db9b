package pseudonym

import (
	"context"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Auditor takes the entries about keys: shredded, rotated, replayed, readmitted.
// An audit log of this library is one. Record runs inside the vault's transaction
// and commits with it.
type Auditor interface {
	Record(ctx context.Context, action, subject string, attrs ...slog.Attr) error
}

// Guard is asked before a value is opened ("pseudonym.open"), also for another part
// of the library, before a subject is looked up by a token ("pseudonym.subject"), and
// before one is readmitted ("pseudonym.readmit"). An error denies.
type Guard interface {
	Allow(ctx context.Context, action, subject string, attrs ...slog.Attr) error
}

// Journal keeps the records of erasures outside the backup set: a file on another
// volume, a bucket with object lock, a key-value store. Append returns when the
// record is durable. Read yields the records from the position on, counted from
// 0, in the order of appending, those of other users of the journal included.
//
// A journal with the method AppendAll(ctx, records [][]byte) error is given several
// records at once.
type Journal interface {
	Append(ctx context.Context, record []byte) error
	Read(ctx context.Context, from uint64) iter.Seq2[[]byte, error]
}

// Options of a [Vault]. The zero value and nil are safe defaults.
type Options struct {
	// Data is the store of the host's data, if the keys live in another database:
	// only then a restore of the one without the other can be noticed without a
	// journal. A store of the same database is recognised. Default: the store given
	// to New.
	Data storage.Store

	// Compartments says which compartment a column belongs to, by "table.column" or
	// by "table". Values may be new names; together with the constants of this
	// package they are the closed list that Shred works on, so a name that was once
	// used must stay. Default: "consent" and this library's evidence of consent to
	// Proof, "dsar" and the files of its requests to Request, the rest to Ordinary.
	Compartments map[string]string

	// Journal makes a restored backup noticeable and replayable. Default: none;
	// then two stores restored from the same night open what was shredded since.
	Journal Journal

	// KeyBound is how long another process may use a key after it was shredded, and
	// how long the vault stays open when the journal cannot be read; at most
	// one minute. Default: 5 s.
	KeyBound time.Duration

	// EpochLength is the age at which Run starts a new key epoch. Default: 7 days.
	EpochLength time.Duration

	// Window is how long a retired epoch can still be read from a backup of the key
	// store; then it is destroyed. Key-store backups must not be kept for longer.
	// Default: 30 days.
	Window time.Duration

	// BackupAge is the age of the oldest backup of data or keys that may still be put
	// back. Run forgets tombstones and records of shreds that are older; what stays
	// are the ids of the destroyed keys. It must not be shorter than Window. Default:
	// they are kept until PruneTombstones is called.
	BackupAge time.Duration

	// Indexes are the domains of blind indexes with their normalisers. Default:
	// "email" with [NormaliseEmail] and "phone" with [NormalisePhone]. There is no
	// index of names unless it is added here.
	Indexes map[string]Normaliser

	// CacheSize is the number of keys held ready in memory: about 2 KiB each, and
	// 0.2 KiB for each of up to 8 places where one is used again.
	// Default: 10 000.
	CacheSize int

	// LooseSubjects accepts subjects with "@" and white space. Default: refused.
	LooseSubjects bool

	// Confirm is asked, before keys move to a new epoch, whether every process of
	// the host can use the new key-encryption key. Default: this process is enough.
	Confirm func(ctx context.Context, ref string) error

	Guard  Guard            // default: every call is allowed
	Now    func() time.Time // default: time.Now
	Logger *slog.Logger     // default: discard
}

const (
	defaultBound  = 5 * time.Second
	maxBound      = time.Minute
	defaultEpoch  = 7 * 24 * time.Hour
	defaultWindow = 30 * 24 * time.Hour
	defaultCache  = 10_000
)

// withDefaults returns a checked copy.
func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	switch {
	case c.KeyBound < 0 || c.KeyBound > maxBound:
		return c, gdpr.Invalid("Options.KeyBound", "must be between 0 and %v", maxBound)
	case c.EpochLength < 0:
		return c, gdpr.Invalid("Options.EpochLength", "is negative")
	case c.Window < 0:
		return c, gdpr.Invalid("Options.Window", "is negative")
	case c.CacheSize < 0:
		return c, gdpr.Invalid("Options.CacheSize", "is negative")
	}
	c.KeyBound = or(c.KeyBound, defaultBound)
	c.EpochLength = or(c.EpochLength, defaultEpoch)
	c.Window = or(c.Window, defaultWindow)
	c.CacheSize = or(c.CacheSize, defaultCache)
	if c.BackupAge != 0 && c.BackupAge < c.Window {
		return c, gdpr.Invalid("Options.BackupAge", "must be at least Options.Window, %v: copies of the keys may be that old", c.Window)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Indexes == nil {
		c.Indexes = map[string]Normaliser{"email": NormaliseEmail, "phone": NormalisePhone}
	}
	rules := map[string]string{
		"consent": Proof, "gdpr_consent_proof": Proof,
		"dsar": Request, "gdpr_request": Request, "gdpr_request_bundle": Request, "gdpr_request_challenge": Request,
		"gdpr_request_event": Request, "gdpr_request_letter": Request,
	}
	maps.Copy(rules, c.Compartments)
	c.Compartments = rules
	return c, nil
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// compartmentsOf returns the closed list, sorted, which is the order of locking.
func compartmentsOf(rules map[string]string) ([]string, error) {
	list := []string{Ordinary, Proof, Statutory, Request, ID}
	for place, name := range rules {
		table, column, dot := strings.Cut(place, ".")
		if table == "" || dot && column == "" || strings.Contains(place, "/") {
			return nil, gdpr.Invalid("Options.Compartments", "%q is neither a table nor table.column", place)
		}
		if !validName(name, 32) {
			return nil, gdpr.Invalid("Options.Compartments", "%q names a compartment that is not 1 to 32 of a-z, 0-9 and -", place)
		}
		if name == ID {
			return nil, gdpr.Invalid("Options.Compartments", "%q uses the compartment of tokens", place)
		}
		list = append(list, name)
	}
	slices.Sort(list)
	list = slices.Compact(list)
	bytes := map[byte]string{}
	for _, name := range list {
		b := compartmentByte(name)
		if other, ok := bytes[b]; ok {
			return nil, gdpr.Invalid("Options.Compartments", "%q cannot be told from %q in a journal record; choose another name", name, other)
		}
		bytes[b] = name
	}
	return list, nil
}

// validName accepts a-z, 0-9, "-", "_" and ".".
func validName(s string, limit int) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return s != "" && len(s) <= limit
}
