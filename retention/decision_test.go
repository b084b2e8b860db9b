package retention

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage"
)

func benchmarkCondition(t testing.TB) (*Condition, Facts, int64) {
	s := build(t, rule("duty", Minimum, "P8Y", "issued"), rule("use", Maximum, "P2Y", "last_contact"))
	c, err := s.On(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)).Condition("c")
	require.NoError(t, err)
	f := c.Facts(map[string]time.Time{"issued": time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC), "last_contact": time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)})
	return c, f, storage.Micros(time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC))
}

func TestEvaluateDoesNotAllocate(t *testing.T) {
	c, f, _ := benchmarkCondition(t)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		d := c.Evaluate(&f)
		if d.State != Blocked || d.Until().IsZero() || d.Ground() == "" {
			panic("wrong")
		}
		d.Next()
	}))
}

var (
	sink State
	hand = func(r *struct{ issued, contact int64 }, cut int64) State {
		if r.issued != 0 && r.contact != 0 && r.contact < cut {
			if r.issued < cut {
				return Due
			}
			return Blocked
		}
		return Active
	}
)

func BenchmarkEvaluate(b *testing.B) {
	c, f, _ := benchmarkCondition(b)
	rows := make([]Facts, 256)
	for i := range rows {
		rows[i].At = f.At
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d := c.Evaluate(&rows[i&255])
		sink = d.State
		i++
	}
}

func BenchmarkHandWritten(b *testing.B) {
	_, f, cut := benchmarkCondition(b)
	rows := make([]struct{ issued, contact int64 }, 256)
	for i := range rows {
		rows[i] = struct{ issued, contact int64 }{f.At[0], f.At[1]}
	}
	i := 0
	for b.Loop() {
		sink = hand(&rows[i&255], cut)
		i++
	}
}

func BenchmarkExplain(b *testing.B) {
	c, f, _ := benchmarkCondition(b)
	b.ReportAllocs()
	for b.Loop() {
		d := c.Evaluate(&f)
		if d.Until().IsZero() {
			b.Fatal()
		}
	}
}
