package datamap

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/gdpr"
)

// Field is a column that a purpose may use.
type Field struct {
	Table    string
	Column   string
	Category string
	Origin   Origin
}

// Fields returns the columns that a purpose may use, ordered by table and column.
// A purpose that the map does not declare, also an empty one, is refused by an error
// that wraps gdpr.ErrInvalid.
func (l *Live) Fields(purpose string) ([]Field, error) {
	if _, ok := l.m.Purposes[purpose]; !ok {
		return nil, gdpr.Invalid("purpose", "is not declared in the map")
	}
	var out []Field
	for _, t := range l.sorted() {
		for _, c := range t.cols {
			for _, p := range c.parts {
				if f := (Field{t.name, t.called(c.Column), p.category, p.origin}); slices.Contains(p.purposes, purpose) && !slices.Contains(out, f) {
					out = append(out, f)
				}
			}
		}
	}
	return out, nil
}

// Permit reports whether a purpose may use the columns (purpose limitation, GDPR
// art. 5(1)(b)). The first that it may not use is named by an error that wraps
// [ErrPurpose].
func (l *Live) Permit(purpose, table string, columns ...string) error {
	t := l.tables[table]
	if _, ok := l.m.Purposes[purpose]; !ok || t == nil {
		return fmt.Errorf("%w: purpose or table %s is not declared", ErrPurpose, table)
	}
	for _, name := range columns {
		c := t.column(l.options.Names(name), l.schema)
		if c == nil || !c.serves(purpose) {
			return fmt.Errorf("%w: %s.%s under %s", ErrPurpose, table, name, purpose)
		}
	}
	return nil
}

// serves reports whether the purpose may use the column. Keys and links serve all.
func (c *column) serves(purpose string) bool {
	if len(c.parts) == 0 {
		return c.key || c.link
	}
	return slices.ContainsFunc(c.parts, func(p *part) bool { return slices.Contains(p.purposes, purpose) })
}

// ValidateInput checks what a form or an import wants to store (data minimisation,
// GDPR art. 5(1)(c)): a field that no purpose declares is refused by name, and so is
// a value that does not fit its column. All refusals are joined; each is a
// *gdpr.InvalidError whose Field is "table.column". Values are those that would go
// to the database, or text.
func (l *Live) ValidateInput(table string, values map[string]any) error {
	t := l.tables[table]
	if t == nil {
		return gdpr.Invalid(table, "is not a table of the map")
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		field := table + "." + name
		c := t.column(l.options.Names(name), l.schema)
		switch {
		case c == nil || c.bare || len(c.parts) == 0 && !c.key && !c.link && !c.structural(t):
			errs = append(errs, gdpr.Invalid(field, "is declared by no purpose"))
		case len(c.parts) > 0 && !slices.ContainsFunc(c.parts, func(p *part) bool { return len(p.purposes) > 0 }):
			errs = append(errs, gdpr.Invalid(field, "is declared by no purpose"))
		default:
			if err := fits(c.Column, values[name]); err != nil {
				errs = append(errs, gdpr.Invalid(field, "%s", err))
			}
		}
	}
	return errors.Join(errs...)
}

// structural columns belong to the row, not to the person: dates, flags, owner.
func (c *column) structural(t *table) bool {
	if c.Column == t.softDelete || c.Column == t.restrict || c.Column == t.owner {
		return true
	}
	return slices.ContainsFunc(t.dates, func(d *date) bool { return d.col == c.Column && d.over == nil && d.up == nil })
}

func fits(c *catalog.Column, v any) error {
	switch x := v.(type) {
	case nil:
		if !c.Null {
			return errors.New("must have a value")
		}
	case string:
		if c.Class == catalog.Date || c.Class == catalog.DateTime {
			for _, form := range layouts {
				if _, err := time.Parse(form, x); err == nil {
					return nil
				}
			}
			return errors.New("is not a date")
		}
		_, err := argument(c, x)
		return err
	}
	return nil
}
