package gdprkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// TestReplayOfANewTenant: a process that does not sign finds no log yet, and nothing
// that was lost.
func TestReplayOfANewTenant(t *testing.T) {
	kit, err := gdprkit.Open(t.Context(), memstore.New(nil), "acme", newRing(t.TempDir()), &gdprkit.Options{Anchor: audit.NewFileAnchor(t.TempDir())})
	require.NoError(t, err)
	_, err = kit.Log.Verify(t.Context())
	require.ErrorIs(t, err, audit.ErrNoLog)
	out, err := kit.Replay(t.Context(), "s1", "restored")
	require.NoError(t, err)
	require.False(t, out.Reopened)
}
