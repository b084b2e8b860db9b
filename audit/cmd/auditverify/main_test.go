package main

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/internal/audittest"
)

const v1 = "../../testdata/v1/"

var std64 = base64.StdEncoding

func verify(args ...string) (code int, out string) {
	var b bytes.Buffer
	code = run(args, &b, &b)
	return code, b.String()
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, b, 0o600))
		return path
	}
	bundle, err := os.ReadFile(v1 + "log.bundle")
	require.NoError(t, err)
	entry, err := os.ReadFile(v1 + "entry.bundle")
	require.NoError(t, err)
	key, err := os.ReadFile(v1 + "key.txt")
	require.NoError(t, err)
	changed := bytes.Clone(bundle)
	changed[len(changed)/2] ^= 1
	other, err := audit.VerifierKey("crm.example/other", audittest.Key("other").Public())
	require.NoError(t, err)

	lines := bytes.Split(bytes.TrimSpace(bundle), []byte("\n"))
	checkpoint := decode(t, string(lines[len(lines)-2][2:]))
	longer := signCheckpoint(t, string(key), 1000)

	hiding := hide(t, bundle)

	for name, c := range map[string]struct {
		code int
		says string
		args []string
	}{
		"intact":         {0, "INTACT", []string{"-key", v1 + "key.txt", v1 + "log.bundle"}},
		"key itself":     {0, "outside checkpoint: none", []string{"-key", strings.TrimSpace(string(key)), v1 + "entry.bundle"}},
		"subject":        {0, "only the whole log could refute it", []string{"-key", v1 + "key.txt", v1 + "subject.bundle"}},
		"checkpoint":     {0, "outside checkpoint: size", []string{"-key", v1 + "key.txt", "-checkpoint", write("cp", checkpoint), v1 + "range.bundle"}},
		"rolled back":    {1, "shorter than the outside checkpoint", []string{"-key", v1 + "key.txt", "-checkpoint", write("long", longer), v1 + "log.bundle"}},
		"changed":        {1, "NOT INTACT", []string{"-key", v1 + "key.txt", write("changed", changed)}},
		"hiding":         {1, "entry 9: the payload is missing and no log.redacted says so", []string{"-key", v1 + "key.txt", write("hiding", hiding)}},
		"outside":        {0, "1 of the redacted are not explained in this bundle", []string{"-key", v1 + "key.txt", write("outside", hide(t, entry))}},
		"cut off":        {1, "cut off", []string{"-key", v1 + "key.txt", write("cut", bundle[:5000])}},
		"usage":          {2, "usage", []string{v1 + "log.bundle"}},
		"unknown flag":   {2, "usage", []string{"-x"}},
		"other key":      {3, "UNDECIDED", []string{"-key", other, v1 + "log.bundle"}},
		"no such key":    {3, "no such file", []string{"-key", "nowhere", v1 + "log.bundle"}},
		"no such bundle": {3, "no such file", []string{"-key", other, "nowhere"}},
		"empty":          {3, "UNDECIDED", []string{"-key", other, write("empty", nil)}},
		"version 2":      {3, "UNDECIDED", []string{"-key", other, write("v2", []byte("gdprkit.dev/audit-bundle/v2\n"))}},
		"newer outside":  {3, "UNDECIDED", []string{"-key", v1 + "key.txt", "-checkpoint", write("long", longer), v1 + "entry.bundle"}},
	} {
		code, out := verify(c.args...)
		require.Equal(t, c.code, code, "%s: %s", name, out)
		require.Contains(t, out, c.says, name)
	}
}

// hide calls an entry redacted that is not: entry 9, or the only one.
func hide(t *testing.T, bundle []byte) []byte {
	t.Helper()
	lines := bytes.SplitAfter(bytes.TrimSuffix(bundle, []byte("\n")), []byte("\n"))
	lines = lines[:len(lines)-1]
	for i, line := range lines {
		field := bytes.SplitN(line, []byte(" "), 3)
		if string(field[0]) == "E" && (string(field[1]) == "9" || len(lines) < 10) {
			lines[i] = fmt.Appendf(nil, "X %s %x\n", field[1], merkle.Leaf(bytes.TrimSuffix(field[2], []byte("\n"))))
		}
	}
	b := bytes.Join(lines, nil)
	return fmt.Appendf(b, "Z %d %x\n", len(lines)-2, sha256.Sum256(b))
}

func decode(t *testing.T, s string) []byte {
	t.Helper()
	b, err := std64.DecodeString(s)
	require.NoError(t, err)
	return b
}

// signCheckpoint makes a checkpoint of a size that the log of the vectors never had.
func signCheckpoint(t *testing.T, key string, size uint64) []byte {
	t.Helper()
	v, err := audit.NewVerifier(strings.TrimSpace(key))
	require.NoError(t, err)
	c := audit.Checkpoint{Origin: v.Name(), Size: size}
	b, err := note.Sign(&note.Note{Text: c.Text()}, signer{v})
	require.NoError(t, err)
	return b
}

type signer struct{ note.Verifier }

func (signer) Sign(msg []byte) ([]byte, error) {
	return audittest.Key("vectors").Sign(nil, msg, crypto.Hash(0))
}
