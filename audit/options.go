package audit

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"log/slog"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/calendar"
)

// Sealer encrypts personal values under their subject's key, so that the entry
// stays and the value goes when the key is shredded. *pseudonym.Vault is one.
type Sealer interface {
	Seal(ctx context.Context, subject, place string, plain []byte) ([]byte, error)
	Open(ctx context.Context, subject, place string, sealed []byte) ([]byte, error)
}

// Tokeniser turns a subject into a token of 22 base64url characters (16 bytes)
// that cannot be computed without the subject's key. *pseudonym.Vault is one.
//
// One that makes a token the first time it is asked for should also have the method
// KnownToken, with the same parameters and results, which returns "" then: it serves
// reads of the log, which so write nothing.
type Tokeniser interface {
	Token(ctx context.Context, domain, subject string) (string, error)
}

// Guard decides who may read, export, redact and prune; an error denies. The actions
// are "audit.read", "audit.open", "audit.export", "audit.redact", "audit.prune",
// "audit.rotate" and "audit.reopen".
type Guard interface {
	Allow(ctx context.Context, action, subject string, attrs ...slog.Attr) error
}

// Options configures a [Log]. The zero value of each field is a safe default.
type Options struct {
	// Origin is the name under which checkpoints are signed, before the log's id:
	// host name and path without spaces or "+". Default "local.gdprkit".
	Origin string
	// Secret (32 bytes, kept outside the database) keys the MAC of staged entries, of
	// idempotency keys, and of the entries log.redacted and log.pruned. Default empty:
	// one of them that somebody forges cannot be told from a real one. It stays the same as long as the log: to Verify,
	// rows made under another one look forged.
	Secret gdpr.Secret
	// Signer signs checkpoints: any crypto.Signer with an Ed25519 public key, which
	// a KMS can be. Default nil: Checkpoint returns ErrNoSigner.
	Signer crypto.Signer
	// Keys are further verifier keys to trust, for a process without the signer or
	// after a rotation. The name in a key must be the log's origin. Default none.
	Keys []string
	// Sealer encrypts personal attributes. Default nil: they are refused with
	// gdpr.ErrUnsealed.
	Sealer Sealer
	// Tokeniser names subjects and actors in the log. Default nil: a random alias,
	// kept in a table from which Forget deletes it.
	Tokeniser Tokeniser
	// Guard is asked before entries are read, exported, redacted or pruned. Default
	// nil: allowed, and marked as unguarded in the entries that say so.
	Guard Guard
	// Anchor keeps the newest checkpoint outside the database. Default nil: a
	// database set back as a whole goes unnoticed.
	Anchor Anchor
	// Held tells whether a legal hold stops Redact and Prune. Default nil: none.
	Held func(context.Context) (bool, error)
	// Payload says how long RedactDue leaves the payload of an entry, by action or by
	// a prefix that ends in ".": a calendar period of ISO 8601, counted in UTC days.
	// Default: "P1Y" for "access." and "view.", others for ever.
	Payload map[string]string
	// LooseSubjects allows "@" and white space in subjects and actors. Default false.
	LooseSubjects bool
	// SealEvery is how long entries of committed transactions may wait before the
	// next commit of this process seals them, on engines that stage. Default 50 ms.
	SealEvery time.Duration
	// SealTimeout limits one sealing transaction. Default 30 s.
	SealTimeout time.Duration
	// CheckpointEvery is the pause between the checkpoints that Run signs. Default 1 h.
	CheckpointEvery time.Duration
	periods         map[string]calendar.Period

	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger gets warnings without personal data. Default: discard.
	Logger *slog.Logger
}

const (
	defaultOrigin = "local.gdprkit"
	clockSlack    = 5 * time.Minute
	batchSize     = 1000
)

func (o *Options) fill() error {
	if o.Origin == "" {
		o.Origin = defaultOrigin
	}
	if err := checkOrigin(o.Origin); err != nil {
		return err
	}
	if o.Signer != nil {
		if _, ok := o.Signer.Public().(ed25519.PublicKey); !ok {
			return gdpr.Invalid("Options.Signer", "must have an Ed25519 public key")
		}
	}
	for _, k := range o.Keys {
		if _, err := NewVerifier(k); err != nil {
			return gdpr.Invalid("Options.Keys", "holds a key that is not of the form name+hash+base64")
		}
	}
	if o.Payload == nil {
		o.Payload = map[string]string{"access.": "P1Y", "view.": "P1Y"}
	}
	o.periods = make(map[string]calendar.Period, len(o.Payload))
	for action, text := range o.Payload {
		p, err := calendar.ParsePeriod(text)
		if err != nil {
			return gdpr.Invalid("Options.Payload", "the period of %s is not ISO 8601, such as P1Y", action)
		}
		o.periods[action] = p
	}
	if o.SealEvery <= 0 {
		o.SealEvery = 50 * time.Millisecond
	}
	if o.SealTimeout <= 0 {
		o.SealTimeout = 30 * time.Second
	}
	if o.CheckpointEvery <= 0 {
		o.CheckpointEvery = time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// checkOrigin refuses what cannot be the name of a note's key.
func checkOrigin(origin string) error {
	if len(origin) > 200 {
		return gdpr.Invalid("Options.Origin", "has %d bytes; the limit is 200", len(origin))
	}
	for _, r := range origin {
		if r <= ' ' || r == '+' || r > '~' {
			return gdpr.Invalid("Options.Origin", "must be printable ASCII without spaces and \"+\"")
		}
	}
	return nil
}
