package memstore

import (
	"fmt"
	"slices"

	"github.com/gdprkit/gdprkit/storage"
)

// A table is what the store knows of a [storage.Table]: columns by number, where
// 0 is the tenant, and its trees, where 0 is the primary key.
type table struct {
	*storage.Table
	id      int
	kinds   []storage.Kind
	cols    map[string]int
	zero    []value // a row without values
	trees   []index
	subject int // column of that name, if AppendOnly
}

// An index is one tree of a table: sorted by tenant, the columns it was declared
// with, and the rest of the key.
type index struct {
	cols   []int
	own    int // so many of cols were declared
	unique bool
	cmp    compare
}

// rows is the content of a table: one root per tree. It is never changed after a
// step that was given another token has begun.
type rows struct {
	owner *token
	roots []*node
}

func newTable(t *storage.Table, id int) (*table, error) {
	d := &table{Table: t, id: id, kinds: []storage.Kind{storage.Text}, cols: map[string]int{}, zero: []value{{}}}
	for i, c := range t.Columns {
		if d.cols[c.Name] != 0 || c.Kind < storage.Int || c.Kind > storage.Bytes {
			return nil, fmt.Errorf("memstore: column %s.%s is declared twice or has no kind", t.Name, c.Name)
		}
		d.cols[c.Name] = i + 1
		d.kinds = append(d.kinds, c.Kind)
		d.zero = append(d.zero, value{null: c.Null && c.Kind == storage.Bytes})
	}
	if len(t.Key) == 0 {
		return nil, fmt.Errorf("memstore: table %s has no key", t.Name)
	}
	if err := d.addIndex(t.Key, true); err != nil {
		return nil, err
	}
	for _, u := range t.Unique {
		if err := d.addIndex(u, true); err != nil {
			return nil, err
		}
	}
	for _, x := range t.Index {
		if err := d.addIndex(x, false); err != nil {
			return nil, err
		}
	}
	d.subject = d.cols["subject"]
	if t.AppendOnly && d.subject == 0 {
		return nil, fmt.Errorf("memstore: append-only table %s has no column subject", t.Name)
	}
	return d, nil
}

func (d *table) addIndex(names []string, unique bool) error {
	x := index{own: len(names), unique: unique}
	for _, name := range names {
		c := d.cols[name]
		if c == 0 {
			return fmt.Errorf("memstore: table %s has no column %q", d.Name, name)
		}
		if col := &d.Columns[c-1]; col.Kind != storage.Int && col.Size == 0 {
			return fmt.Errorf("memstore: column %s.%s needs a Size to be in a key or index", d.Name, name)
		}
		x.cols = append(x.cols, c)
	}
	for _, name := range d.Key {
		if c := d.cols[name]; !slices.Contains(x.cols, c) {
			x.cols = append(x.cols, c)
		}
	}
	x.cmp = d.comparer(x.cols)
	d.trees = append(d.trees, x)
	return nil
}

func (d *table) comparer(cols []int) compare {
	return func(a, b row) int {
		if c := compareColumn(storage.Text, 0, a, b); c != 0 {
			return c
		}
		for _, col := range cols {
			if c := compareColumn(d.kinds[col], col, a, b); c != 0 {
				return c
			}
		}
		return 0
	}
}

func (d *table) columns(names []string) ([]int, error) {
	cols := make([]int, len(names))
	for i, name := range names {
		if cols[i] = d.cols[name]; cols[i] == 0 {
			return nil, fmt.Errorf("memstore: table %s has no column %q", d.Name, name)
		}
	}
	return cols, nil
}

// exists reports whether a row other than old has the columns of x like r. Rows
// with nil in one of them never meet a constraint.
func (d *table) exists(rs *rows, x int, r, old row) bool {
	cols := d.trees[x].cols[:d.trees[x].own]
	for _, c := range cols {
		if d.kinds[c] == storage.Bytes {
			if _, ok := r.text(c); !ok {
				return false
			}
		}
	}
	cmp, found := d.comparer(cols), false
	rs.roots[x].ascend(func(o row) bool { return cmp(o, r) < 0 }, func(o row) bool {
		found = cmp(o, r) == 0 && (old == "" || d.trees[0].cmp(o, old) != 0)
		return cmp(o, r) == 0 && !found
	})
	return found
}

// meets reports whether r meets a unique constraint.
func (d *table) meets(rs *rows, r, old row) bool {
	for i := range d.trees {
		if d.trees[i].unique && d.exists(rs, i, r, old) {
			return true
		}
	}
	return false
}

func (d *table) insert(rs *rows, r row) {
	for i := range d.trees {
		rs.roots[i] = insertRoot(rs.roots[i], rs.owner, r, d.trees[i].cmp)
	}
}

func (d *table) remove(rs *rows, r row) {
	for i := range d.trees {
		rs.roots[i] = deleteRoot(rs.roots[i], rs.owner, r, d.trees[i].cmp)
	}
}

func (d *table) replace(rs *rows, old, r row) {
	for i := range d.trees {
		if d.trees[i].cmp(old, r) != 0 {
			rs.roots[i] = deleteRoot(rs.roots[i], rs.owner, old, d.trees[i].cmp)
		}
		rs.roots[i] = insertRoot(rs.roots[i], rs.owner, r, d.trees[i].cmp)
	}
}
