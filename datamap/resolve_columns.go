package datamap

import (
	"maps"
	"slices"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/datamap/internal/jsonpath"
	"github.com/gdprkit/gdprkit/internal/calendar"
)

// date is a resolved [Date].
type date struct {
	name string
	col  *catalog.Column
	over *link  // with Max: the link of the related table to this one
	up   *link  // with Parent: the link of this table to the parent
	form layout // how the engine's values are read and compared
}

// columnsOf puts together, in the order of the live table, the key, the links, the
// dates and what the map describes.
func (r *resolver) columnsOf() {
	r.each(func(at []any, t *table) {
		byName := make(map[string]*column)
		get := func(c *catalog.Column) *column {
			if byName[c.Name] == nil {
				byName[c.Name] = &column{Column: c}
			}
			return byName[c.Name]
		}
		for _, c := range t.key {
			get(c).key = true
		}
		for _, l := range t.links {
			get(l.on).link = true
			for _, w := range l.where {
				get(w.col).link = true
			}
		}
		for _, other := range r.tables {
			for _, l := range other.links {
				if l.to == t {
					get(l.toCol).link = true
				}
			}
		}
		for i := range t.def.Columns {
			for _, name := range t.def.Columns[i].Names {
				if c := r.col(append(at[:2:2], "columns", i), t, name); c != nil {
					get(c).parts = append(get(c).parts, r.part(t, t.def.Columns[i]))
				}
			}
		}
		for _, d := range t.def.Dates {
			if c := r.schema.Find(t.live, r.options.Names(d.Column)); c != nil {
				get(c)
			}
		}
		for _, f := range r.schema.FKs {
			if f.Table == t.live.Name && len(f.Columns) == 1 && r.mapped(f.Ref) != nil && byName[f.Columns[0]] == nil {
				get(t.live.Column(f.Columns[0])).bare = true
			}
		}
		r.marks(at, t, get)
		r.dutyFields(at, t, get)
		for _, c := range t.live.Columns {
			if byName[c.Name] != nil {
				t.cols = append(t.cols, byName[c.Name])
			}
		}
	})
}

func (r *resolver) part(t *table, def Column) *part {
	p := &part{Column: def, do: def.Erase.Do, category: def.Category, purposes: def.Purposes, origin: def.Origin}
	if p.category == "" {
		p.category = t.category()
	}
	if p.purposes == nil {
		p.purposes = t.def.Purposes
	}
	if p.origin == "" {
		p.origin = t.def.Origin
	}
	if def.JSON != "" {
		p.path, _ = jsonpath.Parse(def.JSON)
		if p.do == "" {
			p.do = Redact
		}
	}
	return p
}

func (t *table) category() string {
	if t.def.Category != "" {
		return t.def.Category
	}
	return t.name
}

// marks resolves the soft-delete flag, the restriction flag and the owner.
func (r *resolver) marks(at []any, t *table, get func(*catalog.Column) *column) {
	find := func(key, name string) *catalog.Column {
		c := r.col(append(at, key), t, name)
		if c != nil {
			get(c)
		}
		return c
	}
	if m := t.def.SoftDelete; m != nil {
		t.softDelete = find("soft_delete", m.Column)
	}
	if m := t.def.Restrict; m != nil {
		if t.restrict = find("restrict", m.Column); t.restrict != nil {
			_, err := argument(t.restrict, string(m.Value))
			if err != nil {
				r.add(append(at, "restrict"), t.name, m.Column, "value %s", err)
			}
			if m.Value != "1" && !t.restrict.Null {
				r.add(append(at, "restrict"), t.name, m.Column, "column must allow NULL, or the mark be 1, so that it can be lifted")
			}
		}
	}
	if t.def.Owner != "" {
		t.owner = find("owner", t.def.Owner)
	}
}

func (r *resolver) dutyFields(at []any, t *table, get func(*catalog.Column) *column) {
	if t.def.Keep == nil {
		return
	}
	for _, name := range t.def.Keep.Fields {
		if c := r.col(append(at, "keep", "fields"), t, name); c != nil {
			get(c).duty = true
		}
	}
}

func (r *resolver) datesOf() {
	r.each(func(at []any, t *table) {
		for _, name := range slices.Sorted(maps.Keys(t.def.Dates)) {
			def, at := t.def.Dates[name], append(at[:2:2], "dates", name)
			d := &date{name: name}
			switch {
			case def.Max != "":
				r.related(at, t, d, def.Max)
			case def.Parent != "":
				r.parent(at, t, d, def.Parent)
			default:
				d.col = r.col(at, t, def.Column)
			}
			if d.col == nil {
				continue
			}
			if !slices.Contains([]catalog.Class{catalog.Date, catalog.DateTime, catalog.Int, catalog.Text}, d.col.Class) {
				r.add(at, t.name, d.col.Name, "column holds no date, its type is %s", d.col.Type)
			}
			t.dates = append(t.dates, d)
		}
		r.dutyOf(append(at, "keep"), t)
	})
}

// related resolves a maximum over the rows of another table that link to this one.
func (r *resolver) related(at []any, t *table, d *date, max string) {
	name, column := splitName(max)
	other := r.tables[name]
	for _, l := range other.links {
		if l.to == t && !l.array && l.names == nil {
			d.over = l
		}
	}
	if d.over == nil {
		r.add(at, t.name, "", "no link of %s leads here, so that there is no maximum over its rows", name)
		return
	}
	d.col = r.col(at, other, column)
}

// parent resolves a date of the row to which a link leads.
func (r *resolver) parent(at []any, t *table, d *date, parent string) {
	name, column := splitName(parent)
	for _, l := range t.links {
		if l.to.name == name && !l.array && l.names == nil {
			d.up = l
		}
	}
	if d.up == nil {
		r.add(at, t.name, "", "no link of the table leads to %s, so that it has no date there", name)
		return
	}
	d.col = r.col(at, d.up.to, column)
}

func (r *resolver) dutyOf(at []any, t *table) {
	def := t.def.Keep
	if def == nil {
		return
	}
	t.keep = &duty{Duty: def}
	var err error
	if def.Until != "" {
		if t.keep.until, err = calendar.ParseDate(def.Until); err != nil {
			r.add(at, t.name, "", "until is not a date")
		}
		return
	}
	if t.keep.period, err = calendar.ParsePeriod(def.Period); err != nil {
		r.add(at, t.name, "", "%s", err)
	}
	for _, d := range t.dates {
		if d.name == def.From {
			t.keep.from = d
		}
	}
}
