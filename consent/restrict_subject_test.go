package consent

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRestrictAndLiftByTheWordsOfARequest(t *testing.T) {
	b := open(t, nil)
	for _, c := range []struct{ scope, stopped, free string }{
		{"", "contact", ""},
		{"invoice", "invoice", "contact"}, // a category of data, no purpose
	} {
		require.NoError(t, b.RestrictSubject(ctx, "c-1", c.scope, "A18-1-a"))
		stopped, ground, err := b.Stops(ctx, "c-1", c.stopped)
		require.NoError(t, err)
		require.True(t, stopped, c.scope)
		require.Equal(t, "A18-1-a", ground)
		if c.free != "" {
			stopped, _, err = b.Stops(ctx, "c-1", c.free)
			require.NoError(t, err)
			require.False(t, stopped)
		}
		require.NoError(t, b.LiftSubject(ctx, "c-1", c.scope, "A18-1-a"))
		stopped, _, err = b.Stops(ctx, "c-1", c.stopped)
		require.NoError(t, err)
		require.False(t, stopped)
	}
	require.NoError(t, b.LiftSubject(ctx, "c-1", "", "A18-1-a"), "lifted already")
}
