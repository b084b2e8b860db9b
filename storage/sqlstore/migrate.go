package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/gdprkit/gdprkit/storage"
)

// execer is a connection or a transaction.
type execer interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Migrate brings the tables to the version of this library. It may be called by
// several processes at once and again after it was interrupted, and does nothing
// when there is nothing to do. On SQLite and PostgreSQL it is one transaction; on
// MySQL, where each DDL statement commits, an unfinished step stays marked, every
// other call returns storage.ErrSchema, and the next Migrate completes it.
//
// It needs the right to create tables, triggers, views and (PostgreSQL) functions.
// A host that keeps DDL rights from its application applies [Migrations] itself.
func (db *DB) Migrate(ctx context.Context) error {
	if db.current(ctx) != nil {
		return storage.ErrInTx
	}
	err := db.retry(ctx, func() error {
		conn, err := db.sql.Conn(ctx)
		if err != nil {
			return db.wrap(err, "connect")
		}
		defer conn.Close()
		var version string // only an engine of the dialect answers: nothing else may be left to do
		if err := conn.QueryRowContext(ctx, db.d.askVersion).Scan(&version); err != nil {
			return db.wrap(err, "version of the server")
		}
		if db.d.ddlInTx {
			return db.migrateTx(ctx, conn)
		}
		return db.migrateSteps(ctx, conn)
	})
	if err != nil {
		return err
	}
	db.ready.Store(false)
	_, err = db.probe(ctx)
	return err
}

func (db *DB) migrateTx(ctx context.Context, conn *sql.Conn) error {
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return db.wrap(err, "begin")
	}
	defer tx.Rollback()
	if db.dialect == Postgres { // CREATE TABLE IF NOT EXISTS of two at once fails
		h := fnv.New32a()
		h.Write([]byte(versionTable + db.opts.Schema))
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock("+strconv.Itoa(int(h.Sum32()))+")"); err != nil {
			return db.wrap(err, "migration lock")
		}
	}
	if err := db.migrate(ctx, tx, nil); err != nil {
		return err
	}
	return db.wrap(tx.Commit(), "commit")
}

// migrateSteps runs where each statement commits. Every one may be met half done.
func (db *DB) migrateSteps(ctx context.Context, conn *sql.Conn) error {
	return db.migrate(ctx, conn, []int{1050, 1060, 1061, 1062, 1359}) // table, column, index, row, trigger exists
}

// migrate runs the missing migrations. Errors with one of the codes say that a
// statement has been carried out before.
func (db *DB) migrate(ctx context.Context, c execer, before []int) error {
	run := func(text string) error {
		_, err := c.ExecContext(ctx, text)
		if n, ok := field(err, "Number"); err != nil && ok && slices.Contains(before, n) {
			return nil
		}
		return db.wrap(err, "migration")
	}
	versions := db.d.table(db.opts.Schema, versionTable)
	if err := run(createVersions(db.d, db.opts.Schema)); err != nil {
		return err
	}
	if db.d.begin != "" {
		if err := run(db.d.begin); err != nil {
			return err
		}
	}
	have, half, err := db.versions(ctx, c)
	if err != nil {
		return err
	}
	if half {
		if before == nil { // cannot come about: DDL is transactional here
			return fmt.Errorf("%w: migration %d is marked as unfinished by hand", storage.ErrSchema, have)
		}
		have--
	}
	for v := have + 1; v <= db.known.version; v++ {
		n := strconv.Itoa(v)
		begin := []string{"INSERT INTO " + versions + " (version, state) VALUES (" + n + ", 0)"}
		for _, text := range slices.Concat(begin, db.known.statements(db.d, db.opts.Schema, v),
			[]string{"UPDATE " + versions + " SET state = 1 WHERE version = " + n}) {
			if err := run(text); err != nil {
				return err
			}
		}
	}
	return nil
}
