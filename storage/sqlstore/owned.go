package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gdprkit/gdprkit/storage"
)

// InTx runs f in a transaction, over all tenants; see [storage.Store]. It joins
// the transaction that ctx holds for this DB. Otherwise it begins one at READ
// COMMITTED, commits it, and runs f again, Options.Retries times, if the engine
// says that it rolled it back.
//
// It returns storage.ErrConflict when the retries are used up, and
// storage.ErrOutcomeUnknown when the connection was lost during COMMIT.
func (db *DB) InTx(ctx context.Context, f func(context.Context) error) error {
	if t := db.current(ctx); t != nil {
		return t.step(ctx, f)
	}
	return db.retry(ctx, func() error { return db.attempt(ctx, reading, f) })
}

// retry runs try until it does not end in a conflict.
func (db *DB) retry(ctx context.Context, try func() error) error {
	for n := 0; ; n++ {
		err := try()
		class, code := db.conflict(err)
		if class == Other {
			return err
		}
		db.counts.retries[class].Add(1)
		if n >= db.opts.Retries {
			db.counts.conflicts.Add(1)
			db.log.LogAttrs(ctx, slog.LevelWarn, "gdprkit: transaction given up after retries",
				slog.String("class", class.String()), slog.String("code", code), slog.Int("attempts", n+1))
			return &engineError{class: class, what: "transaction", code: code, sentinel: storage.ErrConflict, cause: err}
		}
		db.log.LogAttrs(ctx, slog.LevelDebug, "gdprkit: transaction runs again",
			slog.String("class", class.String()), slog.String("code", code), slog.Int("attempt", n+1))
		if err := db.pause(ctx, n); err != nil {
			return err
		}
	}
}

// conflict returns the class of an error after which an attempt is repeated, or
// Other. A connection lost before COMMIT was sent counts: its transaction is gone.
func (db *DB) conflict(err error) (Class, string) {
	if err == nil || errors.Is(err, storage.ErrOutcomeUnknown) {
		return Other, ""
	}
	var l *lostAttempt
	if errors.As(err, &l) {
		return Lost, ""
	}
	class, code := db.classify(err)
	if !class.conflict() {
		return Other, ""
	}
	return class, code
}

// lostAttempt is an attempt whose connection broke before COMMIT.
type lostAttempt struct{ error }

func (l *lostAttempt) Unwrap() error { return l.error }

// opening is what is known beforehand of the statements of a transaction.
type opening uint8

const (
	reading opening = iota // nothing: it may read before it writes
	writing                // the first one writes, and so takes the write lock itself
	naming                 // all insert, or update rows that they name by key
)

// attempt runs f once in a transaction of its own.
func (db *DB) attempt(ctx context.Context, o opening, f func(context.Context) error) (err error) {
	t, tx, conn, err := db.begin(ctx, o)
	if err != nil {
		return err
	}
	defer conn.Close()
	finished := false
	defer func() {
		if !finished { // f panicked or called runtime.Goexit
			t.set(&t.done)
			db.rollBack(tx, conn)
		}
	}()
	inner, hooks := storage.WithHooks(context.WithValue(ctx, db.key, t))
	err = f(inner)
	finished = true
	lost := t.verdictFailed()
	if err == nil {
		err = t.verdict()
	}
	if err == nil {
		err = ctx.Err()
	}
	t.set(&t.done)
	if err != nil {
		db.rollBack(tx, conn)
		db.counts.rolledBack.Add(1)
		return t.again(err, lost)
	}
	if err := db.commit(ctx, tx); err != nil {
		if db.d.lingers && errors.Is(err, storage.ErrOutcomeUnknown) {
			discard(conn)
		}
		return err
	}
	conn.Close() // a function after the commit may need the pool's only connection
	hooks.Run()
	return nil
}

// again marks the error of an attempt that failed because its connection broke.
func (t *txn) again(err error, failed bool) error {
	if !failed {
		return err
	}
	if t.cause != nil { // f may have returned something else
		if class, _ := t.db.classify(t.cause); class == Lost {
			return &lostAttempt{err}
		} else if class.conflict() {
			return t.cause
		}
	}
	return err
}

// begin begins a transaction whose statements do not end with ctx.
func (db *DB) begin(ctx context.Context, o opening) (*txn, *sql.Tx, *sql.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, nil, err
	}
	e, err := db.probe(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	db.prepareWanted(ctx)
	var first *sql.Stmt
	if db.first != nil && o == reading {
		first = db.prepare(ctx, db.first, 0)
	}
	conn, err := db.sql.Conn(ctx)
	if err != nil {
		return nil, nil, nil, db.unbegun(err, "connect")
	}
	tx, err := db.beginOn(context.WithoutCancel(ctx), conn, e, o, first)
	if err != nil {
		conn.Close()
		return nil, nil, nil, db.unbegun(err, "begin")
	}
	db.counts.begun.Add(1)
	return &txn{db: db, tx: tx, stmts: tx, owned: true}, tx, conn, nil
}

// unbegun wraps an error before the function ran. A broken connection, from
// before a fail-over, is no reason to give up.
func (db *DB) unbegun(err error, what string) error {
	if err = db.wrap(err, what); errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if class, _ := db.classify(err); class == Lost {
		return &lostAttempt{err}
	}
	return err
}

func (db *DB) beginOn(ctx context.Context, conn *sql.Conn, e *engine, o opening, first *sql.Stmt) (*sql.Tx, error) {
	if e.galera {
		var left bool
		if err := conn.QueryRowContext(ctx, waitForCluster).Scan(&left); err != nil {
			return nil, err
		}
		if left { // its part would be committed now
			discard(conn)
			return nil, driver.ErrBadConn
		}
	}
	opts := &sql.TxOptions{Isolation: e.isolation}
	if o == naming && db.dialect == MySQL { // locks no gaps at any level, so the round trip that sets one is saved
		opts.Isolation = sql.LevelDefault
	}
	tx, err := conn.BeginTx(ctx, opts)
	if err != nil || db.first == nil || o != reading {
		return tx, err
	}
	if first != nil {
		_, err = tx.StmtContext(ctx, first).ExecContext(ctx)
	} else {
		_, err = tx.ExecContext(ctx, db.first.text)
	}
	if err != nil {
		db.rollBack(tx, conn)
		return nil, err
	}
	return tx, nil
}

// rollBack ends a transaction, with its connection if it has to be.
func (db *DB) rollBack(tx *sql.Tx, conn *sql.Conn) {
	if err := tx.Rollback(); err != nil && db.d.lingers {
		discard(conn)
	}
}

// discard closes a connection in place of giving it back to the pool: a node of Galera
// that lost the others refuses even ROLLBACK, and the next transaction on the connection
// would commit what is still open there.
func discard(conn *sql.Conn) {
	conn.Raw(func(any) error { return driver.ErrBadConn }) // that error is the purpose
}

// commit commits. What was lost on the way is unknown, unless the engine said
// that it rolled back.
func (db *DB) commit(ctx context.Context, tx *sql.Tx) error {
	err := tx.Commit()
	if err == nil {
		db.counts.committed.Add(1)
		return nil
	}
	if class, code := db.classify(err); db.d.refused(class, code) {
		db.counts.rolledBack.Add(1)
		return db.wrap(err, "commit")
	}
	if aborted(err) {
		db.counts.rolledBack.Add(1)
		return fmt.Errorf("%w: %w", storage.ErrTxFailed, db.wrap(err, "commit"))
	}
	return db.unknown(ctx, err, "commit")
}

// refused reports whether an error of COMMIT is the engine's word that it rolled
// back: a conflict, a deferred constraint of the host. A failing disk is no word.
func (d *dialect) refused(class Class, code string) bool {
	return class.conflict() || class == Duplicate || d.wholly && code != "" && class != Lost && class != Failed
}

// aborted recognises a COMMIT that PostgreSQL answered with ROLLBACK, because a
// statement had failed before.
func aborted(err error) bool {
	switch err.Error() {
	case "commit unexpectedly resulted in rollback", "pq: Could not complete operation in a failed transaction":
		return true
	}
	return false
}

// unknown counts and returns an error after which nobody knows what is committed.
func (db *DB) unknown(ctx context.Context, err error, what string) error {
	class, code := db.classify(err)
	db.counts.unknown.Add(1)
	db.log.LogAttrs(ctx, slog.LevelError, "gdprkit: outcome of a commit is unknown",
		slog.String("class", class.String()), slog.String("code", code))
	return &engineError{class: class, what: what, code: code, sentinel: storage.ErrOutcomeUnknown, cause: err}
}
