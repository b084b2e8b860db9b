package datamap

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/dsar"
)

// deed is the steps over one table that belong together with others.
type deed struct {
	t     *table
	steps []*step
	items []dsar.Item // instead of the steps, where these are not known yet
}

// carryOrder carries out an order of retention on some rows of a table. What hangs
// on a row and has no dates of its own goes with it. A whole order refuses rows of
// which a duty of the map keeps a field that it names: reported as done, it would not
// come back when the duty has ended.
func (l *Live) carryOrder(ctx context.Context, t *table, it *dsar.Item, how manner, keys []string, failed map[string]string) error {
	if it == nil || len(keys) == 0 {
		return nil
	}
	p := l.planner("", nil, false)
	p.following, p.manner = true, how
	deeds, bad, err := p.closure(ctx, t, itemsOf(it, keys), failed)
	if err != nil {
		return err
	}
	if bad { // some row cannot go with what hangs on it: find out which
		if len(keys) == 1 {
			failed[keys[0]] = "a row that hangs on it must stay"
			return nil
		}
		for _, k := range keys {
			if err := l.carryOrder(ctx, t, it, how, []string{k}, failed); err != nil {
				return err
			}
		}
		return nil
	}
	for _, d := range deeds {
		if err := p.carry(ctx, d.t, d.steps); err != nil {
			return err
		}
	}
	return p.carryShared(ctx)
}

// carryShared deletes the shared rows of which the last reference is gone by now.
func (p *planner) carryShared(ctx context.Context) error {
	for len(p.shared) > 0 {
		d := p.shared[0]
		p.shared = p.shared[1:]
		deeds, _, err := p.closure(ctx, d.t, d.items, make(map[string]string)) // who shares one keeps it
		if err != nil {
			return err
		}
		for _, d := range deeds {
			if err := p.carry(ctx, d.t, d.steps); err != nil {
				return err
			}
		}
	}
	return nil
}

// closure plans the rows and, before them, their followers. Rows that cannot be
// changed are noted in failed; bad reports that a follower cannot.
func (p *planner) closure(ctx context.Context, t *table, items []dsar.Item, failed map[string]string) (deeds []deed, bad bool, err error) {
	steps, err := p.steps(ctx, t, items)
	if err != nil {
		return nil, false, err
	}
	var removed, emptied []*row
	for i, s := range steps {
		why := refusal(s.result)
		if p.whole && s.spared != "" {
			why = "a duty of the map keeps " + s.spared + ": " + t.keep.Ground
		}
		switch {
		case why != "":
			if failed == nil {
				return nil, true, nil
			}
			failed[items[i].Key] = why
			steps[i] = &step{}
		case s.remove:
			removed = append(removed, s.row)
		case p.all && s.result.Outcome == dsar.Masked && s.result.Evidence == "":
			emptied = append(emptied, s.row)
		}
	}
	for _, f := range p.followers(t) {
		it, rows := dsar.Item{Table: f.from.name, Action: dsar.ActErase}, removed
		if p.sharesFate(t, f.from) {
			if rows = append(slices.Clone(removed), emptied...); len(removed) == 0 && !t.inPlace() { // a mask of what could have gone
				it.Action, it.Fields = dsar.ActMask, f.from.fields()
			}
		}
		keys, err := p.hanging(ctx, t, f, rows)
		if err != nil {
			return nil, false, err
		}
		for part := range slices.Chunk(keys, dsar.MaxBatch) {
			if f.from.rows == DeleteLast {
				p.shared = append(p.shared, deed{t: f.from, items: itemsOf(&dsar.Item{Table: it.Table, Action: dsar.ActErase}, part)})
				continue
			}
			more, bad, err := p.closure(ctx, f.from, itemsOf(&it, part), nil)
			if err != nil || bad {
				return nil, bad, err
			}
			deeds = append(deeds, more...)
		}
	}
	return append(deeds, deed{t: t, steps: steps}), false, nil
}

// sharesFate reports whether the rows of f lose their values with the row of t on
// which they hang, although that row stays.
func (p *planner) sharesFate(t, f *table) bool {
	return p.all && f != t && len(f.dates) == 0 && f.keep == nil && f.rank < t.rank &&
		(f.category() == t.category() || f.def.HistoryOf != "" && p.tables[f.def.HistoryOf] == t)
}

// refusal is why a row was not carried out as ordered.
func refusal(r dsar.Result) string {
	switch {
	case strings.HasPrefix(r.Evidence, "referenced-by:"):
		return "rows of " + strings.TrimPrefix(r.Evidence, "referenced-by:") + " refer to it"
	case r.Outcome == dsar.Blocked:
		return "a duty of the map keeps it: " + r.Evidence
	case r.Outcome == dsar.KeptBasis:
		return "it stays: " + r.Evidence
	}
	return ""
}

// followers returns the links by which rows of tables without a clock of their own
// hang on rows of t.
func (p *planner) followers(t *table) []*link {
	var out []*link
	for _, f := range p.order {
		for _, link := range f.links {
			if link.to == t && p.follows(f, link) {
				out = append(out, link)
			}
		}
	}
	return out
}

func (p *planner) follows(f *table, link *link) bool {
	return !p.isSubject(f) && !link.array && link.names == nil && f.rows != Keep &&
		!slices.ContainsFunc(f.dates, func(d *date) bool { return d.up != link }) && (f.keep == nil || f.keep.from != nil)
}

// hanging returns the keys of the rows that hang on others by a link.
func (p *planner) hanging(ctx context.Context, t *table, link *link, rows []*row) ([]string, error) {
	var keys []string
	for part := range slices.Chunk(rows, chunk) {
		var values []any
		for _, r := range part {
			v := t.value(r, link.toCol)
			if v == nil {
				continue
			}
			if link.on.Class != link.toCol.Class {
				v, _ = argument(link.on, plainText(link.toCol, v))
			}
			values = append(values, v)
		}
		if len(values) == 0 {
			continue
		}
		s := p.statement()
		s.add("SELECT " + list(link.from.key, func(c *catalog.Column) string { return s.column("t0", c) }) + " FROM " + s.table(link.from.live.Name) + " t0 WHERE ")
		s.constants(link, "t0")
		s.add(s.column("t0", link.on)+" IN "+marks(len(values)), values...)
		s.order("t0", link.from.key)
		err := p.query(ctx, s, len(link.from.key), func(v []any) error {
			keys = append(keys, link.from.keyText(v))
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// encoder makes an argument out of an instant for comparing with a date.
func (l *Live) encoder(d *date) func(time.Time) any {
	return func(t time.Time) any { return l.encode(d, t) }
}

// subjectOf is the expression of the subject's key for a row under an alias, along
// a way. Several subjects of one row count as the first.
func (s *statement) subjectOf(alias string, depth int, way []*link, k *kind) string {
	if len(way) == 0 {
		return s.column(alias, k.key)
	}
	first := way[0]
	var consts strings.Builder
	for _, w := range first.where {
		consts.WriteString(s.column(alias, w.col) + " = " + literal(w.value) + " AND ")
	}
	if len(way) == 1 && first.toCol == k.key && !first.array {
		return "CASE WHEN " + consts.String() + "1 = 1 THEN " + s.value(first, alias) + " END"
	}
	inner := "s" + strconv.Itoa(depth)
	sub := &statement{dialect: s.dialect, schema: s.schema}
	target := sub.column(inner, first.toCol)
	switch {
	case first.array:
		sub.holds(first, alias, func() { sub.add(sub.text(target)) }, "")
	case first.names != nil || !comparable(first.on, first.toCol):
		sub.add(sub.text(sub.value(first, alias)) + " = " + sub.text(target))
	default:
		sub.add(sub.value(first, alias) + " = " + target)
	}
	return "(SELECT MIN(" + s.text(s.subjectOf(inner, depth+1, way[1:], k)) + ") FROM " + s.table(first.to.live.Name) + " " + inner +
		" WHERE " + consts.String() + sub.String() + ")"
}
