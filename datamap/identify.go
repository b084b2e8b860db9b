package datamap

import (
	"context"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/datamap/internal/jsonpath"
	"github.com/gdprkit/gdprkit/datamap/internal/shape"
	"github.com/gdprkit/gdprkit/gdpr"
)

// Clue is what somebody who asks has said of themselves. What is given counts
// together: the more of it agrees, the higher the score.
type Clue struct {
	Email     string
	Phone     string // at least eight digits, in any notation
	Name      string // given and family name in any order
	BirthDate string // YYYY-MM-DD; counts only with Name
}

// Match is a subject that may be meant. It is a proposal: identity is verified by
// the desk.
type Match struct {
	Subject string
	Score   float64  // 0 to 1
	Reasons []string // for example "email: contact.email"; never a value
}

// Scores of one kind of agreement; several add up to at most 1.
const (
	scoreEmail = 0.7
	scorePhone = 0.4
	scoreBirth = 0.5 // name and birth date
	scoreName  = 0.2
)

// MaxMatches is the largest number of subjects that one [Live.Identify] returns.
const MaxMatches = 100

// Identify finds the subjects to which a clue fits, in all kinds, also by addresses
// in linked tables and inside JSON documents, and also among soft-deleted rows. The
// best come first, at most MaxMatches. A clue without e-mail, phone and name, or whose
// phone has too few digits, is refused by an error that wraps gdpr.ErrInvalid.
func (l *Live) Identify(ctx context.Context, c Clue) ([]Match, error) {
	if c.Email == "" && c.Phone == "" && c.Name == "" {
		return nil, gdpr.Invalid("Clue", "has neither e-mail, phone nor name")
	}
	f := &finder{Live: l, ctx: ctx, found: make(map[string]*Match)}
	if c.Email != "" {
		f.cells(Email, scoreEmail, c.Email, shape.Email)
	}
	if c.Phone != "" {
		if shape.Phone(c.Phone) == "" {
			return nil, gdpr.Invalid("Clue.Phone", "has fewer than eight digits")
		}
		f.cells(Phone, scorePhone, c.Phone, shape.Phone)
	}
	if c.Name != "" {
		f.names(shape.Name(c.Name), c.BirthDate)
	}
	if f.err != nil {
		return nil, f.err
	}
	out := make([]Match, 0, len(f.found))
	for _, m := range f.found {
		m.Score = min(m.Score, 1)
		slices.Sort(m.Reasons)
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b Match) int {
		if a.Score != b.Score {
			return b2i(a.Score < b.Score)*2 - 1
		}
		return strings.Compare(a.Subject, b.Subject)
	})
	return out[:min(len(out), MaxMatches)], nil
}

type finder struct {
	*Live
	ctx   context.Context
	found map[string]*Match
	err   error
}

func (f *finder) add(subject string, score float64, reason string) {
	m := f.found[subject]
	if m == nil {
		m = &Match{Subject: subject}
		f.found[subject] = m
	}
	kind, _, _ := strings.Cut(reason, ":")
	if !slices.ContainsFunc(m.Reasons, func(r string) bool { return strings.HasPrefix(r, kind+":") }) {
		m.Score += score
	}
	if !slices.Contains(m.Reasons, reason) {
		m.Reasons = append(m.Reasons, reason)
	}
}

// meaning calls use with every described part of that meaning.
func (l *Live) meaning(is Meaning, use func(t *table, c *column, p *part)) {
	for _, t := range l.sorted() {
		for _, c := range t.cols {
			for _, p := range c.parts {
				if p.Is == is {
					use(t, c, p)
				}
			}
		}
	}
}

// cells looks for a value that is the same in its normal form.
func (f *finder) cells(is Meaning, score float64, value string, normal func(string) string) {
	want := normal(value)
	f.meaning(is, func(t *table, c *column, p *part) {
		f.rows(t, []*column{c}, func(s *statement) { s.like(is, c.Column, want) }, func(subject string, v []any) {
			if f.has(c, p, v[0], normal, want) {
				f.add(subject, score, string(is)+": "+t.name+"."+c.Name)
			}
		})
	})
}

// like narrows the rows in SQL; what it lets through is compared again.
func (s *statement) like(is Meaning, c *catalog.Column, want string) {
	expr := s.column("t0", c)
	if c.Class != catalog.Text {
		expr = s.text(expr)
	}
	if is == Phone {
		for _, sep := range []string{" ", "-", "(", ")", ".", "/"} {
			expr = "REPLACE(" + expr + ", '" + sep + "', '')"
		}
		s.add(expr+" LIKE ?", "%"+want)
		if c.Class == catalog.JSON {
			s.args[len(s.args)-1] = "%" + want + "%"
		}
		return
	}
	esc := strings.NewReplacer(`!`, `!!`, `%`, `!%`, `_`, `!_`).Replace(want)
	s.add("LOWER("+expr+") LIKE ? ESCAPE '!'", "%"+esc+"%")
}

// has reports whether a cell holds the value.
func (f *finder) has(c *column, p *part, v any, normal func(string) string, want string) bool {
	if v == nil {
		return false
	}
	for _, s := range texts(p, textOf(v)) {
		if normal(s) == want {
			return true
		}
	}
	return false
}

// texts returns the text of a cell, or what its path selects.
func texts(p *part, cell string) []string {
	if p.JSON == "" {
		return []string{cell}
	}
	vals, err := jsonpath.Select([]byte(cell), p.path)
	if err != nil {
		return nil
	}
	out := make([]string, len(vals))
	for i, v := range vals {
		out[i] = jsonpath.Text(v)
	}
	return out
}

// rows reads cells of the rows that meet a condition, with the subject of each.
func (f *finder) rows(t *table, cols []*column, where func(*statement), use func(subject string, v []any)) {
	for _, k := range f.kinds {
		for _, way := range f.ways(t, k) {
			if f.err != nil {
				return
			}
			s := f.statement()
			from, key, more := s.join(t, way, k)
			s.add("SELECT " + key + ", " + list(cols, func(c *column) string { return s.column("t0", c.Column) }) + " FROM " + from + " WHERE ")
			where(s)
			for _, w := range more {
				s.add(" AND ")
				w()
			}
			f.err = f.query(f.ctx, s, 1+len(cols), func(v []any) error {
				if v[0] != nil {
					use(k.prefix+plainText(k.key, v[0]), v[1:])
				}
				return nil
			})
		}
	}
}

// names looks for persons by name: the words of the name columns, in any order.
func (f *finder) names(want, birth string) {
	words := strings.Fields(want)
	if len(words) == 0 {
		return
	}
	slices.Sort(words)
	for _, t := range f.sorted() {
		cols, dob := t.naming()
		if len(cols) == 0 {
			continue
		}
		read := cols
		if dob != nil {
			read = append(slices.Clone(cols), dob)
		}
		where := func(s *statement) { s.add("1 = 1") } // accents and order differ: compared below
		f.rows(t, read, where, func(subject string, v []any) {
			got := strings.Fields(shape.Name(joined(v[:len(cols)])))
			slices.Sort(got)
			if !slices.Equal(got, words) {
				return
			}
			if birth != "" && dob != nil && dateText(v[len(cols)]) == birth {
				f.add(subject, scoreBirth, "birth_date: "+t.name+"."+dob.Name)
			}
			f.add(subject, scoreName, "name: "+t.name)
		})
	}
}

// naming returns the columns with the name, and that with the birth date.
func (t *table) naming() (cols []*column, dob *column) {
	for _, c := range t.cols {
		for _, p := range c.parts {
			switch {
			case p.JSON != "":
			case p.Is == FullName:
				return []*column{c}, t.birth()
			case p.Is == GivenName, p.Is == FamilyName:
				cols = append(cols, c)
			}
		}
	}
	return cols, t.birth()
}

func (t *table) birth() *column {
	for _, c := range t.cols {
		if slices.ContainsFunc(c.parts, func(p *part) bool { return p.Is == BirthDate && p.JSON == "" }) {
			return c
		}
	}
	return nil
}

func joined(v []any) string {
	var b strings.Builder
	for _, x := range v {
		if x != nil {
			b.WriteString(textOf(x) + " ")
		}
	}
	return b.String()
}
