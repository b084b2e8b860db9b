package archtest

import (
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatNoCodeDoes: a library starts nothing, ends nothing, prints nothing and
// draws no chances of its own.
func TestWhatNoCodeDoes(t *testing.T) {
	for _, f := range code(t) {
		for _, imp := range f.Imports {
			p := strings.Trim(imp.Path.Value, `"`)
			require.False(t, strings.HasPrefix(p, "math/rand"), "%s imports %s", f.path, p)
			require.False(t, p == "log", "%s imports log; use log/slog from the options", f.path)
			require.NotEqual(t, "unsafe", p, f.path)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				require.False(t, fn.Recv == nil && fn.Name.Name == "init", "%s: init function", at(fn))
			}
		}
		if f.main {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Obj == nil {
					name := x.Name + "." + n.Sel.Name
					switch {
					case name == "os.Exit", name == "os.Stdout", name == "os.Stderr",
						strings.HasPrefix(name, "fmt.Print"), name == "slog.Default", name == "slog.SetDefault":
						t.Errorf("%s: %s", at(n), name)
					}
				}
			case *ast.CallExpr:
				if x, ok := n.Fun.(*ast.Ident); ok && (x.Name == "println" || x.Name == "print") && x.Obj == nil {
					t.Errorf("%s: %s", at(n), x.Name)
				}
			}
			return true
		})
	}
}

// starters are the functions besides methods called Run that start goroutines,
// with the reason.
var starters = map[string]string{
	"dsar.parallel": "sources are worked in parallel and joined before Work returns",
	"dsar.guarded":  "a source of the host that does not answer must not hold up the others",
}

func TestGoroutinesAreStartedByRunOnly(t *testing.T) {
	used := map[string]bool{}
	for _, f := range code(t) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil || fn.Recv != nil && fn.Name.Name == "Run" {
				continue
			}
			name := f.dir() + "." + fn.Name.Name
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if starts(n) {
					used[name] = true
					require.Contains(t, starters, name, "%s starts a goroutine", at(n))
				}
				return true
			})
		}
	}
	for name := range starters {
		require.True(t, used[name], "%s starts none any more", name)
	}
}

// starts reports whether n is a go statement or a call of a method Go with a
// function, as of sync.WaitGroup.
func starts(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		sel, ok := n.Fun.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "Go" && len(n.Args) == 1
	}
	return false
}

func TestFilesAreShort(t *testing.T) {
	for _, f := range everything(t) {
		if f.lines > 500 {
			t.Errorf("%s has %d lines; one concept each", f.path, f.lines)
		}
	}
}

var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b|not impl` + `emented|panic\("un`)

func TestNothingIsLeftForLater(t *testing.T) {
	for _, f := range everything(t) {
		for _, group := range f.Comments {
			if unfinished.MatchString(group.Text()) {
				t.Errorf("%s: left for later", at(group))
			}
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && unfinished.MatchString(lit.Value) {
				t.Errorf("%s: left for later", at(lit))
			}
			return true
		})
	}
}

var localPath = regexp.MustCompile(`(^|[^.\w/])/(work|farm|root|home|Users)/[A-Za-z]`)

// What is committed says nothing about the machine on which it was written.
func TestNoLocalPaths(t *testing.T) {
	require.NoError(t, filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		switch filepath.Ext(name) {
		case ".go", ".md", ".json", ".yaml", ".yml", ".mod", ".sql", ".py", ".html", ".txt":
		default:
			if d.Name() != "run" || d.IsDir() {
				return nil
			}
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(raw), "\n") {
			if localPath.MatchString(line) {
				t.Errorf("%s:%d: local path: %.100s", name, i+1, line)
			}
		}
		return nil
	}))
}
