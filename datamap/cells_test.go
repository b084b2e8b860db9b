package datamap

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The short way to read a date agrees with the layouts wherever it reads one.
func TestPlainMomentAgreesWithTheLayouts(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	require.NoError(t, err)
	for _, text := range []string{"2024-02-29", "2024-02-29 23:59:59", "2024-03-31T02:30:00", "2024-10-27 02:30:00", "1937-06-30 23:59:40"} {
		got, ok := plainMoment(text, zone)
		require.True(t, ok, text)
		require.Equal(t, byLayouts(text, zone), got, text)
	}
	for _, text := range []string{"", "2023-02-29", "2024-13-01", "2024-00-10", "0001-01-01", "2024-01-01 24:00:00", "2024-01-01 10:60:00",
		"2024-01-01 10:00:61", "2024-01-01x10:00:00", "2024-1-001", "20240-1-01", "2024-01-01 10:00", "2024-01-01 10:00:00Z", "2024-01-01 10-00-00"} {
		_, ok := plainMoment(text, zone)
		require.False(t, ok, text)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-2][0-9]{3}[-:][0-3][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-6][0-9]:[0-6][0-9])?`).Draw(t, "text")
		if got, ok := plainMoment(text, zone); ok && !got.Equal(byLayouts(text, zone)) {
			t.Fatalf("%s is %s, not %s", text, got, byLayouts(text, zone))
		}
	})
}

func byLayouts(text string, zone *time.Location) time.Time {
	for _, form := range layouts {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t
		}
	}
	return time.Time{}
}
