package datamap

import (
	"context"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
)

// chunk is the number of rows that one statement changes.
const chunk = 200

// carry carries out the steps over one table: references are emptied, values
// changed, rows deleted, callbacks called.
func (p *planner) carry(ctx context.Context, t *table, steps []*step) error {
	var remove [][]any
	var rows []*row
	for _, s := range steps {
		if s.row != nil && s.remove {
			remove, rows = append(remove, s.row.key), append(rows, s.row)
		}
	}
	if err := p.emptyReferences(ctx, t, rows); err != nil {
		return err
	}
	if err := p.update(ctx, t, steps); err != nil {
		return err
	}
	for keys := range slices.Chunk(remove, chunk) {
		s := p.statement()
		s.add("DELETE FROM " + s.table(t.live.Name) + " WHERE ")
		s.keyIn("", t.key, keys)
		if _, err := p.exec(ctx, s); err != nil {
			return err
		}
	}
	return p.call(ctx, t, steps)
}

// emptyReferences sets the foreign keys of the person's own rows to NULL that
// would keep the rows from being deleted: those of a cycle.
func (p *planner) emptyReferences(ctx context.Context, t *table, rows []*row) error {
	for _, x := range t.refs {
		if len(rows) == 0 || p.who == nil || x.from == nil || !p.emptied(t, x) {
			continue
		}
		var values []any
		for _, r := range rows {
			if v := t.value(r, x.own); v != nil {
				values = append(values, v)
			}
		}
		for part := range slices.Chunk(values, chunk) {
			s := p.statement()
			s.add("UPDATE " + s.table(x.live) + " AS t0 SET " + s.name(x.col.Name) + " = NULL WHERE ")
			s.add(s.column("t0", x.col)+" IN "+marks(len(part)), part...)
			s.add(" AND ")
			s.reach(p.Live, x.from, "t0", *p.who)
			if _, err := p.exec(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// update writes the assignments: rows that get the same values share a statement.
func (p *planner) update(ctx context.Context, t *table, steps []*step) error {
	groups := make(map[string][]*step)
	var order []string
	for _, s := range steps {
		if s.row == nil || len(s.sets) == 0 || s.remove {
			continue
		}
		g := signature(s.sets)
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], s)
	}
	for _, g := range order {
		for part := range slices.Chunk(groups[g], chunk) {
			if err := p.updateRows(ctx, t, part[0].sets, part); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *planner) updateRows(ctx context.Context, t *table, sets []assignment, steps []*step) error {
	s := p.statement()
	s.add("UPDATE " + s.table(t.live.Name) + " SET ")
	for i, a := range sets {
		s.add([]string{", ", ""}[b2i(i == 0)] + s.name(a.col.Name) + " = ")
		switch {
		case a.element:
			s.add("array_remove("+s.name(a.col.Name)+", CAST(? AS "+a.col.Element+"))", a.value)
		case a.value == nil:
			s.add("NULL")
		default:
			s.add("?", a.value)
		}
	}
	s.add(" WHERE ")
	keys := make([][]any, len(steps))
	for i, st := range steps {
		keys[i] = st.row.key
	}
	s.keyIn("", t.key, keys)
	_, err := p.exec(ctx, s)
	return err
}

// signature tells apart rows that get different values.
func signature(sets []assignment) string {
	var b strings.Builder
	for _, a := range sets {
		b.WriteString(a.col.Name)
		if a.value == nil {
			b.WriteString("\x00")
		} else {
			b.WriteString("\x01" + plainText(&catalog.Column{}, a.value) + "\x02")
		}
	}
	return b.String()
}

// call calls the CRM's own code.
func (p *planner) call(ctx context.Context, t *table, steps []*step) error {
	for _, s := range steps {
		for i, name := range s.calls {
			c := Call{Subject: p.subject, Table: t.name, Key: s.row.text}
			if len(s.fields) > i {
				c.Columns = []string{s.fields[i]}
			}
			if err := p.options.Callbacks[name](ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}
