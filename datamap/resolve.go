package datamap

import (
	"maps"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/datamap/internal/jsonpath"
	"github.com/gdprkit/gdprkit/internal/calendar"
)

type path = jsonpath.Path

// resolver finds for every name of the map what it means in the live schema.
type resolver struct {
	*Live
	faults
}

// link is a resolved [Link].
type link struct {
	from, to *table
	on       *catalog.Column
	array    bool
	names    []string // path into a document
	toCol    *catalog.Column
	where    []constant
}

type constant struct {
	col   *catalog.Column
	value any
}

type duty struct {
	*Duty
	period calendar.Period
	from   *date
	until  calendar.Date
}

func (r *resolver) each(f func(at []any, t *table)) {
	for _, name := range slices.Sorted(maps.Keys(r.tables)) {
		f([]any{"tables", name}, r.tables[name])
	}
}

// col finds a column of the live table or notes that it is missing.
func (r *resolver) col(at []any, t *table, name string) *catalog.Column {
	c := r.schema.Find(t.live, r.options.Names(name))
	if c == nil {
		r.add(at, t.name, name, "column is not in the live table")
		return nil
	}
	if t.spelt == nil {
		t.spelt = make(map[*catalog.Column]string)
	}
	if t.spelt[c] == "" {
		t.spelt[c] = name
	}
	return c
}

// called returns the name of a column in the map, so that one map gives the same
// answers on databases that spell differently; the live name if the map has none.
func (t *table) called(c *catalog.Column) string {
	if name := t.spelt[c]; name != "" {
		return name
	}
	return c.Name
}

// named finds a column by its name in the map or in the database, or returns nil.
func (t *table) named(name string) *column {
	for _, c := range t.cols {
		if t.called(c.Column) == name {
			return c
		}
	}
	for _, c := range t.cols {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func (r *resolver) tablesAndKeys() {
	for _, name := range slices.Sorted(maps.Keys(r.m.Tables)) {
		live := r.schema.Table(r.options.Names(name))
		if live == nil {
			r.add([]any{"tables", name}, name, "", "table is not in the live schema")
			continue
		}
		r.tables[name] = &table{name: name, def: r.m.Tables[name], live: live}
	}
	r.each(func(at []any, t *table) {
		names := t.def.Key
		if len(names) == 0 {
			for _, k := range t.live.Key {
				t.key = append(t.key, t.live.Column(k))
			}
		}
		for _, n := range names {
			if c := r.col(append(at, "key"), t, n); c != nil {
				t.key = append(t.key, c)
			}
		}
		if len(t.key) == 0 {
			r.add(at, t.name, "", "table has no primary key; name columns that identify a row under key")
		}
		for _, c := range t.key {
			if !slices.Contains([]catalog.Class{catalog.Int, catalog.Text, catalog.UUID, catalog.Binary}, c.Class) {
				r.add(append(at, "key"), t.name, c.Name, "key column must be an integer, text, UUID or bytes, not %s", c.Type)
			}
		}
		if len(names) > 0 && !r.identifies(t) {
			r.add(append(at, "key"), t.name, strings.Join(names, " "), "columns are neither primary key nor unique")
		}
	})
}

// identifies reports whether the key holds all columns of some unique constraint.
func (r *resolver) identifies(t *table) bool {
	for _, u := range append(t.live.Unique, t.live.Key) {
		if len(u) > 0 && !slices.ContainsFunc(u, func(c string) bool { return !isIn(t.key, c) }) {
			return true
		}
	}
	return false
}

func isIn(cols []*catalog.Column, name string) bool {
	return slices.ContainsFunc(cols, func(c *catalog.Column) bool { return c.Name == name })
}

// missing notes every column of the map that is not in its live table and was not
// noted yet, so that one run shows all wrong names whatever else is wrong.
func (r *resolver) missing() {
	noted := make(map[[2]string]bool)
	for _, f := range r.list {
		noted[[2]string{f.Table, f.Column}] = true
	}
	check := func(at []any, t *table, name string) {
		if pair := [2]string{t.name, name}; name != "" && !noted[pair] && r.schema.Find(t.live, r.options.Names(name)) == nil {
			noted[pair] = true
			r.col(at, t, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.m.Subjects)) {
		if k := r.m.Subjects[name]; r.tables[k.Table] != nil {
			check([]any{"subjects", name, "key"}, r.tables[k.Table], k.Key)
		}
	}
	r.each(func(at []any, t *table) {
		for i, v := range t.def.Via {
			check(append(at[:2:2], "via", i), t, v.On+v.In)
		}
		for i, c := range t.def.Columns {
			for _, name := range c.Names {
				check(append(at[:2:2], "columns", i), t, name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(t.def.Dates)) {
			check(append(at[:2:2], "dates", name), t, t.def.Dates[name].Column)
		}
		if m := t.def.SoftDelete; m != nil {
			check(append(at[:2:2], "soft_delete"), t, m.Column)
		}
		if m := t.def.Restrict; m != nil {
			check(append(at[:2:2], "restrict"), t, m.Column)
		}
		check(append(at[:2:2], "owner"), t, t.def.Owner)
		if k := t.def.Keep; k != nil {
			for _, name := range k.Fields {
				check(append(at[:2:2], "keep", "fields"), t, name)
			}
		}
	})
}

func (r *resolver) kindsOf() {
	for _, name := range slices.Sorted(maps.Keys(r.m.Subjects)) {
		def, at := r.m.Subjects[name], []any{"subjects", name, "key"}
		k := &kind{name: name, prefix: def.prefix(name), table: r.tables[def.Table]}
		if k.key = r.col(at, k.table, def.Key); k.key == nil {
			continue
		}
		if !slices.Contains([]catalog.Class{catalog.Int, catalog.Text, catalog.UUID}, k.key.Class) {
			r.add(at, def.Table, def.Key, "key of a subject must be an integer, text or a UUID, not %s", k.key.Type)
		}
		if !k.table.live.IsUnique(k.key.Name) {
			r.add(at, def.Table, def.Key, "key of a subject must be a primary key or unique")
		}
		r.kinds = append(r.kinds, k)
	}
	// The longest prefix is tried first, so that "" does not hide the others.
	slices.SortStableFunc(r.kinds, func(a, b *kind) int { return len(b.prefix) - len(a.prefix) })
}

// kindAt returns the kind whose rows the table has, by the column that is its key.
func (l *Live) kindAt(t *table, c *catalog.Column) *kind {
	for _, k := range l.kinds {
		if k.table == t && k.key == c {
			return k
		}
	}
	return nil
}

func (l *Live) isSubject(t *table) bool {
	return slices.ContainsFunc(l.kinds, func(k *kind) bool { return k.table == t })
}

func (r *resolver) linksOf() {
	r.each(func(at []any, t *table) {
		defs := t.def.Via
		if len(defs) == 0 && !r.isSubject(t) {
			if l := r.infer(at, t); l != nil {
				t.links = append(t.links, l)
			}
			return
		}
		for i, def := range defs {
			if l := r.link(append(at[:2:2], "via", i), t, def); l != nil {
				t.links = append(t.links, l)
			}
		}
	})
	if r.err() == nil {
		r.noLoops()
	}
}

// infer takes the only foreign key to a mapped table as the way to the subject.
func (r *resolver) infer(at []any, t *table) *link {
	var found []*catalog.FK
	var names []string
	for _, f := range r.schema.FKs {
		if f.Table == t.live.Name && f.Ref != f.Table && len(f.Columns) == 1 && r.mapped(f.Ref) != nil {
			found = append(found, f)
			names = append(names, f.Columns[0])
		}
	}
	switch len(found) {
	case 0:
		r.add(at, t.name, "", "no way to a subject: no foreign key leads to a mapped table; name one under via")
		return nil
	case 1:
		f := found[0]
		to := r.mapped(f.Ref)
		return &link{from: t, to: to, on: t.live.Column(f.Columns[0]), toCol: to.live.Column(f.RefColumns[0])}
	}
	r.add(at, t.name, strings.Join(names, " "), "ambiguous path to a subject: %d foreign keys lead to mapped tables; name the right ones under via", len(found))
	return nil
}

// mapped returns the table of the map that is the live one of that name.
func (l *Live) mapped(live string) *table {
	for _, t := range l.tables {
		if t.live.Name == live {
			return t
		}
	}
	return nil
}

func (r *resolver) link(at []any, t *table, def Link) *link {
	l := &link{from: t, array: def.In != ""}
	if l.on = r.col(at, t, def.On+def.In); l.on == nil {
		return nil
	}
	if def.JSON != "" {
		p, _ := jsonpath.Parse(def.JSON)
		l.names, _ = p.Names()
	}
	if l.to, l.toCol = r.target(at, t, l.on, def.To); l.toCol == nil {
		return nil
	}
	if l.array && l.on.Class != catalog.Array && !textual(l.on) {
		r.add(at, t.name, l.on.Name, "column holds no array, its type is %s", l.on.Type)
	}
	for _, name := range slices.Sorted(maps.Keys(def.Where)) {
		c := r.col(append(at, "where", name), t, name)
		if c == nil {
			continue
		}
		v, err := argument(c, string(def.Where[name]))
		if err != nil {
			r.add(append(at, "where", name), t.name, name, "constant %s", err)
		}
		l.where = append(l.where, constant{c, v})
	}
	return l
}

func textual(c *catalog.Column) bool { return c.Class == catalog.JSON || c.Class == catalog.Text }

func (r *resolver) target(at []any, t *table, on *catalog.Column, to string) (*table, *catalog.Column) {
	if to != "" {
		name, column := splitName(to)
		target := r.tables[name]
		return target, r.col(at, target, column)
	}
	for _, f := range r.schema.FKs {
		if f.Table == t.live.Name && len(f.Columns) == 1 && f.Columns[0] == on.Name {
			if target := r.mapped(f.Ref); target != nil {
				return target, target.live.Column(f.RefColumns[0])
			}
		}
	}
	r.add(at, t.name, on.Name, "column is no foreign key to a mapped table; say to which table.column it leads")
	return nil, nil
}

// noLoops refuses links that lead back to where they started, and tables from
// which no link leads to a subject.
func (r *resolver) noLoops() {
	state := make(map[*table]int)
	var visit func(t *table) bool
	visit = func(t *table) bool {
		switch state[t] {
		case 1:
			return false
		case 2:
			return true
		}
		state[t] = 1
		for _, l := range t.links {
			if l.to == t || r.kindAt(l.to, l.toCol) == nil && !visit(l.to) {
				return false
			}
		}
		state[t] = 2
		return true
	}
	r.each(func(at []any, t *table) {
		clear(state)
		if !visit(t) {
			r.add(append(at, "via"), t.name, "", "links form a cycle that does not end at a subject")
		}
	})
}
