package retention

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/storage"
)

// Find says which rows a [Query] asks for.
type Find uint8

// What can be found.
const (
	FindDue     Find = iota // rows that must go
	FindBlocked             // rows whose use is over while a duty runs
	FindReview              // rows that ask for a review
	FindAll                 // every row of the category

	findRevived Find = 255 // blocked rows that may be used again; no source is asked for them
)

// Query is what a [Source] is asked for: rows in ascending order of their keys,
// after a key, that meet a condition. It has the two back ends of the condition:
// a source over a table puts [Query.SQL] into its WHERE, one in memory calls
// [Query.Match]. A source may return rows that do not match; each is evaluated again.
type Query struct {
	Condition *Condition
	Find      Find
	After     string // keys after this one only; empty: from the start
	Limit     int    // so many rows are wanted; more may be yielded. 0: all
	// Settled lets the source leave out rows that stand in gdpr_settled (for FindDue)
	// or gdpr_blocked (for FindBlocked) of the tenant. It only saves work. A row whose
	// dates moved since it was settled must not be left out.
	Settled bool
}

// Events returns the events whose dates each row must carry, in the order of
// [Record.Events].
func (q *Query) Events() []string { return q.Condition.policy.events }

// Column says where the date of an event stands in a host's table.
type Column struct {
	// Expr is the SQL expression, such as "o.issued_at". NULL is unknown. Empty: the
	// table does not know this event, so it is unknown for every row.
	Expr string
	// Civil is set for a column of civil dates without time (DATE, or text of the
	// form YYYY-MM-DD). Its argument is such a text.
	Civil bool
	// Encode makes the argument for any other column out of an instant in UTC.
	// Default: the time.Time itself.
	Encode func(time.Time) any
}

// SQL returns the condition as the text of a WHERE clause and its arguments.
// Dialect is "postgres" for parameters $n, of which argFrom is the first number;
// any other has "?". Col gives the column of an event. The text holds no values.
func (q *Query) SQL(dialect string, col func(event string) Column, argFrom int) (where string, args []any) {
	w := &clause{col: col, cond: q.Condition, n: argFrom, dollar: dialect == "postgres"}
	c := q.Condition
	switch q.Find {
	case FindDue:
		w.due()
	case FindBlocked:
		w.join(" AND ", func() { w.any(c.enders, c.blockers) }, func() { w.not(func() { w.due() }) })
	case FindReview:
		w.join(" AND ", func() { w.any(c.reviews) }, func() { w.not(func() { w.any(c.enders, c.blockers) }) })
	default:
		w.text("1 = 1")
	}
	return w.b.String(), w.args
}

// Match is the other back end of the same condition, for events in the order of
// [Query.Events].
func (q *Query) Match(events []int64) bool {
	if q.Find == FindAll {
		return true
	}
	var f Facts
	copy(f.At[:], events)
	c := q.Condition
	switch q.Find {
	case FindDue:
		return c.due(&f)
	case FindBlocked:
		return c.past(&f) && !c.due(&f)
	}
	return anyEnded(c.reviews, &f.At) && !c.past(&f)
}

// clause writes a condition. Every part is true or false or NULL for an unknown
// date; not turns NULL into true.
type clause struct {
	b      strings.Builder
	args   []any
	col    func(string) Column
	cond   *Condition
	n      int
	dollar bool
}

func (w *clause) text(s string) { w.b.WriteString(s) }

// join writes the parts in parentheses with a word between.
func (w *clause) join(word string, parts ...func()) {
	w.text("(")
	for i, p := range parts {
		if i > 0 {
			w.text(word)
		}
		p()
	}
	w.text(")")
}

func (w *clause) not(f func()) {
	w.text("CASE WHEN ")
	f()
	w.text(" THEN 0 ELSE 1 END = 1")
}

func (w *clause) due() {
	c := w.cond
	general := func() {
		var parts []func()
		for i := range c.keepers {
			parts = append(parts, func() { w.ended(&c.keepers[i]) })
		}
		if len(c.enders) > 0 {
			parts = append(parts, func() { w.any(c.enders) })
		}
		if len(parts) == 0 {
			parts = append(parts, func() { w.text("1 = 0") })
		}
		w.join(" AND ", parts...)
	}
	if len(c.statute) == 0 {
		general()
		return
	}
	w.join(" OR ", general, func() {
		parts := []func(){func() { w.any(c.statute) }}
		for i := range c.firm {
			parts = append(parts, func() { w.ended(&c.firm[i]) })
		}
		w.join(" AND ", parts...)
	})
}

// any writes that one of the tests has ended.
func (w *clause) any(lists ...[]test) {
	var parts []func()
	for _, tests := range lists {
		for i := range tests {
			parts = append(parts, func() { w.ended(&tests[i]) })
		}
	}
	if len(parts) == 0 {
		w.text("1 = 0")
		return
	}
	w.join(" OR ", parts...)
}

// ended writes that the latest known start event lies in one of the spans.
func (w *clause) ended(t *test) {
	cols := w.columns(t)
	var parts []func()
	for i := range t.spans {
		if len(cols) > 0 {
			parts = append(parts, func() { w.within(cols, &t.spans[i]) })
		}
	}
	if len(parts) == 0 {
		w.text("1 = 0")
		return
	}
	w.join(" OR ", parts...)
}

func (w *clause) columns(t *test) []Column {
	var cols []Column
	for _, e := range t.rule.Start.Events {
		if c := w.col(e); c.Expr != "" {
			cols = append(cols, c)
		}
	}
	return cols
}

// within writes lo <= latest(cols) < hi.
func (w *clause) within(cols []Column, s *span) {
	var parts []func()
	if s.to < openEnd {
		for _, c := range cols {
			parts = append(parts, func() {
				if len(cols) > 1 {
					w.text("(" + c.Expr + " IS NULL OR ")
				}
				w.compare(c, " < ", s.to, s.hi)
				if len(cols) > 1 {
					w.text(")")
				}
			})
		}
	}
	if len(cols) > 1 || len(parts) == 0 || s.lo > math.MinInt64 {
		parts = append(parts, func() { w.known(cols, s) })
	}
	w.join(" AND ", parts...)
}

// known writes that one column has a date, not before the span.
func (w *clause) known(cols []Column, s *span) {
	var parts []func()
	for _, c := range cols {
		parts = append(parts, func() {
			if s.lo == math.MinInt64 {
				w.text(c.Expr + " IS NOT NULL")
				return
			}
			w.compare(c, " >= ", s.from, s.lo)
		})
	}
	w.join(" OR ", parts...)
}

func (w *clause) compare(c Column, op string, date Date, us int64) {
	w.text(c.Expr + op)
	if w.dollar {
		w.text("$" + strconv.Itoa(w.n))
	} else {
		w.text("?")
	}
	w.n++
	switch {
	case c.Civil:
		w.args = append(w.args, date.String())
	case c.Encode != nil:
		w.args = append(w.args, c.Encode(storage.Time(us)))
	default:
		w.args = append(w.args, storage.Time(us))
	}
}
