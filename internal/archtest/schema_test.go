package archtest

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]{0,58}$`)

// Every stored column says what it is about, what an erasure does to it and how
// long it stays (GDPR art. 30(1)(c) and (f)).
func TestEveryColumnIsAccountedFor(t *testing.T) {
	seen := map[string]bool{}
	for _, tab := range schema.Tables() {
		require.True(t, strings.HasPrefix(tab.Name, "gdpr_") && identifier.MatchString(tab.Name), "table %q", tab.Name)
		require.False(t, seen[tab.Name], "two tables are called %s", tab.Name)
		seen[tab.Name] = true
		names := map[string]bool{"tenant": true}
		for _, c := range tab.Columns {
			where := tab.Name + "." + c.Name
			require.True(t, identifier.MatchString(c.Name), where)
			require.False(t, names[c.Name], "%s is declared twice, or is the store's own", where)
			names[c.Name] = true
			require.True(t, c.Kind >= storage.Int && c.Kind <= storage.Bytes, "%s has no kind", where)
			require.False(t, c.Null && c.Kind != storage.Bytes, "%s: only Bytes may be nil", where)
			require.NotEmpty(t, c.Category, "%s has no category", where)
			require.NotEmpty(t, c.Erase, "%s does not say what an erasure does", where)
			require.NotEmpty(t, c.Lifetime, "%s does not say how long it stays", where)
			require.LessOrEqual(t, c.Since, schema.Version, where)
		}
		checkConstraints(t, tab)
	}
}

// maxKey is what the keys of every engine can hold, in bytes (MySQL: 3072, with
// the tenant and two bytes of length for each column).
const maxKey = 3072 - 191 - 2

func checkConstraints(t *testing.T, tab *storage.Table) {
	t.Helper()
	require.NotEmpty(t, tab.Key, "%s has no key", tab.Name)
	for _, cols := range slices.Concat([][]string{tab.Key}, tab.Unique, tab.Index) {
		size := 0
		for _, name := range cols {
			c := tab.Column(name)
			require.NotNil(t, c, "%s has no column %s", tab.Name, name)
			require.True(t, c.Kind == storage.Int || c.Size > 0, "%s.%s is in a key and has no size", tab.Name, name)
			size += max(c.Size, 8) + 2
		}
		require.LessOrEqual(t, size, maxKey, "%s: key %v", tab.Name, cols)
	}
	require.False(t, slices.ContainsFunc(tab.Key, func(k string) bool { return tab.Column(k).Null }), "%s: nil in the key", tab.Name)
	if tab.AppendOnly {
		require.NotNil(t, tab.Column("subject"), "%s is append-only and has no subject", tab.Name)
	}
}

// A table that is declared and not listed would never be created.
func TestEveryDeclaredTableIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, tab := range schema.Tables() {
		listed[tab.Name] = true
	}
	for _, v := range schema.Views() {
		require.False(t, listed[v.Name], "view %s", v.Name)
		require.True(t, strings.HasPrefix(v.Name, "gdpr_") && identifier.MatchString(v.Name), "view %q", v.Name)
		listed[v.Name] = true
	}
	n := 0
	for _, f := range code(t) {
		if f.dir() != "storage/schema" {
			continue
		}
		ast.Inspect(f.File, func(node ast.Node) bool {
			kv, ok := node.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			key, isIdent := kv.Key.(*ast.Ident)
			lit, isLit := kv.Value.(*ast.BasicLit)
			if isIdent && isLit && key.Name == "Name" && strings.HasPrefix(lit.Value, `"gdpr_`) {
				n++
				require.True(t, listed[strings.Trim(lit.Value, `"`)], "%s: %s is not listed", at(lit), lit.Value)
			}
			return true
		})
	}
	require.Equal(t, len(listed), n)
}
