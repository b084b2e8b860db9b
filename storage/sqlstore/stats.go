package sqlstore

import "sync/atomic"

// Stats are counts since New.
type Stats struct {
	Begun      int64 // owned transactions, attempts of one counted each
	Committed  int64
	RolledBack int64 // by the function's error, a doomed step or the engine

	Busy          int64 // attempts repeated because SQLite was busy
	Deadlock      int64 // ... of a deadlock or Galera's certification
	Serialization int64 // ... of another transaction's writes
	Timeout       int64 // ... of a lock that was not had in time
	Lost          int64 // ... of a connection that broke before COMMIT

	Conflicts int64 // given up with storage.ErrConflict
	Unknown   int64 // ended with storage.ErrOutcomeUnknown
}

type counts struct {
	begun, committed, rolledBack, conflicts, unknown atomic.Int64
	retries                                          [Failed + 1]atomic.Int64
}

// Stats returns the counts of this DB.
func (db *DB) Stats() Stats {
	c := &db.counts
	return Stats{
		Begun: c.begun.Load(), Committed: c.committed.Load(), RolledBack: c.rolledBack.Load(),
		Busy: c.retries[Busy].Load(), Deadlock: c.retries[Deadlock].Load(),
		Serialization: c.retries[Serialization].Load(), Timeout: c.retries[Timeout].Load(),
		Lost: c.retries[Lost].Load(), Conflicts: c.conflicts.Load(), Unknown: c.unknown.Load(),
	}
}
