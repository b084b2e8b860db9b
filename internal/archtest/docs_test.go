package archtest

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func public(f *file) bool {
	return !f.nest && !f.main && !strings.HasSuffix(f.path, "_test.go") && !strings.HasPrefix(f.path, "internal/") && !strings.Contains(f.path, "/internal/")
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	docs, files, dirs := map[string]int{}, map[string]int{}, map[string]*file{}
	for _, f := range everything(t) {
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		dirs[f.dir()] = f
		files[f.dir()]++
		if f.Doc != nil {
			docs[f.dir()]++
			want := "Package " + f.Name.Name + " "
			if f.main {
				want = ""
			}
			if !strings.HasPrefix(f.Doc.Text(), want) {
				t.Errorf("%s: the comment must begin with %q", f.path, want)
			}
		}
	}
	for dir, f := range dirs {
		if docs[dir] != 1 {
			t.Errorf("%q has %d package comments", dir, docs[dir])
		}
		if public(f) && files[dir] > 1 {
			raw, err := os.ReadFile(filepath.Join(top, dir, "doc.go"))
			require.NoError(t, err)
			n := strings.Count(string(raw), "\n")
			if n < 10 || n > 130 {
				t.Errorf("%s/doc.go has %d lines", dir, n)
			}
		}
	}
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, f := range everything(t) {
		if !public(f) {
			continue
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) {
					need(t, d, d.Name.Name, d.Doc)
				}
			case *ast.GenDecl:
				if d.Tok != token.IMPORT {
					checkGroup(t, d)
				}
			}
		}
	}
}

func need(t *testing.T, n ast.Node, name string, docs ...*ast.CommentGroup) {
	t.Helper()
	for _, d := range docs {
		if strings.TrimSpace(d.Text()) != "" {
			return
		}
	}
	t.Errorf("%s: %s has no comment", at(n), name)
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	x := d.Recv.List[0].Type
	for {
		switch y := x.(type) {
		case *ast.StarExpr:
			x = y.X
		case *ast.IndexExpr:
			x = y.X
		case *ast.IndexListExpr:
			x = y.X
		case *ast.Ident:
			return y.IsExported()
		default:
			return true
		}
	}
}

// small is the number of methods up to which the comment of an interface speaks
// for them too.
const small = 4

// checkGroup accepts a comment on the group for all of its names.
func checkGroup(t *testing.T, d *ast.GenDecl) {
	t.Helper()
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if !s.Name.IsExported() {
				continue
			}
			need(t, s, s.Name.Name, s.Doc, s.Comment, d.Doc)
			if i, ok := s.Type.(*ast.InterfaceType); ok && len(i.Methods.List) > small {
				for _, m := range i.Methods.List {
					if len(m.Names) == 1 && m.Names[0].IsExported() {
						need(t, m, s.Name.Name+"."+m.Names[0].Name, m.Doc, m.Comment)
					}
				}
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() {
					need(t, s, name.Name, s.Doc, s.Comment, d.Doc)
				}
			}
		}
	}
}
