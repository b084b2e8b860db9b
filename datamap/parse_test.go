package datamap_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/gdpr"
	suite "github.com/gdprkit/gdprkit/internal/datamaptest"
)

const small = `version: 1
subjects:
  customer: {table: c, key: id}
purposes: {sales: A6-1-b}
tables:
  c:
    purposes: [sales]
    columns:
      - {name: a}
      - {name: b}
  d:
    via: [c_id > c.id]
    dates: {at: made}
`

func TestParseNamesLineTableAndColumn(t *testing.T) {
	_, err := datamap.Parse([]byte(small))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		old, new string
		want     datamap.Fault // Rule is a part of the rule
	}{
		"unknown field":         {"purposes: [sales]", "purpose: [sales]", datamap.Fault{Line: 6, Table: "c", Rule: "purpose"}},
		"unknown strategy":      {"{name: b}", "{name: b, erase: shred}", datamap.Fault{Line: 10, Table: "c", Column: "b", Rule: "value must be one of"}},
		"row strategy":          {"{name: b}", "{name: b, erase: delete}", datamap.Fault{Line: 10, Table: "c", Column: "b", Rule: "unknown strategy \"delete\" for columns"}},
		"column strategy":       {"    via: [c_id", "    erase: random\n    via: [c_id", datamap.Fault{Line: 12, Table: "d", Rule: "for rows"}},
		"SQL in a column":       {"{name: b}", `{name: "b; DROP TABLE c"}`, datamap.Fault{Line: 10, Table: "c", Column: "b; DROP TABLE c", Rule: "identifier"}},
		"SQL in a table":        {"  d:", `  "d\" --":`, datamap.Fault{Line: 11, Table: `d" --`, Rule: "identifier"}},
		"SQL in a link":         {"[c_id > c.id]", `["c_id' OR 1=1 > c.id"]`, datamap.Fault{Line: 12, Table: "d", Column: "c_id' OR 1=1", Rule: "identifier"}},
		"backslash in constant": {"[c_id > c.id]", `[{on: c_id, to: c.id, where: {k: "x\\"}}]`, datamap.Fault{Line: 12, Table: "d", Column: "k", Rule: "backslash"}},
		"described twice":       {"{name: b}", "{name: a}", datamap.Fault{Line: 10, Table: "c", Column: "a", Rule: "twice"}},
		"unknown purpose":       {"{name: b}", "{name: b, purposes: [war]}", datamap.Fault{Line: 10, Table: "c", Column: "b", Rule: `purpose "war"`}},
		"unknown ground":        {"A6-1-b", "A6-1-z", datamap.Fault{Line: 4, Rule: "/purposes/sales"}},
		"link to nowhere":       {"c_id > c.id", "c_id > x.id", datamap.Fault{Line: 12, Table: "d", Column: "c_id", Rule: "not among the tables"}},
		"bad path":              {"{name: b}", "{name: b, json: $.x..y}", datamap.Fault{Line: 10, Table: "c", Column: "b", Rule: "path"}},
		"redact without path":   {"{name: b}", "{name: b, erase: redact}", datamap.Fault{Line: 10, Table: "c", Column: "b", Rule: "needs a JSON path"}},
		"prefix without length": {"{name: b}", "{name: b, erase: prefix}", datamap.Fault{Line: 10, Table: "c", Column: "b", Rule: "length"}},
		"template without {}":   {"{name: b}", "{name: b, erase: {do: random, value: x}}", datamap.Fault{Line: 10, Table: "c", Column: "b", Rule: "{} once"}},
		"keep without ground":   {"{name: b}", "{name: b, erase: keep}", datamap.Fault{Line: 10, Table: "c", Column: "b", Rule: "ground"}},
		"duty without date":     {"dates: {at: made}", "keep: {ground: X, from: at, period: P7Y, fields: [x]}", datamap.Fault{Line: 13, Table: "d", Rule: "not among the dates"}},
		"duty with bad period":  {"dates: {at: made}", "dates: {at: made}\n    keep: {ground: X, from: at, period: P7, fields: [x]}", datamap.Fault{Line: 14, Table: "d", Rule: "period must"}},
		"version":               {"version: 1", "version: 2", datamap.Fault{Line: 1, Rule: "/version"}},
		"subject table missing": {"{table: c,", "{table: x,", datamap.Fault{Line: 3, Table: "x", Rule: "subject table"}},
		"not YAML":              {"  d:", "  d: [", datamap.Fault{Line: 11}},
		"key twice":             {"  d:", "  c:", datamap.Fault{Line: 11}},
		"history without link":  {"    dates: {at: made}", "    history_of: x", datamap.Fault{Line: 13, Table: "d", Rule: "history needs"}},
		"waiver without reason": {"    dates: {at: made}", "waivers: [{tables: [x], reason: none}]", datamap.Fault{Line: 13, Rule: "/waivers/0/reason"}},
	} {
		require.Contains(t, small, c.old, name)
		_, err := datamap.Parse([]byte(strings.Replace(small, c.old, c.new, 1)))
		var faults datamap.Faults
		require.True(t, errors.As(err, &faults), "%s: %v", name, err)
		require.ErrorIs(t, err, datamap.ErrMap)
		require.ErrorIs(t, err, gdpr.ErrInvalid)
		found := false
		for _, f := range faults {
			found = found || f.Line == c.want.Line && f.Table == c.want.Table && f.Column == c.want.Column && strings.Contains(f.Rule, c.want.Rule)
		}
		require.True(t, found, "%s: %v", name, err)
	}
}

// A fault is reported once, for the alternative that was meant.
func TestParseReportsAStrategyOnce(t *testing.T) {
	for strategy, want := range map[string]string{
		"shred":              `/tables/c/columns/1/erase: value must be one of "delete"`,
		"{do: shred}":        `/tables/c/columns/1/erase/do: value must be one of "delete"`,
		"{value: x}":         `/tables/c/columns/1/erase: missing properties: 'do'`,
		"{do: year, len: 1}": `/tables/c/columns/1/erase: additionalProperties 'len' not allowed`,
	} {
		_, err := datamap.Parse([]byte(strings.Replace(small, "{name: b}", "{name: b, erase: "+strategy+"}", 1)))
		var faults datamap.Faults
		require.True(t, errors.As(err, &faults), strategy)
		require.Len(t, faults, 1, "%s: %v", strategy, err)
		require.Contains(t, faults[0].Rule, want)
	}
}

func TestParseJSON(t *testing.T) {
	m, err := datamap.Parse([]byte("{\n\t\"version\": 1,\n\t\"subjects\": {\"c\": {\"table\": \"c\", \"key\": \"id\", \"prefix\": \"\"}},\n\t\"tables\": {\"c\": {\"columns\": [{\"name\": [\"a\", \"b\"], \"erase\": {\"do\": \"fixed\", \"value\": \"x\"}}]}}\n}"))
	require.NoError(t, err)
	require.Equal(t, datamap.Names{"a", "b"}, m.Tables["c"].Columns[0].Names)
	require.Equal(t, datamap.Erase{Do: datamap.Fixed, Value: "x"}, m.Tables["c"].Columns[0].Erase)
	require.Empty(t, *m.Subjects["c"].Prefix)
	_, err = datamap.Parse([]byte("{\n\t\"version\": 1,\n\t\"subjects\": {},\n\t\"tables\": {\"c\": {\"erase\": \"zap\"}}\n}"))
	require.ErrorContains(t, err, "line 4:")
}

func TestParseTheMapsOfTheTests(t *testing.T) {
	text, err := os.ReadFile("testdata/chinook.yaml")
	require.NoError(t, err)
	for _, s := range []string{string(text), suite.Map} {
		_, err := datamap.Parse([]byte(s))
		require.NoError(t, err)
	}
}

func TestCheckOfGoValues(t *testing.T) {
	m := &datamap.Map{Version: 1, Subjects: map[string]datamap.Kind{"c": {Table: "c", Key: "id"}}, Tables: map[string]*datamap.Table{"c": nil}}
	err := m.Check()
	require.ErrorIs(t, err, datamap.ErrMap)
	require.EqualError(t, err, "datamap: c: table is empty; name its columns or waive it")
	empty := ""
	m = &datamap.Map{Version: 1, Tables: map[string]*datamap.Table{"c": {}, "d": {}},
		Subjects: map[string]datamap.Kind{"c": {Table: "c", Key: "id", Prefix: &empty}, "d": {Table: "d", Key: "id", Prefix: &empty}}}
	require.ErrorContains(t, m.Check(), "prefix is that of subject kind")
}

func FuzzParse(f *testing.F) {
	f.Add(small)
	f.Add(suite.Map)
	f.Add(`{"version":1,"subjects":{"a":{"table":"b","key":"c"}},"tables":{"b":{"via":["x > b.c"]}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := datamap.Parse([]byte(text))
		if (m == nil) == (err == nil) {
			t.Fatal("a map or an error")
		}
		if err != nil && !errors.Is(err, gdpr.ErrInvalid) {
			t.Fatalf("%v", err)
		}
	})
}
