package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// TX is a transaction of the host. *sql.Tx is one, and so are the transactions of
// sqlx and bun and the ConnPool of one of gorm.
type TX interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// stmter is what *sql.Tx has besides: the use of a statement prepared before.
type stmter interface {
	StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt
}

// txn is a transaction that a context holds, and what became of it. Like a
// *sql.Tx it is used by one goroutine at a time.
type txn struct {
	db    *DB
	tx    TX
	stmts stmter // tx, if it can
	owned bool

	mu     sync.Mutex
	failed bool // the engine ended it, or a half-done step cannot be undone
	done   bool // committed or rolled back
	doomed bool // a step failed; the enclosing root must not succeed

	inStep bool // joined: inside the root step
	saved  bool // joined: the root step has set its savepoint
	writes int
	cause  error // what made it fail
	on     map[*statement]*sql.Stmt
}

// WithTx returns a context in which the stores of this DB join the host's
// transaction. The tables must be in the database of tx. The host commits or
// rolls back; after an error of a store it must roll back.
//
// To the stores of another DB, and of another [New] over the same pool, the context
// holds no transaction: what they write commits by itself. Options.RequireTx makes
// them refuse instead.
//
// A context of one transaction is for one goroutine at a time. After ROLLBACK TO
// SAVEPOINT of its own the host calls WithTx again.
func (db *DB) WithTx(ctx context.Context, tx TX) context.Context {
	t := &txn{db: db, tx: tx}
	t.stmts, _ = tx.(stmter)
	return storage.WithoutHooks(context.WithValue(ctx, db.key, t))
}

// Tx returns the transaction that ctx holds for this DB, for the host's own
// statements, or nil. In one begun by InTx each statement runs to its end even if
// its context expires, since an interrupted one would end the transaction on
// SQLite unnoticed. Inside an InTx that joined, what is written through it is part
// of that step.
func (db *DB) Tx(ctx context.Context) TX {
	t := db.current(ctx)
	switch {
	case t == nil:
		return nil
	case t.owned:
		return guarded{t}
	case t.inStep:
		return stepped{t}
	}
	return t.tx
}

func (db *DB) current(ctx context.Context) *txn {
	t, _ := ctx.Value(db.key).(*txn)
	return t
}

// usable reports why the transaction cannot be used, if so.
func (t *txn) usable(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.done:
		return storage.ErrTxDone
	case t.failed:
		return storage.ErrTxFailed
	}
	return ctx.Err()
}

// note records what an error means for the transaction and returns it wrapped.
func (t *txn) note(err error, what string) error {
	if err == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if errors.Is(err, sql.ErrTxDone) {
		t.done = true
		return storage.ErrTxDone
	}
	if foreign(err) {
		return gdpr.Invalid("WithTx.tx", "is a transaction of another pool than the one given to New")
	}
	err = t.db.wrap(err, what)
	var e *engineError
	if errors.As(err, &e) && t.ends(e) {
		t.failed = true
		if t.cause == nil {
			t.cause = err
		}
	}
	return err
}

// ends reports whether the error leaves a transaction that must not be used.
func (t *txn) ends(e *engineError) bool {
	switch e.class {
	case Busy, Deadlock, Serialization, Timeout, Lost, Failed:
		return true
	}
	return t.db.dialect == Postgres && e.code != "" // any error aborts it
}

func (t *txn) set(flag *bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*flag = true
}

// stmt returns the prepared statement inside this transaction, or nil.
func (t *txn) stmt(ctx context.Context, s *statement) *sql.Stmt {
	if t.stmts == nil || t.db.opts.NoPrepare {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.on[s]; p != nil {
		return p
	}
	pooled := s.prepared[0].Load()
	if pooled == nil {
		t.db.wanted.add(s)
		return nil
	}
	p := t.stmts.StmtContext(ctx, pooled)
	if t.on == nil {
		t.on = make(map[*statement]*sql.Stmt)
	}
	t.on[s] = p
	return p
}

// save sets the savepoint of the root step before its first write, if there is
// a step and the dialect needs one.
func (t *txn) save(ctx context.Context) error {
	t.writes++
	if !t.inStep || t.saved || !t.db.d.steps {
		return nil
	}
	if _, err := t.tx.ExecContext(ctx, "SAVEPOINT gdpr_step"); err != nil {
		return t.note(err, "savepoint")
	}
	t.saved = true
	return nil
}

// step runs f as one step: all of its writes stay or none does.
func (t *txn) step(ctx context.Context, f func(context.Context) error) (err error) {
	if err := t.usable(ctx); err != nil {
		return err
	}
	finished := false
	if t.owned || t.inStep { // the root undoes everything
		defer func() {
			if !finished || err != nil {
				t.set(&t.doomed)
			}
		}()
		err = f(ctx)
		finished = true
		return err
	}
	before := t.writes
	t.inStep, t.saved, t.doomed = true, false, false
	defer func() {
		t.inStep = false
		if !finished { // f panicked
			t.undo(ctx, before)
		}
	}()
	err = f(ctx)
	finished = true
	if err == nil {
		err = t.verdict()
	}
	if err != nil {
		t.undo(ctx, before)
		return err
	}
	return t.release(ctx)
}

// verdict says why a root must not succeed although its function did.
func (t *txn) verdict() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.done:
		return storage.ErrTxDone
	case t.failed:
		return storage.ErrTxFailed
	case t.doomed:
		return storage.ErrRolledBack
	}
	return nil
}

// undo takes the writes of the root step back, or makes the transaction fail.
func (t *txn) undo(ctx context.Context, before int) {
	if t.verdictFailed() || t.writes == before {
		return
	}
	ctx = context.WithoutCancel(ctx)
	var err error
	switch {
	case t.saved:
		_, err = t.tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT gdpr_step")
		if err == nil {
			err = t.release(ctx)
		}
	case !t.db.d.steps:
		t.tx.ExecContext(ctx, t.db.d.fail) // its error is the purpose
		err = storage.ErrTxFailed
	}
	if err != nil {
		t.set(&t.failed)
	}
}

func (t *txn) verdictFailed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed || t.done
}

func (t *txn) release(ctx context.Context) error {
	if !t.saved {
		return nil
	}
	t.saved = false
	_, err := t.tx.ExecContext(context.WithoutCancel(ctx), "RELEASE SAVEPOINT gdpr_step")
	return t.note(err, "savepoint")
}

// foreign recognises the error of database/sql for a statement of another pool.
func foreign(err error) bool {
	return err.Error() == "sql: Tx.Stmt: statement from different database used"
}
