package keyring

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// No file but the one that was written opens, and none panics.
func FuzzSplit(f *testing.F) {
	key := make([]byte, 32)
	good, err := encode(&header{Version: version, KDF: kdfRaw}, key, &body{Serial: 1, Keys: map[string]kek{}})
	require.NoError(f, err)
	f.Add(uint(0), byte(0), []byte(nil))
	f.Add(uint(3), byte(1), []byte("x"))
	f.Fuzz(func(t *testing.T, at uint, x byte, tail []byte) {
		b := append(bytes.Clone(good), tail...)
		b[at%uint(len(b))] ^= x
		_, line, ct, err := split(b)
		if err == nil {
			_, err = decode(line, ct, key)
		}
		if err == nil && !bytes.Equal(bytes.TrimSuffix(b, []byte("\n")), bytes.TrimSuffix(good, []byte("\n"))) {
			t.Fatal("opened another file")
		}
	})
}
