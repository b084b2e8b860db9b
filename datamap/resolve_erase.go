package datamap

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
)

// strategies settles what happens to each row and column, and refuses what does
// not fit the column.
func (r *resolver) strategies() {
	r.each(func(at []any, t *table) {
		t.rows = t.def.Erase.Do
		if t.rows == "" {
			t.rows = Delete
			if r.isSubject(t) {
				t.rows = InPlace
			}
		}
		r.callback(append(at, "erase"), t, "", t.def.Erase)
		for _, l := range t.links {
			if t.rows == Detach && !l.array && l.names == nil && (!l.on.Null || isIn(t.key, l.on.Name)) {
				r.add(append(at, "erase"), t.name, l.on.Name, "detach needs a link column that allows NULL and is no key")
			}
		}
		for i := range t.def.Columns {
			for _, name := range t.def.Columns[i].Names {
				c := t.column(r.options.Names(name), r.schema)
				for _, p := range c.parts {
					r.strategy(append(at[:2:2], "columns", i, "erase"), t, c, p)
				}
			}
		}
		r.sensitive(at, t)
	})
	for i, loc := range r.m.Locations {
		if o := r.options.Outside[loc.Call]; loc.Call != "" && (o.Holds == nil || o.Erase == nil) {
			r.add([]any{"locations", i}, "", "", "Options.Outside[%q] with Holds and Erase is missing", loc.Call)
		}
	}
}

func (t *table) column(name string, s *catalog.Schema) *column {
	c := s.Find(t.live, name)
	i := slices.IndexFunc(t.cols, func(x *column) bool { return x.Column == c })
	if i < 0 {
		return nil
	}
	return t.cols[i]
}

func (r *resolver) callback(at []any, t *table, column string, e Erase) {
	if e.Do == Callback && r.options.Callbacks[e.Call] == nil {
		r.add(at, t.name, column, "Options.Callbacks[%q] is missing", e.Call)
	}
}

// strategy settles what erasing a part of a column means. A column described by
// several paths is checked at each.
func (r *resolver) strategy(at []any, t *table, c *column, p *part) {
	fault := func(rule string, args ...any) { r.add(at, t.name, c.Name, rule, args...) }
	if p.do == "" {
		if p.do = r.byDefault(t, c, p); p.do == "" {
			fault("column of type %s allows no NULL; say what an erasure does to it", c.Type)
			return
		}
	}
	r.callback(at, t, c.Name, p.Erase)
	if c.key && p.do != Keep && p.do != Callback {
		fault("key column cannot be changed; only keep or callback")
		return
	}
	if c.Generated && p.do != Keep && p.do != Callback {
		fault("generated column cannot be changed; it follows its source")
		return
	}
	switch p.do {
	case Nullify:
		if !c.Null {
			fault("column does not allow NULL")
		}
	case Fixed:
		if t.live.InUnique(c.Name) {
			fault("a fixed value cannot stand in a unique column twice; use random")
		}
		if _, err := argument(c.Column, p.Erase.Value); err != nil {
			fault("fixed value %s", err)
		}
	case Random:
		r.random(fault, t, c, p)
	case Year:
		if !slices.Contains([]catalog.Class{catalog.Date, catalog.DateTime, catalog.Text}, c.Class) {
			fault("year needs a date, not %s", c.Type)
		}
	case Prefix:
		if c.Class != catalog.Text {
			fault("prefix needs text, not %s", c.Type)
		}
		if t.live.InUnique(c.Name) {
			fault("a prefix cannot stand in a unique column twice; use random")
		}
	case Redact:
		if !textual(c.Column) {
			fault("redact needs a JSON document, not %s", c.Type)
		}
	case RemoveElement:
		if !slices.ContainsFunc(t.links, func(l *link) bool { return l.array && l.on == c.Column }) {
			fault("remove_element needs a link (in) through this column")
		}
	}
}

// byDefault is what an erasure does to a column of which the map does not say it.
func (r *resolver) byDefault(t *table, c *column, p *part) Strategy {
	fits := true
	switch {
	case c.key || c.link || c.Generated:
		return Keep // structure; a generated column follows its source
	case c.Null:
		return Nullify
	case c.Class == catalog.Text:
		r.random(func(string, ...any) { fits = false }, t, c, p)
		if fits {
			return Random
		}
	}
	if t.inPlaceOnlyByDelete() || c.duty && t.goes() {
		return Keep // the row goes; while it must stay, the column stays too
	}
	return ""
}

// inPlaceOnlyByDelete reports whether the rows go as a whole, so that columns need
// a strategy of their own only where a row must stay.
func (t *table) inPlaceOnlyByDelete() bool {
	return (t.rows == Delete || t.rows == DeleteLast) && t.def.Keep == nil
}

// random checks that a row-unique replacement fits.
func (r *resolver) random(fault func(string, ...any), t *table, c *column, p *part) {
	unique := t.live.InUnique(c.Name)
	switch c.Class {
	case catalog.UUID:
		return
	case catalog.Int:
		if typ := strings.ToLower(c.Type); c.Unsigned || strings.Contains(typ, "small") || strings.Contains(typ, "tiny") || strings.Contains(typ, "medium") {
			fault("random needs a signed integer of four bytes, not %s", c.Type)
		}
		return
	case catalog.Text:
	default:
		fault("random needs text, an integer or a UUID, not %s", c.Type)
		return
	}
	if c.Width == 0 {
		return
	}
	fixed := utf8.RuneCountInString(p.Erase.Value) - 2 // without {}
	if p.Erase.Value == "" {
		fixed = 1
	}
	switch free := c.Width - fixed; {
	case unique && free < 8:
		fault("random leaves %d characters of %d, too few to be unique", max(free, 0), c.Width)
	case free < 1 && p.Erase.Value != "":
		fault("template of random does not fit into %d characters", c.Width)
	}
}

// sensitive refuses special categories that are neither sealed nor waived.
func (r *resolver) sensitive(at []any, t *table) {
	for i, def := range t.def.Columns {
		for _, name := range def.Names {
			if def.Sensitivity != "" && !def.Sealed && !r.m.waived(t.name, name) {
				r.add(append(at[:2:2], "columns", i), t.name, name, "column of sensitivity %s is not sealed; seal it or waive it with a reason (GDPR art. 32)", def.Sensitivity)
			}
		}
	}
}

// waived reports whether somebody answered for the column by name.
func (m *Map) waived(table, column string) bool {
	return slices.ContainsFunc(m.Waivers, func(w Waiver) bool {
		return slices.Contains(w.Tables, table) && slices.Contains(w.Columns, column)
	})
}
