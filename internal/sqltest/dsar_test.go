package sqltest_test

import (
	"testing"

	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
)

func TestDSAR(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		dsartest.Run(t, func(t *testing.T) storage.Directory { return e.Open(t) })
	})
}
