package dsar

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// containsCode reports whether codes, joined by "/", has code among them.
func containsCode(codes, code string) bool {
	return slices.Contains(strings.Split(codes, "/"), code)
}
