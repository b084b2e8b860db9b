package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRunPrintsWhatItMeasured(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(&out, "sqlite", "", "blind index", true, false, true))
	var results []map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &results))
	require.Len(t, results, 1)
	for _, field := range []string{"op", "engine", "ours", "baseline", "unit", "ratio", "goal", "met", "allocs"} {
		require.Contains(t, results[0], field)
	}
	require.Equal(t, "sqlite", results[0]["engine"])
	require.Positive(t, results[0]["ours"])
	require.Positive(t, results[0]["baseline"])

	out.Reset()
	require.NoError(t, run(&out, "sqlite", "", "storage: get", true, true, false))
	require.Contains(t, out.String(), "| storage: get | sqlite | the same columns by primary key, prepared SELECT | ")
}

func TestRunRefusesWhatItCannotMeasure(t *testing.T) {
	require.ErrorContains(t, run(nil, "oracle", "", "", true, false, false), "use sqlite, postgres or mysql")
	require.ErrorContains(t, run(nil, "postgres", "", "", true, false, false), "give -dsn for postgres")
	require.ErrorContains(t, run(nil, "sqlite", "", "consent: chekc", true, false, false), "consent: chekc")
}

func TestCasesAreNamed(t *testing.T) {
	seen := map[[2]string]bool{}
	for _, c := range cases() {
		name := [2]string{c.Op, c.Baseline}
		require.NotEmpty(t, c.Op)
		require.NotEmpty(t, c.Baseline, c.Op)
		require.False(t, seen[name], "%s against %s twice", c.Op, c.Baseline)
		seen[name] = true
	}
}
