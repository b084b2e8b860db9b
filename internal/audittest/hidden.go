package audittest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
)

// hidden: who holds the signing key cannot leave entries out of a bundle of the whole
// log by calling them redacted or pruned: the log would have to say so.
func hidden(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	o := signed(nil)
	o.Anchor = nil
	l := newLog(t, dir.Tenant("acme"), o)
	_, err := l.Append(ctx, batch(280)...)
	require.NoError(t, err)
	require.NoError(t, l.Redact(ctx, 260, "x"))
	c, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	keys := []string{vkey(t, c.Origin, "a")}
	write := func(b audit.Bundle) []string {
		var buf bytes.Buffer
		_, err := l.WriteBundle(ctx, &buf, b)
		require.NoError(t, err)
		return strings.SplitAfter(strings.TrimSuffix(buf.String(), "\n"), "\n")
	}
	verify := func(lines []string) (*audit.BundleReport, error) {
		body := []byte(strings.Join(lines[:len(lines)-1], ""))
		return audit.VerifyBundle(bytes.NewReader(reseal(body)), keys, nil)
	}
	drop := func(lines []string, index int) []string {
		for i, line := range lines {
			if leaf, ok := strings.CutPrefix(line, fmt.Sprintf("E %d ", index)); ok {
				lines[i] = fmt.Sprintf("X %d %x\n", index, merkle.Leaf([]byte(strings.TrimSuffix(leaf, "\n"))))
			}
		}
		return lines
	}
	r, err := verify(write(audit.Bundle{Kind: audit.KindLog}))
	require.NoError(t, err)
	require.Equal(t, uint64(1), r.Redacted)
	require.Zero(t, r.Unexplained)

	finding := func(err error) *audit.Finding {
		var f *audit.Finding
		require.ErrorIs(t, err, audit.ErrTampered)
		require.True(t, errors.As(err, &f))
		return f
	}
	for _, b := range []audit.Bundle{{Kind: audit.KindLog}, {Kind: audit.KindRange, First: 5}} {
		_, err = verify(drop(write(b), 9))
		require.EqualValues(t, 9, finding(err).Index)
	}
	for _, b := range []audit.Bundle{{Kind: audit.KindRange, First: 5, End: 20}, {Kind: audit.KindEntry, Index: 9}} {
		r, err = verify(drop(write(b), 9))
		require.NoError(t, err, "the explanation may stand behind the bundle")
		require.Equal(t, uint64(1), r.Unexplained)
	}
	_, err = verify(drop(write(audit.Bundle{Kind: audit.KindLog}), 281)) // the log.redacted itself
	require.EqualValues(t, 260, finding(err).Index)

	_, err = verify(forgedBeginning(write(audit.Bundle{Kind: audit.KindLog})))
	require.EqualValues(t, 256, finding(err).Index)
}

// forgedBeginning puts one subtree in the place of the first 256 entries.
func forgedBeginning(lines []string) []string {
	var tree merkle.Frontier
	for _, line := range lines[2:258] {
		_, leaf, _ := strings.Cut(strings.TrimPrefix(line, "E "), " ")
		tree.Append(merkle.Leaf([]byte(strings.TrimSuffix(leaf, "\n"))))
	}
	root := tree.Root()
	var count, size int
	i := strings.Index(lines[1], `,"first":`)
	_, _ = fmt.Sscanf(lines[1][i:], `,"first":0,"count":%d,"size":%d}`, &count, &size)
	head := fmt.Sprintf("%s,\"first\":256,\"count\":%d,\"size\":%d}\n", lines[1][:i], count-256, size)
	node := fmt.Sprintf("N 8 0 %s\n", base64.StdEncoding.EncodeToString(root[:]))
	return append([]string{lines[0], head, node}, lines[258:]...)
}

// lateDrop: without a signer, a bundle is refused that could not say why payloads are
// gone, until somebody signs again.
func lateDrop(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	a := new(anchor)
	l := newLog(t, dir.Tenant("acme"), signed(a))
	_, err := l.Append(ctx, batch(300)...)
	require.NoError(t, err)
	c, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	keys := []string{vkey(t, c.Origin, "a")}
	reader := newLog(t, dir.Tenant("acme"), &audit.Options{Secret: secret, Keys: keys})
	for _, drop := range []func() error{
		func() error { return l.Redact(ctx, 9, "x") },
		func() error { _, err := l.Prune(ctx, 256, "policy"); return err },
	} {
		require.NoError(t, drop())
		_, err = reader.WriteBundle(ctx, new(bytes.Buffer), audit.Bundle{Kind: audit.KindLog})
		require.ErrorIs(t, err, audit.ErrNoSigner)
		_, err = l.Checkpoint(ctx)
		require.NoError(t, err)
		var b bytes.Buffer
		_, err = reader.WriteBundle(ctx, &b, audit.Bundle{Kind: audit.KindLog})
		require.NoError(t, err)
		_, err = audit.VerifyBundle(&b, keys, a.only())
		require.NoError(t, err)
	}
}
