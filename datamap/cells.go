package datamap

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
)

// export turns a value of the driver into one that a record may hold: nil, bool,
// int64, float64, string, []byte, time.Time or json.RawMessage.
func export(c *catalog.Column, v any) any {
	switch x := v.(type) {
	case []byte:
		if c.Class == catalog.Binary {
			return v
		}
		return exportText(c, string(x))
	case string:
		if c.Class == catalog.Text {
			return v
		}
		return exportText(c, x)
	case int64:
		if digits := c.Scale(); digits >= 0 {
			return strconv.FormatFloat(float64(x), 'f', digits, 64)
		}
		return v
	case float64:
		if digits := c.Scale(); digits >= 0 {
			return strconv.FormatFloat(x, 'f', digits, 64)
		}
		return v
	case nil, bool, time.Time:
		return v
	}
	return fmt.Sprint(v)
}

func exportText(c *catalog.Column, s string) any {
	switch c.Class {
	case catalog.JSON:
		if raw := json.RawMessage(s); json.Valid(raw) {
			return raw
		}
	case catalog.DateTime: // as text from drivers that do not parse it; others give a time.Time in UTC
		for _, form := range layouts {
			if t, err := time.Parse(form, s); err == nil {
				return t.UTC()
			}
		}
	case catalog.Int, catalog.Bool:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n
		}
	}
	return s
}

// textOf is the text of a cell, for comparing and editing it.
func textOf(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case []byte:
		return string(x)
	case json.RawMessage:
		return string(x)
	}
	return fmt.Sprint(v)
}

// layout says how an engine holds the dates of a column.
type layout uint8

const (
	native  layout = iota // the driver takes and gives time.Time
	civil                 // text YYYY-MM-DD, or a DATE
	spaced                // text YYYY-MM-DD HH:MM:SS
	iso                   // text YYYY-MM-DDTHH:MM:SS
	seconds               // an integer, seconds since 1970
	millis                // an integer, milliseconds
)

var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999 -0700 MST", "2006-01-02 15:04", time.DateOnly}

// moment reads a date. The zero time stands for unknown: NULL, empty or malformed.
func (l *Live) moment(d *date, v any) time.Time {
	switch x := v.(type) {
	case time.Time:
		if d.form == civil {
			y, m, day := x.Date()
			return time.Date(y, m, day, 0, 0, 0, 0, l.options.Zone)
		}
		if d.naive() {
			return time.Date(x.Year(), x.Month(), x.Day(), x.Hour(), x.Minute(), x.Second(), x.Nanosecond(), l.options.Zone)
		}
		return x
	case int64:
		if x == 0 {
			return time.Time{}
		}
		if d.form == millis {
			return time.UnixMilli(x)
		}
		return time.Unix(x, 0)
	case []byte:
		return l.moment(d, string(x))
	case string:
		if t, ok := plainMoment(x, l.options.Zone); ok {
			return t
		}
		for _, form := range layouts {
			if t, err := time.ParseInLocation(form, x, l.options.Zone); err == nil && t.Year() > 1 {
				return t
			}
		}
	}
	return time.Time{}
}

// plainMoment reads YYYY-MM-DD and YYYY-MM-DD HH:MM:SS, the forms of most databases,
// in a fraction of the time that the layouts take.
func plainMoment(x string, zone *time.Location) (t time.Time, ok bool) {
	if len(x) != len(time.DateOnly) && (len(x) != len(time.DateTime) || x[10] != ' ' && x[10] != 'T') {
		return t, false
	}
	var at [6]int // year, month, day, hour, minute, second
	field := 0
	for i := range len(x) {
		switch c := x[i]; {
		case c >= '0' && c <= '9':
			at[field] = at[field]*10 + int(c-'0')
		case (i == 4 || i == 7) && c == '-', i == 10, (i == 13 || i == 16) && c == ':':
			field++
		default:
			return t, false
		}
	}
	if field != 2 && field != 5 || at[0] <= 1 || at[1] < 1 || at[1] > 12 || at[3] > 23 || at[4] > 59 || at[5] > 59 {
		return t, false
	}
	t = time.Date(at[0], time.Month(at[1]), at[2], at[3], at[4], at[5], 0, zone)
	return t, t.Day() == at[2] // or the month has no such day
}

// naive reports whether the engine stores the date without a zone.
func (d *date) naive() bool { return d.col.Type != "timestamp with time zone" }

// encode is the argument to compare the column with.
func (l *Live) encode(d *date, t time.Time) any {
	if d.naive() {
		t = t.In(l.options.Zone)
	}
	switch d.form {
	case civil:
		return t.Format(time.DateOnly)
	case spaced:
		return t.Format(time.DateTime)
	case iso:
		return t.Format("2006-01-02T15:04:05")
	case seconds:
		return t.Unix()
	case millis:
		return t.UnixMilli()
	}
	if d.naive() { // the clock of the zone, marked as UTC so that no driver moves it
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	return t
}

// probeDates finds out how the dates of each table are held, where the type does
// not say.
func (l *Live) probeDates(ctx context.Context) error {
	for _, t := range l.order {
		for _, d := range t.dates {
			held := t
			switch {
			case d.over != nil:
				held = d.over.from
			case d.up != nil:
				held = d.up.to
			}
			if err := l.probe(ctx, held, d); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Live) probe(ctx context.Context, t *table, d *date) error {
	switch {
	case l.schema.Dialect != "sqlite" && d.col.Class == catalog.Date:
		d.form = civil
		return nil
	case l.schema.Dialect == "postgres" && d.col.Class == catalog.DateTime:
		d.form = native
		return nil
	case l.schema.Dialect == "mysql" && d.col.Class == catalog.DateTime:
		d.form = spaced
		return nil
	}
	s := l.statement()
	c := s.column("", d.col)
	s.add("SELECT " + s.text(c) + " FROM " + s.table(t.live.Name) + " WHERE " + c + " IS NOT NULL AND " + s.text(c) + " <> '0' LIMIT 1")
	sample := ""
	err := l.query(ctx, s, 1, func(v []any) error { sample = textOf(v[0]); return nil })
	d.form = spaced
	n, notInt := strconv.ParseInt(sample, 10, 64)
	switch {
	case sample == "" && d.col.Class == catalog.Int:
		d.form = seconds
	case sample == "" && d.col.Class == catalog.Date, len(sample) == len(time.DateOnly) && notInt != nil:
		d.form = civil
	case notInt == nil && n > 1e11:
		d.form = millis
	case notInt == nil:
		d.form = seconds
	case len(sample) > 10 && sample[10] == 'T':
		d.form = iso
	}
	return err
}
