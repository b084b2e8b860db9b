package pseudonym

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
)

// The compartments that every vault knows. A subject has a key of its own in each,
// so that one can be shredded and another kept.
const (
	Ordinary  = "ordinary"  // what nothing obliges the controller to keep
	Proof     = "proof"     // evidence of consent (GDPR art. 7(1))
	Statutory = "statutory" // what a duty of law keeps (GDPR art. 17(3)(b))
	Request   = "request"   // files of requests of data subjects (GDPR art. 5(2))
	ID        = "id"        // tokens
)

// maxPlace is the longest place accepted, in bytes.
const maxPlace = 512

// Place names the cell that a sealed value belongs to: "table.column/record". The
// value opens nowhere else. The table has neither "." nor "/", the column no "/",
// and none of the three is empty. Of what breaks this it makes a place that
// [Vault.Seal] refuses.
// The record is the key of the row as text, and must not change.
func Place(table, column, record string) string {
	if strings.ContainsAny(table, "./") || strings.IndexByte(column, '/') >= 0 {
		return noPlace
	}
	return table + "." + column + "/" + record
}

// noPlace stands for a place that cannot be written.
const noPlace = "/"

// field is what the vault knows about one column.
type field struct {
	table       string
	compartment string
	domain      int    // index of the table in the entries
	suffix      []byte // lp("table.column")
}

// fields holds each column seen, found by the part of the place before "/".
type fields struct {
	rules map[string]string // table or "table.column" to compartment
	known atomic.Pointer[map[string]*field]
	mu    sync.Mutex // for changes
	table map[string]int
}

// maxFields bounds what is remembered, should columns be made up at run time.
const maxFields = 1024

func newFields(rules map[string]string) *fields {
	fs := &fields{rules: rules, table: map[string]int{}}
	fs.known.Store(&map[string]*field{})
	return fs
}

// find splits a place into its column and its record.
func (fs *fields) find(place string) (*field, string, error) {
	slash := strings.IndexByte(place, '/')
	if slash < 0 {
		return nil, "", checkPlace(place)
	}
	f := (*fs.known.Load())[place[:slash]]
	if f == nil {
		var err error
		if f, err = fs.add(place, slash); err != nil {
			return nil, "", err
		}
	}
	record := place[slash+1:]
	if len(record) == 0 || len(place) > maxPlace || !utf8.ValidString(record) {
		return nil, "", checkPlace(place)
	}
	return f, record, nil
}

func (fs *fields) add(place string, slash int) (*field, error) {
	if err := checkPlace(place); err != nil {
		return nil, err
	}
	name := strings.Clone(place[:slash])
	table, _, _ := strings.Cut(name, ".")
	f := &field{table: table, compartment: fs.compartment(table, name), suffix: frame.Append(nil, name)}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	d, ok := fs.table[table]
	if !ok && len(fs.table) < maxFields {
		d, ok = len(fs.table), true
		fs.table[table] = d
	}
	if f.domain = d; !ok {
		f.domain = -1
	}
	if known := *fs.known.Load(); len(known) < maxFields {
		known = maps.Clone(known)
		known[name] = f
		fs.known.Store(&known)
	}
	return f, nil
}

func (fs *fields) compartment(table, name string) string {
	if c, ok := fs.rules[name]; ok {
		return c
	}
	if c, ok := fs.rules[table]; ok {
		return c
	}
	return Ordinary
}

// checkPlace says what is wrong with a place.
func checkPlace(place string) error {
	name, record, ok := strings.Cut(place, "/")
	table, column, dot := strings.Cut(name, ".")
	switch {
	case place == "":
		return gdpr.Invalid("place", "is empty; make it with pseudonym.Place(table, column, record)")
	case place == noPlace:
		return gdpr.Invalid("place", "was made of a table with \".\" or \"/\", or of a column with \"/\"")
	case len(place) > maxPlace:
		return gdpr.Invalid("place", "has %d bytes; the limit is %d", len(place), maxPlace)
	case !ok || !dot || table == "" || column == "" || record == "":
		return gdpr.Invalid("place", "must have the form table.column/record with no part empty")
	case !utf8.ValidString(place) || strings.ContainsFunc(place, unicode.IsControl):
		return gdpr.Invalid("place", "must be UTF-8 without control characters")
	}
	return nil
}
