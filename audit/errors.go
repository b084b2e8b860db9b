package audit

import (
	"errors"
	"fmt"
)

var (
	// ErrTampered is wrapped by every finding of Verify and VerifyBundle. The error
	// found with errors.As is a [*Finding].
	ErrTampered = errors.New("audit: log is not intact")

	// ErrRolledBack is returned when the log does not contain what a checkpoint kept
	// outside says it contained. It wraps [ErrTampered]. Nothing is signed; the only
	// way on is [Log.Reopen].
	ErrRolledBack = fmt.Errorf("%w: it lacks what the outside checkpoint covers", ErrTampered)

	// ErrClock is returned when an entry's time is more than five minutes behind the
	// last mark of the log or the last entry of this process.
	ErrClock = errors.New("audit: clock is behind the log")

	// ErrNoSigner is returned by what signs when Options.Signer is nil.
	ErrNoSigner = errors.New("audit: no signer: Options.Signer is nil")

	// ErrNoLog is returned by reads of a log that has no entry yet, Verify among them:
	// a misspelt tenant has none. Entries and Export yield nothing instead.
	ErrNoLog = errors.New("audit: log has not been opened: the tenant has no entry yet")

	// ErrHeld is returned by Redact and Prune while Options.Held says that nothing
	// may be dropped.
	ErrHeld = errors.New("audit: entries are held")

	// ErrNoAnchor is returned by Prune unless a checkpoint kept outside covers what
	// would be dropped.
	ErrNoAnchor = errors.New("audit: no outside checkpoint covers the entries")

	// ErrNotFound is returned when the log has no such entry.
	ErrNotFound = errors.New("audit: no such entry")

	// ErrUndecided is returned by VerifyBundle when the bundle proves nothing either
	// way: unreadable, of an unknown version, without a signature by a given key, or
	// not comparable with the outside checkpoint.
	ErrUndecided = errors.New("audit: bundle cannot be decided")
)

// A Finding says where a log or bundle is not intact.
type Finding struct {
	Log   int    // number of the closed log concerned; 0: the present one
	Index int64  // the first entry concerned; -1 when no single entry is
	Rule  string // the rule that does not hold; never a value of the log
	err   error
}

// Error returns "audit: log is not intact: entry <index>: <rule>", for an entry of a
// closed log "audit: log is not intact: closed log <number>, entry <index>: <rule>".
func (f *Finding) Error() string {
	place := ""
	switch {
	case f.Log > 0 && f.Index >= 0:
		place = fmt.Sprintf("closed log %d, entry %d: ", f.Log, f.Index)
	case f.Log > 0:
		place = fmt.Sprintf("closed log %d: ", f.Log)
	case f.Index >= 0:
		place = fmt.Sprintf("entry %d: ", f.Index)
	}
	return f.Unwrap().Error() + ": " + place + f.Rule
}

// Unwrap returns [ErrTampered] or [ErrRolledBack].
func (f *Finding) Unwrap() error {
	if f.err != nil {
		return f.err
	}
	return ErrTampered
}

func found(index uint64, rule string, args ...any) error {
	return &Finding{Index: int64(index), Rule: fmt.Sprintf(rule, args...)}
}

func foundLog(rule string, args ...any) error {
	return &Finding{Index: -1, Rule: fmt.Sprintf(rule, args...)}
}

func rolledBack(index uint64, rule string) error {
	return &Finding{Index: int64(index), Rule: rule, err: ErrRolledBack}
}
