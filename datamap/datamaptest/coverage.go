// Package datamaptest holds the test by which a CRM notices that somebody added a
// table or a column that requests, erasure and retention would forget.
package datamaptest

import (
	"context"
	"testing"

	"github.com/gdprkit/gdprkit/datamap"
)

// Coverage fails t, naming table and column, for everything in the live schema of
// db that m neither describes nor waives: run it in the CRM's own tests, over a
// database with all migrations applied. A map that does not hold against the
// schema fails it too. Notes are logged.
func Coverage(t testing.TB, db datamap.DB, m *datamap.Map) {
	t.Helper()
	CoverageWith(t, db, m, nil)
}

// CoverageWith is [Coverage] for a map that is opened with options.
func CoverageWith(t testing.TB, db datamap.DB, m *datamap.Map, o *datamap.Options) {
	t.Helper()
	ctx := context.Background()
	live, err := datamap.Open(ctx, db, m, o)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	findings, err := live.Check(ctx)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	for _, f := range findings {
		switch {
		case f.Open():
			t.Errorf("%s", f)
		case f.Note:
			t.Logf("note: %s", f)
		}
	}
}
