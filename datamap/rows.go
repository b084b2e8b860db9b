package datamap

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/dsar"
)

// Sizes of a page. It grows while it stays small in bytes, so that large tables are
// read in few statements and wide rows do not fill the memory.
const (
	firstPage = 256
	lastPage  = 8192
	pageBytes = 2 << 20
)

// cursor reads the rows of a table in pages, in the order of the key. No statement
// is open while a row is in use.
type cursor struct {
	l     *Live
	t     *table
	cols  []*catalog.Column // read as they are
	dates bool              // read the dates too
	where func(s *statement)

	width int
	slab  []any
	ptrs  []any
	cells []cell // MySQL only
	rows  int
	limit int
	last  []any // key of the last row read
	done  bool
}

// layout of a row: the key, cols, the dates.
func (l *Live) cursor(t *table, cols []*catalog.Column, dates bool, where func(*statement)) *cursor {
	c := &cursor{l: l, t: t, cols: cols, dates: dates, where: where, limit: firstPage}
	c.width = len(t.key) + len(cols)
	if dates {
		c.width += len(t.dates)
	}
	c.ptrs = make([]any, c.width)
	if l.schema.Dialect == "mysql" {
		c.cells = make([]cell, c.width)
		for i := range c.cells {
			c.ptrs[i] = &c.cells[i]
		}
		for i, col := range slices.Concat(t.key, cols) {
			c.cells[i].binary = col.Class == catalog.Binary
		}
	}
	return c
}

// cell reads a value of a driver that gives text as bytes, with one copy of it.
type cell struct {
	to     *any
	binary bool
}

// Scan implements sql.Scanner.
func (c *cell) Scan(v any) error {
	if b, ok := v.([]byte); !ok {
		*c.to = v
	} else if c.binary {
		*c.to = bytes.Clone(b)
	} else {
		*c.to = string(b)
	}
	return nil
}

// next reads the next page and reports whether there is one.
func (c *cursor) next(ctx context.Context) (bool, error) {
	if c.done {
		return false, nil
	}
	s := c.l.statement()
	s.add("SELECT ")
	c.l.selectList(s, c.t, c.cols, c.dates)
	s.add(" FROM " + s.table(c.t.live.Name) + " t0 WHERE ")
	c.where(s)
	if c.last != nil {
		s.add(" AND ")
		s.after("t0", c.t.key, c.last)
	}
	s.order("t0", c.t.key)
	s.add(" LIMIT ?", int64(c.limit))
	if err := c.read(ctx, s); err != nil {
		return false, err
	}
	return c.rows > 0, nil
}

func (c *cursor) read(ctx context.Context, s *statement) error {
	rows, err := c.l.conn(ctx).QueryContext(ctx, s.String(), s.args...)
	if err != nil {
		return databaseError(err)
	}
	defer rows.Close()
	size := 0
	for c.rows = 0; size < pageBytes && rows.Next(); c.rows++ {
		at := c.rows * c.width
		if at+c.width > len(c.slab) {
			c.slab = append(c.slab, make([]any, max(c.width*firstPage, len(c.slab)))...)
		}
		row := c.slab[at : at+c.width]
		for i := range row {
			if c.cells != nil {
				c.cells[i].to = &row[i]
			} else {
				c.ptrs[i] = &row[i]
			}
		}
		if err := rows.Scan(c.ptrs...); err != nil {
			return databaseError(err)
		}
		size += weight(row)
	}
	if err := rows.Err(); err != nil {
		return databaseError(err)
	}
	if c.done = size < pageBytes && c.rows < c.limit; !c.done {
		c.last = append(c.last[:0], c.row(c.rows - 1)[:len(c.t.key)]...)
		c.limit = min(c.limit*2, lastPage)
	}
	return nil
}

func weight(row []any) int {
	n := 0
	for _, v := range row {
		switch x := v.(type) {
		case string:
			n += len(x)
		case []byte:
			n += len(x)
		}
		n += 16
	}
	return n
}

func (c *cursor) row(i int) []any { return c.slab[i*c.width : (i+1)*c.width] }

// selectList writes the columns of a cursor's row.
func (l *Live) selectList(s *statement, t *table, cols []*catalog.Column, dates bool) {
	for i, c := range slices.Concat(t.key, cols) {
		if i > 0 {
			s.add(", ")
		}
		s.add(s.column("t0", c))
	}
	if dates {
		for _, d := range t.dates {
			s.add(", " + s.dateExpr(d))
		}
	}
}

// dateExpr is the expression of a date of a row.
func (s *statement) dateExpr(d *date) string {
	switch {
	case d.up != nil:
		return "(SELECT " + s.column("m", d.col) + " FROM " + s.table(d.up.to.live.Name) + " m WHERE " +
			s.column("m", d.up.toCol) + " = " + s.column(s.row, d.up.on) + ")"
	case d.over == nil:
		return s.column(s.row, d.col)
	}
	sub := &statement{dialect: s.dialect, schema: s.schema}
	for _, w := range d.over.where {
		// Constants of links are checked to be values of their column; a literal keeps
		// the expression usable wherever a column is.
		sub.WriteString(sub.column("m", w.col) + " = " + literal(w.value) + " AND ")
	}
	return "(SELECT MAX(" + s.column("m", d.col) + ") FROM " + s.table(d.over.from.live.Name) + " m WHERE " +
		sub.String() + s.column("m", d.over.on) + " = " + s.column(s.row, d.over.toCol) + ")"
}

// moments fills the dates of a row by name; unknown ones are left out.
func (l *Live) moments(t *table, vals []any, into map[string]time.Time) {
	clear(into)
	for i, d := range t.dates {
		if m := l.moment(d, vals[i]); !m.IsZero() {
			into[d.name] = m.UTC()
		}
	}
}

// collect yields the records of a person in one table.
func (l *Live) collect(ctx context.Context, t *table, sec *dsar.Section, shown []*column, p person) iter.Seq2[*dsar.Record, error] {
	return func(yield func(*dsar.Record, error) bool) {
		cols := make([]*catalog.Column, len(shown))
		for i, c := range shown {
			cols[i] = c.Column
		}
		c := l.cursor(t, cols, true, func(s *statement) { s.reach(l, t, "t0", p) })
		rec := &dsar.Record{Section: sec, Values: make([]any, len(cols)), Dates: make(map[string]time.Time)}
		nk := len(t.key)
		for {
			more, err := c.next(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			if !more {
				return
			}
			for i := range c.rows {
				row := c.row(i)
				rec.Key = t.keyText(row[:nk])
				for j, col := range cols {
					rec.Values[j] = export(col, row[nk+j])
				}
				l.moments(t, row[nk+len(cols):], rec.Dates)
				rec.Shared = l.shared(t, shown, row[nk:])
				rec.Duty = l.dutyOf(t, row[nk+len(cols):])
				if !yield(rec, nil) {
					return
				}
			}
		}
	}
}

// shared reports whether the row names several persons in an array of a link.
func (l *Live) shared(t *table, shown []*column, vals []any) bool {
	for _, link := range t.links {
		if !link.array {
			continue
		}
		for i, c := range shown {
			if c.Column == link.on && vals[i] != nil && elements(link, textOf(vals[i])) > 1 {
				return true
			}
		}
	}
	return false
}
