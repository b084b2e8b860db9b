package sqlstore

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gdprkit/gdprkit/storage"
)

// pageRows is the number of rows that a Scan reads at once.
const pageRows = 500

// A read is a compiled [storage.Select]. Index 1 of its statements locks the rows
// (a Current read inside a joined transaction); it is index 0 where the dialect
// has no need of it.
type read struct {
	*storage.Select
	columns []*storage.Column // of the result; nil: a count
	args    []*storage.Column
	cursor  []int // columns of the result that say where the next page starts
	noScan  error // why it cannot be read in pages
	page    int   // rows of a page

	get, first, next [2]*statement
	whole            *statement // for Stream
}

func (db *DB) newRead(s *storage.Select) (*read, error) {
	if s.From == nil || len(s.Columns) == 0 {
		return nil, fmt.Errorf("sqlstore: a Select needs a table and columns")
	}
	r := &read{Select: s, page: pageRows}
	var err error
	if r.args, err = termColumns(s.From, s.Where); err != nil {
		return nil, err
	}
	if len(s.Columns) == 1 && s.Columns[0] == storage.Count {
		r.get = db.both(func(b *builder) { b.sel(s) })
		r.noScan = fmt.Errorf("sqlstore: table %s: a count is read with Get", s.From.Name)
		return r, nil
	}
	if r.columns, err = columnsOf(s.From, s.Columns); err != nil {
		return nil, err
	}
	if _, err = columnsOf(s.From, s.Order); err != nil {
		return nil, err
	}
	r.get = db.both(func(b *builder) {
		b.sel(s)
		if !single(s.From, fixed(s.Where)) {
			b.order(s.Order, s.Desc)
			b.put(" LIMIT 1")
		}
	})
	r.whole = db.one(func(b *builder) {
		b.sel(s)
		b.order(s.Order, s.Desc)
		if s.Limit > 0 {
			b.put(" LIMIT ", strconv.Itoa(s.Limit))
		}
	})
	r.pages(db)
	return r, nil
}

// pages prepares reading in pages: each continues after the last row.
func (r *read) pages(db *DB) {
	if r.Limit > 0 {
		r.page = min(r.page, r.Limit)
	}
	held := fixed(r.Where)
	if !single(r.From, slices.Concat(r.Order, held)) {
		r.noScan = fmt.Errorf("sqlstore: table %s: the order of a Scan must be unique", r.From.Name)
		return
	}
	var cursor []string
	for _, c := range r.Order {
		if slices.Contains(held, c) || slices.Contains(cursor, c) {
			continue
		}
		i := slices.Index(r.Columns, c)
		switch {
		case i < 0:
			r.noScan = fmt.Errorf("sqlstore: table %s: a Scan must read column %q, which it is ordered by", r.From.Name, c)
			return
		case r.columns[i].Null:
			r.noScan = fmt.Errorf("sqlstore: table %s: a Scan cannot be ordered by %q, which may be nil", r.From.Name, c)
			return
		}
		cursor, r.cursor = append(cursor, c), append(r.cursor, i)
	}
	page := func(after []string) [2]*statement {
		return db.both(func(b *builder) {
			b.sel(r.Select)
			b.after(after, r.Desc)
			b.order(r.Order, r.Desc)
			b.put(" LIMIT ", strconv.Itoa(r.page))
		})
	}
	r.first, r.next = page(nil), page(cursor)
}

// sel writes the beginning of a SELECT, with its conditions. What a partial index
// leaves out is said in its words, from which the engines know that it serves.
func (b *builder) sel(s *storage.Select) {
	b.put("SELECT ")
	if len(s.Columns) == 1 && s.Columns[0] == storage.Count {
		b.put("count(*)")
	} else {
		b.put(b.d.ids(s.Columns))
	}
	b.put(" FROM ")
	b.table(s.From)
	b.where(s.Where)
	for _, t := range s.Where {
		if c := s.From.Column(t.Column); t.Cmp == storage.Gt && b.d.partial && c != nil && c.Sparse {
			b.put(" AND ", b.d.id(t.Column), " <> 0")
		}
	}
}

// after writes the condition that a row comes after the values of the columns.
func (b *builder) after(columns []string, desc bool) {
	if len(columns) == 0 {
		return
	}
	cmp := " > "
	if desc {
		cmp = " < "
	}
	first := b.next
	if len(columns) == 1 {
		b.put(" AND ", b.d.id(columns[0]), cmp)
		b.arg()
		return
	}
	if b.d.tuples {
		b.put(" AND (", b.d.ids(columns), ")", cmp, "(")
		for i := range columns {
			if i > 0 {
				b.put(", ")
			}
			b.arg()
		}
		b.put(")")
		return
	}
	// a >= ? AND (a > ? OR (a = ? AND (b > ? ...))): the first term finds the place in the index.
	b.put(" AND ", b.d.id(columns[0]), cmp[:2], "= ")
	b.param(first)
	for i, c := range columns {
		if i == len(columns)-1 {
			b.put(" AND ", b.d.id(c), cmp)
			b.param(first + i)
			continue
		}
		b.put(" AND (", b.d.id(c), cmp)
		b.param(first + i)
		b.put(" OR (", b.d.id(c), " = ")
		b.param(first + i)
	}
	for range len(columns) - 1 {
		b.put("))")
	}
	b.next = first + len(columns)
}

func (db *DB) one(write func(*builder)) *statement {
	b := db.builder()
	write(b)
	return b.statement()
}

// both builds a statement without and with a shared lock.
func (db *DB) both(write func(*builder)) [2]*statement {
	plain := db.one(write)
	if db.d.share == "" {
		return [2]*statement{plain, plain}
	}
	return [2]*statement{plain, db.one(func(b *builder) { write(b); b.put(b.d.share) })}
}
