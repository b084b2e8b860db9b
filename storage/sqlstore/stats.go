package sqlstore

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Stats are counts since New, of this process. As an attribute of slog it is a
// group of all its numbers.
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

	Pending int64         // entries of logs that waited when DB.Pending was called last
	Oldest  time.Duration // how long the oldest of them had waited
}

type counts struct {
	begun, committed, rolledBack, conflicts, unknown atomic.Int64
	retries                                          [Failed + 1]atomic.Int64
	pending                                          atomic.Pointer[Pending]
}

// Stats returns the counts of this DB. It does no I/O.
func (db *DB) Stats() Stats {
	c := &db.counts
	s := Stats{
		Begun: c.begun.Load(), Committed: c.committed.Load(), RolledBack: c.rolledBack.Load(),
		Busy: c.retries[Busy].Load(), Deadlock: c.retries[Deadlock].Load(),
		Serialization: c.retries[Serialization].Load(), Timeout: c.retries[Timeout].Load(),
		Lost: c.retries[Lost].Load(), Conflicts: c.conflicts.Load(), Unknown: c.unknown.Load(),
	}
	if p := c.pending.Load(); p != nil {
		s.Pending, s.Oldest = p.Entries, p.Oldest
	}
	return s
}

// LogValue returns the counts as a group.
func (s Stats) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int64("begun", s.Begun), slog.Int64("committed", s.Committed), slog.Int64("rolled_back", s.RolledBack),
		slog.Int64("busy", s.Busy), slog.Int64("deadlock", s.Deadlock), slog.Int64("serialization", s.Serialization),
		slog.Int64("timeout", s.Timeout), slog.Int64("lost", s.Lost),
		slog.Int64("conflicts", s.Conflicts), slog.Int64("unknown", s.Unknown),
		slog.Int64("pending", s.Pending), slog.Duration("oldest", s.Oldest))
}

// Pending says what waits to be sealed into the logs of all tenants.
type Pending struct {
	Entries int64
	Oldest  time.Duration // since the oldest entry was written; 0: none waits
}

// Pending counts the entries of audit logs that are committed and not sealed yet,
// of all tenants and processes, and puts the numbers into [Stats]. A number that
// grows means that nobody runs audit.Log.Run or audit.SealAll, or that it fails,
// which their loggers tell. On SQLite entries are sealed as they are written. Call
// it as often as metrics are read; it walks over what waits, which is little.
func (db *DB) Pending(ctx context.Context) (Pending, error) {
	if db.current(ctx) != nil {
		return Pending{}, storage.ErrInTx
	}
	what := schema.AuditStage.Name
	from := " FROM " + db.d.table(db.opts.Schema, what) + " WHERE " + db.d.id("state") + " = 0"
	var p Pending
	if err := db.sql.QueryRowContext(ctx, "SELECT count(*)"+from).Scan(&p.Entries); err != nil {
		return Pending{}, db.wrap(err, what)
	}
	id := db.d.id("id")
	var oldest []byte // a UUIDv7: its first six bytes are milliseconds
	err := db.sql.QueryRowContext(ctx, "SELECT "+id+from+" ORDER BY "+id+" LIMIT 1").Scan(&oldest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Pending{}, db.wrap(err, what)
	}
	if len(oldest) == 16 {
		ms := int64(binary.BigEndian.Uint64(oldest) >> 16)
		p.Oldest = max(time.Since(time.UnixMilli(ms)), 1)
	}
	db.counts.pending.Store(&p)
	return p, nil
}
