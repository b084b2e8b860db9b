package retention

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBatchesAdaptToTheirTime(t *testing.T) {
	r := &runner{e: &Engine{opt: Options{BatchRows: 1000, BatchTime: 100 * time.Millisecond}}, size: 1000}
	r.adapt(1000, 300*time.Millisecond)
	require.Equal(t, 500, r.size)
	r.adapt(7, 300*time.Millisecond) // the end of a page
	require.Equal(t, 3, r.size)
	r.adapt(3, 50*time.Millisecond)
	require.Equal(t, 3, r.size)
	for range 20 {
		r.adapt(r.size, time.Millisecond)
	}
	require.Equal(t, 1000, r.size)
	r.size = 1
	r.adapt(1, time.Hour)
	require.Equal(t, 1, r.size)
}

func TestAscent(t *testing.T) {
	for _, c := range []struct {
		keys []string
		want bool
	}{
		{[]string{"1", "2", "10"}, true}, {[]string{"1", "10", "2"}, true}, {[]string{"1", "2", "10", "3"}, false},
		{[]string{"2", "1"}, false}, {[]string{"a", "a"}, false}, {[]string{"a", "b", "10"}, false}, {[]string{"01", "1"}, true}, {[]string{"9", "10", "a"}, false},
	} {
		a, ok := &ascent{}, true
		for i := 1; i < len(c.keys); i++ {
			ok = ok && a.ok(c.keys[i-1], c.keys[i])
		}
		require.Equal(t, c.want, ok, "%v", c.keys)
	}
}
