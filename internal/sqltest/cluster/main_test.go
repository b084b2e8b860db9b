package cluster

import (
	"os"
	"testing"

	"github.com/gdprkit/gdprkit/internal/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

func needFlag(t *testing.T) {
	t.Helper()
	if os.Getenv("GDPRKIT_CLUSTER") == "" && os.Getenv("GDPRKIT_LONG") == "" {
		t.Skip("clusters take minutes: set GDPRKIT_CLUSTER=1")
	}
}
