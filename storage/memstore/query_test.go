package memstore_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// grid has several indexes that compete to serve a Select.
var grid = &storage.Table{
	Name: "gdpr_grid",
	Columns: []storage.Column{
		{Name: "a", Kind: storage.Text, Size: 10},
		{Name: "b", Kind: storage.Int},
		{Name: "c", Kind: storage.Bytes, Size: 10, Null: true},
		{Name: "d", Kind: storage.Int},
	},
	Key:    []string{"a", "b"},
	Unique: [][]string{{"d", "c"}},
	Index:  [][]string{{"b"}, {"c", "a"}, {"d"}},
}

type cell struct {
	a    string
	b, d int64
	c    []byte
}

var (
	putCell    = &storage.Write{Verb: storage.InsertNew, Table: grid, Set: []string{"a", "b", "c", "d"}}
	moveCell   = &storage.Write{Verb: storage.Update, Table: grid, Set: []string{"c"}, Where: storage.By("a")}
	deleteCell = &storage.Write{Verb: storage.Delete, Table: grid, Where: []storage.Term{{Column: "b", Cmp: storage.Lt}, {Column: "d", Cmp: storage.Eq}}}
)

func drawCell(t *rapid.T) cell {
	c := cell{
		a: rapid.SampledFrom([]string{"", "x", "X", "xy", "y"}).Draw(t, "a"),
		b: rapid.Int64Range(-2, 3).Draw(t, "b"), d: rapid.Int64Range(0, 3).Draw(t, "d"),
	}
	if i := rapid.IntRange(0, 4).Draw(t, "c"); i > 0 {
		c.c = []byte("pqr")[:i-1]
	}
	return c
}

func (x cell) compare(y cell, column string) int {
	switch column {
	case "a":
		return strings.Compare(x.a, y.a)
	case "b":
		return cmp.Compare(x.b, y.b)
	case "c":
		return strings.Compare(string(x.c), string(y.c))
	}
	return cmp.Compare(x.d, y.d)
}

func (x cell) arg(column string) any {
	switch column {
	case "a":
		return x.a
	case "b":
		return x.b
	case "c":
		return append([]byte{}, x.c...)
	}
	return x.d
}

// holds says whether "x.column op y.column", as SQL does: never for nil.
func (x cell) holds(term storage.Term, y cell) bool {
	if term.Column == "c" && x.c == nil {
		return false
	}
	c := x.compare(y, term.Column)
	return [...]bool{c == 0, c != 0, c < 0, c <= 0, c > 0, c >= 0}[term.Cmp]
}

func matching(model []cell, where []storage.Term, by cell) []cell {
	return slices.DeleteFunc(slices.Clone(model), func(x cell) bool {
		return slices.ContainsFunc(where, func(term storage.Term) bool { return !x.holds(term, by) })
	})
}

func args(where []storage.Term, by cell) (out []any) {
	for _, term := range where {
		out = append(out, by.arg(term.Column))
	}
	return out
}

// fillGrid makes random changes to a store and to a model of it.
func fillGrid(t *rapid.T, s storage.Store) (model []cell) {
	for range rapid.IntRange(0, 60).Draw(t, "changes") {
		x := drawCell(t)
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			n, err := s.Apply(context.Background(), deleteCell.With(x.b, x.d))
			require.NoError(t, err)
			before := len(model)
			model = slices.DeleteFunc(model, func(y cell) bool { return y.b < x.b && y.d == x.d })
			require.EqualValues(t, before-len(model), n[0])
		case 1: // to nil, which meets no constraint
			_, err := s.Apply(context.Background(), moveCell.With(nil, x.a))
			require.NoError(t, err)
			for i := range model {
				if model[i].a == x.a {
					model[i].c = nil
				}
			}
		default:
			met := slices.ContainsFunc(model, func(y cell) bool {
				return x.a == y.a && x.b == y.b || x.d == y.d && x.c != nil && y.c != nil && string(x.c) == string(y.c)
			})
			n, err := s.Apply(context.Background(), putCell.With(x.a, x.b, x.c, x.d))
			require.NoError(t, err)
			require.Equal(t, met, n[0] == 0)
			if !met {
				model = append(model, x)
			}
		}
	}
	return model
}

// Whatever tree serves it, a Select gives the rows that a plain filter and sort give.
func TestSelectsAgreeWithAModel(t *testing.T) {
	columns := []string{"a", "b", "c", "d"}
	rapid.Check(t, func(t *rapid.T) {
		db := memstore.New(nil)
		other := db.Tenant("other")
		fillGrid(t, other)
		s := db.Tenant("acme")
		model := fillGrid(t, s)
		for range 5 {
			sel := &storage.Select{From: grid, Columns: columns, Desc: rapid.Bool().Draw(t, "desc"), Limit: rapid.IntRange(0, 6).Draw(t, "limit")}
			for range rapid.IntRange(0, 3).Draw(t, "terms") {
				sel.Where = append(sel.Where, storage.Term{Column: rapid.SampledFrom(columns).Draw(t, "column"), Cmp: storage.Cmp(rapid.IntRange(0, 5).Draw(t, "cmp"))})
			}
			sel.Order = append(rapid.SampledFrom([][]string{nil, {"d"}, {"b"}, {"d", "b"}}).Draw(t, "order"), "a", "b")
			by := drawCell(t)
			want := matching(model, sel.Where, by)
			slices.SortFunc(want, func(x, y cell) int {
				for _, col := range sel.Order {
					if c := x.compare(y, col); c != 0 {
						return c * (1 - 2*map[bool]int{true: 1}[sel.Desc])
					}
				}
				return 0
			})
			var n int
			require.NoError(t, s.Get(context.Background(), &storage.Select{From: grid, Columns: []string{storage.Count}, Where: sel.Where}, args(sel.Where, by), &n))
			require.Equal(t, len(want), n)
			if sel.Limit > 0 {
				want = want[:min(len(want), sel.Limit)]
			}
			var got []cell
			for row, err := range s.Scan(context.Background(), sel, args(sel.Where, by)) {
				var x cell
				require.NoError(t, errors.Join(err, row.Scan(&x.a, &x.b, &x.c, &x.d)))
				got = append(got, x)
			}
			require.Equal(t, len(want), len(got))
			for i := range got {
				require.Equal(t, want[i], got[i])
			}
		}
	})
}
