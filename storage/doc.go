// Package storage is the contract between the parts of gdprkit and the place
// where their rows live. Application code opens a store of package memstore or
// sqlstore, hands it to the parts, and uses from here only the sentinels,
// [AfterCommit] and [Detach].
//
// # Model
//
// A [Table] describes rows as data: columns, key, uniqueness, and for each column
// why it is kept and how it is erased. The tables of the library stand in package
// schema; a store creates them and nothing else.
//
// A [Store] holds the rows of one tenant, its [Store.Scope]. It has three ways to
// read and two to write, and each takes a *shape*: a [Select], [Claim] or
// [Write], declared once as a package variable, with the values as arguments. A
// store compiles a shape once (to SQL text and a prepared statement) and finds it
// again by its address. No shape names the tenant; the store adds it to every
// row and every condition, so that a part cannot forget it.
//
// A [Directory] opens the Store of a tenant.
//
// # Transactions
//
// The CRM's own write, the change of a part and its audit entry commit together
// or not at all. The transaction travels in the context:
//
//	err := db.InTx(ctx, func(ctx context.Context) error { // may run again on a conflict: only SQL in here
//		if _, err := db.Tx(ctx).ExecContext(ctx, `UPDATE contacts SET ...`); err != nil {
//			return err
//		}
//		_, err := ledger.Withdraw(ctx, consent.Act{ /* ... */ })
//		return err
//	})
//	_, err = ledger.Give(db.WithTx(ctx, tx), act) // the host's own transaction; on error: roll it back
//
// [Store.InTx] joins the transaction that the context holds for its own database,
// and begins one of its own otherwise. A joined InTx is one step: either all of
// its writes stay or none does, also when the host swallows the error. After an
// error that ended the transaction in the engine, each later call through the
// context returns [ErrTxFailed] and touches nothing.
//
// # Engines
//
// The rows live in the database that the CRM has: SQLite for one machine, PostgreSQL
// or MariaDB for several processes, PostgreSQL with a synchronous standby or MariaDB
// Galera for several machines. The code is the same on all. ENGINES.md beside this
// file is the guide: settings, pgbouncer, replicas, a role without DDL rights,
// tenants, MySQL, and what rows cost in bytes and time. sqlstore's DB.Check compares
// a database with it. In short:
//
//   - What was acknowledged survives the death of the process on every engine. That of
//     a machine it survives where a synchronous standby or another node has it; tests
//     kill nodes under a load of consent, audit, keys, sweeps and requests and
//     compare.
//   - A decision (Mode [Current]) sees what was committed before it, from any process
//     and node. In a host's own transaction it is as of the snapshot of that transaction
//     on SQLite and on PostgreSQL above READ COMMITTED, and needs wsrep_sync_wait=1 on
//     Galera.
//   - A transaction runs again only when the engine says that it rolled it back. A
//     COMMIT without an answer is [ErrOutcomeUnknown]: repeat with the same key.
//   - Tenants share tables and lead every key; a tenant of its own database is another
//     DB. A look-up by key and an append at the end of a log cost about the same in a
//     table of ten million as in one of a hundred thousand.
//
// # Errors
//
// The sentinels of this package are the same for every store. Errors of a driver
// are reached by errors.Unwrap only; their text may hold values of the host.
//
// # Compatibility
//
// Times are microseconds since 1970 in UTC ([Micros]). Tables only grow: a column
// or table that a later version adds has a higher Since, and version N reads what
// version N-1 wrote.
package storage
