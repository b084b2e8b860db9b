package sqlstore

import (
	"context"
	"database/sql"
	"strings"
)

// guarded is an owned transaction in the hands of the host: its statements run
// to their end, none runs after one that ended the transaction, and the first such
// error is remembered.
type guarded struct{ t *txn }

func (g guarded) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := g.t.usable(ctx); err != nil {
		return nil, err
	}
	r, err := g.t.tx.ExecContext(context.WithoutCancel(ctx), query, args...)
	return r, g.noted(err)
}

func (g guarded) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := g.t.usable(ctx); err != nil {
		return nil, err
	}
	r, err := g.t.tx.QueryContext(context.WithoutCancel(ctx), query, args...)
	return r, g.noted(err)
}

// QueryRowContext cannot see the error of the row. Once the transaction has failed
// the row's error is context.Canceled and nothing is sent.
func (g guarded) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	ctx = context.WithoutCancel(ctx)
	if g.t.verdictFailed() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		cancel()
	}
	return g.t.tx.QueryRowContext(ctx, query, args...)
}

func (g guarded) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := g.t.usable(ctx); err != nil {
		return nil, err
	}
	s, err := g.t.tx.PrepareContext(context.WithoutCancel(ctx), query)
	return s, g.noted(err)
}

// noted remembers what err means for the transaction, and returns it as it is:
// the statement was the host's.
func (g guarded) noted(err error) error {
	g.t.note(err, "statement of the host")
	return err
}

// stepped is the host's transaction inside a step: what the host writes there is
// undone with the step.
type stepped struct{ t *txn }

// save begins the step's writes, unless the statement only reads.
func (s stepped) save(ctx context.Context, query string) error {
	if q := strings.TrimSpace(query); len(q) > 6 && strings.EqualFold(q[:6], "SELECT") {
		return nil
	}
	return s.t.save(context.WithoutCancel(ctx))
}

func (s stepped) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := s.save(ctx, query); err != nil {
		return nil, err
	}
	return s.t.tx.ExecContext(ctx, query, args...)
}

func (s stepped) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := s.save(ctx, query); err != nil {
		return nil, err
	}
	return s.t.tx.QueryContext(ctx, query, args...)
}

// QueryRowContext cannot return the error of a savepoint. The row's error is then
// context.Canceled and nothing is sent.
func (s stepped) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if s.save(ctx, query) != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		cancel()
	}
	return s.t.tx.QueryRowContext(ctx, query, args...)
}

func (s stepped) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := s.save(ctx, query); err != nil {
		return nil, err
	}
	return s.t.tx.PrepareContext(ctx, query)
}
