package storage

// Kind is the type of a column. There are three, so that every engine stores and
// compares them alike.
type Kind uint8

// The kinds of column. No column holds NULL, except Bytes columns with Null set.
const (
	Int   Kind = iota + 1 // int64; booleans are 0 and 1, times are [Micros]
	Text                  // UTF-8 without NUL, compared byte by byte
	Bytes                 // compared byte by byte
)

// A Column is one column of a [Table], with the three answers that a record of
// processing needs about it (GDPR art. 30(1)(c) and (f)).
type Column struct {
	Name  string
	Kind  Kind
	Size  int  // limit in bytes for Text and Bytes; 0: unlimited, and then it cannot be in a key
	Null  bool // Bytes only: nil is a value of its own (a dropped payload)
	Since int  // schema version that added it; 0: the table's own
	// Sparse says of an Int column that most rows hold 0 in it. An index that begins
	// with it leaves those out where the engine can, and a [Select] that compares it by
	// Gt does not find them: the argument must not be negative.
	Sparse bool

	Category string // what it says about whom: "subject key", "sealed evidence", "technical", ...
	Erase    string // what an erasure does to it: "row deleted", "key shredded", "kept: art. 17(3)(b)", ...
	Lifetime string // how long it stays, in words or as the option that says so
}

// A Table is a set of rows of one shape. Its name starts with "gdpr_". Each row
// also has the column "tenant", which only the store knows of; it leads the key,
// each unique constraint and each index.
type Table struct {
	Name    string
	Since   int        // schema version that created it; 0: version 1
	Columns []Column   // in the order of the schema
	Key     []string   // primary key, without the tenant
	Unique  [][]string // further unique constraints, without the tenant
	Index   [][]string // further indexes, without the tenant

	// AppendOnly makes the schema refuse UPDATE always, and DELETE unless table
	// gdpr_permit holds a row for the tenant and the row's column "subject", which
	// the table must then have. memstore refuses alike.
	AppendOnly bool
}

// Column returns the column of that name, or nil.
func (t *Table) Column(name string) *Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// A View is a read-only view for the host's own JOINs.
type View struct {
	Name  string // starts with "gdpr_"
	Since int    // schema version that created it; 0: version 1
	// Query is its SELECT in the SQL that all dialects share. "{now}" stands for
	// the current time in microseconds, "{table}" names are written out in full.
	Query string
}
