package datamap

import (
	"cmp"
	"context"
	"crypto/sha256"
	"iter"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/datamap/internal/shape"
)

// Proposal says that two subjects may be one person. Nothing is merged: that is
// for a person to confirm.
type Proposal struct {
	A, B    string   // subject keys, A before B
	Score   float64  // 0 to 1
	Reasons []string // for example "email"; never a value
}

// Duplicates proposes subjects that share an e-mail address, a phone number, or
// name and birth date, within a kind and across kinds (a lead and the contact it
// became). It keeps a hash of each such value in memory, about 100 bytes for each,
// and yields the best proposals first. A value that more than ten subjects share,
// such as the number of a switchboard, proposes nothing.
func (l *Live) Duplicates(ctx context.Context) iter.Seq2[Proposal, error] {
	return func(yield func(Proposal, error) bool) {
		d := &doubles{finder: finder{Live: l, ctx: ctx}, values: make(map[[16]byte][]string)}
		d.scalars(Email, shape.Email)
		d.scalars(Phone, shape.Phone)
		d.births()
		if d.err != nil {
			yield(Proposal{}, d.err)
			return
		}
		for _, p := range d.proposals() {
			if !yield(p, nil) {
				return
			}
		}
	}
}

const crowd = 10

type doubles struct {
	finder
	values map[[16]byte][]string // subjects by the hash of kind and value
	kindOf map[[16]byte]string
}

func (d *doubles) put(what, value, subject string) {
	sum := sha256.Sum256([]byte(what + "\x00" + value))
	key := [16]byte(sum[:16])
	if d.kindOf == nil {
		d.kindOf = make(map[[16]byte]string)
	}
	d.kindOf[key] = what
	if list := d.values[key]; len(list) <= crowd && !slices.Contains(list, subject) {
		d.values[key] = append(list, subject)
	}
}

func (d *doubles) scalars(is Meaning, normal func(string) string) {
	d.meaning(is, func(t *table, c *column, p *part) {
		d.rows(t, []*column{c}, func(s *statement) { s.add(s.column("t0", c.Column) + " IS NOT NULL") }, func(subject string, v []any) {
			for _, text := range texts(p, textOf(v[0])) {
				if n := normal(text); n != "" {
					d.put(string(is), n, subject)
				}
			}
		})
	})
}

func (d *doubles) births() {
	for _, t := range d.sorted() {
		cols, dob := t.naming()
		if len(cols) == 0 || dob == nil {
			continue
		}
		d.rows(t, append(slices.Clone(cols), dob), func(s *statement) { s.add(s.column("t0", dob.Column) + " IS NOT NULL") }, func(subject string, v []any) {
			if name := shape.Name(joined(v[:len(cols)])); name != "" {
				d.put("name and birth date", name+"\x00"+dateText(v[len(cols)]), subject)
			}
		})
	}
}

// dateText is the civil date of a cell.
func dateText(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case time.Time:
		return x.Format(time.DateOnly)
	}
	s := textOf(v)
	return s[:min(len(s), len(time.DateOnly))]
}

func (d *doubles) proposals() []Proposal {
	scores := map[string]float64{string(Email): scoreEmail, string(Phone): scorePhone, "name and birth date": scoreBirth + scoreName}
	pairs := make(map[[2]string]*Proposal)
	for key, subjects := range d.values {
		if len(subjects) < 2 || len(subjects) > crowd {
			continue
		}
		slices.Sort(subjects)
		for i, a := range subjects {
			for _, b := range subjects[i+1:] {
				p := pairs[[2]string{a, b}]
				if p == nil {
					p = &Proposal{A: a, B: b}
					pairs[[2]string{a, b}] = p
				}
				if what := d.kindOf[key]; !slices.Contains(p.Reasons, what) {
					p.Score = min(1, p.Score+scores[what])
					p.Reasons = append(p.Reasons, what)
				}
			}
		}
	}
	out := make([]Proposal, 0, len(pairs))
	for _, p := range pairs {
		slices.Sort(p.Reasons)
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Proposal) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B))
	})
	return out
}
