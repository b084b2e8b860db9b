package datamap

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/internal/calendar"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
)

// Sweeps returns the map as sources for a retention engine: one for each category
// of each table that has dates. A category that only some columns have concerns
// those columns. Events of the schedule are the names under dates. A table that has
// only its parent's date follows the parent. What has no dates goes with the row on
// which it hangs; where that one stays in place, only what has its category and its
// history do. What no sweep reaches is a [NoClock] of [Live.Check]. Where no mapped
// table hangs on a table, its rows go in one statement for a batch, on engines that
// return what they delete.
//
// With categories it returns only theirs, as an engine wants the sources of what its
// schedule has rules for: Sweeps(schedule.Categories()...).
func (l *Live) Sweeps(categories ...string) []retention.Source {
	var out []retention.Source
	for _, t := range l.order {
		if !slices.ContainsFunc(t.dates, func(d *date) bool { return d.up == nil || !d.up.to.goes() }) {
			continue
		}
		for _, category := range t.categories() {
			if categories != nil && !slices.Contains(categories, category) {
				continue
			}
			s := &sweep{l: l, t: t, name: l.options.Name + "." + t.name, category: category, prefix: l.recordPrefix(t)}
			if category != t.category() {
				s.name += "." + category
				s.fields = t.fieldsOf(category)
			}
			out = append(out, s.source())
		}
	}
	return out
}

// categories returns that of the table, then those that columns have of their own.
func (t *table) categories() []string {
	out := []string{t.category()}
	for _, c := range t.cols {
		for _, p := range c.parts {
			if !slices.Contains(out, p.category) {
				out = append(out, p.category)
			}
		}
	}
	return out
}

func (t *table) fieldsOf(category string) []string {
	var out []string
	for _, c := range t.cols {
		if slices.ContainsFunc(c.parts, func(p *part) bool { return p.category == category }) {
			out = append(out, t.called(c.Column))
		}
	}
	return out
}

// sweep is one category of one table as a source of retention.
type sweep struct {
	l        *Live
	t        *table
	name     string
	category string
	fields   []string // the columns concerned; nil: the row
	prefix   string   // before the keys of the table
	counted  atomic.Pointer[counted]
}

var (
	_ retention.Source   = (*sweep)(nil)
	_ retention.Comparer = (*sweep)(nil)
	_ retention.Checker  = (*sweep)(nil)
	_ retention.Effecter = (*sweep)(nil)
	_ retention.Dated    = (*sweep)(nil)

	_ retention.SubjectLister = (*sweep)(nil)
)

func (s *sweep) Name() string     { return s.name }
func (s *sweep) Category() string { return s.category }

// DatedBy implements retention.Dated.
func (s *sweep) DatedBy() []string {
	out := make([]string, len(s.t.dates))
	for i, d := range s.t.dates {
		out[i] = d.name
	}
	return out
}

func (s *sweep) CompareKeys(a, b string) int {
	return s.t.compareKeys(strings.TrimPrefix(a, s.prefix), strings.TrimPrefix(b, s.prefix))
}

// parseKey reads the name of a record. Those of other tables have none here.
func (s *sweep) parseKey(record string) ([]any, bool) {
	key, ok := strings.CutPrefix(record, s.prefix)
	if !ok {
		return nil, false
	}
	return s.t.parseKey(key)
}

// sweepPage is the number of rows of one page of List, if the query has no limit.
const sweepPage = 2000

func pageSize(q *retention.Query) int {
	if q.Limit > 0 {
		return q.Limit
	}
	return sweepPage
}

// List implements retention.Source by the condition's own SQL, in pages in the
// order of the key.
func (s *sweep) List(ctx context.Context, q *retention.Query) iter.Seq2[*retention.Record, error] {
	return func(yield func(*retention.Record, error) bool) {
		var after []any
		if q.After != "" {
			key, ok := s.parseKey(q.After)
			if !ok {
				yield(nil, ErrItem)
				return
			}
			after = key
		}
		sorts, err := s.sorts(ctx, q)
		if err != nil {
			yield(nil, err)
			return
		}
		s.pages(ctx, q, after, func(st *statement) {
			st.sorts = sorts
			s.condition(st, q)
		}, yield)
	}
}

// ListSubject implements retention.SubjectLister: every row that belongs to the
// person, also one that others share.
func (s *sweep) ListSubject(ctx context.Context, q *retention.Query, subject string) iter.Seq2[*retention.Record, error] {
	return func(yield func(*retention.Record, error) bool) {
		who, held, err := s.l.person(subject)
		switch {
		case errors.Is(err, ErrSubject), err == nil && (!held || len(s.l.ways(s.t, who.kind)) == 0):
			return
		case err != nil:
			yield(nil, err)
			return
		}
		s.pages(ctx, q, nil, func(st *statement) { st.reach(s.l, s.t, "t0", who) }, func(rec *retention.Record, err error) bool {
			if rec != nil {
				rec.Subject = subject
			}
			return yield(rec, err)
		})
	}
}

// pages yields the rows that meet a condition, after a key, page by page.
func (s *sweep) pages(ctx context.Context, q *retention.Query, after []any, where func(*statement), yield func(*retention.Record, error) bool) {
	for {
		page, err := s.read(ctx, q, func(st *statement) {
			where(st)
			if after != nil {
				st.add(" AND ")
				st.after("t0", s.t.key, after)
			}
		}, true)
		if err != nil {
			yield(nil, err)
			return
		}
		for i := range page {
			if !yield(&page[i], nil) {
				return
			}
		}
		if len(page) < pageSize(q) {
			return
		}
		after, _ = s.parseKey(page[len(page)-1].Key)
	}
}

// Load implements retention.Source and locks the rows where the engine can.
func (s *sweep) Load(ctx context.Context, q *retention.Query, keys []string) iter.Seq2[*retention.Record, error] {
	return func(yield func(*retention.Record, error) bool) {
		for part := range slices.Chunk(s.parse(keys), chunk) {
			page, err := s.read(ctx, q, func(st *statement) { st.keyIn("t0", s.t.key, part) }, false)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page {
				if !yield(&page[i], nil) {
					return
				}
			}
		}
	}
}

func (s *sweep) parse(keys []string) [][]any {
	out := make([][]any, 0, len(keys))
	vals, n := make([]any, len(keys)*len(s.t.key)), len(s.t.key)
	for _, k := range keys {
		if bare, ok := strings.CutPrefix(k, s.prefix); ok && s.t.parseInto(vals[:n], bare) {
			out, vals = append(out, vals[:n:n]), vals[n:]
		}
	}
	return out
}

// date returns the date that stands for an event, or nil.
func (s *sweep) date(event string) *date {
	for _, d := range s.t.dates {
		if d.name == event {
			return d
		}
	}
	return nil
}

func (s *sweep) condition(st *statement, q *retention.Query) {
	where, args := q.SQL(st.dialect, func(event string) retention.Column {
		d := s.date(event)
		if d == nil {
			return retention.Column{}
		}
		return retention.Column{Expr: st.dateExpr(d), Civil: d.form == civil, Encode: s.l.encoder(d)}
	}, len(st.args)+1)
	st.WriteString("(" + where + ")")
	st.args = append(st.args, args...)
}

// columns are what a record is read from: its key, its subjects by kind, its owner
// if there is one, its events.
type columns struct {
	exprs    []string
	prefixes []string // of the subjects
	events   int      // place of the first
	dates    []*date  // of the events, nil where the table knows none
}

func (s *sweep) columns(st *statement, q *retention.Query) *columns {
	c := &columns{exprs: make([]string, 0, len(s.t.key)+4)}
	for _, k := range s.t.key {
		c.exprs = append(c.exprs, st.column(st.row, k))
	}
	for _, k := range s.l.kinds {
		for _, way := range s.l.ways(s.t, k) {
			c.exprs = append(c.exprs, st.subjectOf(st.row, 1, way, k))
			c.prefixes = append(c.prefixes, k.prefix)
		}
	}
	if s.t.owner != nil {
		c.exprs = append(c.exprs, st.column(st.row, s.t.owner))
	}
	c.events = len(c.exprs)
	for _, e := range q.Events() {
		d := s.date(e)
		c.dates = append(c.dates, d)
		switch {
		case d == nil:
			c.exprs = append(c.exprs, "NULL")
		case st.dialect == "sqlite": // as it is stored: no driver parses what has no declared type
			c.exprs = append(c.exprs, "+"+st.dateExpr(d))
		default:
			c.exprs = append(c.exprs, st.dateExpr(d))
		}
	}
	return c
}

// read reads the records that meet a condition.
func (s *sweep) read(ctx context.Context, q *retention.Query, where func(*statement), page bool) ([]retention.Record, error) {
	st := s.l.statement()
	c := s.columns(st, q)
	st.add("SELECT " + strings.Join(c.exprs, ", ") + " FROM " + st.table(s.t.live.Name) + " t0 WHERE ")
	where(st)
	st.order("t0", s.t.key)
	if page {
		st.add(" LIMIT ?", int64(pageSize(q)))
	} else if s.l.db.Tx(ctx) != nil {
		st.add(map[string]string{"postgres": " FOR UPDATE OF t0", "mysql": " FOR UPDATE"}[st.dialect])
	}
	var out []retention.Record
	var events []int64 // of all records
	err := s.records(ctx, q, st, c, func(rec *retention.Record) error {
		at := len(events)
		events = append(events, rec.Events...)
		out = append(out, *rec)
		out[len(out)-1].Events = events[at:len(events):len(events)]
		return nil
	})
	return out, err
}

// records runs a statement that gives the columns. The record is the same each time.
func (s *sweep) records(ctx context.Context, q *retention.Query, st *statement, c *columns, f func(*retention.Record) error) error {
	nk, rec := len(s.t.key), retention.Record{Events: make([]int64, len(c.dates))}
	return s.l.query(ctx, st, len(c.exprs), func(v []any) error {
		rec.Key, rec.Subject = s.record(v[:nk]), ""
		for i, p := range c.prefixes {
			if x := v[nk+i]; x != nil && rec.Subject == "" {
				rec.Subject = prefixed(p, &catalog.Column{}, x)
			}
		}
		if s.t.owner != nil {
			rec.Owner = plainText(s.t.owner, v[c.events-1])
		}
		for i, d := range c.dates {
			rec.Events[i] = s.l.event(q, d, v[c.events+i])
		}
		return f(&rec)
	})
}

// record is the name of a row by the values of its key.
func (s *sweep) record(key []any) string {
	if len(key) == 1 {
		return prefixed(s.prefix, s.t.key[0], key[0])
	}
	return s.prefix + s.t.keyText(key)
}

// prefixed is plainText after a prefix.
func prefixed(prefix string, c *catalog.Column, v any) string {
	if n, ok := v.(int64); ok {
		var b [64]byte
		return string(strconv.AppendInt(append(b[:0], prefix...), n, 10))
	}
	return prefix + plainText(c, v)
}

// event is a date in microseconds; a civil date is the start of its day in the
// zone of the schedule.
func (l *Live) event(q *retention.Query, d *date, v any) int64 {
	if d == nil {
		return 0
	}
	m := l.moment(d, v)
	if m.IsZero() {
		return 0
	}
	if d.form == civil {
		y, month, day := m.Date()
		return storage.Micros(q.Condition.Instant(calendar.Of(y, month, day)))
	}
	return storage.Micros(m)
}

// Carry implements retention.Source. Rows of tables without dates of their own
// that hang on a row go with it; where the row stays without its values, those of
// its history and of its category. A row that others refer to,
// or of which a duty of the map keeps something that was to go, has failed.
func (s *sweep) Carry(ctx context.Context, o *retention.Order, keys []string) (map[string]string, error) {
	refused := make(map[string]string)
	all := len(o.Fields) == 0 && s.fields == nil && o.Action != retention.Block
	for part := range slices.Chunk(s.bare(keys), chunk) {
		if err := s.l.carryOrder(ctx, s.t, s.item(o), manner{whole: o.Action != retention.Block, all: all}, part, refused); err != nil {
			return nil, err
		}
	}
	failed := make(map[string]string, len(refused))
	for key, why := range refused {
		failed[s.prefix+key] = why
	}
	return failed, nil
}

// bare returns the keys of rows by the names of their records.
func (s *sweep) bare(records []string) []string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = strings.TrimPrefix(r, s.prefix)
	}
	return out
}

// Effect implements retention.Effecter: a row that is erased in place, or some
// columns of which make the category, stays and is masked. Fields are erased if
// nothing of their values is left.
func (s *sweep) Effect(o *retention.Order) retention.Action {
	left := func(f string) bool {
		c := s.t.named(f)
		return c == nil || slices.ContainsFunc(c.parts, func(p *part) bool {
			return slices.Contains([]Strategy{Keep, Year, Prefix, RemoveElement}, p.do)
		})
	}
	switch {
	case o.Action != retention.Erase:
		return o.Action
	case len(o.Fields) == 0 && (s.fields != nil || s.t.inPlace()), slices.ContainsFunc(o.Fields, left):
		return retention.Mask
	}
	return retention.Erase
}

// inPlace reports whether an erasure leaves the rows and masks them.
func (t *table) inPlace() bool { return t.rows == InPlace || t.rows == Detach }

// item turns an order into what is done to each row; nil is nothing.
func (s *sweep) item(o *retention.Order) *dsar.Item {
	it := &dsar.Item{Table: s.t.name, Action: dsar.ActErase, Fields: o.Fields, Ground: o.Rule}
	all := func() []string {
		if s.fields != nil {
			return s.fields
		}
		return s.t.fields()
	}
	switch o.Action {
	case retention.Mask, retention.Anonymise:
		it.Action = dsar.ActMask
		if len(it.Fields) == 0 {
			it.Fields = all()
		}
	case retention.Block:
		if o.KeepAll {
			return nil
		}
		it.Action = dsar.ActMask
		it.Fields = slices.DeleteFunc(slices.Clone(all()), func(f string) bool {
			return slices.ContainsFunc(o.Keep, func(kept string) bool { return s.t.named(kept) == s.t.named(f) })
		})
		if len(it.Fields) == 0 {
			return nil
		}
	default:
		if s.fields != nil && len(it.Fields) == 0 {
			it.Fields = s.fields
		}
	}
	return it
}

// fields returns the names of all described columns.
func (t *table) fields() []string {
	var out []string
	for _, c := range t.cols {
		if len(c.parts) > 0 && !c.key {
			out = append(out, t.called(c.Column))
		}
	}
	return out
}

// CheckCarried implements retention.Checker.
func (s *sweep) CheckCarried(ctx context.Context, o *retention.Order, keys []string) ([]string, error) {
	it := s.item(o)
	if it == nil {
		return nil, nil
	}
	var remaining []string
	for part := range slices.Chunk(keys, chunk) {
		p := s.l.planner("", nil, false)
		steps, err := p.steps(ctx, s.t, itemsOf(it, s.bare(part)))
		if err != nil {
			return nil, err
		}
		for i, st := range steps {
			if st.remove || len(st.sets) > 0 {
				remaining = append(remaining, part[i])
			}
		}
	}
	return remaining, nil
}

func itemsOf(it *dsar.Item, keys []string) []dsar.Item {
	out := make([]dsar.Item, len(keys))
	for i, k := range keys {
		out[i] = *it
		out[i].Key = k
	}
	return out
}
