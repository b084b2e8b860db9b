package sqltest_test

import (
	"testing"

	"github.com/gdprkit/gdprkit/internal/consenttest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
)

func TestConsent(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		consenttest.Run(t, func(t *testing.T) storage.Directory { return e.Open(t) })
	})
}
