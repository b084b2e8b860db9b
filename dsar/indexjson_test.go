package dsar

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpread(t *testing.T) {
	require.Equal(t, []shownCell{
		{"type", "record"}, {"record.at", "2026-03-05"}, {"record.words.1", "a"}, {"record.words.2", "b"},
		{"record.n", "12345678901234567890"}, {"record.ok", "true"}, {"record.none", ""},
	}, spread(`{"type":"record","record":{"at":"2026-03-05","words":["a","b"],"n":12345678901234567890,"ok":true,"none":null}}`))
	for _, text := range []string{"", "plain", `["a"]`, `{"a":`, `{"a":1}{`, `{"a":1,`} {
		require.Nil(t, spread(text), text)
	}
}
