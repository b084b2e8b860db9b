package memstore

import (
	"fmt"
	"slices"

	"github.com/gdprkit/gdprkit/storage"
)

type term struct {
	col int
	cmp storage.Cmp
}

// A filter is a compiled Where with the tree that serves it best.
type filter struct {
	d     *table
	terms []term
	tree  int
	eq    []int // for the first columns of the tree, the term that fixes each
	lo    int   // term that bounds the next column from below, or -1
	hi    int   // from above
}

// query is a compiled [storage.Select].
type query struct {
	filter
	count  bool
	cols   []int
	order  []int
	sorted bool // the tree yields the order
	desc   bool
	limit  int
	scan   error // why Scan cannot serve it
}

func newFilter(d *table, where []storage.Term) (filter, error) {
	f := filter{d: d, terms: make([]term, len(where)), lo: -1, hi: -1}
	for i, w := range where {
		col := d.cols[w.Column]
		if col == 0 || w.Cmp > storage.Ge {
			return f, fmt.Errorf("memstore: table %s: bad condition on column %q", d.Name, w.Column)
		}
		f.terms[i] = term{col, w.Cmp}
	}
	return f, nil
}

func newQuery(d *table, s *storage.Select) (*query, error) {
	f, err := newFilter(d, s.Where)
	if err != nil {
		return nil, err
	}
	q := &query{filter: f, desc: s.Desc, limit: s.Limit}
	q.count = len(s.Columns) == 1 && s.Columns[0] == storage.Count
	if !q.count {
		if q.cols, err = d.columns(s.Columns); err != nil {
			return nil, err
		}
	}
	if q.order, err = d.columns(s.Order); err != nil {
		return nil, err
	}
	for _, c := range q.order {
		if d.Columns[c-1].Null {
			return nil, fmt.Errorf("memstore: table %s: engines differ in the order of nil in %q", d.Name, d.Columns[c-1].Name)
		}
	}
	q.scan = q.pageable()
	q.sorted = q.choose(q.order)
	return q, nil
}

// pageable reports why a Scan cannot continue after a row.
func (q *query) pageable() error {
	if q.count {
		return fmt.Errorf("memstore: table %s: a count is read with Get", q.d.Name)
	}
	var held []int
	for _, t := range q.terms {
		if t.cmp == storage.Eq {
			held = append(held, t.col)
		}
	}
	for _, c := range q.order {
		if !slices.Contains(held, c) && !slices.Contains(q.cols, c) {
			return fmt.Errorf("memstore: table %s: a Scan must read column %q, which it is ordered by", q.d.Name, q.d.Columns[c-1].Name)
		}
	}
	held = append(held, q.order...)
	for _, x := range q.d.trees {
		if x.unique && !slices.ContainsFunc(x.cols[:x.own], func(c int) bool { return !slices.Contains(held, c) }) {
			return nil
		}
	}
	return fmt.Errorf("memstore: table %s: the order of a Scan must be unique", q.d.Name)
}

// choose picks the tree that narrows the rows most and, among equals, yields the
// order. It reports whether it does.
func (f *filter) choose(order []int) (sorted bool) {
	best := -1
	for i := range f.d.trees {
		eq, lo, hi := f.match(&f.d.trees[i])
		ordered := f.yields(&f.d.trees[i], len(eq), order)
		score := 4*len(eq) + 2*boolInt(lo >= 0 || hi >= 0) + boolInt(ordered)
		if score > best {
			best, sorted = score, ordered
			f.tree, f.eq, f.lo, f.hi = i, eq, lo, hi
		}
	}
	return sorted
}

// match finds the terms that narrow a walk of the tree.
func (f *filter) match(x *index) (eq []int, lo, hi int) {
	lo, hi = -1, -1
	for _, col := range x.cols {
		t := slices.IndexFunc(f.terms, func(t term) bool { return t.col == col && t.cmp == storage.Eq })
		if t >= 0 {
			eq = append(eq, t)
			continue
		}
		for i, t := range f.terms {
			switch {
			case t.col != col:
			case t.cmp == storage.Gt || t.cmp == storage.Ge:
				lo = i
			case t.cmp == storage.Lt || t.cmp == storage.Le:
				hi = i
			}
		}
		break
	}
	return eq, lo, hi
}

// yields reports whether the tree, below its first n columns, has the order.
func (f *filter) yields(x *index, n int, order []int) bool {
	fixed := func(col int) bool {
		return slices.ContainsFunc(f.terms, func(t term) bool { return t.col == col && t.cmp == storage.Eq })
	}
	rest := slices.DeleteFunc(slices.Clone(x.cols[n:]), fixed)
	want := slices.DeleteFunc(slices.Clone(order), fixed)
	return len(want) <= len(rest) && slices.Equal(want, rest[:len(want)])
}

// bind converts the arguments of the terms.
func (f *filter) bind(args []any) ([]value, error) {
	if len(args) != len(f.terms) {
		return nil, errArgs(f.d, len(args), len(f.terms))
	}
	vals := make([]value, len(args))
	for i, a := range args {
		v, err := toValue(f.d.Table, &f.d.Columns[f.terms[i].col-1], a, false)
		if err != nil {
			return nil, err
		}
		vals[i] = v
	}
	return vals, nil
}

// position tells whether a row lies below (-1), in (0) or above (1) the part of
// the tree that the terms leave.
func (f *filter) position(tenant *value, vals []value, r row) int {
	if c := compareValue(storage.Text, 0, r, tenant); c != 0 {
		return c
	}
	for _, t := range f.eq {
		col := f.terms[t].col
		if c := compareValue(f.d.kinds[col], col, r, &vals[t]); c != 0 {
			return c
		}
	}
	if f.lo >= 0 && !f.holds(f.lo, vals, r) {
		return -1
	}
	if f.hi >= 0 && !f.holds(f.hi, vals, r) && !f.isNull(f.hi, r) {
		return 1
	}
	return 0
}

func (f *filter) isNull(t int, r row) bool {
	col := f.terms[t].col
	if f.d.kinds[col] != storage.Bytes {
		return false
	}
	_, ok := r.text(col)
	return !ok
}

func (f *filter) holds(i int, vals []value, r row) bool {
	t := f.terms[i]
	if f.isNull(i, r) {
		return false
	}
	c := compareValue(f.d.kinds[t.col], t.col, r, &vals[i])
	switch t.cmp {
	case storage.Eq:
		return c == 0
	case storage.Ne:
		return c != 0
	case storage.Lt:
		return c < 0
	case storage.Le:
		return c <= 0
	case storage.Gt:
		return c > 0
	}
	return c >= 0
}

func (f *filter) matches(vals []value, r row) bool {
	for i := range f.terms {
		if !f.holds(i, vals, r) {
			return false
		}
	}
	return true
}

// walk yields the rows of a tenant that match, in the order of the tree.
func (f *filter) walk(rs *rows, tenant string, vals []value, desc bool, yield func(row) bool) {
	if rs == nil {
		return
	}
	scope := &value{s: tenant}
	if desc {
		rs.roots[f.tree].descend(func(r row) bool { return f.position(scope, vals, r) <= 0 }, func(r row) bool {
			return f.position(scope, vals, r) == 0 && (!f.matches(vals, r) || yield(r))
		})
		return
	}
	rs.roots[f.tree].ascend(func(r row) bool { return f.position(scope, vals, r) < 0 }, func(r row) bool {
		return f.position(scope, vals, r) == 0 && (!f.matches(vals, r) || yield(r))
	})
}

// run yields the rows in the order and up to the limit that the Select asks for.
func (q *query) run(rs *rows, tenant string, vals []value, limit int, yield func(row) bool) {
	if limit == 0 {
		limit = -1
	}
	each := func(r row) bool {
		limit--
		return yield(r) && limit != 0
	}
	if q.sorted {
		q.walk(rs, tenant, vals, q.desc, each)
		return
	}
	var found []row
	q.walk(rs, tenant, vals, false, func(r row) bool { found = append(found, r); return true })
	slices.SortFunc(found, q.compare)
	for _, r := range found {
		if !each(r) {
			return
		}
	}
}

func (q *query) compare(a, b row) int {
	for _, col := range q.order {
		if c := compareColumn(q.d.kinds[col], col, a, b); c != 0 {
			if q.desc {
				return -c
			}
			return c
		}
	}
	return 0
}

// copyOut copies the selected columns into the destinations.
func copyOut(d *table, cols []int, r row, dest []any) error {
	if len(dest) != len(cols) {
		return fmt.Errorf("memstore: table %s: %d destinations for %d columns", d.Name, len(dest), len(cols))
	}
	for i, c := range cols {
		if err := assign(d.kinds[c], r, c, dest[i]); err != nil {
			return fmt.Errorf("%w (%s.%s)", err, d.Name, d.Columns[c-1].Name)
		}
	}
	return nil
}
