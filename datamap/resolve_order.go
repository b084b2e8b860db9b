package datamap

import (
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
)

// ref is a way in which rows of one table refer to those of another: a foreign key
// or a declared link.
type ref struct {
	from  *table // nil: a table that is not in the map
	live  string
	col   *catalog.Column // in from or live
	own   *catalog.Column // what it refers to
	link  *link           // nil: a foreign key only
	fk    *catalog.FK     // nil: a declared link only
	block bool            // the row cannot go while such a row remains
}

// referencesOf collects for each table what refers to its rows.
func (r *resolver) referencesOf() {
	r.each(func(at []any, t *table) {
		for _, f := range r.schema.FKs {
			if f.Ref != t.live.Name || len(f.Columns) != 1 {
				continue
			}
			from := r.mapped(f.Table)
			if from == t {
				t.self = append(t.self, f)
			}
			t.refs = append(t.refs, &ref{from: from, live: f.Table, col: r.schema.Tables[f.Table].Column(f.Columns[0]),
				own: t.live.Column(f.RefColumns[0]), fk: f, block: from != nil || f.OnDelete == "NO ACTION" || f.OnDelete == "RESTRICT" || f.OnDelete == "SET DEFAULT"})
		}
		for _, c := range r.cascades(t.live.Name, nil) {
			if len(c) > 1 || r.mapped(c[0].Table) == nil { // a mapped table next to it is among the refs
				t.chain = append(t.chain, c)
			}
		}
	})
	r.each(func(_ []any, from *table) {
		for _, l := range from.links {
			known := slices.ContainsFunc(l.to.refs, func(x *ref) bool {
				return x.from == from && x.col == l.on && x.own == l.toCol && !l.array && l.names == nil
			})
			if !known && from.rows != DeleteLast {
				l.to.refs = append(l.to.refs, &ref{from: from, live: from.live.Name, col: l.on, own: l.toCol, link: l, block: true})
			}
			// A shared row is reached from the rows that refer to it.
			if from.rows == DeleteLast && !slices.ContainsFunc(from.refs, func(x *ref) bool { return x.from == l.to && x.col == l.toCol }) {
				from.refs = append(from.refs, &ref{from: l.to, live: l.to.live.Name, col: l.toCol, own: l.on, block: true})
			}
		}
	})
}

// cascades returns the chains of foreign keys along which deleting a row of the
// table deletes others.
func (r *resolver) cascades(table string, path []*catalog.FK) [][]*catalog.FK {
	var out [][]*catalog.FK
	for _, f := range r.schema.FKs {
		if f.Ref != table || f.OnDelete != "CASCADE" || len(f.Columns) != 1 || slices.Contains(path, f) || len(path) > 7 {
			continue
		}
		p := append(slices.Clone(path), f)
		out = append(append(out, p), r.cascades(f.Table, p)...)
	}
	return out
}

// orderOf puts dependents before what they depend on: by foreign keys always, by
// declared links where these allow it. A cycle of foreign keys is opened at one
// that may be NULL.
func (r *resolver) orderOf() {
	hard, soft := make(map[*table]map[*table]bool), make(map[*table]map[*table]bool)
	before := func(m map[*table]map[*table]bool, a, b *table) {
		if a != b {
			if m[b] == nil {
				m[b] = make(map[*table]bool)
			}
			m[b][a] = true
		}
	}
	r.each(func(_ []any, t *table) {
		for _, x := range t.refs {
			if x.from != nil && (x.fk != nil || t.rows == DeleteLast) && t.goes() && x.releases() {
				before(hard, x.from, t)
			}
		}
		for _, l := range t.links {
			if t.rows != DeleteLast || !l.to.goes() {
				before(soft, t, l.to)
			}
		}
	})
	left := slices.Clone(r.sorted())
	free := func(m map[*table]map[*table]bool, t *table) bool {
		return !slices.ContainsFunc(left, func(x *table) bool { return m[t][x] })
	}
	for len(left) > 0 {
		i := slices.IndexFunc(left, func(t *table) bool { return free(hard, t) && free(soft, t) })
		if i < 0 {
			i = slices.IndexFunc(left, func(t *table) bool { return free(hard, t) })
		}
		if i < 0 {
			if !r.open(left, hard) {
				return
			}
			continue
		}
		t := left[i]
		t.rank = len(r.order)
		r.order = append(r.order, t)
		left = slices.Delete(left, i, i+1)
	}
	r.selfReferences()
	r.each(func(at []any, t *table) {
		// What leads to such a row may be gone before it is its turn. It is shared by
		// nature: it goes when nothing refers to it any more, and stays else.
		t.loose = slices.ContainsFunc(t.links, func(l *link) bool { return l.to.rank < t.rank && l.to.goes() })
		if t.loose && t.rows == Delete {
			t.rows = DeleteLast
		}
		if t.loose && t.rows != DeleteLast && t.rows != Keep {
			r.add(append(at, "erase"), t.name, "", "rows are reached through rows that go before them; erase them by delete_last")
		}
	})
}

// releases reports whether an erasure takes the reference away: the rows go, or the
// column is a link that is emptied.
func (x *ref) releases() bool {
	return x.from.goes() || slices.ContainsFunc(x.from.links, func(l *link) bool { return l.on == x.col })
}

// goes reports whether rows of the table may be deleted.
func (t *table) goes() bool { return t.rows == Delete || t.rows == DeleteLast }

func (l *Live) sorted() []*table {
	out := make([]*table, 0, len(l.tables))
	for _, t := range l.tables {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *table) int { return strings.Compare(a.name, b.name) })
	return out
}

// open breaks a cycle at the first foreign key that may be NULL, which is emptied
// before the row that it refers to goes.
func (r *resolver) open(left []*table, hard map[*table]map[*table]bool) bool {
	for _, t := range left {
		for _, x := range t.refs {
			if x.fk != nil && x.from != nil && slices.Contains(left, x.from) && hard[t][x.from] && x.col.Null {
				delete(hard[t], x.from)
				t.self = append(t.self, x.fk)
				return true
			}
		}
	}
	names := make([]string, len(left))
	for i, t := range left {
		names[i] = t.name
	}
	r.add([]any{"tables", left[0].name}, left[0].name, "", "foreign keys form a cycle (%s) in which no column may be NULL; erase one of the tables in place", strings.Join(names, ", "))
	return false
}

func (r *resolver) selfReferences() {
	r.each(func(at []any, t *table) {
		for _, f := range t.self {
			if c := r.schema.Tables[f.Table].Column(f.Columns[0]); t.goes() && !c.Null && f.OnDelete != "CASCADE" {
				r.add(append(at, "erase"), t.name, f.Columns[0], "rows refer to rows of the same table and the column does not allow NULL: a cycle; erase the table in place")
			}
		}
	})
}
