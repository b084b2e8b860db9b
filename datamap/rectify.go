package datamap

import (
	"context"
	"iter"
	"slices"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/dsar"
)

// Rectify implements dsar.Rectifier. A value that does not fit its column, a key, a
// link and a field outside the map are Failed; the evidence says why. A record that
// is not the subject's is NotHeld. An empty value empties a text, and makes any other
// column NULL where it may be.
func (s *Source) Rectify(ctx context.Context, subject string, changes []dsar.Change) ([]dsar.Result, error) {
	who, _, err := s.l.person(subject)
	if err != nil {
		return nil, err
	}
	out := make([]dsar.Result, len(changes))
	run := func(ctx context.Context) error {
		for i, c := range changes {
			if out[i], err = s.rectify(ctx, who, c); err != nil {
				return err
			}
		}
		return nil
	}
	if s.l.db.Tx(ctx) != nil {
		err = run(ctx)
	} else {
		err = s.l.db.InTx(ctx, run)
	}
	return out, err
}

func (s *Source) rectify(ctx context.Context, who person, ch dsar.Change) (dsar.Result, error) {
	failed := func(why string) (dsar.Result, error) { return dsar.Result{Outcome: dsar.Failed, Evidence: why}, nil }
	t := s.l.tables[ch.Table]
	if t == nil {
		return failed("table-not-mapped")
	}
	c := t.named(ch.Field)
	switch {
	case c == nil || len(c.parts) == 0 || c.key || c.link || c.Generated:
		return failed("field-not-rectifiable")
	case ch.Value == "" && c.Class != catalog.Text && !c.Null:
		return failed("empty")
	}
	var value any
	if ch.Value != "" || c.Class == catalog.Text {
		v, err := argument(c.Column, ch.Value)
		if err != nil {
			return failed("does-not-fit")
		}
		value = v
	}
	key, ok := t.parseKey(ch.Key)
	if !ok {
		return dsar.Result{Outcome: dsar.NotHeld}, nil
	}
	rows, err := s.l.load(ctx, t, [][]any{key}, &who)
	if err != nil {
		return dsar.Result{}, err
	}
	r := rows[ch.Key]
	if r == nil || !r.reached {
		return dsar.Result{Outcome: dsar.NotHeld}, nil
	}
	p := s.l.planner("", &who, false)
	st := &step{row: r, sets: []assignment{{col: c.Column, value: value}}}
	return dsar.Result{Outcome: dsar.Rectified}, p.update(ctx, t, []*step{st})
}

// RestrictSource implements dsar.SourceRestricter over the tables that have a
// column for the mark (Table.Restrict). Where the CRM has none, what restricts is
// the side table of package retention and the ledger's answer. It returns how many
// rows carry the mark, none after it was lifted.
func (s *Source) RestrictSource(ctx context.Context, subject string, scope dsar.Scope, on bool) (int, error) {
	who, _, err := s.l.person(subject)
	if err != nil {
		return 0, err
	}
	marked := 0
	run := func(ctx context.Context) error {
		marked = 0
		for _, p := range s.portions {
			if p.table.restrict == nil || !p.in(scope) || len(s.l.ways(p.table, who.kind)) == 0 {
				continue
			}
			n, err := s.l.restrict(ctx, p.table, who, on)
			if err != nil {
				return err
			}
			marked += n
		}
		return nil
	}
	if s.l.db.Tx(ctx) != nil {
		err = run(ctx)
	} else {
		err = s.l.db.InTx(ctx, run)
	}
	return marked, err
}

// restrict sets or lifts the mark on a table and returns how many rows carry it.
func (l *Live) restrict(ctx context.Context, t *table, who person, on bool) (int, error) {
	value, err := argument(t.restrict, string(t.def.Restrict.Value))
	if err != nil {
		return 0, err
	}
	if !on {
		if value = nil; t.def.Restrict.Value == "1" {
			value, _ = argument(t.restrict, "0")
		}
	}
	c := l.cursor(t, nil, false, func(s *statement) { s.reach(l, t, "t0", who) })
	n := 0
	p := l.planner("", &who, false)
	for {
		more, err := c.next(ctx)
		if err != nil || !more {
			return n * b2i(on), err
		}
		steps := make([]*step, c.rows)
		for i := range c.rows {
			steps[i] = &step{row: &row{key: slices.Clone(c.row(i))}, sets: []assignment{{col: t.restrict, value: value}}}
		}
		if err := p.update(ctx, t, steps); err != nil {
			return 0, err
		}
		n += c.rows
	}
}

// Subjects implements dsar.Lister: every subject of every kind, kind by kind, in the
// order of the key of its table.
func (s *Source) Subjects(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, k := range s.l.kinds {
			c := s.l.cursor(k.table, []*catalog.Column{k.key}, false, func(s *statement) { s.add("1 = 1") })
			for {
				more, err := c.next(ctx)
				if err != nil {
					yield("", err)
					return
				}
				if !more {
					break
				}
				for i := range c.rows {
					if v := c.row(i)[len(k.table.key)]; v != nil && !yield(k.prefix+plainText(k.key, v), nil) {
						return
					}
				}
			}
		}
	}
}
