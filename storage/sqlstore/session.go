package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gdprkit/gdprkit/storage"
)

// session is where the statements of one call run: in the transaction of its
// context, or on the pool.
type session struct {
	db  *DB
	t   *txn // nil: on the pool
	ctx context.Context
}

// session begins a call. Inside a transaction its statements do not end with ctx.
func (db *DB) session(ctx context.Context) (session, error) {
	t := db.current(ctx)
	if t == nil {
		if db.engine.Load() == nil {
			if _, err := db.probe(ctx); err != nil {
				return session{}, err
			}
		}
		return session{db: db, ctx: ctx}, nil
	}
	if err := t.usable(ctx); err != nil {
		return session{}, err
	}
	s := session{db: db, t: t, ctx: context.WithoutCancel(ctx)}
	if !db.ready.Load() {
		if err := db.fits(s.ctx, t.tx); err != nil {
			return s, t.note(err, versionTable)
		}
	}
	return s, nil
}

// failed wraps an error of a statement.
func (s session) failed(err error, what string) error {
	if s.t != nil {
		return s.t.note(err, what)
	}
	return s.db.wrap(err, what)
}

// exec runs a statement that writes and returns the number of rows.
func (s session) exec(st *statement, args []any, what string) (int64, error) {
	var r sql.Result
	var err error
	if s.t != nil {
		if err := s.t.save(s.ctx); err != nil {
			return 0, err
		}
		if p := s.t.stmt(s.ctx, st); p != nil {
			r, err = p.ExecContext(s.ctx, args...)
		} else {
			r, err = s.t.tx.ExecContext(s.ctx, st.text, args...)
		}
	} else if p := s.db.prepare(s.ctx, st, 0); p != nil {
		r, err = p.ExecContext(s.ctx, args...)
	} else {
		r, err = s.db.sql.ExecContext(s.ctx, st.text, args...)
	}
	if err != nil {
		return 0, s.failed(err, what)
	}
	n, err := r.RowsAffected()
	return n, s.failed(err, what)
}

// query runs a statement that reads. Pool 1 is the Reader.
func (s session) query(st *statement, args []any, pool int, what string) (*sql.Rows, error) {
	var rows *sql.Rows
	var err error
	if s.t != nil {
		if p := s.t.stmt(s.ctx, st); p != nil {
			rows, err = p.QueryContext(s.ctx, args...)
		} else {
			rows, err = s.t.tx.QueryContext(s.ctx, st.text, args...)
		}
	} else if p := s.db.prepare(s.ctx, st, pool); p != nil {
		rows, err = p.QueryContext(s.ctx, args...)
	} else {
		rows, err = s.db.pool(pool).QueryContext(s.ctx, st.text, args...)
	}
	return rows, s.failed(err, what)
}

// row reads one row.
func (s session) row(st *statement, args []any, pool int, what string, dest []any) error {
	var row *sql.Row
	if s.t != nil {
		if p := s.t.stmt(s.ctx, st); p != nil {
			row = p.QueryRowContext(s.ctx, args...)
		} else {
			row = s.t.tx.QueryRowContext(s.ctx, st.text, args...)
		}
	} else if p := s.db.prepare(s.ctx, st, pool); p != nil {
		row = p.QueryRowContext(s.ctx, args...)
	} else {
		row = s.db.pool(pool).QueryRowContext(s.ctx, st.text, args...)
	}
	err := row.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return storage.ErrNotFound
	}
	return s.failed(err, what)
}

// lock reports which of the two statements of a read is wanted: 1 locks.
func (s session) lock(m storage.Mode) int {
	if m == storage.Current && s.t != nil && !s.t.owned {
		return 1
	}
	return 0
}

// readPool returns the pool for a mode.
func (s session) readPool(m storage.Mode) int {
	if m == storage.History && s.t == nil && s.db.opts.Reader != nil {
		return 1
	}
	return 0
}
