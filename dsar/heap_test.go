package dsar_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// many is a source with n records, made up one after the other.
type many struct {
	n    int
	peak uint64
}

var manySection = &dsar.Section{Category: "note", Table: "many", Columns: []dsar.Column{{Name: "id"}, {Name: "text"}}}

func (m *many) Name() string              { return "many" }
func (m *many) Sections() []*dsar.Section { return []*dsar.Section{manySection} }

func (m *many) Collect(context.Context, string, dsar.Scope) iter.Seq2[*dsar.Record, error] {
	return func(yield func(*dsar.Record, error) bool) {
		rec := &dsar.Record{Section: manySection, Values: make([]any, 2)}
		for i := range m.n {
			rec.Key = fmt.Sprint(i)
			rec.Values[0], rec.Values[1] = int64(i), "a note of some length about meeting "+rec.Key
			if !yield(rec, nil) {
				return
			}
			if i%(m.n/8+1) == m.n/16 {
				m.measure()
			}
		}
	}
}

func (m *many) measure() {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	m.peak = max(m.peak, s.HeapAlloc)
}

// The copy of a million records grows the heap by at most 16 MiB; a smaller one in
// the plain run.
func TestBundleInConstantMemory(t *testing.T) {
	n := 60_000
	if os.Getenv("GDPRKIT_LONG") != "" {
		n = 1_000_000
	}
	w := dsartest.NewWorld(t, memstore.New(nil))
	src := &many{n: n}
	w.Options.Sources = []dsar.Source{src}
	w.Restart()
	r := w.Prepare(dsar.Access)
	_, err := w.Desk.Work(context.Background(), r.ID, dsartest.By("emp1"))
	require.NoError(t, err)
	src.peak = 0
	src.measure()
	before := src.peak
	m, err := w.Desk.Bundle(context.Background(), r.ID, new(dsartest.Discard), dsartest.By("emp1"))
	require.NoError(t, err)
	require.Equal(t, n, m.Sections[0].Records)
	grown := src.peak - before
	t.Logf("%d records: heap grew by %d KiB", n, grown>>10)
	require.LessOrEqual(t, grown, uint64(16<<20))
}
