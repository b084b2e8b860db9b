package datamap

import (
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
)

// A random replacement fits its column, is recognised as one, and is not the old
// value.
func TestRandomFits(t *testing.T) {
	l := &Live{}
	l.defaults()
	rapid.Check(t, func(t *rapid.T) {
		c := &catalog.Column{Class: catalog.Text, Width: rapid.IntRange(0, 60).Draw(t, "width")}
		template := rapid.SampledFrom([]string{"", "{}", "x{}@y.invalid"}).Draw(t, "template")
		if n := len(template); c.Width > 0 && c.Width < n {
			return
		}
		v, changed := l.random(c, template, "Ann Example")
		require.True(t, changed)
		require.NotEqual(t, "Ann Example", v)
		if c.Width > 0 {
			require.LessOrEqual(t, utf8.RuneCountInString(v.(string)), c.Width)
		}
		again, changed := l.random(c, template, v)
		require.False(t, changed, "%v", v)
		require.Equal(t, v, again)
	})
	v, _ := l.random(&catalog.Column{Class: catalog.UUID}, "", "p")
	require.Regexp(t, `^00000000-0000-8000-8[0-9a-f]{3}-[0-9a-f]{12}$`, v)
	n, _ := l.random(&catalog.Column{Class: catalog.Int}, "", int64(7))
	require.Negative(t, n)
}

func TestFirstOfYear(t *testing.T) {
	for in, want := range map[any]any{
		"1980-05-17": "1980-01-01", "1980-05-17 10:11:12": "1980-01-01 00:00:00", "1980-05-17T10:11:12+02:00": "1980-01-01T00:00:00+00:00", "soon": "1900-01-01",
		time.Date(1980, 5, 17, 1, 2, 3, 0, time.UTC): time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		got, changed := firstOfYear(in)
		require.Equal(t, want, got)
		require.True(t, changed)
		_, changed = firstOfYear(got)
		require.False(t, changed, "a second run does nothing")
	}
}

func TestKeysKeepTheirOrder(t *testing.T) {
	tab := &table{key: []*catalog.Column{{Class: catalog.Int}, {Class: catalog.Text}}}
	for _, key := range [][]any{{int64(2), "a,b%"}, {int64(-10), ""}, {int64(10), "x"}} {
		text := tab.keyText(key)
		back, ok := tab.parseKey(text)
		require.True(t, ok)
		require.Equal(t, key, back)
	}
	require.Negative(t, tab.compareKeys("2,z", "10,a"))
	require.Negative(t, tab.compareKeys("-5,z", "2,a"))
	require.Positive(t, tab.compareKeys("2,b", "2,a"))
}
