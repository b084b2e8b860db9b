package datamap

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/gdprkit/gdprkit/dsar"
)

// Sources returns the map as sources for a desk: one over all tables, in the order
// of erasure, so that what depends on a row is erased before it, and one for each
// location that the CRM's own code reaches.
func (l *Live) Sources() []dsar.Source {
	out := []dsar.Source{l.Source()}
	for _, loc := range l.m.Locations {
		if loc.Call != "" {
			out = append(out, newLocation(l, loc))
		}
	}
	return out
}

// Source returns the source over the tables.
func (l *Live) Source() *Source {
	s := &Source{l: l}
	for _, t := range l.order {
		p := portion{table: t}
		p.section = &dsar.Section{Category: t.category(), Table: t.name, Title: t.def.Title, View: t.def.View,
			RecordPrefix: l.recordPrefix(t), InPlace: t.inPlace()}
		for _, c := range t.cols {
			if c.bare || c.hidden() {
				continue
			}
			p.shown = append(p.shown, c)
			p.section.Columns = append(p.section.Columns, l.described(t, c))
		}
		s.portions = append(s.portions, p)
	}
	return s
}

func (c *column) hidden() bool {
	return slices.ContainsFunc(c.parts, func(p *part) bool { return p.Hidden })
}

// Source is the tables of a [Live] as a dsar.Source. It erases, rectifies, restricts
// and lists.
type Source struct {
	l        *Live
	portions []portion
}

type portion struct {
	table   *table
	section *dsar.Section
	shown   []*column
}

var (
	_ dsar.Eraser           = (*Source)(nil)
	_ dsar.Foreseer         = (*Source)(nil)
	_ dsar.Rectifier        = (*Source)(nil)
	_ dsar.SourceRestricter = (*Source)(nil)
	_ dsar.Lister           = (*Source)(nil)
)

// described is a column as a desk sees it.
func (l *Live) described(t *table, c *column) dsar.Column {
	d := dsar.Column{Name: t.called(c.Column), Duty: c.duty, Immutable: c.key || len(c.parts) == 0, Origin: t.def.Origin}
	for _, p := range c.parts {
		d.Title, d.Origin = p.Title, p.origin
		d.Purpose, d.Basis = l.purpose(p.purposes)
		d.Sensitivity = p.Sensitivity
		d.ThirdParty = d.ThirdParty || p.ThirdParty
		d.FreeText = d.FreeText || p.FreeText
		d.Staff = d.Staff || p.Staff
		if p.origin == FromThirdParty {
			d.From = "third party"
		}
	}
	if c.Type == "date" || c.Type == "DATE" {
		d.Format = dsar.FormatDate
	}
	return d
}

// purpose returns the purpose that decides on portability: one on consent or
// contract if there is any (GDPR art. 20(1)(a)), else the first.
func (l *Live) purpose(names []string) (name, basis string) {
	for _, n := range names {
		if b := l.m.Purposes[n]; b == "A6-1-a" || b == "A6-1-b" {
			return n, b
		}
	}
	if len(names) == 0 {
		return "", ""
	}
	return names[0], l.m.Purposes[names[0]]
}

// Name returns Options.Name.
func (s *Source) Name() string { return s.l.options.Name }

// Sections returns one section for each table of the map, in the order of erasure.
func (s *Source) Sections() []*dsar.Section {
	out := make([]*dsar.Section, len(s.portions))
	for i, p := range s.portions {
		out[i] = p.section
	}
	return out
}

// Collect implements dsar.Source. Soft-deleted rows are included. It reads in
// pages; no statement is open while a record is in use.
func (s *Source) Collect(ctx context.Context, subject string, scope dsar.Scope) iter.Seq2[*dsar.Record, error] {
	return func(yield func(*dsar.Record, error) bool) {
		who, held, err := s.l.person(subject)
		if errors.Is(err, ErrSubject) || err == nil && !held {
			return // a subject of another system
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for _, p := range s.portions {
			if !p.in(scope) || len(s.l.ways(p.table, who.kind)) == 0 {
				continue
			}
			for rec, err := range s.l.collect(ctx, p.table, p.section, p.shown, who) {
				if !yield(rec, err) || err != nil {
					return
				}
			}
		}
	}
}

// in reports whether the section lies in the scope.
func (p *portion) in(scope dsar.Scope) bool {
	if len(scope.Categories) > 0 && !slices.Contains(scope.Categories, p.section.Category) {
		return false
	}
	return len(scope.Fields) == 0 || slices.ContainsFunc(p.shown, func(c *column) bool { return slices.Contains(scope.Fields, p.table.called(c.Column)) })
}

// Erase implements dsar.Eraser. A row that no longer belongs to the subject is
// NotHeld. A row to delete to which rows refer that must stay is masked instead,
// with the evidence "referenced-by:" and their table; one under a duty of the map
// keeps the fields that the duty names and is Blocked; a shared row stays while
// others refer to it. At most dsar.MaxBatch items are taken, else ErrItem.
func (s *Source) Erase(ctx context.Context, subject string, items []dsar.Item) ([]dsar.Result, error) {
	if len(items) > dsar.MaxBatch {
		return nil, ErrItem
	}
	var out []dsar.Result
	run := func(ctx context.Context) (err error) {
		out, _, err = s.l.erase(ctx, subject, items, false)
		return err
	}
	if s.l.db.Tx(ctx) != nil {
		err := run(ctx)
		return out, err
	}
	err := s.l.db.InTx(ctx, run)
	return out, err
}

// Cascades are rows outside the map that an erasure deletes because the database
// does, by table.
type Cascades map[string]int64

// Preview says what Erase would do with the items, of any number, and touches
// nothing: results and order are those of the run.
func (s *Source) Preview(ctx context.Context, subject string, items []dsar.Item) ([]dsar.Result, Cascades, error) {
	return s.l.erase(ctx, subject, items, true)
}

// Foresee implements dsar.Foreseer: Preview, batch after batch.
func (s *Source) Foresee(subject string) func(ctx context.Context, items []dsar.Item) ([]dsar.Result, error) {
	who, _, err := s.l.person(subject)
	p := s.l.planner(subject, &who, true)
	return func(ctx context.Context, items []dsar.Item) ([]dsar.Result, error) {
		if err != nil {
			return nil, err
		}
		return s.l.plan(ctx, p, items)
	}
}

// erase plans and, unless it is a preview, carries out.
func (l *Live) erase(ctx context.Context, subject string, items []dsar.Item, preview bool) ([]dsar.Result, Cascades, error) {
	who, _, err := l.person(subject)
	if err != nil {
		return nil, nil, err
	}
	p := l.planner(subject, &who, preview)
	out, err := l.plan(ctx, p, items)
	return out, p.cascade, err
}

// plan plans items and, unless p is for a preview, carries them out.
func (l *Live) plan(ctx context.Context, p *planner, items []dsar.Item) ([]dsar.Result, error) {
	out := make([]dsar.Result, len(items))
	at := make(map[*table][]int)
	for i, it := range items {
		t := l.tables[it.Table]
		if t == nil || it.Action != dsar.ActErase && it.Action != dsar.ActMask {
			return nil, ErrItem
		}
		at[t] = append(at[t], i)
	}
	for _, t := range l.order {
		for part := range slices.Chunk(at[t], dsar.MaxBatch) {
			batch := make([]dsar.Item, len(part))
			for i, j := range part {
				batch[i] = items[j]
			}
			steps, err := p.steps(ctx, t, batch)
			if err != nil {
				return nil, err
			}
			if !p.preview {
				if err := p.carry(ctx, t, steps); err != nil {
					return nil, err
				}
			}
			for i, j := range part {
				out[j] = steps[i].result
			}
		}
	}
	return out, nil
}
