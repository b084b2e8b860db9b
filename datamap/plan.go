package datamap

import (
	"context"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/dsar"
)

// step is what an erasure does to one row. It is made by reading only; a preview
// stops here, a run carries it out.
type step struct {
	row    *row
	remove bool
	sets   []assignment
	calls  []string // names of callbacks
	fields []string // for the callbacks
	spared string   // name of a field that was chosen and that a duty keeps
	result dsar.Result
}

// manner is how an order of retention is carried out.
type manner struct {
	whole bool // a row of which a duty keeps a field that was chosen is left alone
	all   bool // the order is about rows and not about some of their fields
}

type assignment struct {
	col     *catalog.Column
	value   any
	element bool // the value is an element to be removed from a native array
}

// planner makes steps. In a preview it remembers which rows would be gone, so that
// it decides as a run does, which finds them gone.
type planner struct {
	*Live
	subject string
	who     *person // nil in a sweep
	preview bool
	gone    map[*table]map[string]bool
	// detached: columns that a run would have changed, as column, NUL, key.
	detached map[*table]map[string]bool
	refs     map[*ref]map[string]int // rows gone, by what they referred to
	// following: rows that hang on a deleted one are planned with it, so that they
	// do not keep it.
	following bool
	shared    []deed // followers that others may share, to be looked at when the rest is done
	manner
	cascade map[string]int64 // rows of tables outside the map that would go too
}

func (l *Live) planner(subject string, who *person, preview bool) *planner {
	return &planner{Live: l, subject: subject, who: who, preview: preview,
		gone: make(map[*table]map[string]bool), detached: make(map[*table]map[string]bool), refs: make(map[*ref]map[string]int), cascade: make(map[string]int64)}
}

// steps plans the items of one table, at most dsar.MaxBatch, in their order.
func (p *planner) steps(ctx context.Context, t *table, items []dsar.Item) ([]*step, error) {
	out := make([]*step, len(items))
	var keys [][]any
	for i, it := range items {
		out[i] = &step{result: dsar.Result{Outcome: dsar.NotHeld}}
		if k, ok := t.parseKey(it.Key); ok {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return out, nil
	}
	rows, err := p.load(ctx, t, keys, p.who)
	if err != nil {
		return nil, err
	}
	left, err := p.remaining(ctx, t, rows, false)
	if err != nil {
		return nil, err
	}
	var others map[string]string
	if t.rows == DeleteLast && p.who != nil {
		if others, err = p.remaining(ctx, t, rows, true); err != nil {
			return nil, err
		}
	}
	for i, it := range items {
		r := rows[it.Key]
		if r == nil || p.gone[t][it.Key] || !r.reached && !t.loose {
			continue
		}
		out[i].row = r
		if err := p.decide(t, it, out[i], left[r.text], others[r.text] != ""); err != nil {
			return nil, err
		}
	}
	p.note(t, out)
	return out, nil
}

// decide says what becomes of one row. By is the table whose rows still refer to
// it, if any; shared says that another person's do.
func (p *planner) decide(t *table, it dsar.Item, s *step, by string, shared bool) error {
	if shared {
		s.result = dsar.Result{Outcome: dsar.KeptBasis, Evidence: "shared"}
		return nil
	}
	if it.Action == dsar.ActMask {
		return p.mask(t, s, it.Fields, "")
	}
	if len(it.Fields) > 0 {
		return p.mask(t, s, it.Fields, "")
	}
	if p.dutyRuns(t, s.row) {
		s.result = dsar.Result{Outcome: dsar.Blocked, Evidence: t.keep.Ground}
		return p.assign(t, s, func(c *column) bool { return !c.duty })
	}
	if link := p.othersIn(t, s.row); link != nil {
		s.result = dsar.Result{Outcome: dsar.Masked, Evidence: "shared"}
		return p.removeElement(t, s)
	}
	switch t.rows {
	case Keep:
		s.result = dsar.Result{Outcome: dsar.KeptBasis, Evidence: t.def.Erase.Ground}
		return nil
	case Callback:
		s.calls, s.result = []string{t.def.Erase.Call}, dsar.Result{Outcome: dsar.Erased}
		return nil
	case Delete, DeleteLast:
		if by == "" {
			s.remove, s.result = true, dsar.Result{Outcome: dsar.Erased}
			return nil
		}
		return p.mask(t, s, nil, "referenced-by:"+by)
	}
	return p.mask(t, s, nil, "")
}

// mask plans an erasure in place: of the named fields, or of all.
func (p *planner) mask(t *table, s *step, fields []string, evidence string) error {
	s.result = dsar.Result{Outcome: dsar.Masked, Evidence: evidence}
	running := p.dutyRuns(t, s.row)
	chosen, err := t.chosen(fields)
	if err != nil {
		return err
	}
	if len(chosen) > 0 {
		return p.assign(t, s, func(c *column) bool {
			if slices.Contains(chosen, c) && running && c.duty && t.value(s.row, c.Column) != nil {
				s.spared = t.called(c.Column)
			}
			return slices.Contains(chosen, c) && !(running && c.duty)
		})
	}
	if err := p.assign(t, s, func(c *column) bool { return !(running && c.duty) }); err != nil {
		return err
	}
	if t.rows == Detach {
		for _, link := range t.links {
			if v := t.value(s.row, link.on); v != nil && !link.array && link.names == nil && p.leadsTo(link) {
				s.sets = append(s.sets, assignment{col: link.on})
			}
		}
	}
	return nil
}

// leadsTo reports whether a link is one to the person's kind.
func (p *planner) leadsTo(link *link) bool { return p.who == nil || p.leads(link, p.who.kind) }

// chosen returns the columns of those names.
func (t *table) chosen(fields []string) ([]*column, error) {
	var out []*column
	for _, f := range fields {
		c := t.named(f)
		if c == nil || c.key {
			return nil, ErrItem
		}
		out = append(out, c)
	}
	return out, nil
}

// assign plans the strategies of the columns chosen.
func (p *planner) assign(t *table, s *step, chosen func(*column) bool) error {
	for i, c := range t.cols {
		if !chosen(c) {
			continue
		}
		for _, part := range c.parts {
			if part.do == Callback && s.row.cells[i] != nil {
				s.calls, s.fields = append(s.calls, part.Erase.Call), append(s.fields, t.called(c.Column))
			}
		}
		if slices.ContainsFunc(c.parts, func(x *part) bool { return x.do == RemoveElement }) {
			continue
		}
		v, changed, err := p.masked(c, s.row.cells[i])
		if err != nil {
			return err
		}
		if changed {
			s.sets = append(s.sets, assignment{col: c.Column, value: v})
		}
	}
	return p.removeElement(t, s)
}

// othersIn returns the array of the row that names further persons, if any.
func (p *planner) othersIn(t *table, r *row) *link {
	for _, link := range t.links {
		if v := t.value(r, link.on); p.who != nil && link.array && v != nil && elements(link, textOf(v)) > 1 {
			return link
		}
	}
	return nil
}

// removeElement plans the removal of the subject's key from arrays.
func (p *planner) removeElement(t *table, s *step) error {
	if p.who == nil {
		return nil
	}
	for _, link := range t.links {
		v := t.value(s.row, link.on)
		if !link.array || v == nil || link.to != p.who.kind.table || link.toCol != p.who.kind.key {
			continue
		}
		if link.on.Class == catalog.Array {
			if slices.Contains(strings.Split(strings.Trim(textOf(v), "{}"), ","), p.who.key) {
				s.sets = append(s.sets, assignment{link.on, p.who.key, true})
			}
			continue
		}
		out, n, err := removeFrom(link, textOf(v), p.who.key)
		if err != nil {
			return err
		}
		if n > 0 {
			s.sets = append(s.sets, assignment{col: link.on, value: out})
		}
	}
	return nil
}
