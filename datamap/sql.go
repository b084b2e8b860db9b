package datamap

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
)

// statement is SQL text under construction, with its arguments. Identifiers come
// from the live schema and are quoted; values are always parameters.
type statement struct {
	strings.Builder
	dialect string
	schema  string // PostgreSQL only
	args    []any
	row     string // alias of the table of the rows, see dateExpr
	sorts   bool   // no index of the key is to be used for its order
}

func (l *Live) statement() *statement {
	return &statement{dialect: l.schema.Dialect, schema: l.options.Schema, row: "t0"}
}

// add writes text and, for each "?" in it, the next of the arguments as a parameter.
// Without arguments the text is written as it is.
func (s *statement) add(text string, args ...any) *statement {
	if len(args) == 0 {
		s.WriteString(text)
		return s
	}
	for i, part := range strings.Split(text, "?") {
		if i > 0 {
			s.args = append(s.args, args[i-1])
			if s.dialect == "postgres" {
				s.WriteString("$" + strconv.Itoa(len(s.args)))
			} else {
				s.WriteByte('?')
			}
		}
		s.WriteString(part)
	}
	return s
}

// name quotes an identifier.
func (s *statement) name(n string) string {
	if s.dialect == "mysql" {
		return "`" + strings.ReplaceAll(n, "`", "``") + "`"
	}
	return `"` + strings.ReplaceAll(n, `"`, `""`) + `"`
}

// table quotes a table name, with the schema if one was given.
func (s *statement) table(n string) string {
	if s.schema != "" && s.dialect == "postgres" {
		return s.name(s.schema) + "." + s.name(n)
	}
	return s.name(n)
}

// column is a quoted column of an alias.
func (s *statement) column(alias string, c *catalog.Column) string {
	if alias == "" {
		return s.name(c.Name)
	}
	return alias + "." + s.name(c.Name)
}

// text converts an expression to text.
func (s *statement) text(expr string) string {
	if s.dialect == "mysql" {
		return "CAST(" + expr + " AS CHAR)"
	}
	return "CAST(" + expr + " AS TEXT)"
}

// sortable is the expression by which a key column is ordered: its own order where
// that is the order of its bytes or numbers.
func (s *statement) sortable(alias string, c *catalog.Column) string {
	expr := s.column(alias, c)
	if s.sorts && s.dialect == "postgres" {
		expr = "COALESCE(" + expr + ", " + expr + ")"
	}
	switch {
	case s.sorts && s.dialect == "sqlite":
		return "+" + expr
	case s.dialect == "postgres" && c.Class == catalog.Text && !c.Exact:
		return expr + ` COLLATE "C"`
	case s.dialect == "mysql" && c.Class == catalog.UUID:
		return "CAST(CAST(" + expr + " AS CHAR) AS BINARY)"
	case s.dialect == "mysql" && c.Class == catalog.Text && !c.Exact:
		return "CAST(" + expr + " AS BINARY)"
	}
	return expr
}

// list joins expressions.
func list[T any](items []T, f func(T) string) string {
	out := make([]string, len(items))
	for i, v := range items {
		out[i] = f(v)
	}
	return strings.Join(out, ", ")
}

// marks returns n question marks in parentheses.
func marks(n int) string { return "(" + strings.Repeat("?, ", n-1) + "?)" }

// keyIn writes that the key is one of keys, each with one value per column.
func (s *statement) keyIn(alias string, cols []*catalog.Column, keys [][]any) {
	if len(cols) == 1 {
		flat := make([]any, len(keys))
		for i, k := range keys {
			flat[i] = k[0]
		}
		s.add(s.column(alias, cols[0])+" IN "+marks(len(flat)), flat...)
		return
	}
	s.WriteString("(")
	for i, k := range keys {
		if i > 0 {
			s.WriteString(" OR ")
		}
		for j, c := range cols {
			open := " AND "
			if j == 0 {
				open = "("
			}
			s.add(open+s.column(alias, c)+" = ?", k[j])
		}
		s.WriteString(")")
	}
	s.WriteString(")")
}

// after writes that the key comes after the one given.
func (s *statement) after(alias string, cols []*catalog.Column, key []any) {
	if len(cols) == 1 {
		s.add(s.sortable(alias, cols[0])+" > ?", key[0])
		return
	}
	s.add("("+list(cols, func(c *catalog.Column) string { return s.sortable(alias, c) })+") > "+marks(len(cols)), key...)
}

// order writes the order of the key.
func (s *statement) order(alias string, cols []*catalog.Column) {
	s.add(" ORDER BY " + list(cols, func(c *catalog.Column) string { return s.sortable(alias, c) }))
}

// argument converts text to what a column is compared with or set to. It fails
// when the text cannot be a value of the column.
func argument(c *catalog.Column, text string) (any, error) {
	switch c.Class {
	case catalog.Int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("is not a whole number")
		}
		return n, nil
	case catalog.Bool:
		switch strings.ToLower(text) {
		case "1", "t", "true":
			return boolean(c, true), nil
		case "0", "f", "false":
			return boolean(c, false), nil
		}
		return nil, fmt.Errorf("is not a boolean")
	case catalog.Number:
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return nil, fmt.Errorf("is not a number")
		}
		return text, nil
	case catalog.Binary:
		b, err := hex.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("is not hexadecimal")
		}
		return b, nil
	case catalog.UUID:
		if len(text) != 36 {
			return nil, fmt.Errorf("is not a UUID")
		}
	case catalog.Text:
		if c.Width > 0 && len([]rune(text)) > c.Width {
			return nil, fmt.Errorf("has more than %d characters", c.Width)
		}
	}
	return text, nil
}

// boolean is a truth value as the engine of the column stores it.
func boolean(c *catalog.Column, v bool) any {
	if c.Type == "boolean" { // PostgreSQL; elsewhere booleans are small numbers
		return v
	}
	if v {
		return int64(1)
	}
	return int64(0)
}
