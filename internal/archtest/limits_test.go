package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var limitRef = regexp.MustCompile("`([a-z/]+)\\.(Test[A-Za-z0-9]+)((?:/[A-Za-z0-9_ ]+)*)`")

// Every line of LIMITS.md names a test that exists.
func TestEveryLimitIsShown(t *testing.T) {
	tests, names := map[string]bool{}, map[string]bool{}
	for _, f := range everything(t) {
		ast.Inspect(f.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if strings.HasSuffix(f.path, "_test.go") && n.Recv == nil {
					tests[f.dir()+"."+n.Name.Name] = true
				}
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); err == nil && f.test {
					names[strings.TrimSuffix(s, "/")] = true
				}
			}
			return true
		})
	}
	raw, err := os.ReadFile(filepath.Join(top, "LIMITS.md"))
	require.NoError(t, err)
	lines := 0
	for line := range strings.Lines(string(raw)) {
		if !strings.HasPrefix(line, "- ") {
			continue
		}
		lines++
		refs := limitRef.FindAllStringSubmatch(line, -1)
		require.NotEmpty(t, refs, "no test is named: %s", line)
		for _, ref := range refs {
			require.True(t, tests[ref[1]+"."+ref[2]], "there is no %s.%s", ref[1], ref[2])
			for _, sub := range strings.Split(ref[3], "/")[1:] {
				require.True(t, names[sub], "%s has no subtest %q", ref[0], sub)
			}
		}
	}
	require.Greater(t, lines, 30)
}
