package datamap

import (
	"context"
	"iter"
	"strings"

	"github.com/gdprkit/gdprkit/dsar"
)

// location is a place outside the database as a source: it has one record, which
// says what lies there, as long as the CRM's own code says that anything does.
type location struct {
	l       *Live
	def     Location
	section *dsar.Section
}

func newLocation(l *Live, def Location) *location {
	return &location{l, def, &dsar.Section{Category: "location", Table: def.Name, Title: def.Name,
		Columns: []dsar.Column{{Name: "holds", Immutable: true}, {Name: "lifetime", Immutable: true}}}}
}

func (s *location) Name() string {
	return s.l.options.Name + "." + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, strings.ToLower(s.def.Name))
}

// Remote implements dsar.RemoteSource: a callback must not wait inside the desk's
// transaction.
func (s *location) Remote() bool { return true }

func (s *location) Sections() []*dsar.Section { return []*dsar.Section{s.section} }

func (s *location) outside() Outside { return s.l.options.Outside[s.def.Call] }

func (s *location) Collect(ctx context.Context, subject string, scope dsar.Scope) iter.Seq2[*dsar.Record, error] {
	return func(yield func(*dsar.Record, error) bool) {
		if _, held, err := s.l.person(subject); err != nil || !held || len(scope.Fields) > 0 || len(scope.Categories) > 0 {
			return
		}
		switch holds, err := s.outside().Holds(ctx, subject); {
		case err != nil:
			yield(nil, err)
		case holds:
			yield(&dsar.Record{Section: s.section, Key: s.def.Name, Values: []any{s.def.Holds, s.def.Lifetime}}, nil)
		}
	}
}

func (s *location) Erase(ctx context.Context, subject string, items []dsar.Item) ([]dsar.Result, error) {
	out := make([]dsar.Result, len(items))
	for i := range items {
		if err := s.outside().Erase(ctx, subject); err != nil {
			return nil, err
		}
		out[i].Outcome = dsar.Erased
	}
	return out, nil
}

// Unreached returns the locations that nothing erases: an answer must name them.
func (l *Live) Unreached() []Location {
	var out []Location
	for _, loc := range l.m.Locations {
		if loc.Call == "" {
			out = append(out, loc)
		}
	}
	return out
}
