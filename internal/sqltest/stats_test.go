package sqltest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// recorder is a handler of slog that keeps what it gets.
type recorder struct {
	mu      sync.Mutex
	records []slog.Record
}

func (r *recorder) Enabled(context.Context, slog.Level) bool { return true }
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *recorder) WithGroup(string) slog.Handler            { return r }

func (r *recorder) Handle(_ context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, rec)
	return nil
}

// take returns the lines so far as "LEVEL message class=... code=... n", and
// forgets them.
func (r *recorder) take() (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.records {
		line := rec.Level.String() + " " + rec.Message
		rec.Attrs(func(a slog.Attr) bool {
			a.Value = a.Value.Resolve()
			line += " " + a.String()
			return true
		})
		lines = append(lines, line)
	}
	r.records = nil
	return lines
}

// raised is a statement after which a server says what it says after a conflict of
// that kind. The value must not show anywhere.
type raised struct {
	class sqlstore.Class
	code  string
	text  string
}

const canary = "canary-4711"

func conflicts(e *sqltest.Engine) []raised {
	switch e.Dialect {
	case sqlstore.Postgres:
		raise := func(code string) string {
			return "DO $$ BEGIN RAISE EXCEPTION '" + canary + "' USING ERRCODE = '" + code + "'; END $$"
		}
		return []raised{{sqlstore.Serialization, "40001", raise("40001")}, {sqlstore.Deadlock, "40P01", raise("40P01")}, {sqlstore.Timeout, "55P03", raise("55P03")}}
	case sqlstore.MySQL:
		raise := func(code string) string {
			return "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = " + code + ", MESSAGE_TEXT = '" + canary + "'"
		}
		return []raised{{sqlstore.Serialization, "1020", raise("1020")}, {sqlstore.Deadlock, "1213", raise("1213")}, {sqlstore.Timeout, "1205", raise("1205")}}
	}
	return nil // SQLite has one conflict: TestStatsBusy
}

// retries returns the counter of a class.
func retries(s sqlstore.Stats, c sqlstore.Class) int64 {
	return map[sqlstore.Class]int64{sqlstore.Busy: s.Busy, sqlstore.Deadlock: s.Deadlock, sqlstore.Serialization: s.Serialization,
		sqlstore.Timeout: s.Timeout, sqlstore.Lost: s.Lost}[c]
}

// Each retry is counted under its class and logged; so is the end of the retries.
func TestStatsRetries(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		e.DB(t, pool, nil)
		rec := new(recorder)
		db := e.New(t, pool, &sqlstore.Options{Logger: slog.New(rec), Retries: 2})
		for _, c := range conflicts(e) {
			runs, before := 0, db.Stats()
			require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
				if runs++; runs > 1 {
					return nil
				}
				_, err := db.Tx(ctx).ExecContext(ctx, c.text)
				return err
			}))
			s := db.Stats()
			require.Equal(t, retries(before, c.class)+1, retries(s, c.class), c.class)
			require.Equal(t, []int64{2, 1, 1}, []int64{s.Begun - before.Begun, s.Committed - before.Committed, s.RolledBack - before.RolledBack})
			again := fmt.Sprintf("DEBUG gdprkit: transaction runs again class=%v code=%s attempt=", c.class, c.code)
			require.Equal(t, []string{again + "1"}, rec.take())

			err := db.InTx(t.Context(), func(ctx context.Context) error {
				_, err := db.Tx(ctx).ExecContext(ctx, c.text)
				return err
			})
			require.ErrorIs(t, err, storage.ErrConflict)
			require.NotContains(t, err.Error(), canary)
			require.Equal(t, retries(s, c.class)+3, retries(db.Stats(), c.class))
			require.Equal(t, s.Conflicts+1, db.Stats().Conflicts)
			require.Equal(t, []string{again + "1", again + "2",
				fmt.Sprintf("WARN gdprkit: transaction given up after retries class=%v code=%s attempts=3", c.class, c.code)}, rec.take())
		}
	})
}

// The only conflict of SQLite: somebody else has the write lock.
func TestStatsBusy(t *testing.T) {
	e := sqltest.Engines()[0]
	dsn := "file:" + t.TempDir() + "/busy.db?_pragma=journal_mode(WAL)"
	e.DB(t, e.SQL(t, dsn), nil)
	rec := new(recorder)
	db := e.New(t, e.SQL(t, dsn), &sqlstore.Options{Logger: slog.New(rec), Retries: 2})
	holder := begin(t, e.SQL(t, dsn), nil)
	_, err := holder.Exec("UPDATE gdpr_schema_version SET state = state")
	require.NoError(t, err)
	require.ErrorIs(t, db.InTx(t.Context(), func(context.Context) error { return nil }), storage.ErrConflict)
	require.NoError(t, holder.Rollback())
	require.Equal(t, int64(3), db.Stats().Busy)
	require.Equal(t, int64(1), db.Stats().Conflicts)
	again := "DEBUG gdprkit: transaction runs again class=busy code=5 attempt="
	require.Equal(t, []string{again + "1", again + "2", "WARN gdprkit: transaction given up after retries class=busy code=5 attempts=3"}, rec.take())
}

// diskError is what a driver of SQLite returns when the disk fails.
type diskError struct{}

func (diskError) Error() string { return "disk I/O error: " + canary }
func (diskError) Code() int     { return 10 }

// A commit whose answer was lost, or that failed with the disk, is counted and
// logged as unknown, and nothing is tried again.
func TestStatsUnknown(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		dsn := e.DSN(t)
		e.DB(t, e.SQL(t, dsn), nil)
		answer, class, code := errors.New("unexpected EOF, invalid connection: "+canary), sqlstore.Lost, ""
		if e.Dialect == sqlstore.SQLite {
			answer, class, code = diskError{}, sqlstore.Failed, "10"
		}
		rec := new(recorder)
		db := e.New(t, e.Faulty(t, dsn, &sqltest.Fault{Commit: func() error { return answer }}), &sqlstore.Options{Logger: slog.New(rec)})
		runs := 0
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			runs++
			_, err := db.Tenant("x").Apply(ctx, newLease.With("a", "1", 0, 0))
			return err
		})
		require.ErrorIs(t, err, storage.ErrOutcomeUnknown)
		require.NotContains(t, err.Error(), canary)
		require.Equal(t, 1, runs)
		require.Equal(t, sqlstore.Stats{Begun: 1, Unknown: 1}, db.Stats())
		require.Equal(t, []string{fmt.Sprintf("ERROR gdprkit: outcome of a commit is unknown class=%v code=%s", class, code)}, rec.take())
		require.Equal(t, "1", owner(t, t.Context(), db.Tenant("x"), "a"), "it was committed, which nobody could know")
	})
}

// A connection that breaks before COMMIT is counted as lost, and the work runs again.
func TestStatsLost(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Dialect == sqlstore.SQLite {
			t.Skip("SQLite has no connection to lose")
		}
		dsn := e.DSN(t)
		e.DB(t, e.SQL(t, dsn), nil)
		rec, c, at := new(recorder), new(cutter), "cut-me-here"
		db := e.New(t, e.SQL(t, c.through(t, e, dsn)), &sqlstore.Options{Logger: slog.New(rec)})
		s := db.Tenant("x")
		lease(t, t.Context(), s, "a", "0")
		c.at.Store(&at)
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
			_, err := s.Apply(ctx, setOwner.With("cut-me-here", "a"))
			return err
		}))
		require.Equal(t, int64(1), db.Stats().Lost)
		lines := rec.take()
		require.Len(t, lines, 1)
		require.True(t, strings.HasPrefix(lines[0], "DEBUG gdprkit: transaction runs again class=connection lost"), lines[0])
	})
}

// Entries of the log that wait to be sealed are counted, with the age of the oldest.
func TestStatsPending(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		ctx := t.Context()
		for _, tenant := range []string{"a", "b"} {
			log, err := audit.New(db.Tenant(tenant), nil)
			require.NoError(t, err)
			require.NoError(t, log.Open(ctx))
			tx := begin(t, db.SQL(), nil) // the host's: nobody sees the commit, so nothing is sealed after it
			_, err = log.Append(db.WithTx(ctx, tx), audit.Event{Action: "contact.viewed"}, audit.Event{Action: "contact.viewed"})
			require.NoError(t, err)
			require.NoError(t, tx.Commit())
		}
		time.Sleep(5 * time.Millisecond)
		want := int64(4)
		if e.Dialect == sqlstore.SQLite {
			want = 0 // sealed in the transaction that wrote them
		}
		require.Zero(t, db.Stats().Pending)
		p, err := db.Pending(ctx)
		require.NoError(t, err)
		require.Equal(t, want, p.Entries)
		require.Equal(t, want > 0, p.Oldest > 0)
		require.Equal(t, p, sqlstore.Pending{Entries: db.Stats().Pending, Oldest: db.Stats().Oldest})
		rec := new(recorder)
		slog.New(rec).Info("numbers", "gdprkit", db.Stats())
		require.Contains(t, rec.take()[0], fmt.Sprintf("pending=%d", want))
		for _, tenant := range []string{"a", "b"} {
			log, err := audit.New(db.Tenant(tenant), nil)
			require.NoError(t, err)
			_, err = log.Sealed(ctx)
			require.NoError(t, err)
		}
		p, err = db.Pending(ctx)
		require.NoError(t, err)
		require.Zero(t, p)
		require.Zero(t, db.Stats().Pending)
	})
}
