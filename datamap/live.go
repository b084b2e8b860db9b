package datamap

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// DB is what a map needs of the CRM's database. *sqlstore.DB is one.
type DB interface {
	Dialect() sqlstore.Dialect
	// SQL returns the pool, for reads outside a transaction.
	SQL() *sql.DB
	// Tx returns the transaction that ctx holds, or nil.
	Tx(ctx context.Context) sqlstore.TX
	InTx(ctx context.Context, f func(context.Context) error) error
}

// Options of [Open]. Nil is legal.
type Options struct {
	// Name is the name of the source in requests, and the prefix of those of
	// retention. Default "crm".
	Name string
	// Names turns a name of the map into that of the database, for a map that
	// serves several. [SnakeCase] is one. Default: as written.
	Names func(string) string
	// Schema is the schema on PostgreSQL. Default: the current one.
	Schema string
	// Zone is where dates without a zone were written. Default UTC.
	Zone *time.Location
	// Callbacks are the CRM's own code for strategy Callback.
	Callbacks map[string]func(context.Context, Call) error
	// Outside is the CRM's own code for locations outside the database.
	Outside map[string]Outside
	// Sample is the number of rows of a table at which Check looks to judge columns
	// by their values; negative for none. Default 200.
	Sample int
	// Rand overrides the source of random replacements, for tests. Default: the
	// system's.
	Rand func([]byte)
	Now  func() time.Time // decides whether a Duty still runs. Default time.Now.
}

// Call tells the CRM's own code what to erase.
type Call struct {
	Subject string // empty in a sweep of retention
	Table   string
	Key     string
	Columns []string // empty: the row
}

// Outside reaches a location. Both functions run outside transactions and may be
// called again.
type Outside struct {
	Holds func(ctx context.Context, subject string) (bool, error) // whether anything of the subject lies there
	Erase func(ctx context.Context, subject string) error
}

// Live is a [Map] that was checked against the schema of a database. It is safe
// for concurrent use and holds no data of anybody.
//
// Reads and writes run through the transaction that the context holds for the
// database (sqlstore's InTx and WithTx), so that an erasure and its audit entries
// commit together. The CRM's tables are never altered.
type Live struct {
	m       *Map
	db      DB
	options Options
	schema  *catalog.Schema
	kinds   []*kind
	tables  map[string]*table // by name in the map
	order   []*table          // in the order of erasure: dependents before what they depend on

	returning bool // DELETE can return rows
}

// kind is a resolved kind of subject.
type kind struct {
	name, prefix string
	table        *table
	key          *catalog.Column
}

// table is a resolved table.
type table struct {
	name  string // in the map
	def   *Table
	live  *catalog.Table
	rows  Strategy
	key   []*catalog.Column
	links []*link
	refs  []*ref
	cols  []*column                  // what is exported, in the order of the table
	spelt map[*catalog.Column]string // names that the map gives, see called
	dates []*date                    // by name
	chain [][]*catalog.FK
	rank  int           // position in Live.order
	loose bool          // a shared table: rows on the way to the person go before its own
	self  []*catalog.FK // foreign keys to itself, and those that close a cycle: emptied before the row goes
	keep  *duty

	restrict   *catalog.Column
	softDelete *catalog.Column
	owner      *catalog.Column
}

// column is a resolved column with everything that the map says of it.
type column struct {
	*catalog.Column
	parts     []*part // none for keys and links; several for paths into one document
	key, link bool
	duty      bool
	bare      bool // a foreign key that the map does not describe: read, but not shown
}

// part is one description of a column, or of a path into it.
type part struct {
	Column
	do       Strategy
	category string
	purposes []string
	origin   Origin
	path     path
}

// Open reads the live schema and checks all of the map against it before a row is
// touched: tables, columns, types, paths, strategies, order. Faults are reported
// together, as [Faults] that wrap [ErrMap]: every table that is missing, and every
// column of the tables that are there, at once; types, strategies and what links,
// maxima and parents lead to once those are found, the order once they are right.
func Open(ctx context.Context, db DB, m *Map, o *Options) (*Live, error) {
	if m == nil {
		return nil, gdpr.Invalid("Open.m", "is nil; read a map with Parse")
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	l := &Live{m: m, db: db, tables: make(map[string]*table)}
	if o != nil {
		l.options = *o
	}
	l.defaults()
	schema, err := catalog.Read(ctx, l.conn(ctx), db.Dialect().String(), l.options.Schema)
	if err != nil {
		return nil, err
	}
	l.schema = schema
	r := &resolver{Live: l, faults: faults{of: m}}
	for _, step := range []func(){r.tablesAndKeys, r.kindsOf, r.linksOf, r.columnsOf, r.datesOf, r.strategies, r.referencesOf, r.orderOf} {
		if step(); r.err() != nil {
			r.missing()
			return nil, r.err()
		}
	}
	if err := l.probeDates(ctx); err != nil {
		return nil, err
	}
	if err := l.askReturning(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Live) defaults() {
	o := &l.options
	if o.Name == "" {
		o.Name = "crm"
	}
	if o.Names == nil {
		o.Names = func(s string) string { return s }
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Sample == 0 {
		o.Sample = 200
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = systemRandom
	}
}

// Map returns the map that was opened. It must not be changed.
func (l *Live) Map() *Map { return l.m }

// Current reports [ErrChanged] if the live schema is no longer the one that was
// checked: a migration ran meanwhile. Open again.
func (l *Live) Current(ctx context.Context) error {
	now, err := catalog.Read(ctx, l.conn(ctx), l.schema.Dialect, l.options.Schema)
	if err != nil {
		return err
	}
	if now.Hash() != l.schema.Hash() {
		return ErrChanged
	}
	return nil
}

// conn is where a statement runs: the transaction of the context, else the pool.
func (l *Live) conn(ctx context.Context) connection {
	if tx := l.db.Tx(ctx); tx != nil {
		return tx
	}
	return l.db.SQL()
}

type connection interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// query runs a statement and calls f for each row, read into values of the driver.
// The rows are closed when it returns. After errStop the iteration ends early.
func (l *Live) query(ctx context.Context, s *statement, n int, f func([]any) error) error {
	rows, err := l.conn(ctx).QueryContext(ctx, s.String(), s.args...)
	if err != nil {
		return databaseError(err)
	}
	defer rows.Close()
	vals, dest := make([]any, n), make([]any, n)
	for i := range vals {
		dest[i] = &vals[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return databaseError(err)
		}
		if err := f(vals); err == errStop {
			return nil
		} else if err != nil {
			return err
		}
	}
	return databaseError(rows.Err())
}

func (l *Live) exec(ctx context.Context, s *statement) (int64, error) {
	res, err := l.conn(ctx).ExecContext(ctx, s.String(), s.args...)
	if err != nil {
		return 0, databaseError(err)
	}
	n, err := res.RowsAffected()
	return n, databaseError(err)
}

var errStop = errors.New("stop")
