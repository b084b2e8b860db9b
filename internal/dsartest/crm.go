// Package dsartest has the scenarios of package dsar that hold for every store,
// and the small CRM that they work on.
package dsartest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
)

// CRM is a source with three tables in memory. Its rows survive a "restart" of the
// desk, as those of a host would.
type CRM struct {
	SourceName string
	// Fault, if set, is asked before each call of Collect, Erase, Rectify and
	// RestrictSource, by the name of the method; an error fails the call.
	Fault func(method string) error
	// Lying makes Erase report success without erasing.
	Lying bool
	// Refuses is a value that Rectify takes for no column.
	Refuses string

	mu         sync.Mutex
	rows       map[string][]*Row // by table
	restricted map[string]bool
	erased     int
}

// Row is one record of the CRM.
type Row struct {
	Subject string
	Key     string
	Values  []any
	Dates   map[string]time.Time
	Shared  bool
}

// Sections of the CRM.
var (
	Contacts = &dsar.Section{Category: "contact", Table: "contacts", Title: "Contact", Columns: []dsar.Column{
		{Name: "id", Immutable: true, Origin: dsar.Derived},
		{Name: "name", Title: "Name", Origin: dsar.Provided, Basis: "A6-1-b", Purpose: "contract"},
		{Name: "email", Title: "E-mail", Origin: dsar.Provided, Basis: "A6-1-b", Purpose: "contract"},
		{Name: "score", Title: "Score", Origin: dsar.Derived, Basis: "A6-1-f", Purpose: "sales"},
		{Name: "born", Title: "Date of birth", Origin: dsar.Provided, Basis: "A6-1-a", Format: dsar.FormatDate},
	}}
	Notes = &dsar.Section{Category: "note", Table: "notes", Title: "Notes", Columns: []dsar.Column{
		{Name: "id", Immutable: true, Origin: dsar.Derived},
		{Name: "text", Title: "Text", Origin: dsar.Derived, Basis: "A6-1-f", FreeText: true},
		{Name: "about", Title: "About", Origin: dsar.Derived, Basis: "A6-1-f", ThirdParty: true},
	}}
	Invoices = &dsar.Section{Category: "invoice", Table: "invoices", Title: "Invoices", Columns: []dsar.Column{
		{Name: "id", Immutable: true, Origin: dsar.Derived, Duty: true},
		{Name: "total", Title: "Total", Origin: dsar.Observed, Basis: "A6-1-c", Duty: true},
		{Name: "name", Title: "Billed to", Origin: dsar.Provided, Basis: "A6-1-c", Duty: true},
		{Name: "phone", Title: "Phone", Origin: dsar.Provided, Basis: "A6-1-b"},
		{Name: "memo", Title: "Memo", Origin: dsar.Derived, Basis: "A6-1-f", FreeText: true, Duty: true},
	}}
)

var sections = []*dsar.Section{Contacts, Notes, Invoices}

// NewCRM returns a CRM without rows.
func NewCRM(name string) *CRM {
	return &CRM{SourceName: name, rows: map[string][]*Row{}, restricted: map[string]bool{}}
}

// Add adds a row.
func (c *CRM) Add(table string, r Row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rows[table] = append(c.rows[table], &r)
}

// Fill adds, for a subject, a contact, two notes of which one is shared, and an
// invoice.
func (c *CRM) Fill(subject, name, email string) {
	born := time.Date(1980, 2, 29, 0, 0, 0, 0, time.UTC)
	c.Add("contacts", Row{Subject: subject, Key: subject + "-1", Values: []any{int64(1), name, email, 0.75, born}})
	c.Add("notes", Row{Subject: subject, Key: subject + "-n1", Values: []any{int64(1), "=HYPERLINK(\"http://x\")", nil}})
	c.Add("notes", Row{Subject: subject, Key: subject + "-n2", Shared: true, Values: []any{int64(2), "met with another person", "Bert Other"}})
	c.Add("invoices", Row{Subject: subject, Key: subject + "-i1", Values: []any{int64(7), int64(12100), name, "+31 6 000", "paid by " + name},
		Dates: map[string]time.Time{"invoice_date": time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)}})
}

// Rows returns copies of the rows of a table, of all subjects.
func (c *CRM) Rows(table string) []Row {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Row
	for _, r := range c.rows[table] {
		cp := *r
		cp.Values = slices.Clone(r.Values)
		out = append(out, cp)
	}
	return out
}

// Erased returns how many rows were ever erased or masked.
func (c *CRM) Erased() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.erased
}

// Restricted reports whether the subject is marked.
func (c *CRM) Restricted(subject string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.restricted[subject]
}

// Snapshot returns a copy of the CRM, as a backup.
func (c *CRM) Snapshot() *CRM {
	out := NewCRM(c.SourceName)
	for _, t := range []string{"contacts", "notes", "invoices"} {
		for _, r := range c.Rows(t) {
			out.Add(t, r)
		}
	}
	return out
}

func (c *CRM) fault(method string) error {
	if c.Fault != nil {
		return c.Fault(method)
	}
	return nil
}

// Name implements dsar.Source.
func (c *CRM) Name() string { return c.SourceName }

// Sections implements dsar.Source.
func (c *CRM) Sections() []*dsar.Section { return sections }

// Remote implements dsar.RemoteSource: the rows join no transaction.
func (c *CRM) Remote() bool { return true }

// Collect implements dsar.Source.
func (c *CRM) Collect(ctx context.Context, subject string, scope dsar.Scope) iter.Seq2[*dsar.Record, error] {
	return func(yield func(*dsar.Record, error) bool) {
		if err := c.fault("collect"); err != nil {
			yield(nil, err)
			return
		}
		for _, sec := range sections {
			if len(scope.Categories) > 0 && !slices.Contains(scope.Categories, sec.Category) {
				continue
			}
			for _, r := range c.Rows(sec.Table) {
				if r.Subject != subject {
					continue
				}
				rec := &dsar.Record{Section: sec, Key: r.Key, Values: r.Values, Dates: r.Dates, Shared: r.Shared}
				if !yield(rec, nil) {
					return
				}
			}
		}
	}
}

// Erase implements dsar.Eraser.
func (c *CRM) Erase(_ context.Context, subject string, items []dsar.Item) ([]dsar.Result, error) {
	if err := c.fault("erase"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]dsar.Result, len(items))
	for n, it := range items {
		out[n].Outcome = c.one(subject, it)
	}
	return out, nil
}

func (c *CRM) one(subject string, it dsar.Item) dsar.Outcome {
	i := slices.IndexFunc(c.rows[it.Table], func(r *Row) bool { return r.Key == it.Key && r.Subject == subject })
	switch {
	case c.Lying:
		return dsar.Erased
	case i < 0:
		return dsar.NotHeld
	case it.Action == dsar.ActErase:
		c.rows[it.Table] = slices.Delete(c.rows[it.Table], i, i+1)
		c.erased++
		return dsar.Erased
	}
	for k, col := range section(it.Table).Columns {
		if slices.Contains(it.Fields, col.Name) {
			c.rows[it.Table][i].Values[k] = nil
		}
	}
	c.erased++
	return dsar.Masked
}

func section(table string) *dsar.Section {
	return sections[slices.IndexFunc(sections, func(s *dsar.Section) bool { return s.Table == table })]
}

// Rectify implements dsar.Rectifier.
func (c *CRM) Rectify(_ context.Context, subject string, changes []dsar.Change) ([]dsar.Result, error) {
	if err := c.fault("rectify"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]dsar.Result, len(changes))
	for n, ch := range changes {
		out[n].Outcome = dsar.NotHeld
		for _, r := range c.rows[ch.Table] {
			if r.Key != ch.Key || r.Subject != subject {
				continue
			}
			for k, col := range section(ch.Table).Columns {
				switch {
				case col.Name != ch.Field:
				case c.Refuses != "" && ch.Value == c.Refuses:
					out[n] = dsar.Result{Outcome: dsar.Failed, Evidence: "does-not-fit"}
				default:
					r.Values[k] = ch.Value
					out[n].Outcome = dsar.Rectified
				}
			}
		}
	}
	return out, nil
}

// RestrictSource implements dsar.SourceRestricter.
func (c *CRM) RestrictSource(_ context.Context, subject string, _ dsar.Scope, on bool) (int, error) {
	if err := c.fault("restrict"); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restricted[subject] = on
	n := 0
	for _, rows := range c.rows {
		for _, r := range rows {
			if r.Subject == subject {
				n++
			}
		}
	}
	return n, nil
}

// Subjects implements dsar.Lister.
func (c *CRM) Subjects(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		seen := map[string]bool{}
		for _, r := range c.Rows("contacts") {
			if !seen[r.Subject] {
				seen[r.Subject] = true
				if !yield(r.Subject, nil) {
					return
				}
			}
		}
	}
}

// ErrFault is a failure that a test asked for.
var ErrFault = errors.New("dsartest: fault")
