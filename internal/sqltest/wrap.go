package sqltest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"testing"
)

// A Fault changes what a driver does, between database/sql and the server: for
// servers that are too old, clocks that are wrong and commits whose answer is lost,
// none of which is at hand otherwise. The zero value changes nothing.
type Fault struct {
	// Answer may answer a query with one row of one column in the server's place.
	Answer func(query string) (value string, ok bool)
	// Seen is told the text of each statement.
	Seen func(query string)
	// Commit may replace the answer to a COMMIT that has been carried out.
	Commit func() error
}

// Faulty opens a pool on a DSN whose driver has a fault.
func (e *Engine) Faulty(t testing.TB, dsn string, f *Fault) *sql.DB {
	t.Helper()
	pool := sql.OpenDB(&faultConnector{e.connect(t, dsn).Driver(), dsn, f})
	t.Cleanup(func() { pool.Close() })
	return pool
}

type faultConnector struct {
	d   driver.Driver
	dsn string
	f   *Fault
}

func (c *faultConnector) Driver() driver.Driver { return c.d }

func (c *faultConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.d.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return &faultConn{conn, c.f}, nil
}

// faultConn passes on what the drivers of this package can do.
type faultConn struct {
	driver.Conn
	f *Fault
}

func (c *faultConn) seen(query string) {
	if c.f.Seen != nil {
		c.f.Seen(query)
	}
}

func (c *faultConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.seen(query)
	if c.f.Answer != nil {
		if v, ok := c.f.Answer(query); ok {
			return &oneRow{value: v}, nil
		}
	}
	if q, ok := c.Conn.(driver.QueryerContext); ok {
		return q.QueryContext(ctx, query, args)
	}
	return nil, driver.ErrSkip
}

func (c *faultConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.seen(query)
	if x, ok := c.Conn.(driver.ExecerContext); ok {
		return x.ExecContext(ctx, query, args)
	}
	return nil, driver.ErrSkip
}

func (c *faultConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.seen(query)
	if p, ok := c.Conn.(driver.ConnPrepareContext); ok {
		return p.PrepareContext(ctx, query)
	}
	return c.Conn.Prepare(query)
}

func (c *faultConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &faultTx{tx, c.f}, nil
}

func (c *faultConn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.Conn.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *faultConn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *faultConn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

type faultTx struct {
	driver.Tx
	f *Fault
}

func (t *faultTx) Commit() error {
	err := t.Tx.Commit()
	if err == nil && t.f.Commit != nil {
		err = t.f.Commit()
	}
	return err
}

type oneRow struct {
	value string
	read  bool
}

func (r *oneRow) Columns() []string { return []string{"value"} }
func (r *oneRow) Close() error      { return nil }

func (r *oneRow) Next(dest []driver.Value) error {
	if r.read {
		return io.EOF
	}
	r.read = true
	dest[0] = r.value
	return nil
}
