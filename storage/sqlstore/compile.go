package sqlstore

import (
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gdprkit/gdprkit/storage"
)

// statement is one text of SQL with the places of its arguments, compiled once
// from a shape.
type statement struct {
	text string
	// plan says which argument stands at each parameter: -1 for the tenant. It is
	// nil if the tenant is first and the arguments follow in order.
	plan []int

	prepared [2]atomic.Pointer[sql.Stmt] // on the pool and on Options.Reader
	refused  [2]atomic.Bool              // could not be prepared
}

// args lays the arguments out for the parameters.
func (s *statement) args(tenant any, args []any) []any {
	if s.plan == nil {
		out := make([]any, len(args)+1)
		out[0] = tenant
		copy(out[1:], args)
		return out
	}
	out := make([]any, len(s.plan))
	for i, p := range s.plan {
		if p < 0 {
			out[i] = tenant
		} else {
			out[i] = args[p]
		}
	}
	return out
}

// builder writes the text of a statement.
type builder struct {
	strings.Builder
	d      *dialect
	schema string
	plan   []int
	next   int  // argument of the next arg
	head   bool // parameter 1 is the tenant
	many   bool // the tenant occurs often: name it, if it is parameter 1
}

func (db *DB) builder() *builder {
	b := &builder{d: db.d, schema: db.opts.Schema}
	if b.d.number != "" { // numbered: the tenant is 1 always
		b.plan, b.head = []int{-1}, true
	}
	return b
}

func (b *builder) put(parts ...string) {
	for _, p := range parts {
		b.WriteString(p)
	}
}

func (b *builder) table(t *storage.Table) { b.put(b.d.table(b.schema, t.Name)) }

// tenant writes the parameter of the tenant.
func (b *builder) tenant() {
	if b.many && !b.head && len(b.plan) == 0 && b.d.again != "" {
		b.plan, b.head = []int{-1}, true
	}
	if b.head {
		b.put(b.d.again)
		return
	}
	b.plan = append(b.plan, -1)
	b.put("?")
}

// param writes the parameter of argument i.
func (b *builder) param(i int) {
	b.plan = append(b.plan, i)
	if b.d.number == "" {
		b.put("?")
	} else {
		b.put(b.d.number, strconv.Itoa(len(b.plan)))
	}
}

// arg writes the parameter of the next argument.
func (b *builder) arg() {
	b.param(b.next)
	b.next++
}

// where writes the condition on the tenant and the terms.
func (b *builder) where(terms []storage.Term) {
	b.put(" WHERE ", b.d.id("tenant"), " = ")
	b.tenant()
	for _, t := range terms {
		b.put(" AND ", b.d.id(t.Column), " ", comparisons[t.Cmp], " ")
		b.arg()
	}
}

var comparisons = [...]string{storage.Eq: "=", storage.Ne: "<>", storage.Lt: "<", storage.Le: "<=", storage.Gt: ">", storage.Ge: ">="}

func (b *builder) order(columns []string, desc bool) {
	for i, c := range columns {
		if i == 0 {
			b.put(" ORDER BY ")
		} else {
			b.put(", ")
		}
		b.put(b.d.id(c))
		if desc {
			b.put(" DESC")
		}
	}
}

func (b *builder) statement() *statement {
	s := &statement{text: b.String(), plan: b.plan}
	for i, p := range s.plan {
		if p != i-1 || b.next != len(s.plan)-1 { // next: all arguments are used
			return s
		}
	}
	s.plan = nil
	return s
}

// columnsOf finds the columns of a table.
func columnsOf(t *storage.Table, names []string) ([]*storage.Column, error) {
	cs := make([]*storage.Column, len(names))
	for i, n := range names {
		if cs[i] = t.Column(n); cs[i] == nil {
			return nil, fmt.Errorf("sqlstore: table %s has no column %q", t.Name, n)
		}
	}
	return cs, nil
}

func termColumns(t *storage.Table, terms []storage.Term) ([]*storage.Column, error) {
	names := make([]string, len(terms))
	for i := range terms {
		names[i] = terms[i].Column
		if int(terms[i].Cmp) >= len(comparisons) {
			return nil, fmt.Errorf("sqlstore: table %s: unknown comparison of %q", t.Name, names[i])
		}
	}
	return columnsOf(t, names)
}

// single reports whether columns contain the key or a unique constraint.
func single(t *storage.Table, columns []string) bool {
	return within(t.Key, columns) || slices.ContainsFunc(t.Unique, func(u []string) bool { return within(u, columns) })
}

func within(sub, columns []string) bool {
	return !slices.ContainsFunc(sub, func(c string) bool { return !slices.Contains(columns, c) })
}

// fixed returns the columns that terms hold to one value.
func fixed(terms []storage.Term) []string {
	var cs []string
	for _, t := range terms {
		if t.Cmp == storage.Eq {
			cs = append(cs, t.Column)
		}
	}
	return cs
}
