package sqltest_test

import (
	"testing"

	"github.com/gdprkit/gdprkit/internal/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }
