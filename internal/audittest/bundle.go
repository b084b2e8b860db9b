package audittest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/stretchr/testify/require"
)

// tamperBundle alters a bundle in many ways, with and without a corrected last
// line. None may pass.
func tamperBundle(t *testing.T, name string, bundle []byte, keys []string) {
	t.Helper()
	if len(bundle) > 1<<20 {
		t.Fatal("too large to alter in every way")
	}
	lines := bytes.SplitAfter(bundle, []byte("\n"))
	lines = lines[:len(lines)-1]
	check := func(what string, parts ...[]byte) {
		t.Helper()
		b := bytes.Join(parts, nil)
		if bytes.Equal(b, bundle) {
			return
		}
		_, err := audit.VerifyBundle(bytes.NewReader(b), keys, nil)
		require.Error(t, err, "%s: %s", name, what)
	}
	join := func(l [][]byte) []byte { return bytes.Join(l, nil) }
	body := lines[:len(lines)-1]
	for i := range lines {
		check(fmt.Sprint("line cut ", i), join(lines[:i]), join(lines[i+1:]))
	}
	step := max(1, len(bundle)/100)
	for i := 0; i < len(bundle); i += step {
		b := bytes.Clone(bundle)
		b[i] ^= 1 << (i % 8)
		check(fmt.Sprint("bit at ", i), b)
	}
	for i := range body { // with a last line that fits
		if i%7 != 0 && i > 20 && i < len(body)-10 {
			continue
		}
		if bytes.HasPrefix(body[i], []byte("K ")) {
			continue // leaving out a proof of an earlier size leaves a bundle that proves less
		}
		check(fmt.Sprint("line left out ", i), reseal(join(body[:i]), join(body[i+1:])))
		check(fmt.Sprint("line doubled ", i), reseal(join(body[:i+1]), join(body[i:])))
		b := bytes.Clone(body[i])
		b[len(b)/2] ^= 1
		check(fmt.Sprint("line changed ", i), reseal(join(body[:i]), b, join(body[i+1:])))
		if i+1 < len(body) {
			check(fmt.Sprint("lines swapped ", i), reseal(join(body[:i]), body[i+1], body[i], join(body[i+2:])))
		}
	}
	check("more", bundle, []byte("E\n"))
	check("empty")
}

// reseal appends the last line that fits what comes before.
func reseal(parts ...[]byte) []byte {
	b := bytes.Join(parts, nil)
	return fmt.Appendf(b, "Z %d %x\n", bytes.Count(b, []byte("\n"))-2, sha256.Sum256(b))
}
