package jsonpath

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for _, good := range []string{"$", "$.a", "$.a.b[0]", "$[*]", "$.a[*].b", "$['x-y'].z", "$.*"} {
		_, err := Parse(good)
		require.NoError(t, err, good)
	}
	for _, bad := range []string{"", "a", "$.", "$..a", "$[", "$[-1]", "$[a]", "$.a'--", "$['a');--']", "$ .a"} {
		_, err := Parse(bad)
		require.Error(t, err, bad)
	}
}

func TestRedact(t *testing.T) {
	for name, c := range map[string]struct{ doc, path, want string }{
		"member":                  {`{"b":1.50,"a":"x","c":[1, 2]}`, "$.a", `{"b":1.50,"a":null,"c":[1, 2]}`},
		"all of an array go":      {`["a","b"]`, "$[*]", `[]`},
		"member of each":          {`[{"n":"1","t":"w"},{"n":"2"}]`, "$[*].n", `[{"n":null,"t":"w"},{"n":null}]`},
		"index":                   {`["a","b"]`, "$[1]", `["a",null]`},
		"missing":                 {`{"x": 1}`, "$.a.b", `{"x": 1}`},
		"scalar where an object":  {`7`, "$.a", `7`},
		"the document":            {`{"x":1}`, "$", `null`},
		"order of members stays":  {`{"z":1,"a":{"y":2,"b":3}}`, "$.a.b", `{"z":1,"a":{"y":2,"b":null}}`},
		"null stays as it stands": {`{"a": null}`, "$.a", `{"a": null}`},
	} {
		p, err := Parse(c.path)
		require.NoError(t, err)
		out, n, err := Redact([]byte(c.doc), p, nil)
		require.NoError(t, err, name)
		require.Equal(t, c.want, string(out), name)
		again, m, err := Redact(out, p, nil)
		require.NoError(t, err)
		require.Zero(t, m, "%s: a second run does nothing (first changed %d)", name, n)
		require.Equal(t, string(out), string(again))
	}
	_, _, err := Redact([]byte(`{"a":`), Path{{Name: "a"}}, nil)
	require.Error(t, err)
}

func TestRemove(t *testing.T) {
	out, n, err := Remove([]byte(`{"ids":[1,"2",3]}`), Path{{Name: "ids"}}, func(s string) bool { return s == "2" })
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, `{"ids":[1,3]}`, string(out))
}

func FuzzRedact(f *testing.F) {
	f.Add(`{"a":[{"b":"x"}]}`, "$.a[*].b")
	f.Fuzz(func(t *testing.T, doc, path string) {
		p, err := Parse(path)
		if err != nil {
			return
		}
		out, _, err := Redact([]byte(doc), p, nil)
		if err != nil {
			return
		}
		_, again, err := Redact(out, p, nil)
		require.NoError(t, err)
		require.Zero(t, again)
	})
}
