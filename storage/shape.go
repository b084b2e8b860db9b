package storage

// Mode says how current a read must be.
type Mode uint8

const (
	// Committed reads what was committed, or what this transaction wrote.
	Committed Mode = iota
	// Current is for decisions: it sees every change committed before the call,
	// also inside a joined transaction with an older snapshot where the engine can
	// (a locking read on MySQL; on PostgreSQL REPEATABLE READ it cannot, which
	// [Traits.Snapshot] tells).
	Current
	// History may be served by a replica (sqlstore Options.Reader). Never decide by it.
	History
)

// Cmp compares a column with an argument.
type Cmp uint8

// The comparisons, byte by byte for Text and Bytes.
const (
	Eq Cmp = iota
	Ne
	Lt
	Le
	Gt
	Ge
)

// A Term is one condition; each takes one argument, in the order of the terms.
type Term struct {
	Column string
	Cmp    Cmp
}

// By returns the terms "column = ?" for each column.
func By(columns ...string) []Term {
	terms := make([]Term, len(columns))
	for i, c := range columns {
		terms[i].Column = c
	}
	return terms
}

// Count, as the only column of a [Select], counts the rows instead.
const Count = "count(*)"

// A Select reads rows. Declare it once as a package variable and pass its address.
type Select struct {
	From    *Table
	Columns []string // in the order of the destinations
	Where   []Term   // all must hold
	// Order names the columns to sort by, ascending. A [Store.Scan] needs an order
	// that is unique (ends in the rest of a key) and columns that contain it, since
	// it reads in pages that continue after the last row.
	Order []string
	Desc  bool // descending in every column of Order
	Limit int  // at most so many rows; 0: all
	Mode  Mode
	// Stream lets Scan keep one statement open for the whole result instead of
	// reading pages. The loop's body must then not call the store when the pool has
	// a single connection. Inside a transaction it has no effect.
	Stream bool
}

// A Claim inserts a row if it is missing and, in any case, locks it until the end
// of the transaction and reads it. It takes the place of SELECT ... FOR UPDATE,
// which cannot lock what is not there yet.
type Claim struct {
	Into    *Table
	Columns []string // values of the row, should it be missing; must contain the key
	Read    []string // columns to read, in the order of the destinations
}

// Verb is what a [Write] does.
type Verb uint8

// The verbs.
const (
	Insert    Verb = iota // a new row; ErrDuplicate if there is one
	InsertNew             // a new row, or nothing if any unique constraint is met
	Put                   // a new row, or the given columns of the row with that key
	Update                // the given columns of the rows that match Where
	Delete                // the rows that match Where
)

// A Write changes rows. Declare it once as a package variable; [Write.With] adds
// the values.
type Write struct {
	Verb  Verb
	Table *Table
	Set   []string // columns that get a value; Insert, InsertNew and Put must contain the key
	Add   []string // Update only: Int columns increased by a value
	Where []Term   // Update and Delete only
	// Must makes the step fail with ErrStale unless exactly one row was affected.
	// An Update must then really change a column: MySQL counts changed rows.
	Must bool
}

// With returns the operation with its arguments: first those of Set, then of Add,
// then of Where.
func (w *Write) With(args ...any) Op { return Op{w, args} }

// An Op is a Write with its arguments. Arguments are int64, string, []byte, or nil
// for a Bytes column with Null; int, bool and named types of these kinds are
// converted.
type Op struct {
	Write *Write
	Args  []any
}
