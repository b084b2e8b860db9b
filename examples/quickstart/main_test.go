package main

import (
	"archive/zip"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// intact demands of a bundle that it verifies, and that no altered byte does.
func intact(t *testing.T, dir, name string) {
	t.Helper()
	keys, err := os.ReadFile(filepath.Join(dir, "audit.pub"))
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	_, err = audit.VerifyBundle(bytes.NewReader(text), strings.Fields(string(keys)), nil)
	require.NoError(t, err, name)
	for i := 0; i < len(text); i += max(1, len(text)/97) {
		altered := bytes.Clone(text)
		altered[i] ^= 1
		_, err := audit.VerifyBundle(bytes.NewReader(altered), strings.Fields(string(keys)), nil)
		require.Error(t, err, "%s with byte %d altered", name, i)
	}
}

func TestQuickstart(t *testing.T) {
	c := &config{out: filepath.Join(t.TempDir(), "new"), contacts: 300}
	require.NoError(t, c.check())
	require.NoError(t, c.run(t.Context()))
	intact(t, c.out, "audit.bundle")
	intact(t, c.out, "statement.bundle")
	z, err := zip.OpenReader(filepath.Join(c.out, "access.zip"))
	require.NoError(t, err)
	defer z.Close()
	for _, name := range []string{"index.html", "data.json", "manifest.json"} {
		_, err := z.Open(name)
		require.NoError(t, err, name)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, c.run(ctx), "interrupted")
	require.NoError(t, c.run(t.Context()), "a second run starts afresh")
	intact(t, c.out, "audit.bundle")
}

func TestForeignCRM(t *testing.T) {
	file := filepath.Join(t.TempDir(), "chinook.db")
	e := sqltest.Engines()[0]
	sqltest.LoadChinook(t, e, e.SQL(t, sqlstore.SQLiteDSN(file)))
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	c := &config{out: t.TempDir(), crm: file, mapFile: "../../datamap/testdata/chinook.yaml", contacts: 100}
	require.NoError(t, c.run(t.Context()))
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after), "the user's file is only read")

	c.mapFile = "crm.yaml"
	require.ErrorContains(t, c.run(t.Context()), "not in the live schema")
}

func TestBadCalls(t *testing.T) {
	require.ErrorContains(t, (&config{crm: "x"}).check(), "belong together")
	require.ErrorContains(t, (&config{contacts: 1}).check(), "-contacts")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.ErrorContains(t, (&config{out: filepath.Join(file, "x"), contacts: 100}).check(), "-out")
	c := &config{out: t.TempDir(), crm: file, mapFile: "crm.yaml", contacts: 100}
	require.Error(t, c.run(t.Context()), "an empty file is no CRM")
}
