package storage

import "errors"

var (
	// ErrNotFound is returned by Get when no row matches.
	ErrNotFound = errors.New("storage: not found")

	// ErrDuplicate is returned by Apply when an Insert meets a row with the same
	// key. Use InsertNew where a duplicate is expected: on PostgreSQL a failed
	// statement ends the transaction.
	ErrDuplicate = errors.New("storage: duplicate key")

	// ErrStale is returned by Apply when a Write with Must did not change exactly
	// one row: somebody else changed it first.
	ErrStale = errors.New("storage: row changed meanwhile")

	// ErrKeyReuse is returned when an idempotency key comes back with a request
	// of other content.
	ErrKeyReuse = errors.New("storage: idempotency key used for another request")

	// ErrConflict is returned by InTx when the engine rolled the transaction back
	// as often as Options.Retries allows. Nothing was written; the caller may
	// repeat.
	ErrConflict = errors.New("storage: conflict, retries used up")

	// ErrOutcomeUnknown is returned when the connection was lost while the
	// transaction committed. Nobody knows whether it did; repeat with the same
	// idempotency key to find out.
	ErrOutcomeUnknown = errors.New("storage: outcome of the commit is unknown")

	// ErrTxFailed is returned by every call through a context whose transaction
	// the engine has ended or a step has failed for good. Roll back.
	ErrTxFailed = errors.New("storage: transaction has failed, roll it back")

	// ErrTxDone is returned by a call through a context whose transaction was
	// already committed or rolled back. It is never a silent fall-back to the pool.
	ErrTxDone = errors.New("storage: transaction in the context is finished")

	// ErrRolledBack is returned by the outer InTx when a nested one failed and
	// its error was swallowed.
	ErrRolledBack = errors.New("storage: rolled back because a nested step failed")

	// ErrInTx is returned by work that must commit on its own and was called
	// inside a transaction.
	ErrInTx = errors.New("storage: must not run inside a transaction")

	// ErrNoTx is returned by a host-facing write outside a transaction when
	// RequireTx is set.
	ErrNoTx = errors.New("storage: a transaction is required")

	// ErrSchema is returned when the tables are missing, half migrated or of a
	// version that this library does not know.
	ErrSchema = errors.New("storage: schema does not fit")
)
