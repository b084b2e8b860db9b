package storage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gdprkit/gdprkit/storage"
)

func TestMicrosAndTimeAreInverse(t *testing.T) {
	require.Zero(t, storage.Micros(time.Time{}))
	require.True(t, storage.Time(0).IsZero())
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.Int64Range(-62135596800e6+1, 253402300799e6).Draw(t, "us") // years 1 to 9999
		if us == 0 {
			return
		}
		at := storage.Time(us)
		require.Equal(t, time.UTC, at.Location())
		require.Equal(t, us, storage.Micros(at))
		ns := time.Duration(rapid.IntRange(0, 999).Draw(t, "ns"))
		require.Equal(t, us, storage.Micros(at.Add(ns)), "rounded down, also before 1970")
	})
}
