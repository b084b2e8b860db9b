package memstore

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func compareStrings(a, b row) int { return strings.Compare(string(a), string(b)) }

func list(n *node) (out []string) {
	n.ascend(nil, func(r row) bool { out = append(out, string(r)); return true })
	return out
}

// checkNode proves the shape of a B-tree: sizes, equal depth, one more kid than
// items.
func checkNode(t require.TestingT, n *node, root bool) (depth int) {
	require.LessOrEqual(t, len(n.items), maxItems)
	if !root {
		require.GreaterOrEqual(t, len(n.items), minItems)
	}
	if len(n.kids) == 0 {
		return 1
	}
	require.Len(t, n.kids, len(n.items)+1)
	depth = checkNode(t, n.kids[0], false)
	for _, k := range n.kids[1:] {
		require.Equal(t, depth, checkNode(t, k, false))
	}
	return depth + 1
}

func TestTreeAgreesWithASortedSliceAndKeepsOldRoots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var root *node
		var model []string
		var oldRoots []*node
		var oldModels [][]string
		own := new(token)
		steps := rapid.IntRange(0, 40).Draw(t, "steps")
		for range steps {
			base := rapid.IntRange(0, 400).Draw(t, "base")
			n := rapid.IntRange(1, 80).Draw(t, "run")
			del := rapid.Bool().Draw(t, "delete")
			for i := base; i < base+n; i++ {
				key := string(rune('0'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10))
				at, found := slices.BinarySearch(model, key)
				switch {
				case del && found:
					root = deleteRoot(root, own, row(key), compareStrings)
					model = slices.Delete(model, at, at+1)
				case !del:
					root = insertRoot(root, own, row(key), compareStrings)
					if !found {
						model = slices.Insert(model, at, key)
					}
				}
			}
			if rapid.Bool().Draw(t, "freeze") {
				oldRoots, oldModels = append(oldRoots, root), append(oldModels, slices.Clone(model))
				own = new(token)
			}
		}
		require.Equal(t, len(model), len(list(root)))
		require.True(t, slices.Equal(model, list(root)))
		for i := range oldRoots {
			require.True(t, slices.Equal(oldModels[i], list(oldRoots[i])), "an old root changed")
		}
		if root != nil {
			checkNode(t, root, true)
		}
		from := rapid.StringMatching(`[0-5][0-9][0-9]`).Draw(t, "from")
		at, found := slices.BinarySearch(model, from)
		var up, down []string
		root.ascend(func(r row) bool { return string(r) < from }, func(r row) bool { up = append(up, string(r)); return true })
		root.descend(func(r row) bool { return string(r) <= from }, func(r row) bool { down = append(down, string(r)); return true })
		require.True(t, slices.Equal(model[at:], up))
		slices.Reverse(down)
		require.True(t, slices.Equal(model[:at+boolInt(found)], down))
	})
}
