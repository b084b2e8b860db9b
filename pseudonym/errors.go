package pseudonym

import (
	"errors"
	"fmt"

	"github.com/gdprkit/gdprkit/gdpr"
)

// Why a value cannot be opened has five different answers: it never had a key
// ([ErrNoKey]), the key was destroyed ([ErrShredded]), the key cannot be reached
// now ([ErrKeyUnavailable]), the key was lost in a restore ([ErrKeyLost]), or the
// value itself is not what was sealed ([ErrDamaged]).
var (
	// ErrNoKey is returned when the subject has no key in the compartment and
	// never had one that this key store knows of. Once the key store was restored it
	// cannot know, and Open answers ErrKeyLost instead.
	ErrNoKey = errors.New("pseudonym: subject has no key")

	// ErrShredded is returned when the subject's key of the compartment was
	// destroyed, or its destruction is decided. It is also the answer to sealing
	// something new for that subject: a person who returns needs [Vault.Readmit].
	ErrShredded = errors.New("pseudonym: key was shredded")

	// ErrKeyUnavailable is returned when the key store, the key wrapper or the
	// journal cannot be read now, or the vault is closed because of what it read.
	// The call may be repeated.
	ErrKeyUnavailable = errors.New("pseudonym: key is unavailable")

	// ErrKeyLost is returned when the key store was restored from a backup and
	// does not hold the key any more, or holds it under an epoch that is destroyed.
	ErrKeyLost = errors.New("pseudonym: key was lost in a restore")

	// ErrDamaged is returned when the key is there and the value does not open: it
	// was changed, cut, moved to another place or belongs to another subject.
	ErrDamaged = errors.New("pseudonym: sealed value is damaged or belongs elsewhere")
)

var (
	// ErrNotSealed is returned when a value that should be sealed does not have
	// the form of one. It is never passed through.
	ErrNotSealed = fmt.Errorf("pseudonym: value is not sealed; only what Seal has returned can be opened: %w", gdpr.ErrInvalid)

	// ErrVersion is returned when a sealed value has a version or suite that this
	// release does not know.
	ErrVersion = fmt.Errorf("pseudonym: sealed value has an unknown version; a newer release wrote it, or it is damaged: %w", gdpr.ErrInvalid)

	// ErrRestored is returned when the key store is older than the journal or than
	// the data store. Nothing is sealed or opened until [Vault.Replay] has destroyed
	// what was destroyed since. It wraps ErrKeyUnavailable.
	ErrRestored = fmt.Errorf("pseudonym: key store is older than what was shredded since, call Replay: %w", ErrKeyUnavailable)

	// ErrForked is returned when journal and key store have different histories.
	// Nothing is sealed or opened until [Vault.Replay] has taken the union of both.
	// It wraps ErrKeyUnavailable.
	ErrForked = fmt.Errorf("pseudonym: journal and key store have different histories, call Replay: %w", ErrKeyUnavailable)

	// ErrUnknownRef is returned by a [KeyWrapper] that does not hold the key it is
	// asked for: it was destroyed, or never created here.
	ErrUnknownRef = errors.New("pseudonym: key wrapper does not know the key")

	// ErrUnfinished is returned by Shred when the decision is committed and nothing
	// opens the subject's values any more, but the key could not be destroyed yet,
	// because the journal or the key store failed. Run, or another Shred of the same
	// subject, finishes it. Readmit returns it until then.
	ErrUnfinished = errors.New("pseudonym: shred is decided and not finished")

	// ErrBackup is returned by ImportKeys when the backup is cut, changed or of
	// another tenant or version.
	ErrBackup = fmt.Errorf("pseudonym: not a whole backup of this tenant's keys: %w", gdpr.ErrInvalid)
)
