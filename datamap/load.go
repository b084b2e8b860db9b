package datamap

import (
	"context"
	"time"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/internal/calendar"
)

// row is a row of a table as an erasure sees it.
type row struct {
	key     []any
	text    string // of the key
	cells   []any  // in the order of table.cols
	dates   []any
	reached bool // by a way to the person
}

// load reads the rows of the keys that exist, by the text of their keys, and locks
// them in a transaction where the engine can. Who is nil for a sweep, to which
// every row belongs.
func (l *Live) load(ctx context.Context, t *table, keys [][]any, who *person) (map[string]*row, error) {
	s := l.statement()
	s.add("SELECT ")
	for i, c := range t.key {
		s.add([]string{", ", ""}[b2i(i == 0)] + s.column("t0", c))
	}
	for _, c := range t.cols {
		s.add(", ")
		s.cell(c.Column)
	}
	for _, d := range t.dates {
		s.add(", " + s.dateExpr(d))
	}
	s.add(", ")
	if who == nil {
		s.add("1")
	} else {
		s.add("CASE WHEN ")
		s.reach(l, t, "t0", *who)
		s.add(" THEN 1 ELSE 0 END")
	}
	s.add(" FROM " + s.table(t.live.Name) + " t0 WHERE ")
	s.keyIn("t0", t.key, keys)
	s.order("t0", t.key)
	if l.db.Tx(ctx) != nil {
		s.add(map[string]string{"postgres": " FOR UPDATE OF t0", "mysql": " FOR UPDATE"}[s.dialect])
	}
	nk, nc, nd := len(t.key), len(t.cols), len(t.dates)
	out := make(map[string]*row, len(keys))
	err := l.query(ctx, s, nk+nc+nd+1, func(v []any) error {
		v = append([]any(nil), v...)
		r := &row{key: v[:nk], cells: v[nk : nk+nc], dates: v[nk+nc : nk+nc+nd], reached: plainText(t.key[0], v[nk+nc+nd]) == "1"}
		r.text = t.keyText(r.key)
		out[r.text] = r
		return nil
	})
	return out, err
}

// cell selects a column so that what is written back has the form that was read:
// on SQLite some drivers turn dates into times.
func (s *statement) cell(c *catalog.Column) {
	expr := s.column("t0", c)
	if s.dialect == "sqlite" && (c.Class == catalog.Date || c.Class == catalog.DateTime) {
		expr = s.text(expr)
	}
	s.add(expr)
}

// dutyRuns reports whether the duty of the table still keeps the row.
func (l *Live) dutyRuns(t *table, r *row) bool { return l.dutyOf(t, r.dates) != nil }

// dutyOf returns the duty that keeps a row with these dates today, or nil.
func (l *Live) dutyOf(t *table, dates []any) *dsar.Duty {
	k := t.keep
	if k == nil {
		return nil
	}
	last := k.until
	for i, d := range t.dates {
		if d != k.from {
			continue
		}
		m := l.moment(d, dates[i])
		if m.IsZero() {
			return &dsar.Duty{Ground: k.Ground} // the period has not begun
		}
		start := dateIn(m, l.options.Zone)
		if k.Round == "year" {
			start = start.EndOfYear()
		}
		last = start.Add(k.period)
	}
	if dateIn(l.options.Now(), l.options.Zone) > last {
		return nil
	}
	return &dsar.Duty{Ground: k.Ground, Until: last.AddDays(1).Start(l.options.Zone)}
}

// value returns the cell of a column of the row.
func (t *table) value(r *row, c *catalog.Column) any {
	for i, x := range t.cols {
		if x.Column == c {
			return r.cells[i]
		}
	}
	for i, k := range t.key {
		if k == c {
			return r.key[i]
		}
	}
	return nil
}

func dateIn(t time.Time, zone *time.Location) calendar.Date { return calendar.DateOf(t.In(zone)) }
