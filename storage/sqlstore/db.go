package sqlstore

import (
	"context"
	"database/sql"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Options change how a [DB] works. The zero value and nil are safe defaults.
type Options struct {
	// Reader is a pool on a replica. It serves reads of mode History outside
	// transactions, and nothing else. Default: none, the pool itself.
	Reader *sql.DB

	// NoPrepare sends every statement as text, for pgbouncer in transaction mode.
	// Default: statements are prepared once per connection.
	NoPrepare bool

	// Schema is the PostgreSQL schema that holds the tables. Default: the first of
	// the search_path.
	Schema string

	// Classify overrides what an error of the driver means, for a driver that is not
	// understood by itself. [Other] leaves the decision to the package. Default: nil.
	Classify func(error) Class

	// RequireTx makes a write outside a transaction fail with storage.ErrNoTx, so
	// that a forgotten one is noticed. [DB.InTx] still begins transactions.
	// Default: false.
	RequireTx bool

	// Retries is how often InTx runs its function again after the engine rolled it
	// back; negative: never. Default: 20, over some seconds.
	Retries int

	// Logger gets a debug line per retry, a warning when retries are used up and an
	// error when the outcome of a commit is unknown. Default: discard.
	Logger *slog.Logger
}

// DB is a database of the host with the tables of gdprkit in it. It is safe for
// concurrent use.
type DB struct {
	sql     *sql.DB
	dialect Dialect
	d       *dialect
	opts    Options
	log     *slog.Logger
	key     any        // of the transaction in a context, made once
	repeats bool       // the driver may make database/sql repeat a write that was carried out
	first   *statement // of an owned transaction that may begin with a read: takes the write lock before; may be nil
	known   catalogue

	shapes  sync.Map // *storage.Select, *storage.Claim, *storage.Write, bulkKey, joinKey -> compiled
	kept    atomic.Int64
	stores  sync.Map // name -> *store
	ready   atomic.Bool
	engine  atomic.Pointer[engine]
	wanted  wanted
	counts  counts
	retried atomic.Uint64 // spreads the pauses
}

// New returns a DB over a pool of the host. It does no I/O: call [DB.Migrate] or
// apply [Migrations] with the host's own tool, then [DB.Check].
//
// The pool, its driver, its DSN and its settings stay the host's; [SQLiteDSN] and
// the package documentation say which settings matter.
func New(sqlDB *sql.DB, dialect Dialect, opts *Options) (*DB, error) {
	db := &DB{sql: sqlDB, dialect: dialect, known: current()}
	if opts != nil {
		db.opts = *opts
	}
	switch {
	case sqlDB == nil:
		return nil, gdpr.Invalid("sqlDB", "is nil")
	case !dialect.known():
		return nil, gdpr.Invalid("dialect", "must be SQLite, Postgres or MySQL")
	case db.opts.Schema != "" && dialect != Postgres:
		return nil, gdpr.Invalid("Options.Schema", "is for Postgres only; name the database in the DSN")
	case strings.ContainsAny(db.opts.Schema, "\"\x00{}$"):
		return nil, gdpr.Invalid("Options.Schema", "must be a plain identifier")
	}
	if db.opts.Retries == 0 {
		db.opts.Retries = 20
	}
	if db.log = db.opts.Logger; db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	if db.d = dialects[dialect]; db.d.begin != "" {
		db.first = &statement{text: db.d.begin}
	}
	db.key = storage.TxKey{DB: db}
	db.repeats = dialect == Postgres && !strings.HasPrefix(driverPackage(sqlDB), "github.com/jackc/pgx/")
	return db, nil
}

// driverPackage returns the import path of the driver. lib/pq reports a connection
// that broke after a statement was sent as one that broke before.
func driverPackage(sqlDB *sql.DB) string {
	t := reflect.TypeOf(sqlDB.Driver())
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath()
}

// Dialect returns the dialect given to New.
func (db *DB) Dialect() Dialect { return db.dialect }

// Tenant returns the store of a tenant. It does no I/O. The name has 1 to 191
// bytes of UTF-8 without control characters, or the store's calls return an error
// that wraps gdpr.ErrInvalid.
func (db *DB) Tenant(name string) storage.Store {
	if s, ok := db.stores.Load(name); ok {
		return s.(*store)
	}
	s := &store{db: db, scope: name, tenant: name, bad: checkTenant(name)}
	if s.bad == nil && db.kept.Add(1) < maxKept {
		db.stores.Store(name, s)
	}
	return s
}

func checkTenant(name string) error {
	switch {
	case name == "" || len(name) > tenantSize:
		return gdpr.Invalid("Tenant.name", "must have 1 to %d bytes", tenantSize)
	case !utf8.ValidString(name):
		return gdpr.Invalid("Tenant.name", "is not UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return gdpr.Invalid("Tenant.name", "contains a control character")
	}
	return nil
}

// maxKept bounds the compiled shapes and stores that are kept. Package-level
// shapes never come near it.
const maxKept = 1 << 14

// cached returns what make made for key the first time.
func (db *DB) cached(key any, make func() *statement) *statement {
	if s, ok := db.shapes.Load(key); ok {
		return s.(*statement)
	}
	s := make()
	db.keep(key, s)
	return s
}

func (db *DB) keep(key, compiled any) {
	if db.kept.Add(1) < maxKept {
		db.shapes.Store(key, compiled)
	}
}

func (db *DB) read(s *storage.Select) (*read, error) {
	if r, ok := db.shapes.Load(s); ok {
		return r.(*read), nil
	}
	r, err := db.newRead(s)
	if err == nil {
		db.keep(s, r)
	}
	return r, err
}

func (db *DB) change(w *storage.Write) (*change, error) {
	if c, ok := db.shapes.Load(w); ok {
		return c.(*change), nil
	}
	c, err := db.newChange(w)
	if err == nil {
		db.keep(w, c)
	}
	return c, err
}

func (db *DB) claim(s *storage.Claim) (*claim, error) {
	if c, ok := db.shapes.Load(s); ok {
		return c.(*claim), nil
	}
	c, err := db.newClaim(s)
	if err == nil {
		db.keep(s, c)
	}
	return c, err
}

// wanted are statements that ran inside a transaction before they were prepared
// on the pool: preparing takes a connection, which must not happen there.
type wanted struct {
	any  atomic.Bool
	mu   sync.Mutex
	list []*statement
}

func (w *wanted) add(s *statement) {
	if s.refused[0].Load() || s.prepared[0].Load() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.list) < 64 {
		w.list = append(w.list, s)
		w.any.Store(true)
	}
}

// prepareWanted is called only where no transaction is in the context.
func (db *DB) prepareWanted(ctx context.Context) {
	if !db.wanted.any.Load() || !db.wanted.mu.TryLock() {
		return
	}
	list := db.wanted.list
	db.wanted.list = nil
	db.wanted.any.Store(false)
	db.wanted.mu.Unlock()
	for _, s := range list {
		db.prepare(ctx, s, 0)
	}
}

// prepare returns the statement prepared on the pool (0) or the Reader (1), or
// nil if it has to be sent as text.
func (db *DB) prepare(ctx context.Context, s *statement, pool int) *sql.Stmt {
	if p := s.prepared[pool].Load(); p != nil {
		return p
	}
	if db.opts.NoPrepare || s.refused[pool].Load() {
		return nil
	}
	p, err := db.pool(pool).PrepareContext(ctx, s.text)
	if err != nil {
		if ctx.Err() == nil && !lost(err) {
			if class, _ := db.classify(err); class != Busy && class != Schema {
				s.refused[pool].Store(true)
			}
		}
		return nil
	}
	if !s.prepared[pool].CompareAndSwap(nil, p) {
		p.Close()
	}
	return s.prepared[pool].Load()
}

func (db *DB) pool(i int) *sql.DB {
	if i == 1 {
		return db.opts.Reader
	}
	return db.sql
}

// pause waits before attempt n+1: up to 1 ms, 2 ms, 4 ms ... 512 ms, half of it spread.
func (db *DB) pause(ctx context.Context, n int) error {
	most := time.Millisecond << min(n, 9)
	spread := db.retried.Add(1) * 0x9e3779b97f4a7c15 >> 40 // 24 bits
	timer := time.NewTimer(most/2 + most/2*time.Duration(spread)>>24)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
