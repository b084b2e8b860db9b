package sqltest_test

import (
	"testing"

	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
)

func TestPseudonym(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pseudonymtest.Run(t, func(t *testing.T) storage.Directory { return e.Open(t) })
	})
}
