package datamap

import (
	"strconv"
	"strings"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/gdpr"
)

// person is a subject key taken apart.
type person struct {
	kind *kind
	key  string
}

// person finds the kind of a subject key. A key that cannot be a value of the key
// column belongs to nobody: ok is false.
func (l *Live) person(subject string) (p person, ok bool, err error) {
	if err := gdpr.CheckSubject("subject", subject, true); err != nil {
		return p, false, err
	}
	for _, k := range l.kinds {
		if key, found := strings.CutPrefix(subject, k.prefix); found && key != "" {
			_, err := argument(k.key, key)
			return person{k, key}, err == nil && canonical(k.key, key), nil
		}
	}
	return p, false, ErrSubject
}

// canonical refuses spellings of a number that name the same row as another
// spelling, such as "017".
func canonical(c *catalog.Column, key string) bool {
	if c.Class != catalog.Int {
		return true
	}
	n, err := strconv.ParseInt(key, 10, 64)
	return err == nil && strconv.FormatInt(n, 10) == key
}

// reach writes the condition that a row of t, under the alias, belongs to p. Any
// of the ways suffices. It writes 1 = 0 if no way leads to p's kind.
func (s *statement) reach(l *Live, t *table, alias string, p person) {
	var ways []func()
	for _, k := range l.kinds {
		if k == p.kind && k.table == t {
			ways = append(ways, func() { s.equals(s.column(alias, k.key), k.key, p.key) })
		}
	}
	for _, link := range t.links {
		if l.leads(link, p.kind) {
			ways = append(ways, func() { s.way(l, link, alias, p) })
		}
	}
	s.anyOf(ways)
}

func (s *statement) anyOf(ways []func()) {
	switch len(ways) {
	case 0:
		s.add("1 = 0")
		return
	case 1:
		ways[0]()
		return
	}
	for i, w := range ways {
		s.add([]string{" OR ", "("}[b2i(i == 0)])
		w()
	}
	s.add(")")
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// leads reports whether a link ends, directly or further on, at the kind.
func (l *Live) leads(link *link, k *kind) bool {
	if link.to == k.table {
		return true
	}
	for _, next := range link.to.links {
		if l.leads(next, k) {
			return true
		}
	}
	return false
}

// equals compares a column with the text of a key; the argument has the column's
// own type, so that an index serves.
func (s *statement) equals(expr string, c *catalog.Column, key string) {
	v, err := argument(c, key)
	if err != nil {
		s.add("1 = 0")
		return
	}
	s.add(expr+" = ?", v)
}

// way writes the condition of one link.
func (s *statement) way(l *Live, link *link, alias string, p person) {
	s.add("(")
	s.constants(link, alias)
	if link.to == p.kind.table && link.toCol == p.kind.key {
		s.holds(link, alias, func() { s.add("?", p.key) }, p.key)
		s.add(")")
		return
	}
	inner := alias + "x"
	target := s.column(inner, link.toCol)
	switch {
	case link.array:
		s.add("EXISTS (SELECT 1 FROM " + s.table(link.to.live.Name) + " " + inner + " WHERE ")
		s.holds(link, alias, func() { s.add(s.text(target)) }, "")
		s.add(" AND ")
	default:
		on := s.value(link, alias)
		if link.names != nil || !comparable(link.on, link.toCol) {
			if link.names == nil {
				on = s.text(on)
			}
			target = s.text(target)
		}
		s.add(on + " IN (SELECT " + target + " FROM " + s.table(link.to.live.Name) + " " + inner + " WHERE ")
	}
	s.reach(l, link.to, inner, p)
	s.add("))")
}

// comparable reports whether the engines compare the columns without a cast.
func comparable(a, b *catalog.Column) bool {
	return a.Class == b.Class
}

func (s *statement) constants(link *link, alias string) {
	for _, w := range link.where {
		s.add(s.column(alias, w.col)+" = ? AND ", w.value)
	}
}

// value is the expression of what a link holds, without arrays: the column, or the
// text at the path in its document.
func (s *statement) value(link *link, alias string) string {
	expr := s.column(alias, link.on)
	if link.names == nil {
		return expr
	}
	switch s.dialect {
	case "postgres":
		return "(CAST(" + expr + " AS jsonb) #>> '{" + strings.Join(link.names, ",") + "}')"
	case "mysql":
		return "JSON_UNQUOTE(JSON_EXTRACT(" + expr + ", '$." + strings.Join(link.names, ".") + "'))"
	}
	return "CAST(json_extract(CASE WHEN json_valid(" + expr + ") THEN " + expr + " END, '$." + strings.Join(link.names, ".") + "') AS TEXT)"
}

// holds writes that a link holds a key: given as text by the function, and as such
// in literal if it is a parameter.
func (s *statement) holds(link *link, alias string, key func(), literal string) {
	expr := s.column(alias, link.on)
	switch {
	case !link.array && link.names == nil && literal != "":
		s.equals(expr, link.on, literal)
	case !link.array:
		s.add(s.value(link, alias) + " = ")
		key()
	case link.on.Class == catalog.Array:
		s.add("CAST(")
		key()
		s.add(" AS " + link.on.Element + ") = ANY(" + expr + ")")
	default:
		s.inDocument(link, expr, key)
	}
}

// inDocument writes that a JSON array holds a key, as a string or as a number.
func (s *statement) inDocument(link *link, expr string, key func()) {
	at := "$"
	if link.names != nil {
		at = "$." + strings.Join(link.names, ".")
	}
	switch s.dialect {
	case "postgres":
		doc := "CAST(" + expr + " AS jsonb)"
		if link.names != nil {
			doc = "(" + doc + " #> '{" + strings.Join(link.names, ",") + "}')"
		}
		s.add("EXISTS (SELECT 1 FROM jsonb_array_elements_text(CASE jsonb_typeof(" + doc + ") WHEN 'array' THEN " + doc + " ELSE '[]' END) j(v) WHERE j.v = ")
		key()
		s.add(")")
	case "mysql":
		s.add("(JSON_CONTAINS(" + expr + ", JSON_QUOTE(")
		key()
		s.add("), '" + at + "')")
		if link.toCol.Class == catalog.Int {
			s.add(" OR JSON_CONTAINS(" + expr + ", ")
			key()
			s.add(", '" + at + "')")
		}
		s.add(")")
	default:
		s.add("EXISTS (SELECT 1 FROM json_each(CASE WHEN json_valid(" + expr + ") THEN " + expr + " ELSE '[]' END, '" + at + "') j WHERE CAST(j.value AS TEXT) = ")
		key()
		s.add(")")
	}
}

// ways returns every sequence of links that leads from rows of t to a kind.
func (l *Live) ways(t *table, k *kind) [][]*link {
	var out [][]*link
	if k.table == t {
		out = append(out, nil)
	}
	for _, first := range t.links {
		if first.to == k.table && first.toCol == k.key {
			out = append(out, []*link{first})
			continue
		}
		for _, rest := range l.ways(first.to, k) {
			out = append(out, append([]*link{first}, rest...))
		}
	}
	return out
}

// join writes FROM with the joins of a way, and returns the expression of the
// subject's key.
func (s *statement) join(t *table, way []*link, k *kind) (from, key string, where []func()) {
	from = s.table(t.live.Name) + " t0"
	alias := "t0"
	for i, link := range way {
		prev := alias
		if n := len(link.where); n > 0 {
			where = append(where, func() { s.constants(link, prev); s.add("1 = 1") })
		}
		if i == len(way)-1 && link.toCol == k.key && !link.array {
			return from, s.value(link, alias), where
		}
		alias = "t" + strconv.Itoa(i+1)
		sub := &statement{dialect: s.dialect, schema: s.schema}
		target := sub.column(alias, link.toCol)
		switch {
		case link.array:
			sub.holds(link, prev, func() { sub.add(sub.text(target)) }, "")
		case link.names != nil:
			sub.add(sub.value(link, prev) + " = " + sub.text(target))
		case comparable(link.on, link.toCol):
			sub.add(sub.value(link, prev) + " = " + target)
		default:
			sub.add(sub.text(sub.value(link, prev)) + " = " + sub.text(target))
		}
		from += " JOIN " + s.table(link.to.live.Name) + " " + alias + " ON " + sub.String()
	}
	return from, s.column(alias, k.key), where
}

// literal writes a constant of the map, which [argument] has checked, as SQL text.
func literal(v any) string {
	switch x := v.(type) {
	case int64:
		return strconv.FormatInt(x, 10)
	case bool:
		return strings.ToUpper(strconv.FormatBool(x))
	}
	return "'" + strings.ReplaceAll(textOf(v), "'", "''") + "'"
}
