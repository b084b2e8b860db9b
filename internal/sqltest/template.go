package sqltest

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// migratedFile returns the file of a migrated database of SQLite.
var migratedFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "gdprkit-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "gdpr.db")
	if err := migrateOnce("sqlite", sqlstore.SQLiteDSN(path), sqlstore.SQLite); err != nil {
		return nil, err
	}
	return os.ReadFile(path) // the last connection, when it closed, wrote its log back
})

// Migrated makes an empty database with the tables of the library and returns its
// DSN; see [Engine.DSN]. On SQLite and PostgreSQL it is a copy, which costs a third
// of a migration or less. (On PostgreSQL it is a database and no schema.)
func (e *Engine) Migrated(t testing.TB) string {
	t.Helper()
	switch e.Dialect {
	case sqlstore.SQLite:
		dsn := e.DSN(t)
		copyLite(t, dsn)
		return dsn
	case sqlstore.Postgres:
		e.need(t)
		if template := e.server.migrated(); template != "" {
			return e.copyOf(t, template)
		}
	}
	dsn := e.DSN(t)
	if err := migrateOnce(e.driver, dsn, e.Dialect); err != nil {
		t.Fatal(err)
	}
	return dsn
}

// copyLite writes a migrated database to the file of a DSN.
func copyLite(t testing.TB, dsn string) {
	t.Helper()
	data, err := migratedFile()
	if err != nil {
		t.Fatal(err)
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(dsn, "file:"), "?")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func migrateOnce(driver, dsn string, d sqlstore.Dialect) error {
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	db, err := sqlstore.New(pool, d, nil)
	if err != nil {
		return err
	}
	return db.Migrate(background(time.Minute))
}

// migrated returns the name of a migrated database to copy, made when it is first
// asked for, or "" where the account may not make one.
func (s *server) migrated() string {
	s.onceTemplate.Do(func() {
		name := fmt.Sprintf("gdprkit_%d_template", os.Getpid())
		if run(s.driver, s.dsn, "CREATE DATABASE "+name) != nil {
			return
		}
		if err := migrateOnce(s.driver, onDatabase(s.dsn, name), sqlstore.Postgres); err != nil {
			dropDatabase(s.driver, s.dsn, name)
			return
		}
		s.template = name
	})
	return s.template
}

// copyOf makes a database from a template.
func (e *Engine) copyOf(t testing.TB, template string) string {
	t.Helper()
	name := fmt.Sprintf("gdprkit_%d_%d", os.Getpid(), databases.Add(1))
	if err := run(e.driver, e.server.dsn, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dropDatabase(e.driver, e.server.dsn, name) })
	return onDatabase(e.server.dsn, name)
}

// onDatabase is a DSN with another database.
func onDatabase(dsn, name string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return dsn
	}
	u.Path = "/" + name
	return u.String()
}
