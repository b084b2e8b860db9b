package datamap

// Map says where personal data lies in the tables of a CRM, whose it is, why it is
// there, and what an erasure does to it. Read one with [Parse] or write it as a Go
// value. It names nothing of an engine: one Map serves SQLite, PostgreSQL and
// MySQL, where needed with [Options.Names].
type Map struct {
	Version int `json:"version"` // format of the map: 1

	// Subjects are the kinds of person, by name: "customer", "staff".
	Subjects map[string]Kind `json:"subjects"`

	// Purposes are the purposes of processing by name, each with the ground of
	// art. 6 or 9 by its id: "A6-1-a" to "A6-1-f", "A9-2-a" ...
	Purposes map[string]string `json:"purposes,omitempty"`

	Tables    map[string]*Table `json:"tables"`
	Locations []Location        `json:"locations,omitempty"` // copies outside the database
	Waivers   []Waiver          `json:"waivers,omitempty"`   // findings that somebody has answered for

	where locator
}

// Kind is a kind of data subject and the table that has one row for each. The
// subject key that the rest of the library uses is Prefix followed by the value of
// Key.
type Kind struct {
	Table string `json:"table"`
	Key   string `json:"key"` // a single column: integer, text or UUID
	// Prefix tells the kinds apart in a subject key. Default: the kind's name and
	// ":", as in "customer:17". At most one kind may have "".
	Prefix *string `json:"prefix,omitempty"`
}

// Table describes the rows of one table.
type Table struct {
	// Key names the columns that identify a row. Default: the primary key.
	Key []string `json:"key,omitempty"`

	// Via are the ways from a row to its subject. A row that any of them reaches
	// belongs to the subject. Default: the only foreign key to a mapped table; two
	// are an ambiguous path and refused. A subject table needs none.
	Via []Link `json:"via,omitempty"`

	// Category, Purposes and Origin hold for every column that has none of its own.
	Category string   `json:"category,omitempty"` // default: the table's name
	Purposes []string `json:"purposes,omitempty"`
	Origin   Origin   `json:"origin,omitempty"`
	Title    string   `json:"title,omitempty"` // for the reader of an answer

	Columns []Column `json:"columns,omitempty"`

	// Erase is what an erasure does to a row: Delete, InPlace, DeleteLast, Detach,
	// Keep or Callback. Default: InPlace for a subject table, else Delete.
	Erase Erase `json:"erase,omitzero"`

	// Keep is a duty to keep some fields of a row for a time. It is enforced here
	// even if no retention engine is asked.
	Keep *Duty `json:"keep,omitempty"`

	// Dates are the facts from which retention counts, by name.
	Dates map[string]Date `json:"dates,omitempty"`

	// SoftDelete is the flag by which the CRM hides a row. Flagged rows are found
	// and erased like others: a flag is no erasure.
	SoftDelete *SoftDelete `json:"soft_delete,omitempty"`

	// HistoryOf names the table whose old values this one holds. Its rows follow
	// their parent; Via then has one link, to that table.
	HistoryOf string `json:"history_of,omitempty"`

	// Restrict is the CRM's own flag for a restricted row (GDPR art. 18), if it has
	// one.
	Restrict *SoftDelete `json:"restrict,omitempty"`

	// View marks a log of accesses, see dsar.Section.
	View bool `json:"view,omitempty"`

	// Owner names the column that holds the responsible member of staff, whom
	// retention may notify. It is never the subject.
	Owner string `json:"owner,omitempty"`
}

// A Link is one step from a row towards its subject: the value in On (or In) is
// that of the column To.
type Link struct {
	On string `json:"on,omitempty"` // column of this table
	In string `json:"in,omitempty"` // column that holds an array: native on PostgreSQL, JSON elsewhere
	// JSON is the path inside the column where the value (or the array) stands, of
	// the form "$.a.b".
	JSON string `json:"json,omitempty"`
	// To is "table.column" of a mapped table. Default: the target of the foreign
	// key on On.
	To string `json:"to,omitempty"`
	// Where are columns of this table with the constant that each must have, as in
	// {bean_module: Contacts}.
	Where map[string]Const `json:"where,omitempty"`
}

// Column describes columns that are treated alike.
type Column struct {
	Names    Names    `json:"name"`
	Category string   `json:"category,omitempty"`
	Purposes []string `json:"purposes,omitempty"`
	Origin   Origin   `json:"origin,omitempty"`
	Is       Meaning  `json:"is,omitempty"`
	Title    string   `json:"title,omitempty"`

	// JSON is a path into a column that holds a document: "$.phones[*].number".
	// Meaning and erase strategy then concern what the path selects.
	JSON string `json:"json,omitempty"`

	// Sensitivity of arts. 9, 10 and 87. A sensitive column needs Sealed or a
	// waiver.
	Sensitivity Sensitivity `json:"sensitivity,omitempty"`
	Sealed      bool        `json:"sealed,omitempty"`      // the CRM stores it through a pseudonym vault
	FreeText    bool        `json:"free_text,omitempty"`   // prose, which may name anybody
	ThirdParty  bool        `json:"third_party,omitempty"` // about somebody else: redacted from answers
	Staff       bool        `json:"staff,omitempty"`       // identifies an employee
	Hidden      bool        `json:"hidden,omitempty"`      // credentials: erased, never exported

	// Erase is what an erasure in place does to the column. Default: Nullify where
	// the column allows it, else Random for text; other columns must say.
	Erase Erase `json:"erase,omitzero"`
}

// Erase is a strategy with its parameters. In a file it is the strategy's name, or
// an object: {do: fixed, value: removed}.
type Erase struct {
	Do     Strategy `json:"do"`
	Value  string   `json:"value,omitempty"`  // Fixed, Redact: the replacement; Random: a template in which {} is random
	Length int      `json:"length,omitempty"` // Prefix: characters that stay
	Ground string   `json:"ground,omitempty"` // Keep: why
	Call   string   `json:"call,omitempty"`   // Callback: name in Options.Callbacks
}

// Duty is a reason to keep fields of a row until a date (GDPR art. 17(3)).
type Duty struct {
	Ground string   `json:"ground"`           // rule or article, for example "NL-AWR-52"
	From   string   `json:"from,omitempty"`   // name in Table.Dates
	Period string   `json:"period,omitempty"` // ISO 8601, for example "P7Y"
	Round  string   `json:"round,omitempty"`  // "year": counted from the end of the calendar year
	Until  string   `json:"until,omitempty"`  // a fixed date YYYY-MM-DD, instead of From and Period
	Fields []string `json:"fields"`           // what the duty names; the rest goes
}

// Date is a fact from which retention counts. In a file it is a column name, or an
// object {max: Table.Column} or {parent: Table.Column}.
type Date struct {
	Column string `json:"column,omitempty"`
	// Max is "table.column" of a table with a link to this one: the latest date
	// over the related rows.
	Max string `json:"max,omitempty"`
	// Parent is "table.column" of the table to which a link of this one leads: the
	// line of an invoice counts from the invoice's date.
	Parent string `json:"parent,omitempty"`
}

// SoftDelete is a column and the value that sets the mark. With an empty Value any
// value but NULL does.
type SoftDelete struct {
	Column string `json:"column"`
	Value  Const  `json:"value,omitempty"`
}

// Location is a place outside the database: files, a search index, a mail archive,
// backups. Without code of the CRM that reaches it, it is reported as not reached.
// Its category is "location". Requests of persons reach it; a sweep of retention does
// not: rows with a file beside them, which the sweep is to delete, take [Callback].
type Location struct {
	Name     string `json:"name"`
	Holds    string `json:"holds"`              // what lies there
	Lifetime string `json:"lifetime,omitempty"` // how long, in words
	Call     string `json:"call,omitempty"`     // name in Options.Outside
}

// Waiver answers for findings of [Live.Check] about tables or columns. It needs a
// reason that a reviewer can read.
type Waiver struct {
	Tables  []string `json:"tables"`
	Columns []string `json:"columns,omitempty"` // default: the tables as a whole
	Reason  string   `json:"reason"`
}
