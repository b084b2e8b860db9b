package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/gdprkit/gdprkit/storage"
)

func (s *store) Scan(ctx context.Context, sel *storage.Select, args []any) iter.Seq2[storage.Row, error] {
	return func(yield func(storage.Row, error) bool) {
		if err := s.scan(ctx, sel, args, yield); err != nil {
			yield(nil, err)
		}
	}
}

func (s *store) scan(ctx context.Context, sel *storage.Select, args []any, yield func(storage.Row, error) bool) error {
	if s.bad != nil {
		return s.bad
	}
	r, err := s.db.read(sel)
	if err != nil {
		return err
	}
	if args, err = bind(r.From, r.args, 0, args); err != nil {
		return err
	}
	if sel.Stream && s.db.current(ctx) == nil && r.whole != nil {
		return s.stream(ctx, r, args, yield)
	}
	if r.noScan != nil {
		return r.noScan
	}
	return s.pages(ctx, r, args, yield)
}

// stream keeps one statement open.
func (s *store) stream(ctx context.Context, r *read, args []any, yield func(storage.Row, error) bool) error {
	run, err := s.db.session(ctx)
	if err != nil {
		return err
	}
	st := s.db.causal(run, r.Mode, r.whole)
	rows, err := run.query(st, st.args(s.tenant, args), run.readPool(r.Mode), r.From.Name)
	if err != nil {
		return err
	}
	defer rows.Close()
	row := &streamed{r: r, rows: rows, db: s.db, buf: destBuffer{lend: true}}
	for rows.Next() {
		if !yield(row, nil) {
			return nil
		}
	}
	return run.failed(rows.Err(), r.From.Name)
}

// streamed is the current row of an open statement.
type streamed struct {
	r    *read
	rows *sql.Rows
	db   *DB
	buf  destBuffer
}

func (w *streamed) Scan(dest ...any) error {
	dest, err := w.db.d.dests(w.r.From, w.r.columns, dest, &w.buf)
	if err != nil {
		return err
	}
	if err := w.rows.Scan(dest...); err != nil {
		return w.db.wrap(err, w.r.From.Name)
	}
	return nil
}

// pages reads page after page and holds nothing while the loop's body runs.
func (s *store) pages(ctx context.Context, r *read, args []any, yield func(storage.Row, error) bool) error {
	p := &page{r: r}
	statements := r.first
	for n := 0; ; {
		run, err := s.db.session(ctx)
		if err != nil {
			return err
		}
		st := s.db.causal(run, r.Mode, statements[run.lock(r.Mode)])
		if err := p.fill(run, st, st.args(s.tenant, args)); err != nil {
			return err
		}
		for p.at = range p.n {
			if n++; r.Limit > 0 && n > r.Limit {
				return nil
			}
			if !yield(p, nil) {
				return nil
			}
		}
		if p.n < r.page || r.Limit > 0 && n >= r.Limit || len(r.cursor) == 0 {
			return nil
		}
		args = append(args[:len(r.args):len(r.args)], p.last()...)
		statements = r.next
	}
}

// page is some rows in memory, column by column of a kind: row i of a page has
// its Int columns at ints[i*number of them].
type page struct {
	r     *read
	n, at int
	ints  []int64
	texts []string
	blobs [][]byte
	place []int // of each column among those of its kind
	width [3]int
	dest  []any
}

func (p *page) fill(run session, st *statement, args []any) error {
	if p.place == nil {
		for _, c := range p.r.columns {
			p.place = append(p.place, p.width[c.Kind-1])
			p.width[c.Kind-1]++
		}
		p.dest = make([]any, len(p.r.columns))
	}
	p.n, p.ints, p.texts, p.blobs = 0, p.ints[:0], p.texts[:0], p.blobs[:0]
	rows, err := run.query(st, args, run.readPool(p.r.Mode), p.r.From.Name)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := p.add(rows); err != nil {
			return run.failed(err, p.r.From.Name)
		}
	}
	return run.failed(rows.Err(), p.r.From.Name)
}

// add copies the current row.
func (p *page) add(rows *sql.Rows) error {
	i, t, b := len(p.ints), len(p.texts), len(p.blobs)
	p.ints = append(p.ints, make([]int64, p.width[0])...)
	p.texts = append(p.texts, make([]string, p.width[1])...)
	p.blobs = append(p.blobs, make([][]byte, p.width[2])...)
	for c, col := range p.r.columns {
		switch at := p.place[c]; col.Kind {
		case storage.Int:
			p.dest[c] = &p.ints[i+at]
		case storage.Text:
			p.dest[c] = &p.texts[t+at]
		default:
			p.dest[c] = (*blob)(&p.blobs[b+at])
		}
	}
	p.n++
	return rows.Scan(p.dest...)
}

// blob is a destination that keeps nil and empty apart.
type blob []byte

// Scan implements sql.Scanner.
func (b *blob) Scan(src any) error { return assign(storage.Bytes, src, (*[]byte)(b)) }

// last returns the values of the last row that the next page starts after.
func (p *page) last() []any {
	vals := make([]any, len(p.r.cursor))
	for i, c := range p.r.cursor {
		vals[i] = p.value(p.n-1, c)
	}
	return vals
}

func (p *page) value(row, c int) any {
	switch at := p.place[c]; p.r.columns[c].Kind {
	case storage.Int:
		return p.ints[row*p.width[0]+at]
	case storage.Text:
		return p.texts[row*p.width[1]+at]
	default:
		return p.blobs[row*p.width[2]+at]
	}
}

// Scan implements [storage.Row].
func (p *page) Scan(dest ...any) error {
	if len(dest) != len(p.r.columns) {
		return fmt.Errorf("sqlstore: table %s: %d destinations for %d columns", p.r.From.Name, len(dest), len(p.r.columns))
	}
	for c, col := range p.r.columns {
		ok := false
		switch at := p.place[c]; col.Kind {
		case storage.Int:
			ok = assignInt(p.ints[p.at*p.width[0]+at], dest[c])
		case storage.Text:
			ok = assignText(p.texts[p.at*p.width[1]+at], dest[c])
		default:
			ok = assignBytes(p.blobs[p.at*p.width[2]+at], dest[c])
		}
		if !ok {
			return fmt.Errorf("sqlstore: table %s: cannot copy column %q into %T", p.r.From.Name, col.Name, dest[c])
		}
	}
	return nil
}
