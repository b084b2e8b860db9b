package sqltest

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"
	_ "modernc.org/sqlite"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// An Engine is a database with a driver.
type Engine struct {
	Name    string // "sqlite", "postgres-pgx", "postgres-pq" or "mariadb"
	Dialect sqlstore.Dialect
	driver  string
	server  *server // nil: SQLite
}

// Engines returns all engines, whether they are to be had here or not.
func Engines() []*Engine {
	return []*Engine{
		{Name: "sqlite", Dialect: sqlstore.SQLite, driver: "sqlite"},
		{Name: "postgres-pgx", Dialect: sqlstore.Postgres, driver: "pgx", server: postgres},
		{Name: "postgres-pq", Dialect: sqlstore.Postgres, driver: "postgres", server: postgres},
		{Name: "mariadb", Dialect: sqlstore.MySQL, driver: "mysql", server: mariadb},
	}
}

// Each runs f as a subtest for each engine. They run side by side, since a client and
// a server mostly wait for each other, when the test function returns; with
// GDPRKIT_LONG, which also measures, one after the other.
func Each(t *testing.T, f func(t *testing.T, e *Engine)) {
	t.Helper()
	each(t, Engines(), os.Getenv("GDPRKIT_LONG") == "", f)
}

// EachInTurn is [Each] for a test whose engines share something: one after the other,
// before it returns.
func EachInTurn(t *testing.T, f func(t *testing.T, e *Engine)) {
	t.Helper()
	each(t, Engines(), false, f)
}

// For is [Each] for the engines of one dialect.
func For(t *testing.T, d sqlstore.Dialect, f func(t *testing.T, e *Engine)) {
	t.Helper()
	engines := slices.DeleteFunc(Engines(), func(e *Engine) bool { return e.Dialect != d })
	each(t, engines, os.Getenv("GDPRKIT_LONG") == "", f)
}

func each(t *testing.T, engines []*Engine, parallel bool, f func(t *testing.T, e *Engine)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.Name, func(t *testing.T) {
			if parallel {
				t.Parallel()
			}
			e.need(t)
			f(t, e)
		})
	}
}

// need skips the test if the engine is not to be had, or fails it with CI set.
func (e *Engine) need(t testing.TB) {
	t.Helper()
	if e.server == nil {
		return
	}
	if err := e.server.start(); err != nil {
		lacks(t, e.Name, err)
	}
}

// lacks skips a test for want of a server, or fails it with CI set.
func lacks(t testing.TB, name string, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s: %v", name, err)
	}
	t.Skipf("%s is not tested: %v", name, err)
}

var databases atomic.Int64

// DSN makes an empty database and returns its DSN, for [Engine.SQL] and for other
// processes. The database goes away with the test.
func (e *Engine) DSN(t testing.TB) string {
	t.Helper()
	if e.server == nil {
		return sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "gdpr.db"))
	}
	e.need(t)
	admin := e.connect(t, e.server.dsn)
	name := fmt.Sprintf("gdprkit_%d_%d", os.Getpid(), databases.Add(1))
	if e.Dialect == sqlstore.MySQL {
		execute(t, admin, "CREATE DATABASE "+name)
		t.Cleanup(func() { drop(e.driver, e.server.dsn, "DROP DATABASE "+name) })
		cfg, err := mysql.ParseDSN(e.server.dsn)
		if err != nil {
			t.Fatal(err)
		}
		cfg.DBName = name
		return cfg.FormatDSN()
	}
	execute(t, admin, "CREATE SCHEMA "+name) // a schema is ten times as fast as a database
	t.Cleanup(func() { drop(e.driver, e.server.dsn, "DROP SCHEMA "+name+" CASCADE") })
	u, err := url.Parse(e.server.dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

// SQL opens a pool on a DSN.
func (e *Engine) SQL(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db := e.connect(t, dsn)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	return db
}

func (e *Engine) connect(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(e.driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Open returns a migrated DB in an empty database.
func (e *Engine) Open(t testing.TB) *sqlstore.DB {
	t.Helper()
	return e.DB(t, e.SQL(t, e.Migrated(t)), nil)
}

// DB returns a migrated DB on a pool.
func (e *Engine) DB(t testing.TB, pool *sql.DB, opts *sqlstore.Options) *sqlstore.DB {
	t.Helper()
	db := e.New(t, pool, opts)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// New returns a DB on a pool.
func (e *Engine) New(t testing.TB, pool *sql.DB, opts *sqlstore.Options) *sqlstore.DB {
	t.Helper()
	db, err := sqlstore.New(pool, e.Dialect, opts)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// CreateTables creates tables beside those of package schema.
func (e *Engine) CreateTables(t testing.TB, pool *sql.DB, tables ...*storage.Table) {
	t.Helper()
	for _, table := range tables {
		for _, text := range sqlstore.CreateTable(e.Dialect, table) {
			execute(t, pool, text)
		}
	}
}

func execute(t testing.TB, db *sql.DB, text string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", firstLine(text), err)
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// drop removes what was made for a test, as far as that is possible.
func drop(driver, dsn, text string) {
	if driver != "mysql" {
		text = "SET lock_timeout = '2s'; " + text
	}
	_ = run(driver, dsn, text)
}

// dropDatabase removes a database of PostgreSQL.
func dropDatabase(driver, dsn, name string) {
	if run(driver, dsn, "DROP DATABASE "+name+" WITH (FORCE)") != nil { // before PostgreSQL 13
		_ = run(driver, dsn, "DROP DATABASE "+name)
	}
}

// run runs a statement on a connection of its own.
func run(driver, dsn, text string) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(background(30*time.Second), text)
	return err
}
