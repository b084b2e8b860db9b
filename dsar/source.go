package dsar

import (
	"context"
	"iter"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
)

// Source is one place where personal data of a person lies: a table of the CRM, a
// part of this library, a remote service. A desk asks every registered source for
// every request, so that an answer has a section for each, also for those that
// hold nothing.
//
// A Source that can do more than read implements [Eraser], [Rectifier] or
// [SourceRestricter] as well; the desk finds them by assertion. A plan for an
// erasure names an error for a source that holds records and cannot erase.
//
// Methods are called from several goroutines, for several subjects at once. What
// a desk calls inside a transaction it calls with the context of that
// transaction: a source whose rows lie in the same database should join it
// (sqlstore's Tx(ctx)), so that its change and the desk's receipt commit together.
// A source that cannot join is called again after a crash with the same items and
// must then give the same results.
type Source interface {
	// Name returns the name that plans, receipts and manifests use: 1 to 64 bytes
	// of a-z, 0-9, "_", "-" and ".", unique within the desk and never changed.
	Name() string

	// Sections returns what the source may hold, described once. The order is that
	// in which Collect yields them.
	Sections() []*Section

	// Collect yields the records of subject that lie in scope, section by section
	// in the order of Sections, each record once, within a section in a fixed order
	// such as that of the primary key. Two calls over unchanged data yield the same
	// records in the same order: previews, counts and runs rely on it. A Record and its
	// slices are valid until the next one. A source over a large table reads it in
	// pages; it never holds all records. After an error the iteration ends.
	Collect(ctx context.Context, subject string, scope Scope) iter.Seq2[*Record, error]
}

// Eraser is a [Source] that erases and masks.
type Eraser interface {
	Source

	// Erase carries out items, all of one subject, at most [MaxBatch] at a time, and
	// returns one result for each, in their order. It touches nothing that items do
	// not name. An item whose record is gone has the result NotHeld; so a repeated
	// call does no harm. An item with Fields set concerns those columns only.
	//
	// An error means that nothing of this call is known to be done; the desk calls
	// again with the same items.
	Erase(ctx context.Context, subject string, items []Item) ([]Result, error)
}

// Foreseer is an [Eraser] that can say beforehand what it would do with items, for
// example because rows refer to a record that must stay. With it a plan says of each
// record what the run will do; without it, the plan says what is asked of the source.
type Foreseer interface {
	Eraser

	// Foresee returns a function that the desk calls with the items of an erasure of
	// subject, batch after batch in the order of Collect, at most [MaxBatch] at a time.
	// It returns the results that Erase would give if all of them were given to it in
	// this order, and touches nothing. What an earlier batch would have erased counts
	// as gone.
	Foresee(subject string) func(ctx context.Context, items []Item) ([]Result, error)
}

// Rectifier is a [Source] that can correct values (GDPR art. 16).
type Rectifier interface {
	Source

	// Rectify sets the values of changes, all of one subject, and returns one result
	// for each: Rectified, NotHeld if the record is gone, or Failed. Setting a value
	// that is already there is Rectified.
	Rectify(ctx context.Context, subject string, changes []Change) ([]Result, error)
}

// SourceRestricter is a [Source] that can mark a subject's records as restricted
// (GDPR arts. 4(3) and 18), or lift the mark.
type SourceRestricter interface {
	Source

	// RestrictSource sets or lifts the mark and returns how many records now carry
	// it. Repeating it changes nothing.
	RestrictSource(ctx context.Context, subject string, scope Scope, on bool) (int, error)
}

// RemoteSource is a [Source] whose rows lie outside the database of the desk, in
// another system. Its Erase, Rectify and RestrictSource are called before the
// transaction that writes the receipt, so that no lock waits for a network. What
// is not a RemoteSource is called inside it. After a crash it is called again with
// the same items, and an item that is then NotHeld counts as erased.
type RemoteSource interface {
	Source

	// Remote reports true. (A wrapper may report false for a local source.)
	Remote() bool
}

// Lister is a [Source] that can list every subject it holds. [Desk.Replay] needs
// it: after a restore it finds the persons whose erasure was lost by comparing
// keyed hashes.
type Lister interface {
	Source

	// Subjects yields each subject once, in any order.
	Subjects(ctx context.Context) iter.Seq2[string, error]
}

// MaxBatch is the largest number of items that a desk gives to one call of
// [Eraser.Erase].
const MaxBatch = 500

// Section describes the records of one kind in a source, normally those of one
// table. It is made once and shared by all of its records.
type Section struct {
	Category string   // data category of the record of processing, for example "contact", "invoice"
	Table    string   // table or resource; unique within the source
	Title    string   // for the reader of the answer; default Table
	Columns  []Column // in the order of Record.Values

	// RecordPrefix stands before [Record.Key] where a [Keeper] or a [Blocker] is
	// asked about a record: these name it by category and key only, so tables that
	// share a category need it. A source of package retention over the same table
	// gives its records the same names.
	RecordPrefix string

	// InPlace says that an erasure leaves the row and masks what is in it. A plan
	// then says mask, as the outcome will.
	InPlace bool

	// View marks a log of accesses. The answer gives dates and purposes of the
	// views (CJEU C-579/21) but leaves out columns with Staff set.
	View bool
}

// Column describes one field of a [Section].
type Column struct {
	Name    string
	Title   string // for the reader of the answer; default Name
	Origin  Origin // how the value came in; unknown origins are never portable
	From    string // where it came from, if not from the person: GDPR arts. 14(2)(f), 15(1)(g)
	Basis   string // ground of art. 6 by its id, for example gdpr "A6-1-b"; of art. 9 for special categories
	Purpose string // purpose of processing

	Sensitivity Sensitivity
	Format      Format // how the answer shows it

	// ThirdParty says that the value is about somebody else. It is redacted from
	// every answer (GDPR art. 15(4)), counted, and signed off with the plan.
	ThirdParty bool
	// FreeText says that the value is prose. It is redacted in records with
	// Shared set, and named in the result when it stays in a kept record.
	FreeText bool
	// Staff says that the value identifies an employee; it is left out of views.
	Staff bool
	// Duty says that the column must stay when the record is kept for a duty or a
	// claim. If any column of a section has it, the others of a kept record are
	// masked; if none has, a kept record stays whole.
	Duty bool
	// Immutable columns, such as keys, are never masked or rectified.
	Immutable bool
}

// Origin says how a value came into the CRM. Portability covers Provided and
// Observed (GDPR art. 20(1), WP 242).
type Origin = gdpr.Origin

// The origins, in the words of package gdpr.
const (
	OriginUnknown  = gdpr.OriginUnknown
	Provided       = gdpr.Provided
	Observed       = gdpr.Observed
	Derived        = gdpr.Derived
	FromThirdParty = gdpr.FromThirdParty
)

// Sensitivity says whether a value needs special care.
type Sensitivity = gdpr.Sensitivity

// The sensitivities, in the words of package gdpr.
const (
	Ordinary   = gdpr.Ordinary
	Special    = gdpr.Special
	Criminal   = gdpr.Criminal
	NationalID = gdpr.NationalID
)

// Format is how an answer shows a value to its reader.
type Format string

// The formats. A time.Time shows as a date with time unless FormatDate is set.
const (
	FormatPlain Format = ""
	FormatDate  Format = "date"
)

// Record is one row of a subject.
type Record struct {
	Section *Section
	Key     string // primary key in its table, 1 to 191 bytes; stable, never reused for another record
	// Values are in the order of Section.Columns: nil, bool, int64, float64, string,
	// []byte, time.Time or json.RawMessage. Other types are refused.
	Values []any
	// Dates are the facts by which a Keeper decides how long the record stays, for
	// example "created", "contract_end", "invoice_date". A missing fact is missing
	// from the map.
	Dates map[string]time.Time
	// Shared says that the record also concerns other persons, such as a note about
	// two contacts. Its free text is redacted for each of them.
	Shared bool
	// Withhold, if not empty, is the ground for which the record is not given, for
	// example "A23-1-i" or "A15-4". The answer counts it under this ground.
	Withhold string
	// Duty, if not nil, keeps the record against an erasure although no Keeper does:
	// a duty that the source knows of itself. Its fields are the columns with Duty.
	Duty *Duty
}

// Duty is a reason to keep a record (GDPR art. 17(3)(b)).
type Duty struct {
	Ground string    // rule or article
	Until  time.Time // first instant after the duty; zero: not known yet
}

// Scope narrows a request. The zero Scope is everything. A scope with categories
// and fields selects those fields in those categories.
type Scope struct {
	Categories []string `json:"categories,omitempty"`
	Fields     []string `json:"fields,omitempty"` // column names; the record stays, the fields go
}

// all reports whether the scope is everything.
func (s *Scope) all() bool { return len(s.Categories) == 0 && len(s.Fields) == 0 }

// restricted returns the scopes for a Restricter: categories, or everything.
func (s *Scope) restricted() []string {
	if len(s.Categories) > 0 {
		return s.Categories
	}
	return []string{""}
}

// Action is what a plan has a source do with one record.
type Action string

// The actions.
const (
	ActErase Action = "erase" // the record goes
	ActMask  Action = "mask"  // the fields named, or in a plan all, are emptied or replaced by random values
	ActBlock Action = "block" // stays for a duty only, and is shielded from other use
	ActKeep  Action = "keep"  // stays: its basis stands, or a claim needs it
)

// Item is one record, or some fields of it, that a plan names.
type Item struct {
	Category string
	Table    string
	Key      string
	Action   Action   // ActErase or ActMask when given to an [Eraser]
	Fields   []string // for ActMask, the columns to empty; in a plan none for all, see Section.InPlace
	Ground   string   // why: rule or article
}

// Result is what became of an [Item] or a [Change].
type Result struct {
	Outcome Outcome
	// Evidence is an optional short code of the source, without personal data. With
	// an outcome that keeps the record it is the ground.
	Evidence string
}

// Outcome is what became of one item. Its values stand in receipts, plans and
// statements.
type Outcome string

// The outcomes.
const (
	Erased     Outcome = "erased"
	Masked     Outcome = "masked"     // counts as personal data still
	Anonymised Outcome = "anonymised" // only with an assessment: recital 26, WP 216
	Blocked    Outcome = "blocked"
	KeptBasis  Outcome = "kept-basis-stands" // GDPR art. 17(1)(b): another ground remains
	KeptClaim  Outcome = "kept-claim"        // GDPR art. 17(3)(e)
	NotHeld    Outcome = "not-held"
	Rectified  Outcome = "rectified"
	Failed     Outcome = "failed"
)

// Change is one value to be corrected.
type Change struct {
	Source string `json:"source"`
	Table  string `json:"table"`
	Key    string `json:"key"`
	Field  string `json:"field"`
	Value  string `json:"value"` // the new value; personal, sealed in the request's file
}
