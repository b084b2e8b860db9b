package retention

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestItemsSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Item {
			return Item{Source: "s", Key: rapid.StringN(1, 60, 191).Draw(t, "key"), Rule: rapid.StringN(0, 20, 64).Draw(t, "rule"),
				Action: rapid.SampledFrom(itemActions).Draw(t, "action"), Limited: rapid.Bool().Draw(t, "limited")}
		}), 1, 20).Draw(t, "items")
		got, err := decodeItems("s", encodeItems(items))
		require.NoError(t, err)
		require.Equal(t, items, got)
	})
}

func FuzzDecodeItems(f *testing.F) {
	f.Add(encodeItems([]Item{{Key: "k", Action: Mask, Rule: "r", Limited: true}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		items, err := decodeItems("s", b)
		if err == nil && len(items) > len(b) {
			t.Fatal("more items than bytes")
		}
	})
}
