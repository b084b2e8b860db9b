package datamap

import (
	"context"
	"slices"
	"strconv"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
)

// remaining finds, for rows that would be deleted, a table whose rows still refer
// to them and would be broken, orphaned or deleted with them. With others set, only
// rows that are not the person's own count.
func (p *planner) remaining(ctx context.Context, t *table, rows map[string]*row, others bool) (map[string]string, error) {
	left := make(map[string]string)
	if !t.goes() {
		return left, nil
	}
	for _, x := range t.refs {
		if !x.block || p.following && x.from != nil && p.hangs(x, t) {
			continue
		}
		byValue := make(map[string][]*row)
		var values []any
		for _, r := range rows {
			v := t.value(r, x.own)
			if v == nil || left[r.text] != "" {
				continue
			}
			text := plainText(x.own, v)
			if byValue[text] == nil {
				values = append(values, v)
			}
			byValue[text] = append(byValue[text], r)
		}
		if len(values) == 0 {
			continue
		}
		err := p.referring(ctx, t, x, values, others, func(value string) {
			for _, r := range byValue[value] {
				left[r.text] = x.live
			}
		})
		if err != nil {
			return nil, err
		}
	}
	if others {
		return left, nil
	}
	return left, p.deeper(ctx, t, rows, left)
}

// hangs reports whether the reference is a link by which rows follow.
func (p *planner) hangs(x *ref, t *table) bool {
	return slices.ContainsFunc(x.from.links, func(k *link) bool { return k.to == t && k.on == x.col && p.follows(x.from, k) })
}

// referring calls found with each value to which a row refers that stays.
func (p *planner) referring(ctx context.Context, t *table, x *ref, values []any, others bool, found func(string)) error {
	if x.link != nil && (x.link.array || x.link.names != nil) {
		return p.referringArray(ctx, x, values, found)
	}
	s := p.statement()
	col := s.column("t0", x.col)
	s.add("SELECT " + s.text(col) + ", COUNT(*) FROM " + s.table(x.live) + " t0 WHERE ")
	if x.link != nil {
		s.constants(x.link, "t0")
	}
	args := values
	if x.own.Class != x.col.Class { // a polymorphic key is text, whatever it refers to
		args = make([]any, len(values))
		for i, v := range values {
			if args[i], _ = argument(x.col, plainText(x.own, v)); args[i] == nil {
				args[i] = plainText(x.own, v)
			}
		}
	}
	s.add(col+" IN "+marks(len(args)), args...)
	if p.who != nil && x.from != nil && (others || p.emptied(t, x)) {
		s.add(" AND CASE WHEN ")
		s.reach(p.Live, x.from, "t0", *p.who)
		s.add(" THEN 0 ELSE 1 END = 1")
	}
	s.add(" GROUP BY " + s.text(col))
	return p.query(ctx, s, 2, func(v []any) error {
		value := textOf(v[0])
		n, _ := strconv.Atoi(plainText(x.own, v[1]))
		if n > p.refs[x][value] || others && n > 0 {
			found(value)
		}
		return nil
	})
}

// emptied reports whether the reference is a foreign key that is emptied in the
// person's own rows before the row goes.
func (p *planner) emptied(t *table, x *ref) bool {
	for _, f := range t.self {
		if f == x.fk && x.col.Null {
			return true
		}
	}
	return false
}

func (p *planner) referringArray(ctx context.Context, x *ref, values []any, found func(string)) error {
	for _, v := range values {
		value := plainText(x.own, v)
		s := p.statement()
		s.add("SELECT COUNT(*) FROM " + s.table(x.live) + " t0 WHERE ")
		s.constants(x.link, "t0")
		s.holds(x.link, "t0", func() { s.text1(value) }, "")
		n := 0
		err := p.query(ctx, s, 1, func(v []any) error { n, _ = strconv.Atoi(plainText(x.own, v[0])); return nil })
		if err != nil {
			return err
		}
		if n > p.refs[x][value] {
			found(value)
		}
	}
	return nil
}

// text1 writes a text parameter of which the engine cannot infer the type.
func (s *statement) text1(v string) {
	s.add(s.text("?"), v)
}

// deeper looks along chains of ON DELETE CASCADE: rows of mapped tables at their
// end keep the row from being deleted; rows of others are counted in a preview.
func (p *planner) deeper(ctx context.Context, t *table, rows map[string]*row, left map[string]string) error {
	for _, chain := range t.chain {
		end := p.mapped(chain[len(chain)-1].Table)
		if end == nil && !p.preview {
			continue
		}
		for _, r := range rows {
			if left[r.text] != "" {
				continue
			}
			n, err := p.victims(ctx, t, chain, r)
			if err != nil {
				return err
			}
			switch {
			case n > 0 && end != nil:
				left[r.text] = end.live.Name
			case n > 0 && r.reached:
				p.cascade[chain[len(chain)-1].Table] += n
			}
		}
	}
	return nil
}

// victims counts the rows at the end of a chain that deleting r would delete.
func (p *planner) victims(ctx context.Context, t *table, chain []*catalog.FK, r *row) (int64, error) {
	values := []any{t.value(r, t.live.Column(chain[0].RefColumns[0]))}
	for i, fk := range chain {
		ref := "" // the column to which the next step refers
		if i+1 < len(chain) {
			ref = chain[i+1].RefColumns[0]
		}
		var next []any
		for part := range slices.Chunk(values, chunk) {
			err := p.fallen(ctx, fk, part, ref, func(v any) { next = append(next, v) })
			if err != nil {
				return 0, err
			}
		}
		if values = next; len(values) == 0 {
			return 0, nil
		}
	}
	return int64(len(values)), nil
}

// fallen calls found for each row that a cascade along fk from the values would
// delete, with its value of the column ref. Rows that a run would have deleted or
// detached by then are left out; a run itself finds them so.
func (p *planner) fallen(ctx context.Context, fk *catalog.FK, values []any, ref string, found func(any)) error {
	t := p.mapped(fk.Table)
	var cols []string
	if t != nil {
		for _, c := range t.key {
			cols = append(cols, c.Name)
		}
	}
	keys := len(cols)
	if ref != "" {
		cols = append(cols, ref)
	}
	s := p.statement()
	s.add("SELECT ")
	for _, c := range cols {
		s.add("v0." + s.name(c) + ", ")
	}
	s.add("1 FROM "+s.table(fk.Table)+" v0 WHERE v0."+s.name(fk.Columns[0])+" IN "+marks(len(values)), values...)
	return p.query(ctx, s, len(cols)+1, func(v []any) error {
		if t != nil {
			key := t.keyText(v[:keys])
			if p.gone[t][key] || p.detached[t][fk.Columns[0]+"\x00"+key] {
				return nil
			}
		}
		if ref == "" {
			found(nil)
		} else if v[keys] != nil {
			found(v[keys])
		}
		return nil
	})
}

// note remembers in a preview what a run would have deleted or detached.
func (p *planner) note(t *table, steps []*step) {
	if !p.preview {
		return
	}
	for _, s := range steps {
		if s.row == nil {
			continue
		}
		if s.remove {
			if p.gone[t] == nil {
				p.gone[t] = make(map[string]bool)
			}
			p.gone[t][s.row.text] = true
		}
		for _, a := range s.sets {
			if p.detached[t] == nil {
				p.detached[t] = make(map[string]bool)
			}
			p.detached[t][a.col.Name+"\x00"+s.row.text] = true
		}
		p.released(t, s)
	}
}

// released counts the references that a step takes away.
func (p *planner) released(t *table, s *step) {
	for _, other := range p.order {
		for _, x := range other.refs {
			if x.from != t {
				continue
			}
			v := t.value(s.row, x.col)
			if v != nil && x.link != nil && x.link.names != nil && !x.link.array {
				v = pathText(x.link, textOf(v))
			}
			if v == nil || x.link != nil && !p.matches(t, s.row, x.link) {
				continue
			}
			if x.link != nil && x.link.array {
				if p.who != nil && (s.remove || setsColumn(s, x.col)) {
					p.count(x, p.who.key)
				}
			} else if s.remove || setsColumn(s, x.col) {
				p.count(x, plainText(x.col, v))
			}
		}
	}
}

func setsColumn(s *step, c *catalog.Column) bool {
	for _, a := range s.sets {
		if a.col == c {
			return true
		}
	}
	return false
}

func (p *planner) count(x *ref, value string) {
	if p.refs[x] == nil {
		p.refs[x] = make(map[string]int)
	}
	p.refs[x][value]++
}

// matches reports whether the row meets the constants of a link.
func (p *planner) matches(t *table, r *row, link *link) bool {
	for _, w := range link.where {
		v := t.value(r, w.col)
		if v == nil || plainText(w.col, v) != plainText(w.col, w.value) {
			return false
		}
	}
	return true
}
