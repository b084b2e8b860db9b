package audit_test

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/stretchr/testify/require"
)

// TestMissingAnchorDirectory: a volume that is not mounted is not "no checkpoint", and
// the message says whose directory it is.
func TestMissingAnchorDirectory(t *testing.T) {
	a := audit.NewFileAnchor(filepath.Join(t.TempDir(), "gone"))
	_, err := a.Load(t.Context(), "x")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "Options.Anchor")
	err = a.Save(t.Context(), "x", nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "Options.Anchor")
}
