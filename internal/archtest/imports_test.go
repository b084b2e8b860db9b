package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

var parts = []string{"audit", "consent", "dsar", "pseudonym", "retention"}

// floor returns the floor of a package: 0 words and contract, 1 parts, 2
// implementations, 3 the front door and what supports tests.
func floor(rel string) int {
	first, _, _ := strings.Cut(rel, "/")
	switch {
	case rel == "" || supportsTests(rel):
		return 3
	case rel == "gdpr" || rel == "storage" || rel == "storage/schema" || first == "internal":
		return 0
	case first == "storage" || first == "datamap" || rel == "pseudonym/keyring":
		return 2
	case slices.Contains(parts, first):
		return 1
	}
	return -1
}

func part(rel string) string {
	first, _, _ := strings.Cut(rel, "/")
	return first
}

func TestEveryPackageHasAFloor(t *testing.T) {
	own, _ := ours(t)
	for _, p := range own {
		require.GreaterOrEqual(t, floor(p.rel()), 0, "%s stands on no floor: add it to the design and to this test", p.ImportPath)
		require.Nil(t, p.Error)
	}
}

// neighbours are the implementations that depend on another one.
var neighbours = map[string]string{
	"datamap": "storage/sqlstore", // speaks to the CRM's own tables in the same transaction and dialect
}

// A host that wants one part and one store compiles nothing else.
func TestPartsDoNotImportEachOther(t *testing.T) {
	own, all := ours(t)
	for _, p := range own {
		f := floor(p.rel())
		for _, dep := range p.Deps {
			d := all[dep]
			if d == nil || !within(dep) || f == 3 {
				continue
			}
			g := floor(d.rel())
			require.LessOrEqual(t, g, f, "%s depends on %s of a higher floor", p.rel(), d.rel())
			if f == 1 && g == 1 {
				require.Equal(t, part(p.rel()), part(d.rel()), "%s depends on %s of another part", p.rel(), d.rel())
			}
			if f == 2 && g == 2 && neighbours[p.rel()] != d.rel() {
				require.Equal(t, part(p.rel()), part(d.rel()), "%s depends on another implementation, %s", p.rel(), d.rel())
			}
		}
	}
}

func TestTheSharedWordsNeedOnlyTheStandardLibrary(t *testing.T) {
	_, all := ours(t)
	for _, dep := range all[module+"/gdpr"].Deps {
		require.True(t, all[dep].Standard, "gdpr depends on %s", dep)
	}
}

// allowed has, for each module that code of the root module imports, the
// packages that may: "" for every one.
var allowed = map[string]string{
	"github.com/google/uuid":                   "internal/ids",
	"github.com/santhosh-tekuri/jsonschema/v5": "",
	"golang.org/x/crypto":                      "",
	"golang.org/x/mod":                         "",
	"golang.org/x/text":                        "",
	"github.com/goccy/go-yaml":                 "datamap",
}

// onlyTests are imported by tests and by packages that support tests.
var onlyTests = []string{"github.com/stretchr/testify", "pgregory.net/rapid"}

func TestImportsFromOutside(t *testing.T) {
	own, all := ours(t)
	for _, p := range own {
		for _, imp := range p.Imports {
			if within(imp) || all[imp] == nil || all[imp].Standard {
				continue
			}
			if supportsTests(p.rel()) && slices.ContainsFunc(onlyTests, func(m string) bool { return hasModule(imp, m) }) {
				continue
			}
			ok := false
			for mod, where := range allowed {
				ok = ok || hasModule(imp, mod) && (where == "" || hasModule(p.rel(), where))
			}
			require.True(t, ok, "%s imports %s", p.rel(), imp)
		}
	}
}

func hasModule(importPath, mod string) bool {
	return importPath == mod || strings.HasPrefix(importPath, mod+"/")
}

// transitive are modules that the allowed ones need for themselves.
var transitive = []string{"go.yaml.in/yaml/v3", "golang.org/x/sys"}

// The library must not raise the version of a driver that the host has chosen:
// minimal version selection would.
func TestRequirementsOfTheModule(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(top, "go.mod"))
	require.NoError(t, err)
	mod, err := modfile.Parse("go.mod", raw, nil)
	require.NoError(t, err)
	require.Equal(t, module, mod.Module.Mod.Path)
	require.Equal(t, "1.26.0", mod.Go.Version)
	require.Nil(t, mod.Toolchain)
	require.Empty(t, mod.Replace)
	require.Empty(t, mod.Exclude)
	for _, r := range mod.Require {
		known := slices.Contains(onlyTests, r.Mod.Path) || slices.Contains(transitive, r.Mod.Path)
		for m := range allowed {
			known = known || r.Mod.Path == m
		}
		require.True(t, known, "go.mod requires %s", r.Mod.Path)
	}
}

// database/sql is the business of those who speak SQL.
func TestWhoSpeaksSQL(t *testing.T) {
	own, _ := ours(t)
	for _, p := range own {
		speaks := slices.Contains(p.Imports, "database/sql") || slices.Contains(p.Imports, "database/sql/driver")
		may := floor(p.rel()) >= 2
		require.True(t, may || !speaks, "%s imports database/sql", p.rel())
	}
}
