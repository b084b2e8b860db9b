package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/audittest"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

func TestPublicNotes(t *testing.T) {
	b, err := os.ReadFile("testdata/signed-note-checkpoint.json")
	require.NoError(t, err)
	var v struct {
		Vectors []struct {
			Name, Note, Want, Text string
			Vkeys                  []string
			Checkpoint             *struct {
				Origin     string
				Size       uint64
				Root       []byte
				Extensions []string
			}
		}
	}
	require.NoError(t, json.Unmarshal(b, &v))
	require.Len(t, v.Vectors, 22)
	for _, c := range v.Vectors {
		text, _, err := audit.OpenNote([]byte(c.Note), c.Vkeys...)
		if strings.HasPrefix(c.Want, "reject") {
			require.Error(t, err, c.Name)
			continue
		}
		require.NoError(t, err, c.Name)
		if c.Text != "" {
			require.Equal(t, c.Text, text)
		}
		p, err := audit.OpenCheckpoint([]byte(c.Note), c.Vkeys...)
		if c.Want == "valid-note-invalid-checkpoint" {
			require.ErrorIs(t, err, gdpr.ErrInvalid, c.Name)
		}
		if c.Checkpoint != nil {
			require.NoError(t, err, c.Name)
			require.Equal(t, c.Checkpoint.Origin, p.Origin)
			require.Equal(t, c.Checkpoint.Size, p.Size)
			require.Equal(t, c.Checkpoint.Root, p.Root[:])
			require.Equal(t, c.Checkpoint.Extensions, p.Extra)
			require.Equal(t, text, p.Text())
		}
	}
}

const v1 = "testdata/v1/"

// TestVectors reads what version 1 wrote.
func TestVectors(t *testing.T) {
	if os.Getenv("GDPRKIT_VECTORS") != "" {
		writeVectors(t)
	}
	key := readVector(t, "key.txt")
	names, err := filepath.Glob(v1 + "*.bundle")
	require.NoError(t, err)
	require.Len(t, names, 4)
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		r, err := audit.VerifyBundle(bytes.NewReader(b), []string{key}, nil)
		require.NoError(t, err, name)
		require.Equal(t, strings.TrimSuffix(filepath.Base(name), ".bundle"), string(r.Kind))
	}
	var leaves []struct{ Leaf, Hash string }
	require.NoError(t, json.Unmarshal([]byte(readVector(t, "leaves.json")), &leaves))
	require.NotEmpty(t, leaves)
	for _, l := range leaves {
		h := merkle.Leaf([]byte(l.Leaf))
		require.Equal(t, l.Hash, hex.EncodeToString(h[:]))
	}
}

func readVector(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(v1 + name)
	require.NoError(t, err)
	return strings.TrimSpace(string(b))
}

// TestSecondVerifier runs the verifier in Python over the vectors and over altered
// ones. With CI set it must run.
func TestSecondVerifier(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("python3 is not there")
		}
		t.Skip("python3 is not there: the second verifier is not run")
	}
	key := readVector(t, "key.txt")
	run := func(bundle string) error { return exec.Command(python, v1+"verify.py", key, bundle).Run() }
	names, _ := filepath.Glob(v1 + "*.bundle")
	for _, name := range names {
		require.NoError(t, run(name), name)
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		b[len(b)/3] ^= 1
		bad := filepath.Join(t.TempDir(), "bad")
		require.NoError(t, os.WriteFile(bad, b, 0o600))
		require.Error(t, run(bad), name)
	}
	b, err := os.ReadFile(v1 + "log.bundle")
	require.NoError(t, err)
	lines := strings.SplitAfter(string(b), "\n")
	lines = lines[:len(lines)-2]
	field := strings.SplitN(strings.TrimSuffix(lines[11], "\n"), " ", 3)
	require.Equal(t, "E", field[0])
	hash := merkle.Leaf([]byte(field[2]))
	lines[11] = "X " + field[1] + " " + hex.EncodeToString(hash[:]) + "\n"
	all := strings.Join(lines, "")
	all += fmt.Sprintf("Z %d %x\n", len(lines)-2, sha256.Sum256([]byte(all)))
	hiding := filepath.Join(t.TempDir(), "hiding")
	require.NoError(t, os.WriteFile(hiding, []byte(all), 0o600))
	out, err := exec.Command(python, v1+"verify.py", key, hiding).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "dropped without a word")
}

// TestSecondVerifierReopened: what a log says of gaps in closed logs is not taken for a
// word about its own.
func TestSecondVerifierReopened(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not there: the second verifier is not run")
	}
	ctx := t.Context()
	log, err := audit.New(memstore.New(nil).Tenant("acme"), &audit.Options{
		Signer: audittest.Key("vectors"), Anchor: new(oneAnchor), Payload: map[string]string{},
	})
	require.NoError(t, err)
	for range 2 {
		for i := range 270 {
			require.NoError(t, log.Record(ctx, "x", "c-1", slog.Int("i", i)))
		}
		_, err := log.Checkpoint(ctx)
		require.NoError(t, err)
		require.NoError(t, log.Reopen(ctx, "test"))
	}
	for i := range 10 {
		require.NoError(t, log.Record(ctx, "x", "c-1", slog.Int("i", i)))
	}
	require.NoError(t, log.RedactIn(ctx, 1, 5, "test"))
	require.NoError(t, log.Redact(ctx, 5, "test"))
	_, err = log.PruneIn(ctx, 1, 256, "test")
	require.NoError(t, err)
	_, err = log.PruneIn(ctx, 2, 1000, "test")
	require.NoError(t, err)
	bundle := filepath.Join(t.TempDir(), "log.bundle")
	f, err := os.Create(bundle)
	require.NoError(t, err)
	c, err := log.WriteBundle(ctx, f, audit.Bundle{Kind: audit.KindLog})
	require.NoError(t, err)
	require.NoError(t, f.Close())
	key, err := audit.VerifierKey(c.Origin, audittest.Key("vectors").Public())
	require.NoError(t, err)
	out, err := exec.Command(python, v1+"verify.py", key, bundle).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func writeVectors(t *testing.T) {
	ctx := audit.WithActor(t.Context(), "emp-1")
	log, err := audit.New(memstore.New(nil).Tenant("acme"), &audit.Options{Origin: "crm.example/audit", Signer: audittest.Key("vectors")})
	require.NoError(t, err)
	for i := range 300 {
		_, err := log.Append(ctx, audittest.Sample(i))
		require.NoError(t, err)
	}
	require.NoError(t, log.Redact(ctx, 3, "minimise"))
	c, err := log.Checkpoint(ctx)
	require.NoError(t, err)
	key, err := audit.VerifierKey(c.Origin, audittest.Key("vectors").Public())
	require.NoError(t, err)
	writeVector(t, "key.txt", []byte(key+"\n"))
	for _, b := range []audit.Bundle{
		{Kind: audit.KindLog}, {Kind: audit.KindRange, First: 7, End: 23, Since: []uint64{5, 16}},
		{Kind: audit.KindSubject, Subject: "c-1"}, {Kind: audit.KindEntry, Index: 270},
	} {
		var out bytes.Buffer
		_, err := log.WriteBundle(ctx, &out, b)
		require.NoError(t, err)
		writeVector(t, string(b.Kind)+".bundle", out.Bytes())
	}
	var leaves []map[string]string
	for e, err := range log.Entries(ctx, audit.Filter{Limit: 20}) {
		require.NoError(t, err)
		if !e.Redacted {
			leaves = append(leaves, map[string]string{"leaf": string(e.Leaf), "hash": hex.EncodeToString(e.Hash[:])})
		}
	}
	b, err := json.MarshalIndent(leaves, "", " ")
	require.NoError(t, err)
	writeVector(t, "leaves.json", append(b, '\n'))
}

func writeVector(t *testing.T, name string, b []byte) {
	t.Helper()
	if _, err := os.Stat(v1 + name); err == nil {
		return
	}
	require.NoError(t, os.WriteFile(v1+name, b, 0o644))
}
