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
	known := shownBy(t)
	lines := 0
	for _, line := range linesOf(t, "LIMITS.md") {
		if strings.HasPrefix(line, "- ") {
			lines++
			known.demand(t, line)
		}
	}
	require.Greater(t, lines, 30)
}

// Every cell of the table of what is detectable, and every attack below it, names a
// test that exists.
func TestEveryDetectionIsShown(t *testing.T) {
	known := shownBy(t)
	cells := 0
	for _, line := range linesOf(t, "audit/DETECTION.md") {
		switch {
		case strings.HasPrefix(line, "- "):
			known.demand(t, line)
		case strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| somebody "):
			row := strings.Split(strings.Trim(line, "|\n"), "|")
			require.Len(t, row, 4, line)
			for _, cell := range row[1:] {
				cells++
				known.demand(t, cell)
			}
		}
	}
	require.Equal(t, 8*3, cells)
}

func linesOf(t *testing.T, name string) []string {
	raw, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(name)))
	require.NoError(t, err)
	return strings.SplitAfter(string(raw), "\n")
}

// shown holds the tests of the project and the names that subtests may have.
type shown struct{ tests, names map[string]bool }

func shownBy(t *testing.T) *shown {
	s := &shown{map[string]bool{}, map[string]bool{}}
	for _, f := range everything(t) {
		ast.Inspect(f.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if strings.HasSuffix(f.path, "_test.go") && n.Recv == nil {
					s.tests[f.dir()+"."+n.Name.Name] = true
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && f.test {
					s.names[strings.TrimSuffix(text, "/")] = true
				}
			}
			return true
		})
	}
	return s
}

func (s *shown) demand(t *testing.T, text string) {
	t.Helper()
	refs := limitRef.FindAllStringSubmatch(text, -1)
	require.NotEmpty(t, refs, "no test is named: %s", text)
	for _, ref := range refs {
		require.True(t, s.tests[ref[1]+"."+ref[2]], "there is no %s.%s", ref[1], ref[2])
		for _, sub := range strings.Split(ref[3], "/")[1:] {
			require.True(t, s.names[sub], "%s has no subtest %q", ref[0], sub)
		}
	}
}
