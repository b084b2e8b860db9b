package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// Env is the engine under measurement.
type Env struct {
	Engine string        // sqlite, postgres or mysql
	SQL    *sql.DB       // the pool, for baselines
	DB     *sqlstore.DB  // the library's view of the same pool
	Dir    string        // a directory for files
	Round  time.Duration // aimed length of one round
	Quick  bool          // fewer rows

	tenants atomic.Int64
}

// Ctx is the context of every measurement.
var ctx = context.Background()

func open(engine, dsn, dir string) (*Env, error) {
	e := &Env{Engine: engine, Dir: dir, Round: 400 * time.Millisecond}
	var dialect sqlstore.Dialect
	var driver string
	switch engine {
	case "sqlite":
		dialect, driver = sqlstore.SQLite, "sqlite"
		if dsn == "" {
			dsn = sqlstore.SQLiteDSN(filepath.Join(dir, "bench.db"))
		}
	case "postgres":
		dialect, driver = sqlstore.Postgres, "pgx"
	case "mysql":
		dialect, driver = sqlstore.MySQL, "mysql"
	default:
		return nil, fmt.Errorf("unknown engine %q: use sqlite, postgres or mysql", engine)
	}
	if dsn == "" {
		return nil, fmt.Errorf("give -dsn for %s", engine)
	}
	var err error
	if e.SQL, err = sql.Open(driver, dsn); err != nil {
		return nil, err
	}
	if engine != "sqlite" { // or a pool keeps two connections and reopens the others for each statement
		e.SQL.SetMaxOpenConns(33)
		e.SQL.SetMaxIdleConns(33)
	}
	if e.DB, err = sqlstore.New(e.SQL, dialect, nil); err != nil {
		return nil, err
	}
	return e, e.DB.Migrate(ctx)
}

// Tenant returns the store of a tenant that nobody used yet.
func (e *Env) Tenant() storage.Store {
	return e.DB.Tenant(fmt.Sprintf("bench-%d-%d", time.Now().UnixNano(), e.tenants.Add(1)))
}

// Rows returns full, or a hundredth of it with -quick.
func (e *Env) Rows(full int) int {
	if e.Quick {
		return max(1, full/100)
	}
	return full
}
