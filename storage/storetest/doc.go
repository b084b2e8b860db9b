// Package storetest is the suite that every store of gdprkit passes: memstore,
// sqlstore over each engine, and a store of your own.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storage.Directory {
//			return openEmptyDatabase(t, storetest.Tables())
//		}, nil)
//	}
//
// For most uses call [Run] with a function that opens an empty database with the
// tables of [Tables], and those of package schema that it would have anyway.
//
// # Model
//
// A case is one rule of the contract that holds on every engine: what is visible
// inside a transaction and outside, what a failed step leaves behind, in which
// order bytes sort, which row a lock keeps. Each case works with tenants of its
// own, so that one database serves all of them; a few open a second one. Rules
// about drivers, isolation levels and lost connections are not here; package
// internal/sqltest has them.
//
// The suite is itself proven: its tests run it against stores that are broken on
// purpose, and each case must catch at least one of them.
//
// # Transactions
//
// [Features].Host lets the suite also run inside transactions that the host began,
// which sqlstore joins.
//
// # Errors
//
// A case that fails says which row or error it expected. Cases that need what
// [Features] does not offer are skipped and say so.
//
// # Compatibility
//
// Cases are added when the contract becomes more precise; a store that passed may
// then fail in a new minor version of the library.
package storetest
