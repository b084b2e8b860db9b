package datamap

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/datamap/internal/shape"
)

// Code says what kind of thing a [Finding] is about.
type Code string

// The codes of findings.
const (
	UnmappedTable  Code = "unmapped-table"       // a live table that the map neither names nor waives
	UnmappedColumn Code = "unmapped-column"      // a column of a mapped table that it neither names nor waives
	LooksPersonal  Code = "looks-personal"       // the same, and its name or its values look personal
	LooksSensitive Code = "looks-sensitive"      // a name that brings to mind art. 9, 10 or 87, and no sensitivity declared
	LooksFreeText  Code = "looks-free-text"      // prose, not marked as free text
	NoPurpose      Code = "no-purpose"           // a mapped column without purpose
	NoOrigin       Code = "no-origin"            // a mapped column without origin
	CascadesTo     Code = "cascades"             // deleting a row deletes rows of a table outside the map
	CompositeKey   Code = "composite-key"        // a foreign key of several columns refers to rows that are deleted
	HasTrigger     Code = "trigger"              // triggers fire on what an erasure writes
	NoIndex        Code = "no-index"             // a link column without an index
	WholeRowDuty   Code = "whole-row-duty"       // a duty that names every column
	NotReached     Code = "location-not-reached" // a location outside the database that nothing erases
	MovingDate     Code = "moving-date"          // a date that every update moves cannot start a period
	NoClock        Code = "no-clock"             // rows that no sweep of retention reaches
	UnknownWaiver  Code = "unknown-waiver"       // a waiver for something that is not there
)

// Finding is something that a person has to look at. It holds no values.
type Finding struct {
	Code   Code
	Table  string
	Column string
	Detail string
	// Waived is the reason, if somebody has answered for it.
	Waived string
	// Note is set for what needs no answer: it does not fail a coverage test.
	Note bool
}

// String returns the finding in one line.
func (f Finding) String() string {
	place := f.Table
	if f.Column != "" {
		place += "." + f.Column
	}
	s := fmt.Sprintf("%s: %s: %s", f.Code, place, f.Detail)
	if f.Waived != "" {
		s += " (waived: " + f.Waived + ")"
	}
	return s
}

// Check compares the live schema, as it is now, with the map, and looks at a sample
// of the rows: what the map forgot. It returns every finding, also the waived ones,
// ordered by table and column. That the map itself holds is for [Open].
func (l *Live) Check(ctx context.Context) ([]Finding, error) {
	now, err := catalog.Read(ctx, l.conn(ctx), l.schema.Dialect, l.options.Schema)
	if err != nil {
		return nil, err
	}
	c := &checker{Live: l, now: now}
	for _, name := range slices.Sorted(maps.Keys(now.Tables)) {
		if err := c.table(ctx, now.Tables[name]); err != nil {
			return nil, err
		}
	}
	for _, t := range l.sorted() {
		c.mappedTable(t)
	}
	c.rest()
	slices.SortStableFunc(c.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code))
	})
	return c.found, nil
}

// Open reports whether the finding needs an answer: it is neither waived nor a note.
func (f Finding) Open() bool { return f.Waived == "" && !f.Note }

type checker struct {
	*Live
	now   *catalog.Schema
	found []Finding
}

func (c *checker) add(code Code, table, column, detail string) {
	c.found = append(c.found, Finding{Code: code, Table: table, Column: column, Detail: detail, Waived: c.waiver(table, column)})
}

func (c *checker) note(code Code, table, column, detail string) {
	c.found = append(c.found, Finding{Code: code, Table: table, Column: column, Detail: detail, Note: true})
}

// waiver returns the reason that covers a place. Names count as in the map.
func (c *checker) waiver(table, column string) string {
	same := func(a, b string) bool {
		return a == b || c.options.Names(a) == b || c.schema.Dialect != "postgres" && strings.EqualFold(a, b)
	}
	for _, w := range c.m.Waivers {
		if !slices.ContainsFunc(w.Tables, func(t string) bool { return same(t, table) }) {
			continue
		}
		if len(w.Columns) == 0 || slices.ContainsFunc(w.Columns, func(n string) bool { return same(n, column) }) {
			return w.Reason
		}
	}
	return ""
}

// table looks at a live table column by column.
func (c *checker) table(ctx context.Context, live *catalog.Table) error {
	t := c.mapped(live.Name)
	label := live.Name
	if t != nil {
		label = t.name
	} else {
		c.add(UnmappedTable, live.Name, "", "table is neither mapped nor waived")
		if c.waiver(live.Name, "") != "" {
			return nil
		}
	}
	samples, err := c.sample(ctx, live)
	if err != nil {
		return err
	}
	for i, col := range live.Columns {
		c.column(t, label, col, samples[i])
	}
	return nil
}

func (c *checker) column(t *table, label string, col *catalog.Column, s *shape.Sample) {
	var known *column
	if t != nil {
		if known = t.column(col.Name, c.schema); known != nil && known.bare {
			known = nil
		}
	}
	looks := shape.ByName(col.Name)
	by := "by its name"
	if seen := s.Shape(); seen != "" {
		looks, by = seen, "by its values"
	}
	switch {
	case known == nil && looks != "":
		c.add(LooksPersonal, label, col.Name, "column looks like "+looks+" "+by+" and is not in the map")
	case known == nil && t != nil:
		c.add(UnmappedColumn, label, col.Name, "column is neither mapped nor waived")
	}
	article := shape.SensitiveByName(col.Name)
	if article != "" && (known == nil || !known.sensitive()) {
		c.add(LooksSensitive, label, col.Name, "name brings to mind art. "+article[1:]+" and the map declares no sensitivity")
	}
	if known != nil && len(known.parts) > 0 && s.FreeText() && !known.freeText() {
		c.add(LooksFreeText, label, col.Name, "values are prose and may name anybody; mark it free_text")
	}
}

func (c *column) sensitive() bool {
	return slices.ContainsFunc(c.parts, func(p *part) bool { return p.Sensitivity != "" })
}

func (c *column) freeText() bool {
	return slices.ContainsFunc(c.parts, func(p *part) bool { return p.FreeText })
}

// sample looks at some rows of the text columns of a table.
func (c *checker) sample(ctx context.Context, live *catalog.Table) ([]*shape.Sample, error) {
	out := make([]*shape.Sample, len(live.Columns))
	for i := range out {
		out[i] = new(shape.Sample)
	}
	if c.options.Sample < 0 {
		return out, nil
	}
	s := c.statement()
	var at []int
	for i, col := range live.Columns {
		if col.Class == catalog.Text || col.Class == catalog.Int || col.Class == catalog.Number {
			if len(at) > 0 {
				s.add(", ")
			} else {
				s.add("SELECT ")
			}
			s.add(s.text(s.name(col.Name)))
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return out, nil
	}
	s.add(" FROM "+s.table(live.Name)+" LIMIT ?", int64(c.options.Sample))
	return out, c.query(ctx, s, len(at), func(v []any) error {
		for i, x := range v {
			if x != nil {
				out[at[i]].Add(textOf(x))
			}
		}
		return nil
	})
}

// mappedTable looks at what the map says of a table.
func (c *checker) mappedTable(t *table) {
	for _, col := range t.cols {
		for _, p := range col.parts {
			switch {
			case col.key:
			case len(p.purposes) == 0:
				c.add(NoPurpose, t.name, col.Name, "no purpose declares the column (GDPR art. 5(1)(b), (c))")
			case p.origin == "":
				c.note(NoOrigin, t.name, col.Name, "origin is unknown: the column is never portable (GDPR art. 20(1))")
			}
		}
	}
	for i, l := range t.links {
		told := slices.ContainsFunc(t.links[:i], func(before *link) bool { return before.on == l.on })
		if !told && !l.array && !indexed(t.live, l.on.Name) {
			c.note(NoIndex, t.name, l.on.Name, "link column has no index: each request scans the table")
		}
	}
	if t.keep != nil && !slices.ContainsFunc(t.cols, func(x *column) bool { return len(x.parts) > 0 && !x.duty }) && len(t.cols) == len(t.live.Columns) {
		c.note(WholeRowDuty, t.name, "", "duty names every column")
	}
	for _, d := range t.dates {
		if n := strings.ToLower(d.col.Name); strings.Contains(n, "modified") || strings.Contains(n, "updated") || strings.Contains(n, "last_update") || n == "write_date" {
			c.add(MovingDate, t.name, d.col.Name, "date moves with every update, so that no period can start at it; use the date of an event")
		}
	}
	if t.rows != Keep && !c.clocked(t, nil) {
		c.note(NoClock, t.name, "", "it has no dates and goes with no row that has some: no sweep of retention reaches its rows")
	}
	c.effects(t)
}

// clocked reports whether sweeps reach the rows of a table, by its own dates or with
// the rows on which they hang.
func (l *Live) clocked(t *table, from []*table) bool {
	p := l.planner("", nil, false)
	p.all = true
	return len(t.dates) > 0 || !slices.Contains(from, t) && slices.ContainsFunc(t.links, func(up *link) bool {
		return p.follows(t, up) && (up.to.goes() || p.sharesFate(up.to, t)) && l.clocked(up.to, append(slices.Clone(from), t))
	})
}

func indexed(t *catalog.Table, column string) bool {
	return slices.ContainsFunc(t.Indexes, func(cols []string) bool { return cols[0] == column })
}

// effects notes what the database does by itself when rows change.
func (c *checker) effects(t *table) {
	if len(t.live.Triggers) > 0 {
		c.note(HasTrigger, t.name, "", "triggers fire on what an erasure writes: "+strings.Join(t.live.Triggers, ", "))
	}
	for _, x := range t.refs {
		if t.goes() && x.fk != nil && x.from == nil && x.fk.OnDelete == "CASCADE" {
			c.note(CascadesTo, t.name, "", "deleting a row deletes rows of "+x.live)
		}
	}
	for _, f := range c.now.FKs {
		if t.goes() && f.Ref == t.live.Name && len(f.Columns) > 1 {
			c.add(CompositeKey, t.name, "", "a foreign key of several columns of "+f.Table+" refers to rows that are deleted; erase in place or by a callback")
		}
	}
}

func (c *checker) rest() {
	for _, loc := range c.Unreached() {
		c.note(NotReached, "", "", "location "+loc.Name+" is not reached by an erasure: "+loc.Holds)
	}
	for _, w := range c.m.Waivers {
		for _, name := range w.Tables {
			live := c.now.Table(c.options.Names(name))
			if live == nil {
				c.add(UnknownWaiver, name, "", "waiver names a table that is not there")
				continue
			}
			for _, col := range w.Columns {
				if c.now.Find(live, c.options.Names(col)) == nil {
					c.add(UnknownWaiver, name, col, "waiver names a column that is not there")
				}
			}
		}
	}
}
