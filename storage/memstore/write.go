package memstore

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gdprkit/gdprkit/storage"
)

var errAppendOnly = errors.New("memstore: table is append-only")

// write is a compiled [storage.Write].
type write struct {
	*storage.Write
	filter
	set, add []int
}

// claim is a compiled [storage.Claim].
type claim struct {
	d         *table
	set, read []int
}

// bound is an operation with its converted arguments.
type bound struct {
	*write
	set, add, where []value
}

func newWrite(d *table, w *storage.Write) (*write, error) {
	f, err := newFilter(d, w.Where)
	if err != nil {
		return nil, err
	}
	f.choose(nil)
	c := &write{Write: w, filter: f}
	if c.set, err = d.columns(w.Set); err != nil {
		return nil, err
	}
	if c.add, err = d.columns(w.Add); err != nil {
		return nil, err
	}
	for _, col := range c.add {
		if d.kinds[col] != storage.Int {
			return nil, fmt.Errorf("memstore: table %s: Add needs a column of kind Int", d.Name)
		}
	}
	switch w.Verb {
	case storage.Insert, storage.InsertNew, storage.Put:
		if len(w.Add)+len(w.Where) > 0 {
			return nil, fmt.Errorf("memstore: table %s: an insert has neither Add nor Where", d.Name)
		}
		err = d.needKey(c.set)
	case storage.Delete:
		if len(w.Set)+len(w.Add) > 0 {
			err = fmt.Errorf("memstore: table %s: a Delete has neither Set nor Add", d.Name)
		}
	case storage.Update:
		if len(w.Set)+len(w.Add) == 0 {
			err = fmt.Errorf("memstore: table %s: an Update has nothing to change", d.Name)
		}
	default:
		err = fmt.Errorf("memstore: table %s: unknown verb %d", d.Name, w.Verb)
	}
	return c, err
}

func newClaim(d *table, c *storage.Claim) (*claim, error) {
	set, err := d.columns(c.Columns)
	if err != nil {
		return nil, err
	}
	read, err := d.columns(c.Read)
	if err != nil {
		return nil, err
	}
	return &claim{d, set, read}, d.needKey(set)
}

func (d *table) needKey(set []int) error {
	for _, c := range d.trees[0].cols {
		if !slices.Contains(set, c) {
			return fmt.Errorf("memstore: table %s: the columns must contain the key", d.Name)
		}
	}
	return nil
}

func (d *table) values(cols []int, args []any) ([]value, error) {
	vals := make([]value, len(cols))
	for i, c := range cols {
		v, err := toValue(d.Table, &d.Columns[c-1], args[i], true)
		if err != nil {
			return nil, err
		}
		vals[i] = v
	}
	return vals, nil
}

// newRow returns the row of a tenant that has the given columns and zero values.
func (d *table) newRow(tenant string, cols []int, vals []value) row {
	all := slices.Clone(d.zero)
	all[0] = value{s: tenant}
	for i, c := range cols {
		all[c] = vals[i]
	}
	return newRow(d.kinds, all)
}

// changed returns r with the columns set and added to.
func (d *table) changed(r row, set []int, vals []value, add []int, by []value) row {
	all := make([]value, len(d.kinds))
	for c, kind := range d.kinds {
		all[c] = r.value(kind, c)
	}
	for i, c := range set {
		all[c] = vals[i]
	}
	for i, c := range add {
		all[c].n += by[i].n
	}
	return newRow(d.kinds, all)
}

func (w *write) bind(args []any) (b bound, err error) {
	n, m := len(w.set), len(w.add)
	if len(args) != n+m+len(w.terms) {
		return b, errArgs(w.d, len(args), n+m+len(w.terms))
	}
	b.write = w
	if b.set, err = w.d.values(w.set, args[:n]); err != nil {
		return b, err
	}
	if b.add, err = w.d.values(w.add, args[n:n+m]); err != nil {
		return b, err
	}
	b.where, err = w.filter.bind(args[n+m:])
	return b, err
}

// apply carries out one operation and returns the rows affected.
func (b *bound) apply(db *DB, t *tx, tenant string) (n int64, err error) {
	switch b.Verb {
	case storage.Update:
		n, err = b.update(t, tenant)
	case storage.Delete:
		n, err = b.remove(db, t, tenant)
	default:
		n, err = b.insert(t, tenant)
	}
	if err == nil && b.Must && n != 1 {
		err = storage.ErrStale
	}
	return n, err
}

func (b *bound) insert(t *tx, tenant string) (int64, error) {
	d, rs := b.d, t.writable(b.d)
	r := d.newRow(tenant, b.write.set, b.set)
	if b.Verb == storage.Put {
		if old, ok := d.find(rs, r); ok {
			return 1, d.swap(rs, old, d.changed(old, b.write.set, b.set, nil, nil))
		}
	}
	switch {
	case !d.meets(rs, r, ""):
		d.insert(rs, r)
		return 1, nil
	case b.Verb == storage.InsertNew:
		return 0, nil
	}
	return 0, storage.ErrDuplicate
}

// find returns the row with the key of r.
func (d *table) find(rs *rows, r row) (found row, ok bool) {
	for n := rs.roots[0]; n != nil; {
		i, hit := n.search(r, d.trees[0].cmp)
		if hit {
			return n.items[i], true
		}
		if len(n.kids) == 0 {
			break
		}
		n = n.kids[i]
	}
	return "", false
}

func (d *table) swap(rs *rows, old, r row) error {
	switch {
	case old == r:
		return nil
	case d.AppendOnly:
		return fmt.Errorf("%w: %s", errAppendOnly, d.Name)
	case d.meets(rs, r, old):
		return storage.ErrDuplicate
	}
	d.replace(rs, old, r)
	return nil
}

func (b *bound) matching(t *tx, tenant string) (found []row) {
	b.walk(t.rows(b.d), tenant, b.where, false, func(r row) bool {
		found = append(found, r)
		return true
	})
	return found
}

func (b *bound) update(t *tx, tenant string) (n int64, err error) {
	for _, old := range b.matching(t, tenant) {
		r := b.d.changed(old, b.write.set, b.set, b.write.add, b.add)
		if err := b.d.swap(t.writable(b.d), old, r); err != nil {
			return 0, err
		}
		n += int64(boolInt(old != r))
	}
	return n, nil
}

func (b *bound) remove(db *DB, t *tx, tenant string) (n int64, err error) {
	for _, r := range b.matching(t, tenant) {
		if b.d.AppendOnly && !db.permits(t, tenant, b.d, r) {
			return 0, fmt.Errorf("%w: %s", errAppendOnly, b.d.Name)
		}
		b.d.remove(t.writable(b.d), r)
		n++
	}
	return n, nil
}
