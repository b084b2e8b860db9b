package storetest

import (
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/storage"
)

// alike are strings that a collation would take for the same, or sort otherwise
// than by their bytes. They stand in the order of their bytes.
var alike = slices.Sorted(slices.Values([]string{
	" a", "10", "9", "A", "B", "STRASSE", "Z", "a", "a ", "a  ", "a\t", "a-b", "aB", "ab", "ae",
	"cafe\u0301", "caf\u00e9", "i", "strasse", "straße", "z", "\u00e4", "\u00e6", "\u0130", "\u0131",
	"\u03a3", "\u03c2", "\u03c3", "\ufb01", "\ufffd", "\U0001f600", "\U0001f601",
}))

var nasty = []string{
	"", " ", "'", `"`, "`", `\`, `\0`, `\'`, "%", "_", "?", "$1", ":a", "{now}", "--", "/*", ";", "\n", "\r\n", "\t", "\x01", "\x7f",
	"null", "NULL", "0", "Ĳsselmeer", "שלום", "\u202e", "\u200b", "\ufeff", "👩‍👩‍👧", "𝒳", strings.Repeat("ß", 5000),
}

var (
	textOrder = &storage.Select{From: rows, Columns: []string{"id", "num"}, Where: storage.By("part"), Order: []string{"id"}}
	textLess  = &storage.Select{From: rows, Columns: []string{storage.Count}, Where: []storage.Term{{Column: "part"}, {Column: "id", Cmp: storage.Lt}}}
	textAbove = &storage.Select{From: rows, Columns: []string{storage.Count}, Where: []storage.Term{{Column: "part"}, {Column: "txt", Cmp: storage.Ge}}}

	addUnique = &storage.Write{Verb: storage.Insert, Table: uniques, Set: []string{"id", "name", "mark"}}
	newUnique = &storage.Write{Verb: storage.InsertNew, Table: uniques, Set: []string{"id", "name", "mark"}}
	uniqueBy  = &storage.Select{From: uniques, Columns: []string{"id"}, Where: storage.By("name")}
)

var textCases = []testCase{
	{"text/keys that a collation takes for the same are different", func(e *env) {
		for i, id := range alike {
			e.row(e.ctx, id, int64(i))
		}
		for i, id := range alike {
			e.eq(e.num(e.ctx, id), int64(i), "row of key "+id)
			e.eq(e.get(e.s, "p", id).id, id, "key as it was written")
		}
		e.eq(e.num(e.ctx, "AB"), int64(-1), "row of a key that was not written")
		e.eq(e.num(e.ctx, "ab "), int64(-1), "row of a key with a space more")
	}},
	{"text/unique constraints compare bytes", func(e *env) {
		for i, name := range alike {
			_, err := e.s.Apply(e.ctx, addUnique.With(i, name, nil))
			e.ok(err)
		}
		for i, name := range alike {
			var id int
			e.ok(e.s.Get(e.ctx, uniqueBy, []any{name}, &id))
			e.eq(id, i, "row of name "+name)
		}
	}},
	{"text/sorts and compares by bytes", func(e *env) {
		for i := range alike {
			id := alike[(i*7)%len(alike)]
			e.apply(e.ctx, insertRow.With("p", id, 0, id, nil, []byte{}))
		}
		e.eq(e.ids(e.ctx, textOrder, "p"), alike, "order of the keys")
		for i, s := range alike {
			var less, above int
			e.ok(e.s.Get(e.ctx, textLess, []any{"p", s}, &less))
			e.ok(e.s.Get(e.ctx, textAbove, []any{"p", s}, &above))
			e.eq([]int{less, above}, []int{i, len(alike) - i}, "keys below and texts from "+s)
		}
	}},
	{"text/comes back as it was", func(e *env) {
		for i, s := range nasty {
			id := string(rune('A' + i))
			e.apply(e.ctx, insertRow.With("p", id, i, s, nil, []byte{}))
			e.eq(e.get(e.s, "p", id).txt, s, "text")
		}
		for _, s := range nasty[:len(nasty)-1] {
			e.apply(e.ctx, insertRow.With("q", s, 0, "", nil, []byte{}))
			e.eq(e.get(e.s, "q", s).id, s, "key")
		}
	}},
	{"text/what no engine can keep is refused", func(e *env) {
		for _, s := range []string{"a\x00b", "\x00", "a\xff", "\xc0\xaf", "\xed\xa0\x80"} {
			for _, op := range []storage.Op{
				insertRow.With("p", "a", 1, s, nil, []byte{}),
				insertRow.With("p", s, 1, "", nil, []byte{}),
				setPart.With(s, "p"),
			} {
				_, err := e.s.Apply(e.ctx, op)
				e.invalid(err)
			}
		}
		e.eq(e.count(e.ctx), 0, "rows")
	}},
	{"text/too long is refused, never cut", func(e *env) {
		long := strings.Repeat("é", 32) // 64 bytes
		e.row(e.ctx, long, 1)
		e.eq(e.num(e.ctx, long), int64(1), "row with a key of the full size")
		_, err := e.s.Apply(e.ctx, insertRow.With("p", long+"x", 1, "", nil, []byte{}))
		e.invalid(err)
		_, err = e.s.Apply(e.ctx, newUnique.With(1, strings.Repeat("x", 101), nil))
		e.invalid(err)
		e.eq(e.count(e.ctx), 1, "rows")
		e.eq(e.num(e.ctx, long+"x"), int64(-1), "a comparison with a longer text finds nothing")
	}},
}
