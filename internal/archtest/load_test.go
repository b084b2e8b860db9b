package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/gdprkit/gdprkit"

// top is the directory of the root module, seen from this package.
const top = "../.."

// pkg is what go list says about a package.
type pkg struct {
	ImportPath string
	Name       string
	Standard   bool
	Imports    []string // without those of test files
	Deps       []string
	Error      *struct{ Err string }
}

// rel returns the path within the module, "" for the root package.
func (p *pkg) rel() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

var packages = sync.OnceValues(func() (map[string]*pkg, error) {
	cmd := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Name,Standard,Imports,Deps,Error", "./...")
	cmd.Dir = top
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New(stderr.String())
	}
	all := map[string]*pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(pkg)
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all[p.ImportPath] = p
	}
})

// ours returns the packages of the root module and, by import path, everything
// that they depend on.
func ours(t *testing.T) (own []*pkg, all map[string]*pkg) {
	t.Helper()
	all, err := packages()
	require.NoError(t, err)
	for _, p := range all {
		if within(p.ImportPath) {
			own = append(own, p)
		}
	}
	require.NotEmpty(t, own)
	return own, all
}

func within(importPath string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

// file is a parsed source file.
type file struct {
	path string // from the top, with slashes
	test bool   // a test file, or one of a package that only tests import
	nest bool   // of a nested module
	main bool
	*ast.File
	lines int
}

// dir returns the path of the package from the top.
func (f *file) dir() string {
	if d := path.Dir(f.path); d != "." {
		return d
	}
	return ""
}

var fset = token.NewFileSet()

var sources = sync.OnceValues(func() (files []*file, err error) {
	err = filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		files = append(files, &file{
			path: rel, File: f, main: f.Name.Name == "main",
			nest:  strings.HasPrefix(rel, "examples/") || strings.HasPrefix(rel, "internal/sqltest/"),
			test:  strings.HasSuffix(rel, "_test.go") || supportsTests(path.Dir(rel)),
			lines: fset.File(f.Pos()).LineCount(),
		})
		return nil
	})
	return files, err
})

// supportsTests reports whether only tests import the package: its name ends in
// "test".
func supportsTests(dir string) bool { return strings.HasSuffix(dir, "test") }

// code returns the files of the root module that hosts compile.
func code(t *testing.T) (files []*file) {
	t.Helper()
	for _, f := range everything(t) {
		if !f.test && !f.nest {
			files = append(files, f)
		}
	}
	return files
}

func everything(t *testing.T) []*file {
	t.Helper()
	files, err := sources()
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// at returns where a node stands, as an editor understands it.
func at(n ast.Node) string {
	p := fset.Position(n.Pos())
	return strings.TrimPrefix(filepath.ToSlash(p.String()), top+"/")
}
