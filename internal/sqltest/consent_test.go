package sqltest_test

import (
	"os"
	"testing"

	"github.com/gdprkit/gdprkit/internal/consenttest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
)

func TestConsent(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Name == "postgres-pq" && os.Getenv("GDPRKIT_LONG") == "" {
			t.Skip("the same engine as with pgx; GDPRKIT_LONG=1 runs it too")
		}
		consenttest.Run(t, func(t *testing.T) storage.Directory { return e.Open(t) })
	})
}
