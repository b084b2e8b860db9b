package datamap

import (
	"context"
	"strconv"

	"github.com/gdprkit/gdprkit/retention"
)

// fewRows is the number of rows up to which every page of List sorts all that it
// finds by the index of their date. Beyond, the pages walk over the table in the
// order of the key, together once.
const fewRows = 20_000

// counted is whether few rows meet a query, as found at its first page.
type counted struct {
	cond *retention.Condition
	find retention.Find
	few  bool
}

// sorts reports whether a page should be sorted after it was found by the index of
// a date. SQLite would rather walk over the table in the order of the key, looking
// for its next due row, and so would PostgreSQL once it has a plan for whatever date,
// from the sixth page on. MySQL weighs both by its statistics, each time.
func (s *sweep) sorts(ctx context.Context, q *retention.Query) (bool, error) {
	if s.l.schema.Dialect == "mysql" || q.Find == retention.FindAll || !s.indexed(q) {
		return false, nil
	}
	if c := s.counted.Load(); q.After != "" && c != nil && c.cond == q.Condition && c.find == q.Find {
		return c.few, nil
	}
	st := s.l.statement()
	st.add("SELECT COUNT(*) FROM (SELECT 1 FROM " + st.table(s.t.live.Name) + " t0 WHERE ")
	s.condition(st, q)
	st.add(" LIMIT " + strconv.Itoa(fewRows+1) + ") few")
	few := false
	err := s.l.query(ctx, st, 1, func(v []any) error {
		n, isInt := v[0].(int64)
		few = isInt && n <= fewRows
		return nil
	})
	if err != nil {
		return false, err
	}
	s.counted.Store(&counted{q.Condition, q.Find, few})
	return few, nil
}

// indexed reports whether each date of the query that the table has leads an index.
func (s *sweep) indexed(q *retention.Query) bool {
	some := false
	for _, e := range q.Events() {
		d := s.date(e)
		if d == nil {
			continue
		}
		if d.up != nil || d.over != nil || !indexed(s.t.live, d.col.Name) {
			return false
		}
		some = true
	}
	return some
}
