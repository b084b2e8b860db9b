// Package catalog reads the live schema of a database: tables, columns, keys and
// foreign keys, on SQLite, PostgreSQL and MySQL alike.
package catalog

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Querier is a database or a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Class groups column types by what fits into them.
type Class uint8

// The classes.
const (
	Other Class = iota
	Int
	Number // with a fraction
	Text
	Date     // a civil date
	DateTime // a point in time
	Bool
	UUID
	JSON
	Binary
	Array // a native array
)

// Schema is what the database held when it was read.
type Schema struct {
	Dialect string // "sqlite", "postgres" or "mysql"
	Tables  map[string]*Table
	FKs     []*FK
}

// Table is one base table.
type Table struct {
	Name     string
	Columns  []*Column // in the order of the table
	Key      []string  // primary key
	Unique   [][]string
	Indexes  [][]string // the columns of every index, the key's and unique ones too
	Triggers []string   // names
}

// Column is one column.
type Column struct {
	Name      string
	Type      string // as declared
	Class     Class
	Width     int // most characters; 0: unlimited
	Null      bool
	Unsigned  bool
	Generated bool
	Exact     bool   // text is compared byte by byte
	Element   string // PostgreSQL arrays: type of the elements
}

// Scale returns the digits after the point of a declared decimal, as in
// NUMERIC(10,2), or -1. SQLite gives such a value as a float; the other engines as
// text with so many digits.
func (c *Column) Scale() int {
	if c.Class != Number {
		return -1
	}
	_, digits, ok := strings.Cut(c.Type, ",")
	n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(digits, ")")))
	if !ok || err != nil || n < 0 {
		return -1
	}
	return n
}

// FK is a foreign key.
type FK struct {
	Table, Ref   string
	Columns      []string
	RefColumns   []string
	OnDelete     string // "CASCADE", "SET NULL", "NO ACTION", "RESTRICT" or "SET DEFAULT"
	constraintID string
}

// Column returns the column of that name, or nil.
func (t *Table) Column(name string) *Column {
	i := slices.IndexFunc(t.Columns, func(c *Column) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return t.Columns[i]
}

// IsUnique reports whether the column alone is a key.
func (t *Table) IsUnique(column string) bool {
	one := func(cols []string) bool { return len(cols) == 1 && cols[0] == column }
	return one(t.Key) || slices.ContainsFunc(t.Unique, one)
}

// InUnique reports whether the column is part of a unique constraint.
func (t *Table) InUnique(column string) bool {
	in := func(cols []string) bool { return slices.Contains(cols, column) }
	return in(t.Key) || slices.ContainsFunc(t.Unique, in)
}

// Table finds a table by its exact name, else by a name that differs in case only,
// where the dialect takes them for the same.
func (s *Schema) Table(name string) *Table {
	if t := s.Tables[name]; t != nil || s.Dialect == "postgres" {
		return t
	}
	var found *Table
	for _, t := range s.Tables {
		if strings.EqualFold(t.Name, name) {
			if found != nil {
				return nil
			}
			found = t
		}
	}
	return found
}

// Find is Table.Column with the same tolerance.
func (s *Schema) Find(t *Table, column string) *Column {
	if c := t.Column(column); c != nil || s.Dialect == "postgres" {
		return c
	}
	for _, c := range t.Columns {
		if strings.EqualFold(c.Name, column) {
			return c
		}
	}
	return nil
}

// Hash identifies the schema: tables, columns, types, keys.
func (s *Schema) Hash() string {
	h := sha256.New()
	names := make([]string, 0, len(s.Tables))
	for n := range s.Tables {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		t := s.Tables[n]
		fmt.Fprintf(h, "%q %q %q %q %q\n", n, t.Key, t.Unique, t.Indexes, t.Triggers)
		for _, c := range t.Columns {
			fmt.Fprintf(h, "%+v\n", *c)
		}
	}
	for _, f := range s.FKs {
		fmt.Fprintf(h, "%q %q %q %q %q\n", f.Table, f.Columns, f.Ref, f.RefColumns, f.OnDelete)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Read reads the schema. On PostgreSQL it is that of the given name, "" for the
// current one; on MySQL that of the connection's database. Tables of this library
// ("gdpr_...") are left out.
func Read(ctx context.Context, q Querier, dialect, schema string) (*Schema, error) {
	r := &reader{ctx: ctx, q: q, s: &Schema{Dialect: dialect, Tables: make(map[string]*Table)}, schema: schema}
	switch dialect {
	case "sqlite":
		r.sqlite()
	case "postgres":
		r.postgres()
	case "mysql":
		r.mysql()
	default:
		return nil, fmt.Errorf("catalog: unknown dialect %q", dialect)
	}
	if r.err != nil {
		return nil, fmt.Errorf("catalog: read live schema: %w", r.err)
	}
	slices.SortFunc(r.s.FKs, func(a, b *FK) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), slices.Compare(a.Columns, b.Columns), cmp.Compare(a.Ref, b.Ref))
	})
	for _, t := range r.s.Tables {
		slices.SortFunc(t.Unique, slices.Compare[[]string])
		slices.SortFunc(t.Indexes, slices.Compare[[]string])
		slices.Sort(t.Triggers)
	}
	return r.s, nil
}

type reader struct {
	ctx    context.Context
	q      Querier
	s      *Schema
	schema string
	err    error
}

// each runs a query and calls f for every row; the destinations are read before.
func (r *reader) each(query string, args []any, f func(), dest ...any) {
	if r.err != nil {
		return
	}
	rows, err := r.q.QueryContext(r.ctx, query, args...)
	if err != nil {
		r.err = err
		return
	}
	defer rows.Close()
	for rows.Next() {
		if r.err = rows.Scan(dest...); r.err != nil {
			return
		}
		f()
	}
	r.err = rows.Err()
}

func own(table string) bool { return strings.HasPrefix(table, "gdpr_") }

// indexed adds a column to the index that the previous call named, or begins one.
type indexed struct {
	t      *Table
	name   string
	unique bool
	cols   []string
}

func (x *indexed) next(t *Table, name string, unique bool, column string) {
	if x.t != t || x.name != name {
		x.flush()
		*x = indexed{t: t, name: name, unique: unique}
	}
	x.cols = append(x.cols, column)
}

func (x *indexed) flush() {
	if x.t == nil || slices.Contains(x.cols, "") { // "" is an expression
		return
	}
	x.t.Indexes = append(x.t.Indexes, x.cols)
	if x.unique {
		x.t.Unique = append(x.t.Unique, x.cols)
	}
}

// fkRow adds one column of a foreign key.
func (r *reader) fkRow(id, table, column, ref, refColumn, onDelete string) {
	if own(table) || r.s.Tables[table] == nil {
		return
	}
	for _, f := range r.s.FKs {
		if f.constraintID == id {
			f.Columns = append(f.Columns, column)
			f.RefColumns = append(f.RefColumns, refColumn)
			return
		}
	}
	r.s.FKs = append(r.s.FKs, &FK{table, ref, []string{column}, []string{refColumn}, strings.ToUpper(onDelete), id})
}
