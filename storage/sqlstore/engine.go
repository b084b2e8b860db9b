package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/gdprkit/gdprkit/storage"
)

// waitForCluster waits until a Galera node has applied what any node committed
// before, and tells whether the connection is in a transaction that somebody left open
// there. It needs MariaDB's SET STATEMENT.
const waitForCluster = waiting + "SELECT @@in_transaction"

const waiting = "SET STATEMENT wsrep_sync_wait=1 FOR "

// engine is what was found out about the server once.
type engine struct {
	isolation sql.IsolationLevel // to ask for in an owned transaction
	galera    bool
}

// probe looks at the schema and the server once. It is called outside
// transactions only; the first call that succeeds is remembered.
func (db *DB) probe(ctx context.Context) (*engine, error) {
	if e := db.engine.Load(); e != nil {
		return e, nil
	}
	e := &engine{isolation: sql.LevelDefault}
	if err := db.fits(ctx, db.sql); err != nil {
		return nil, err
	}
	switch db.dialect {
	case Postgres:
		var level string
		if err := db.sql.QueryRowContext(ctx, "SHOW default_transaction_isolation").Scan(&level); err != nil {
			return nil, db.wrap(err, "server settings")
		}
		if !strings.EqualFold(level, "read committed") {
			e.isolation = sql.LevelReadCommitted
		}
	case MySQL:
		vars, err := db.variables(ctx)
		if err != nil {
			return nil, err
		}
		e.galera = strings.EqualFold(vars["wsrep_on"], "ON") && strings.Contains(vars["version"], "MariaDB")
		if vars["isolation"] != "READ-COMMITTED" {
			e.isolation = sql.LevelReadCommitted
		}
	}
	db.engine.Store(e)
	return e, nil
}

// variables returns the settings of a session that matter on MySQL.
func (db *DB) variables(ctx context.Context) (map[string]string, error) {
	rows, err := db.sql.QueryContext(ctx, "SHOW SESSION VARIABLES WHERE Variable_name IN "+
		"('tx_isolation', 'transaction_isolation', 'wsrep_on', 'wsrep_sync_wait', 'version', 'innodb_rollback_on_timeout', 'max_allowed_packet', 'read_only', 'innodb_flush_log_at_trx_commit')")
	if err != nil {
		return nil, db.wrap(err, "server settings")
	}
	defer rows.Close()
	vars := make(map[string]string)
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, db.wrap(err, "server settings")
		}
		vars[name] = value
		if strings.HasSuffix(name, "_isolation") {
			vars["isolation"] = value
		}
	}
	return vars, db.wrap(rows.Err(), "server settings")
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// fits reports whether the schema is one that this library works with: its own
// version or the next, which only adds.
func (db *DB) fits(ctx context.Context, q querier) error {
	if db.ready.Load() {
		return nil
	}
	version, half, err := db.versions(ctx, q)
	switch {
	case err != nil:
		return err
	case half:
		return fmt.Errorf("%w: migration %d was begun and not finished; run Migrate again", storage.ErrSchema, version)
	case version < db.known.version:
		return fmt.Errorf("%w: it has version %d and this library needs %d; run Migrate", storage.ErrSchema, version, db.known.version)
	case version > db.known.version+1:
		return fmt.Errorf("%w: it has version %d and this library knows %d; upgrade the library", storage.ErrSchema, version, db.known.version)
	}
	db.ready.Store(true)
	return nil
}

// versions returns the highest migration, and whether one is unfinished.
func (db *DB) versions(ctx context.Context, q querier) (version int, half bool, err error) {
	rows, err := q.QueryContext(ctx, "SELECT version, state FROM "+db.d.table(db.opts.Schema, versionTable)+" ORDER BY version")
	if err != nil {
		return 0, false, db.wrap(err, versionTable)
	}
	defer rows.Close()
	for rows.Next() {
		var v, state int
		if err := rows.Scan(&v, &state); err != nil {
			return 0, false, db.wrap(err, versionTable)
		}
		version, half = v, half || state != 1
	}
	return version, half, db.wrap(rows.Err(), versionTable)
}
