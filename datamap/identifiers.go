package datamap

import (
	"context"
	"iter"
	"slices"

	"github.com/gdprkit/gdprkit/datamap/internal/shape"
)

// Identifier is a value by which a person is known: an e-mail address or a phone
// number, as it stands.
type Identifier struct {
	Is    Meaning // Email or Phone
	Value string
}

// Identifiers yields the addresses and numbers held about a subject, each once. An
// erasure takes them first, so that the ledger can suppress their keyed hashes and
// a later import does not bring the person back; a desk sends its codes to them.
func (l *Live) Identifiers(ctx context.Context, subject string) iter.Seq2[Identifier, error] {
	return func(yield func(Identifier, error) bool) {
		who, held, err := l.person(subject)
		if err != nil || !held {
			if err != nil {
				yield(Identifier{}, err)
			}
			return
		}
		var out []Identifier
		seen := make(map[Identifier]bool)
		f := &finder{Live: l, ctx: ctx}
		for is, normal := range map[Meaning]func(string) string{Email: shape.Email, Phone: shape.Phone} {
			l.meaning(is, func(t *table, c *column, p *part) {
				if f.err != nil {
					return
				}
				s := l.statement()
				s.add("SELECT " + s.column("t0", c.Column) + " FROM " + s.table(t.live.Name) + " t0 WHERE ")
				s.reach(l, t, "t0", who)
				f.err = l.query(ctx, s, 1, func(v []any) error {
					if v[0] == nil {
						return nil
					}
					for _, text := range texts(p, textOf(v[0])) {
						key := Identifier{is, normal(text)}
						if key.Value != "" && !seen[key] {
							seen[key] = true
							out = append(out, Identifier{is, text})
						}
					}
					return nil
				})
			})
		}
		if f.err != nil {
			yield(Identifier{}, f.err)
			return
		}
		slices.SortFunc(out, compareIdentifiers)
		for _, id := range out {
			if !yield(id, nil) {
				return
			}
		}
	}
}

func compareIdentifiers(a, b Identifier) int {
	return slices.Compare([]string{string(a.Is), a.Value}, []string{string(b.Is), b.Value})
}
