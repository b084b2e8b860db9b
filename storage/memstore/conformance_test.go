package memstore_test

import (
	"testing"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
	"github.com/gdprkit/gdprkit/storage/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(*testing.T) storage.Directory { return memstore.New(nil) }, nil)
}

// Functions that run twice must leave the same behind.
func TestConformanceWithConflicts(t *testing.T) {
	storetest.Run(t, func(*testing.T) storage.Directory {
		return memstore.New(&memstore.Options{ConflictEvery: 97})
	}, nil)
}
