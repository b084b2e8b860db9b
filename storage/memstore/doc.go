// Package memstore keeps the rows of gdprkit in the memory of the process: for
// tests, for trying things out, and for work that need not survive.
//
//	db := memstore.New(nil)
//	ledger, err := consent.New(db.Tenant("acme"), catalogue, nil)
//
// For most uses call [New] and [DB.Tenant].
//
// # Model
//
// A [DB] is one immutable snapshot and one writer. Readers take the snapshot and
// never wait. A transaction works on a copy that shares what it does not change,
// and publishes it when it commits. Each table is a set of copy-on-write B-trees,
// one for the key, each unique constraint and each index, so that a write or a
// look-up costs a logarithm also with a million rows. Bytes are copied in and out.
//
// Tables need no migration: a table exists from its first use on. Keys, unique
// constraints, sizes, UTF-8 and append-only tables are enforced as an SQL engine
// does, and where engines differ memstore takes the strict side, so that a part
// that passes here also passes there: an Update counts only rows that it really
// changed, a Scan needs an order that is unique, a nil Bytes column cannot be
// sorted by, and a failed Apply dooms its transaction.
//
// # Transactions
//
// Transactions run one after the other, so nothing ever conflicts.
// [Options].ConflictEvery makes some run twice, as a database would, to find
// functions that are not safe to repeat:
//
//	db := memstore.New(&memstore.Options{ConflictEvery: 2})
//
// A step that fails, an Apply or a nested InTx, is undone at once. If its error is
// swallowed, the transaction cannot commit any more and ends with
// storage.ErrRolledBack.
//
// A write with a context that does not hold the transaction waits for the writer,
// and so for its own caller if that one is inside a transaction. Pass on the
// context that InTx gives.
//
// # Errors
//
// The sentinels of package storage and, for values that do not fit their column,
// gdpr.ErrInvalid. Other errors tell of a shape that does not fit its table.
//
// # Compatibility
//
// Nothing is stored, so nothing has to stay readable.
package memstore
