package frame_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gdprkit/gdprkit/internal/frame"
)

func TestAppend(t *testing.T) {
	require.Equal(t, []byte("\x00\x00\x00\x02ab\x00\x00\x00\x00\x00\x00\x00\x01c"), frame.Append(nil, "ab", "", "c"))
	require.Equal(t, []byte("x"), frame.Append([]byte("x"), []string(nil)...))
}

// Different lists of parts never give the same bytes.
func TestAppendIsInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 6), 0, 4)
		a, b := list.Draw(t, "a"), list.Draw(t, "b")
		same := slices.EqualFunc(a, b, bytes.Equal)
		require.Equal(t, same, bytes.Equal(frame.Append(nil, a...), frame.Append(nil, b...)))
		require.Equal(t, same, frame.Hash("l", a...) == frame.Hash("l", b...))
	})
}

// The hash is stored beside idempotency keys, so it never changes.
func TestHashIsStable(t *testing.T) {
	h := frame.Hash("gdprkit/test", "ab", "")
	require.Equal(t, "1ac3e556d25faf10128b7aabb572db24360e7a4eca6af12043db8805042b125b", hex.EncodeToString(h[:]))
	require.NotEqual(t, h, frame.Hash("gdprkit/tes", "tab", ""))
}
