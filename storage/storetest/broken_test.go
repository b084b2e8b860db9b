package storetest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage"
)

// A mutant is a store that breaks one rule, and the cases that must notice it.
type mutant struct {
	name string
	open func() storage.Directory
	by   []string
}

func mutants() []mutant {
	return slices.Concat(transactionMutants, valueMutants, writeMutants, readMutants, tenantMutants, hostMutants)
}

// recorder is a test that only takes note of its failure.
type recorder struct {
	testing.TB
	failed, skipped string
	cleanups        []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Skip(args ...any) { r.skipped = fmt.Sprint(args...); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// record runs a case and returns why it failed, or "".
func record(t *testing.T, c testCase, open func() storage.Directory) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r.failed = fmt.Sprint("panic: ", p)
			}
			for _, f := range slices.Backward(r.cleanups) {
				f()
			}
		}()
		c.run(newEnv(r, c, 2*time.Second, open(), open, &Features{Host: hosted}))
	}()
	<-done
	require.Empty(t, r.skipped, "skipped")
	return r.failed
}

func TestSoundStorePasses(t *testing.T) {
	for _, c := range cases() {
		require.Empty(t, record(t, c, sound()), c.name)
	}
}

func TestEveryBrokenStoreIsCaught(t *testing.T) {
	known := map[string]testCase{}
	for _, c := range cases() {
		known[c.name] = c
	}
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, m.by)
			for _, name := range m.by {
				c, ok := known[name]
				require.True(t, ok, "no case %q", name)
				require.NotEmpty(t, record(t, c, m.open), "%q does not notice it", name)
			}
		})
	}
}

// A case that nothing makes fail proves nothing.
func TestEveryCaseCatchesABrokenStore(t *testing.T) {
	caught := map[string]bool{}
	for _, m := range mutants() {
		for _, name := range m.by {
			caught[name] = true
		}
	}
	seen := map[string]bool{}
	for _, c := range cases() {
		require.True(t, caught[c.name], "no broken store is caught by %q", c.name)
		require.False(t, seen[c.name], "two cases are called %q", c.name)
		require.True(t, strings.Contains(c.name, "/"))
		seen[c.name] = true
	}
}
