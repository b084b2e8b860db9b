package ids_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/ids"
)

func TestIDsAscendAndParse(t *testing.T) {
	last := ids.New().String()
	for range 10_000 {
		id := ids.New()
		require.Less(t, last, id.String())
		last = id.String()
		back, err := ids.Parse(last)
		require.NoError(t, err)
		require.Equal(t, id, back)
	}
	id := ids.New()
	require.EqualValues(t, 7, id.Version())
	sec, _ := id.Time().UnixTime()
	require.WithinDuration(t, time.Now(), time.Unix(sec, 0), time.Minute)
	_, err := ids.Parse("not an id")
	require.Error(t, err)
}
