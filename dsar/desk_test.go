package dsar_test

import (
	"testing"

	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

func TestScenarios(t *testing.T) {
	dsartest.RunAll(t, func(*testing.T) storage.Directory { return memstore.New(nil) })
}
