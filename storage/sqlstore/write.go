package sqlstore

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/gdprkit/gdprkit/storage"
)

// A change is a compiled [storage.Write].
type change struct {
	*storage.Write
	args   []*storage.Column // of Set, Add and Where
	set    int               // number of them that are assigned
	key    []int             // arguments that are the key: of an insert, or of a Where that holds it to one value
	rest   []string          // columns of Set that are not in the key
	lone   bool              // cannot affect more than one row
	points bool              // a Delete of which several fit into one statement
	bulk   int               // most rows of one statement
	split  bool              // rows that do not fill a bulk go by fours
	texts  [maxCached + 1]atomic.Pointer[statement]
	array  *statement // of points, for more than maxListed

	exists, create, replace *statement // of a careful Put
}

// maxCached is the number of rows up to which a text is kept for each number: what
// as many writers at a time bring together. More keys than maxListed are passed as
// arrays, where there are arrays.
const (
	maxCached = 32
	maxListed = 16
)

func (db *DB) newChange(w *storage.Write) (*change, error) {
	if w.Table == nil {
		return nil, fmt.Errorf("sqlstore: a Write needs a table")
	}
	c := &change{Write: w, set: len(w.Set) + len(w.Add), bulk: 1}
	set, err := columnsOf(w.Table, slices.Concat(w.Set, w.Add))
	if err != nil {
		return nil, err
	}
	terms, err := termColumns(w.Table, w.Where)
	if err != nil {
		return nil, err
	}
	for _, a := range set[len(w.Set):] {
		if a.Kind != storage.Int {
			return nil, fmt.Errorf("sqlstore: table %s: Add needs a column of kind Int", w.Table.Name)
		}
	}
	c.args = slices.Concat(set, terms)
	if err := c.check(); err != nil {
		return nil, err
	}
	for _, s := range w.Set {
		if !slices.Contains(w.Table.Key, s) {
			c.rest = append(c.rest, s)
		}
	}
	c.shape(db)
	if c.careful(db.d) {
		db.prepareCareful(c)
		return c, nil
	}
	if c.points {
		c.array = db.one(func(b *builder) { b.change(c, c.bulk) })
	}
	return c, nil
}

func (c *change) check() error {
	bad := ""
	switch inserts := c.inserts(); {
	case c.Verb > storage.Delete:
		bad = "has an unknown verb"
	case inserts && len(c.Add)+len(c.Where) > 0:
		bad = "is an insert with Add or Where"
	case inserts && !within(c.Table.Key, c.Set):
		bad = "must set the whole key"
	case c.Verb == storage.Delete && c.set > 0:
		bad = "is a Delete with Set or Add"
	case c.Verb == storage.Update && c.set == 0:
		bad = "is an Update that changes nothing"
	}
	if bad != "" {
		return fmt.Errorf("sqlstore: table %s: a Write %s", c.Table.Name, bad)
	}
	return nil
}

func (c *change) inserts() bool { return c.Verb < storage.Update }

// shape finds out how many rows fit into a statement, and which.
func (c *change) shape(db *DB) {
	if c.inserts() {
		for _, k := range c.Table.Key {
			c.key = append(c.key, slices.Index(c.Set, k))
		}
		c.lone = true
		if !c.Must {
			c.bulk = min(maxRows, db.d.params/(len(c.Set)+1))
			c.split = db.d.local && c.bulk > maxCached
		}
		return
	}
	held := fixed(c.Where)
	c.lone = single(c.Table, held)
	if within(c.Table.Key, held) {
		for _, k := range c.Table.Key {
			i := slices.IndexFunc(c.Where, func(t storage.Term) bool { return t.Column == k && t.Cmp == storage.Eq })
			c.key = append(c.key, c.set+i)
		}
	}
	c.points = c.Verb == storage.Delete && !c.Must && len(c.Where) > 0 && len(held) == len(c.Where) && db.d.arrays != nil
	if c.points {
		c.bulk = 2 * maxRows // the text does not grow
	}
}

// most returns how many of n rows the next statement takes. SQLite keeps a journal of
// the pages that a statement of several rows changes, in a file from 64 KiB on.
func (c *change) most(n int) int {
	if c.split && n < c.bulk {
		return 4
	}
	return c.bulk
}

// statement returns the text for n rows.
func (db *DB) statement(c *change, n int) *statement {
	if c.array != nil && n > maxListed {
		return c.array
	}
	if n <= maxCached {
		s := c.texts[n].Load()
		if s == nil {
			c.texts[n].CompareAndSwap(nil, db.one(func(b *builder) { b.change(c, n) }))
			s = c.texts[n].Load()
		}
		return s
	}
	if n == c.bulk {
		return db.cached(bulkKey{c}, func() *statement { return db.one(func(b *builder) { b.change(c, n) }) })
	}
	s := db.one(func(b *builder) { b.change(c, n) })
	s.refused[0].Store(true)
	return s
}

type bulkKey struct{ *change }

// change writes the statement of n operations.
func (b *builder) change(c *change, n int) {
	switch c.Verb {
	case storage.Update:
		b.update(c)
	case storage.Delete:
		b.remove(c, n)
	default:
		b.insert(c, n)
	}
}

func (b *builder) insert(c *change, n int) {
	b.many = n > 1
	b.put("INSERT")
	if c.Verb == storage.InsertNew {
		b.put(b.d.orIgnore)
	}
	b.put(" INTO ")
	b.table(c.Table)
	b.put(" (", b.d.ids(withTenant(c.Set)), ") VALUES ")
	for i := range n {
		if i > 0 {
			b.put(", ")
		}
		b.put("(")
		b.tenant()
		for range c.Set {
			b.put(", ")
			b.arg()
		}
		b.put(")")
	}
	switch c.Verb {
	case storage.InsertNew:
		b.put(b.d.onIgnore)
	case storage.Put:
		b.onPut(c)
	}
}

func (b *builder) onPut(c *change) {
	key := b.d.ids(withTenant(c.Table.Key))
	b.put(strings.ReplaceAll(b.d.onPut, "{key}", key))
	if len(c.rest) == 0 { // nothing but the key
		b.put(strings.NewReplacer("{c}", b.d.id("tenant")).Replace(b.d.putKey))
		return
	}
	b.put("UPDATE")
	if b.d.onPutSet {
		b.put(" SET")
	}
	for i, s := range c.rest {
		if i > 0 {
			b.put(",")
		}
		id := b.d.id(s)
		b.put(" ", id, " = ", strings.ReplaceAll(b.d.putValue, "{c}", id))
	}
}

func (b *builder) update(c *change) {
	b.put("UPDATE ")
	b.table(c.Table)
	sep := " SET "
	for _, s := range c.Set {
		b.put(sep, b.d.id(s), " = ")
		b.arg()
		sep = ", "
	}
	for _, a := range c.Add {
		b.put(sep, b.d.id(a), " = ", b.d.id(a), " + ")
		b.arg()
		sep = ", "
	}
	b.where(c.Where)
}

func (b *builder) remove(c *change, n int) {
	b.put("DELETE FROM ")
	b.table(c.Table)
	switch {
	case n == 1:
		b.where(c.Where)
		return
	case n > maxListed:
		b.among(c)
		return
	}
	b.where(nil)
	if len(c.Where) == 1 {
		b.put(" AND ", b.d.id(c.Where[0].Column), " IN (")
		for i := range n {
			if i > 0 {
				b.put(", ")
			}
			b.arg()
		}
		b.put(")")
		return
	}
	for i := range n {
		b.put([]string{" AND (", " OR "}[min(i, 1)])
		for j, t := range c.Where {
			b.put([]string{"(", " AND "}[min(j, 1)], b.d.id(t.Column), " = ")
			b.arg()
		}
		b.put(")")
	}
	b.put(")")
}
