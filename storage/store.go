package storage

import (
	"context"
	"iter"
)

// Store holds the rows of one tenant. Most callers never implement it: they open
// one of memstore or sqlstore. An implementation passes the suite of package
// storetest.
//
// A Store is safe for concurrent use. Every method takes part in the transaction
// that ctx holds for the same database; see the package documentation.
type Store interface {
	// Scope returns the tenant's name: opaque, immutable, 1 to 191 bytes. It enters
	// additional data, tokens and origins, so renaming a tenant makes its sealed
	// data unreadable.
	Scope() string

	// Traits tells what the engine behind the store does differently.
	Traits() Traits

	// State tells whether ctx holds a transaction of this database.
	State(ctx context.Context) State

	// InTx runs f in a transaction. Inside one it is a step: on error its own
	// writes are undone, or the whole transaction is made to fail where the engine
	// cannot undo a part. Outside, it begins one, commits it, and runs f again if
	// the engine rolled it back; f must therefore hold nothing but reads and writes
	// of this store and be idempotent towards everything else.
	InTx(ctx context.Context, f func(context.Context) error) error

	// Get reads the first row that matches into dest: pointers to int64, int, bool,
	// string, []byte or named types of these kinds. It returns ErrNotFound if there
	// is none.
	Get(ctx context.Context, s *Select, args []any, dest ...any) error

	// Scan yields the rows that match. Rows are valid until the next one. Unless
	// s.Stream is set, no statement or connection is held while the loop's body
	// runs. After an error the iteration ends.
	Scan(ctx context.Context, s *Select, args []any) iter.Seq2[Row, error]

	// Claim inserts the row if it is missing, locks it until the end of the
	// transaction, and reads it. Outside a transaction it returns ErrNoTx. Claim
	// rows in the order: subject, record, current state, audit; and several of a
	// kind in the order of their keys.
	Claim(ctx context.Context, c *Claim, args []any, dest ...any) error

	// Apply carries out the operations in order, as one step: all or none. It
	// returns the number of rows affected, one number for each run of consecutive
	// operations with the same Write; such runs become multi-row statements.
	Apply(ctx context.Context, ops ...Op) ([]int64, error)
}

// Row is one row of a [Store.Scan].
type Row interface {
	// Scan copies the columns of the Select into dest, as [Store.Get] does. What it
	// puts into a Raw holds until the next row.
	Scan(dest ...any) error
}

// Raw is a destination for a Text or Bytes column that spares the copy where a store
// can: a [Row] may lend what it points to. Nil and empty are told apart only in a column
// that can be NULL.
type Raw []byte

// State says what a context holds for a database.
type State uint8

const (
	// Outside: no transaction.
	Outside State = iota
	// Owned: a transaction that the store began; it may run again, and AfterCommit works.
	Owned
	// Joined: a transaction of the host, given by sqlstore's WithTx.
	Joined
)

// Traits are properties of the engine behind a store that change how a part uses it.
type Traits struct {
	// SealInside: there is one writer at a time anyway, so the audit log seals its
	// entries inside the writing transaction instead of staging them.
	SealInside bool
	// Snapshot: inside a joined transaction a Current read may be as old as the
	// transaction's snapshot.
	Snapshot bool
	// Durable: committed rows survive the process.
	Durable bool
	// Whole: an Apply with several Writes is one statement. Outside of a transaction a
	// compare-and-set then costs less than a transaction with a Claim.
	Whole bool
}

// Directory opens the stores of tenants. memstore.DB and sqlstore.DB are ones.
type Directory interface {
	// Tenant returns the store of a tenant. It does no I/O. The name has 1 to 191
	// bytes of UTF-8 without control characters, or the store's calls return an
	// error that wraps gdpr.ErrInvalid.
	Tenant(name string) Store
	// Scopes yields, in ascending order, the tenants that have a row in t.
	Scopes(ctx context.Context, t *Table) iter.Seq2[string, error]
}
