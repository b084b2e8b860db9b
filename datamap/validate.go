package datamap

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/datamap/internal/jsonpath"
)

var (
	ident  = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_$ -]{0,127}$`)
	prefix = regexp.MustCompile(`^[\p{L}\p{N}_.:/-]{0,32}$`)
	basis  = regexp.MustCompile(`^(A6-1-[a-f]|A9-2-[a-j]|EP-13-[12])$`)
	period = regexp.MustCompile(`^P(\d{1,4}Y)?(\d{1,4}M)?(\d{1,4}W)?(\d{1,5}D)?$`)
	day    = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	reason = regexp.MustCompile(`\S+\s+\S+`)

	rowStrategies    = []Strategy{"", Delete, InPlace, DeleteLast, Detach, Keep, Callback}
	columnStrategies = []Strategy{"", Nullify, Fixed, Random, Year, Prefix, Redact, RemoveElement, Keep, Callback}
	origins          = []Origin{"", Provided, Observed, Derived, FromThirdParty}
	meanings         = []Meaning{"", Email, Phone, FullName, GivenName, FamilyName, BirthDate, Postcode}
	sensitivities    = []Sensitivity{"", Special, Criminal, NationalID}
)

// Check reports every fault of the map that shows without a database, as [Faults].
// [Parse] and [Open] call it.
func (m *Map) Check() error {
	f := &faults{of: m}
	if m.Version != 1 {
		f.add([]any{"version"}, "", "", "version must be 1")
	}
	m.checkSubjects(f)
	for _, name := range slices.Sorted(maps.Keys(m.Purposes)) {
		b := m.Purposes[name]
		if !basis.MatchString(b) {
			f.add([]any{"purposes", name}, "", "", "purpose %q needs the id of a ground, such as A6-1-b", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Tables)) {
		m.checkTable(f, name, m.Tables[name])
	}
	m.checkRest(f)
	return f.err()
}

func (f *faults) ident(at []any, table, column, name string) bool {
	if ident.MatchString(name) {
		return true
	}
	f.add(at, table, column, "identifier must consist of letters, digits, _, $, - and spaces, begin with a letter, and have at most 128 characters")
	return false
}

func (m *Map) checkSubjects(f *faults) {
	if len(m.Subjects) == 0 {
		f.add([]any{"subjects"}, "", "", "map names no kind of subject")
	}
	prefixes := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(m.Subjects)) {
		k, at := m.Subjects[name], []any{"subjects", name}
		f.ident(append(at, "key"), k.Table, k.Key, k.Key)
		if _, ok := m.Tables[k.Table]; !ok {
			f.add(append(at, "table"), k.Table, "", "subject table is not among the tables of the map")
		}
		p := k.prefix(name)
		if !prefix.MatchString(p) {
			f.add(append(at, "prefix"), k.Table, "", "prefix must consist of letters, digits and _ . : / -")
		}
		if other, taken := prefixes[p]; taken {
			f.add(append(at, "prefix"), k.Table, "", "prefix is that of subject kind %q already", other)
		}
		prefixes[p] = name
	}
}

func (k Kind) prefix(name string) string {
	if k.Prefix != nil {
		return *k.Prefix
	}
	return name + ":"
}

func (m *Map) checkTable(f *faults, name string, t *Table) {
	at := []any{"tables", name}
	f.ident(at, name, "", name)
	if t == nil {
		f.add(at, name, "", "table is empty; name its columns or waive it")
		return
	}
	for _, k := range t.Key {
		f.ident(append(at, "key"), name, k, k)
	}
	if !slices.Contains(rowStrategies, t.Erase.Do) {
		f.add(append(at, "erase"), name, "", "unknown strategy %q for rows; one of delete, in_place, delete_last, detach, keep, callback", t.Erase.Do)
	}
	m.checkErase(f, append(at, "erase"), name, "", t.Erase)
	if !slices.Contains(origins, t.Origin) {
		f.add(append(at, "origin"), name, "", "unknown origin %q", t.Origin)
	}
	m.checkPurposes(f, at, name, "", t.Purposes)
	for i, l := range t.Via {
		m.checkLink(f, append(at, "via", i), name, l)
	}
	seen := make(map[string]bool)
	for i := range t.Columns {
		m.checkColumn(f, append(at, "columns", i), name, &t.Columns[i], seen)
	}
	m.checkDuty(f, append(at, "keep"), name, t)
	for _, what := range slices.Sorted(maps.Keys(t.Dates)) {
		m.checkDate(f, append(at, "dates", what), name, t.Dates[what])
	}
	if t.SoftDelete != nil {
		f.ident(append(at, "soft_delete"), name, t.SoftDelete.Column, t.SoftDelete.Column)
	}
	if t.Restrict != nil {
		f.ident(append(at, "restrict"), name, t.Restrict.Column, t.Restrict.Column)
	}
	if t.Restrict != nil && t.Restrict.Value == "" {
		f.add(append(at, "restrict"), name, t.Restrict.Column, "restrict needs the value that sets the mark")
	}
	if t.Owner != "" {
		f.ident(append(at, "owner"), name, t.Owner, t.Owner)
	}
	if t.HistoryOf != "" && (m.Tables[t.HistoryOf] == nil || len(t.Via) != 1) {
		f.add(append(at, "history_of"), name, "", "history needs its parent among the tables and one link in via, to it")
	}
}

func (m *Map) checkLink(f *faults, at []any, table string, l Link) {
	if (l.On == "") == (l.In == "") {
		f.add(at, table, "", "link needs either on or in")
		return
	}
	f.ident(at, table, l.On+l.In, l.On+l.In)
	if l.JSON != "" {
		p, err := jsonpath.Parse(l.JSON)
		if _, names := p.Names(); err != nil || !names {
			f.add(append(at, "json"), table, l.On+l.In, "path of a link must have the form $.name.name")
		}
	}
	if l.To != "" {
		to, column := splitName(l.To)
		if m.Tables[to] == nil {
			f.add(at, table, l.On+l.In, "link leads to %q, which is not among the tables of the map", to)
		}
		f.ident(at, table, l.On+l.In, column)
	} else if l.In != "" || l.JSON != "" {
		f.add(at, table, l.On+l.In, "link out of an array or a document must say to where")
	}
	for _, c := range slices.Sorted(maps.Keys(l.Where)) {
		v := l.Where[c]
		f.ident(append(at, "where", c), table, c, c)
		if strings.ContainsFunc(string(v), func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f }) {
			f.add(append(at, "where", c), table, c, "constant of a link must have no backslash or control character")
		}
	}
}

func (m *Map) checkColumn(f *faults, at []any, table string, c *Column, seen map[string]bool) {
	for _, name := range c.Names {
		f.ident(append(at, "name"), table, name, name)
		if seen[name+c.JSON] || seen[name] && c.JSON == "" {
			f.add(append(at, "name"), table, name, "column is described twice")
		}
		seen[name+c.JSON], seen[name] = true, true
	}
	label := strings.Join(c.Names, " ")
	if len(c.Names) == 0 {
		f.add(at, table, "", "column has no name")
	}
	if !slices.Contains(columnStrategies, c.Erase.Do) {
		f.add(append(at, "erase"), table, label, "unknown strategy %q for columns; one of nullify, fixed, random, year, prefix, redact, remove_element, keep, callback", c.Erase.Do)
	}
	if !slices.Contains(origins, c.Origin) || !slices.Contains(meanings, c.Is) || !slices.Contains(sensitivities, c.Sensitivity) {
		f.add(at, table, label, "unknown origin, meaning (is) or sensitivity")
	}
	if c.JSON != "" {
		if _, err := jsonpath.Parse(c.JSON); err != nil {
			f.add(append(at, "json"), table, label, "%s", err)
		}
		if d := c.Erase.Do; d != "" && d != Redact && d != Keep {
			f.add(append(at, "erase"), table, label, "a JSON path can be redacted or kept, not %q", d)
		}
	} else if c.Erase.Do == Redact {
		f.add(append(at, "erase"), table, label, "redact needs a JSON path (json)")
	}
	m.checkErase(f, append(at, "erase"), table, label, c.Erase)
	m.checkPurposes(f, at, table, label, c.Purposes)
}

func (m *Map) checkErase(f *faults, at []any, table, column string, e Erase) {
	switch {
	case e.Do == Prefix && e.Length < 1:
		f.add(at, table, column, "prefix needs a length of at least 1")
	case e.Do == Keep && e.Ground == "":
		f.add(at, table, column, "keep needs a ground")
	case e.Do == Callback && e.Call == "":
		f.add(at, table, column, "callback needs the name to call")
	case e.Do == Random && e.Value != "" && strings.Count(e.Value, "{}") != 1:
		f.add(at, table, column, "template of random needs {} once")
	}
}

func (m *Map) checkPurposes(f *faults, at []any, table, column string, purposes []string) {
	for _, p := range purposes {
		if _, ok := m.Purposes[p]; !ok {
			f.add(append(at, "purposes"), table, column, "purpose %q is not declared under purposes", p)
		}
	}
}

func (m *Map) checkDuty(f *faults, at []any, table string, t *Table) {
	d := t.Keep
	if d == nil {
		return
	}
	_, known := t.Dates[d.From]
	switch {
	case d.Ground == "":
		f.add(at, table, "", "keep needs a ground")
	case len(d.Fields) == 0:
		f.add(at, table, "", "keep needs the fields that the duty names; a duty over a whole row must say so field by field")
	case d.Until != "" && (d.From != "" || d.Period != ""):
		f.add(at, table, "", "keep has both until and a period")
	case d.Until != "" && !day.MatchString(d.Until):
		f.add(at, table, "", "until must have the form YYYY-MM-DD")
	case d.Until == "" && !known:
		f.add(at, table, "", "keep counts from %q, which is not among the dates of the table", d.From)
	case d.Until == "" && (d.Period == "P" || !period.MatchString(d.Period)):
		f.add(at, table, "", "period must have the form P7Y, P6M or P30D")
	case d.Round != "" && d.Round != "year":
		f.add(at, table, "", "round must be year or absent")
	}
}

func (m *Map) checkDate(f *faults, at []any, table string, d Date) {
	switch {
	case b2i(d.Column != "")+b2i(d.Max != "")+b2i(d.Parent != "") != 1:
		f.add(at, table, "", "date needs one of a column, a max over related rows or the parent's date")
	case d.Column != "":
		f.ident(at, table, d.Column, d.Column)
	default:
		other, column := splitName(d.Max + d.Parent)
		if m.Tables[other] == nil {
			f.add(at, table, "", "date is of %q, which is not among the tables of the map", other)
		}
		f.ident(at, table, column, column)
	}
}

func (m *Map) checkRest(f *faults) {
	for i, w := range m.Waivers {
		at := []any{"waivers", i}
		for _, t := range w.Tables {
			f.ident(at, t, "", t)
		}
		if len(w.Tables) == 0 || !reason.MatchString(w.Reason) {
			f.add(at, strings.Join(w.Tables, " "), strings.Join(w.Columns, " "), "waiver needs tables and a reason of at least two words")
		}
	}
	names := make(map[string]bool)
	for i, l := range m.Locations {
		if l.Name == "" || l.Holds == "" || names[l.Name] {
			f.add([]any{"locations", i}, "", "", "location needs a name of its own and what it holds")
		}
		names[l.Name] = true
	}
}

// splitName splits "table.column" at its last dot.
func splitName(s string) (table, column string) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}
