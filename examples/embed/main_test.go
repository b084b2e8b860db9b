package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	path := filepath.Join(t.TempDir(), "crm.db")
	require.NoError(t, run(t.Context(), path, &out))
	require.Equal(t, "c-1: mailed (A6-1-a)\nc-2: not mailed (no_consent)\nc-1: not mailed (withdrawn)\n", out.String())

	out.Reset()
	require.Error(t, run(t.Context(), path, &out), "the CRM's own row is there already")
	require.Equal(t, "c-1: not mailed (withdrawn)\nc-2: not mailed (no_consent)\nc-1: not mailed (withdrawn)\n", out.String(),
		"the consent of the failed transaction is not there either")
}
