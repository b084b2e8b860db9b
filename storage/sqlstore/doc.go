// Package sqlstore keeps the rows of gdprkit in the host's own SQL database, in
// tables of its own beside the host's: SQLite, PostgreSQL, and MySQL with MariaDB
// and Galera. It imports no driver; the host passes the *sql.DB that it has.
//
//	db, err := sqlstore.New(sqlDB, sqlstore.Postgres, nil)
//	if err == nil {
//		err = db.Migrate(ctx) // or apply Migrations with the host's own tool
//	}
//	if err == nil {
//		err = db.Check(ctx) // says what to do about the server's settings
//	}
//	store := db.Tenant("acme")
//
// For most uses call [New], [DB.Migrate], [DB.Check], [DB.Tenant], and [DB.InTx] or
// [DB.WithTx].
//
// # Model
//
// A [DB] is a database. [DB.Tenant] opens the store of one tenant, which the parts
// of gdprkit work with. A [Dialect] says which SQL the database speaks; a
// [Migration] creates what a schema version adds, with the same meaning in each
// dialect. Tables are named gdpr_..., each row has its tenant, and the host's own
// tables are never touched.
//
// Text and bytes compare byte by byte on every engine: binary columns on MySQL,
// COLLATE "C" on PostgreSQL. Times are microseconds since 1970 in UTC. A value
// longer than its column is refused before a statement is sent.
//
// # Transactions
//
// The CRM's own write and those of gdprkit commit together:
//
//	err := db.InTx(ctx, func(ctx context.Context) error { // may run again on a conflict: only SQL in here
//		if _, err := db.Tx(ctx).ExecContext(ctx, `UPDATE contacts SET ...`); err != nil {
//			return err
//		}
//		_, err := ledger.Withdraw(ctx, act)
//		return err
//	})
//	_, err = ledger.Give(db.WithTx(ctx, tx), act) // the host's own transaction; on error: roll it back
//
// InTx works at READ COMMITTED, begins with the write lock on SQLite whatever the
// DSN says, and runs the function again after a conflict. What a step of gdprkit
// wrote in a host's transaction, and what the host wrote through [DB.Tx] inside a
// nested InTx, is undone if the step fails: by a savepoint on SQLite and MySQL; on
// PostgreSQL the transaction is made to fail, so that it cannot commit half a step.
// While a context holds a transaction, no other connection is taken from the pool,
// so that a pool of one connection works.
//
// # Engines
//
// Any driver of SQLite, of PostgreSQL (pgx and lib/pq are tested) and of MySQL and
// MariaDB will do; errors are told apart by the engine's code, and [Options].Classify
// helps where a driver hides it. [SQLiteDSN] has the settings for modernc.org/sqlite.
// ENGINES.md in package storage is the guide to settings and promises; [DB.Check]
// compares a database with it and says what to do. [Options].NoPrepare is for pgbouncer
// in transaction mode, [Options].Reader for a replica, which serves history and
// exports, never decisions.
//
// On Galera, certification failures are conflicts and run again; InTx, and decisions
// outside a transaction, first wait until the node has applied what the cluster
// committed. A node that lost the others refuses ROLLBACK: InTx then closes the
// connection, and so should a host whose own Commit or Rollback fails (ENGINES.md). On
// MySQL decisions in a host's transaction are locking reads.
//
// Several processes may work on one database and migrate it at once. A role without
// DDL rights suffices for work: let another one apply [Migrations]. TRUNCATE on MySQL
// passes by the triggers of append-only tables; it needs the right DROP, which the
// application's role should not have.
//
// # Errors
//
// The sentinels of package storage, gdpr.ErrInvalid for a value that does not fit,
// and [ErrAppendOnly]. A driver's error is reached with errors.As; its text is not
// repeated, since it may hold values. A connection lost before COMMIT is a
// conflict; one lost during it is storage.ErrOutcomeUnknown. [DB.Stats] counts
// both, [Options].Logger sees them, and [DB.Pending] tells what waits to be sealed.
//
// # Compatibility
//
// A library works with its own schema version and the next one, so that processes
// can be upgraded one by one after the migration. Nothing is removed or renamed.
package sqlstore
