package sqlstore

import (
	"context"
	"database/sql"
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
