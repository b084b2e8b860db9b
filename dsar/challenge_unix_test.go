//go:build unix

package dsar_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// The processor time is the same too, by the medians of alternating pairs.
func TestCodesTakeTheSameTime(t *testing.T) {
	if os.Getenv("GDPRKIT_LONG") == "" {
		t.Skip("statistics; set GDPRKIT_LONG=1")
	}
	for name, ratio := range dsartest.CodeTime(dsartest.NewUniform(t, memstore.New(nil), hashed), 81, 100, processTime) {
		t.Logf("%s: %.3f", name, ratio)
		require.InDelta(t, 1, ratio, 0.1, name)
	}
}

// processTime is the processor time of this process, of user and system.
func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
