package sqltest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/dsar"
	suite "github.com/gdprkit/gdprkit/internal/datamaptest"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// What does not fit the live schema is refused with its line before a row is
// touched.
func TestDatamapRefusals(t *testing.T) {
	For(t, sqlstore.SQLite, func(t *testing.T, e *Engine) {
		c := openCRM(t, e)
		c.exec("CREATE TABLE a1 (id INTEGER PRIMARY KEY, b INTEGER NOT NULL REFERENCES b1 (id), who VARCHAR(36) REFERENCES people (id))")
		c.exec("CREATE TABLE b1 (id INTEGER PRIMARY KEY, a INTEGER NOT NULL REFERENCES a1 (id), who VARCHAR(36) REFERENCES people (id))")
		c.exec("CREATE TABLE two (id INTEGER PRIMARY KEY, who VARCHAR(36) REFERENCES people (id), other VARCHAR(36) REFERENCES people (id))")
		c.exec("CREATE TABLE keyless (who VARCHAR(36) REFERENCES people (id), word TEXT)")
		before := c.all()
		add := func(yaml string) [2]string { return [2]string{"locations:\n", yaml + "locations:\n"} }
		for name, x := range map[string]struct {
			change [2]string
			want   string
		}{
			"missing table":           {add("  nothing: {via: [x > people.id]}\n"), "nothing: table is not in the live schema"},
			"missing column":          {[2]string{"{name: remarks,", "{name: remarkz,"}, "line 23:9: people.remarkz: column is not in the live table"},
			"ambiguous path":          {add("  two: {}\n"), "two.other who: ambiguous path to a subject: 2 foreign keys lead to mapped tables"},
			"no path":                 {add("  countries: {}\n"), "countries: no way to a subject"},
			"cycle of foreign keys":   {add("  a1: {via: [who]}\n  b1: {via: [who]}\n"), "foreign keys form a cycle (a1, b1"},
			"cycle of links":          {add("  a1: {via: [b > b1.id]}\n  b1: {via: [a > a1.id]}\n"), "links form a cycle"},
			"no key":                  {add("  keyless: {}\n"), "keyless: table has no primary key"},
			"key that is none":        {add("  keyless: {key: [word]}\n"), "neither primary key nor unique"},
			"nullify NOT NULL":        {[2]string{"{name: given_name, is: given_name}", "{name: given_name, erase: nullify}"}, "people.given_name: column does not allow NULL"},
			"fixed too long":          {[2]string{"{name: given_name, is: given_name}", "{name: given_name, erase: {do: fixed, value: " + strings.Repeat("x", 41) + "}}"}, "more than 40 characters"},
			"fixed of another type":   {[2]string{"{name: [started_at, duration_s]}", "{name: duration_s, erase: {do: fixed, value: long}}"}, "calls.duration_s: fixed value is not a whole number"},
			"year of no date":         {[2]string{"{name: [started_at, duration_s]}", "{name: duration_s, erase: year}"}, "year needs a date"},
			"random of a date":        {[2]string{"erase: year}\n      - {name: postcode", "erase: random}\n      - {name: postcode"}, "random needs text"},
			"NOT NULL number unsaid":  {[2]string{"  calls:\n", "  calls:\n    erase: in_place\n"}, "calls.duration_s: column of type INTEGER allows no NULL; say what an erasure does to it"},
			"masked key":              {[2]string{"{name: given_name, is: given_name}", "{name: id, erase: random}"}, "people.id: key column cannot be changed"},
			"detach NOT NULL":         {[2]string{"  people_audit:\n", "  people_audit:\n    erase: detach\n"}, "detach needs a link column that allows NULL"},
			"unknown callback":        {[2]string{"call: uploads", "call: downloads"}, `Options.Outside["downloads"] with Holds and Erase is missing`},
			"special and unsealed":    {[2]string{"{name: remarks,", "{name: remarks, sensitivity: A9,"}, "people.remarks: column of sensitivity A9 is not sealed"},
			"element without array":   {[2]string{"{name: remarks,", "{name: remarks, erase: remove_element,"}, "remove_element needs a link"},
			"date that is none":       {[2]string{"created: created_at", "created: restricted_blob"}, "people.restricted_blob: column is not in the live table"},
			"maximum without a link":  {[2]string{"last_call: {max: calls.started_at}", "last_call: {max: staff.hired_on}"}, "no link of staff leads here"},
			"constant of wrong type":  {[2]string{"where: {owner_type: People}", "where: {deleted: People}"}, "constant is not a whole number"},
			"mark that cannot lift":   {[2]string{"restrict: {column: restricted, value: 1}", "restrict: {column: restricted, value: 7}"}, "so that it can be lifted"},
			"restriction of no value": {[2]string{"restrict: {column: restricted, value: 1}", "restrict: {column: restricted}"}, "needs the value"},
		} {
			if got := c.refused(x.change[0], x.change[1]); !strings.Contains(got, x.want) {
				t.Errorf("%s: %s", name, got)
			}
		}
		_, err := datamap.Parse([]byte(strings.Replace(suite.Map, "{name: remarks,", "{name: remarks, sensitivity: A9, sealed: true,", 1)))
		require.NoError(t, err)

		wrong := strings.NewReplacer("{name: remarks,", "{name: remarkz,", "{name: given_name,", "{name: given_nam,", "on: parent_id, to: people.id", "on: parent_it, to: people.id",
			"created: created_at", "created: created_on", "restrict: {column: restricted,", "restrict: {column: restrictet,",
			"locations:\n", "  nothing: {via: [x > people.id]}\nlocations:\n").Replace(suite.Map)
		m, err := datamap.Parse([]byte(wrong))
		require.NoError(t, err)
		_, err = datamap.Open(t.Context(), c.db, m, c.options(time.Now()))
		for _, name := range []string{"nothing: table is not in the live schema", "people.remarkz: column", "people.given_nam: column", "calls.parent_it: column", "people.created_on: column", "people.restrictet: column"} {
			require.Equal(t, 1, strings.Count(err.Error(), name), "%s once in %v", name, err)
		}

		for _, it := range []dsar.Item{
			{Table: "people; DROP TABLE people", Key: "1", Action: dsar.ActErase}, {Table: "people", Key: "1", Action: dsar.ActKeep},
			{Table: "people", Key: alice[7:], Action: dsar.ActMask, Fields: []string{"nothing"}}, {Table: "people", Key: alice[7:], Action: dsar.ActMask, Fields: []string{"id"}},
		} {
			_, err := c.source.Erase(t.Context(), alice, []dsar.Item{it})
			require.ErrorIs(t, err, datamap.ErrItem)
		}
		r, err := c.source.Erase(t.Context(), alice, []dsar.Item{{Table: "people", Key: bob[7:], Action: dsar.ActErase}, {Table: "calls", Key: "' OR 1=1", Action: dsar.ActErase}})
		require.NoError(t, err)
		require.Equal(t, []dsar.Result{{Outcome: dsar.NotHeld}, {Outcome: dsar.NotHeld}}, r, "another's row is not hers")
		_, err = c.source.Erase(t.Context(), "nobody:1", nil)
		require.ErrorIs(t, err, datamap.ErrSubject)
		for _, subject := range []string{"staff:x", "staff:01", "nobody:1", "person:' OR 1=1 --"} {
			require.Empty(t, collect(t, c.source, subject, dsar.Scope{}), subject)
		}
		_, err = c.live.Identify(t.Context(), datamap.Clue{})
		require.Error(t, err)
		require.Equal(t, before, c.all(), "nothing was touched")

		r, err = c.source.Erase(t.Context(), alice, []dsar.Item{{Table: "people", Key: alice[7:], Action: dsar.ActMask, Fields: []string{"birth_date"}}})
		require.NoError(t, err)
		require.Equal(t, dsar.Masked, r[0].Outcome)
		require.Equal(t, "ALICE", c.one("SELECT given_name FROM people WHERE id = ?", alice[7:]), "only the field named")
	})
}

// However much a person has, collecting it takes no more memory.
func TestDatamapCollectsInConstantMemory(t *testing.T) {
	For(t, sqlstore.SQLite, func(t *testing.T, e *Engine) {
		c := openCRM(t, e)
		for i := range 20 { // 10 000 rows of 2.5 KB
			var rows []string
			for j := range 500 {
				rows = append(rows, fmt.Sprintf("('%s', 'People', '%s', '%s', '2026-02-03 04:05:06', 1)", suite.UUID('f', i*500+j), frank[7:], strings.Repeat("x", 2500)))
			}
			c.exec("INSERT INTO calls VALUES " + strings.Join(rows, ", "))
		}
		heap := func() uint64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		start, most, n := heap(), uint64(0), 0
		for _, err := range c.source.Collect(t.Context(), frank, dsar.Scope{Categories: []string{"calls"}}) {
			require.NoError(t, err)
			if n++; n%2000 == 0 {
				most = max(most, heap())
			}
		}
		require.Equal(t, 10_000, n)
		require.Less(t, int64(most)-int64(start), int64(16<<20))
	})
}
