package audit_test

import (
	"testing"

	"github.com/gdprkit/gdprkit/internal/audittest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

func TestInside(t *testing.T) {
	audittest.Run(t, func(*testing.T) storage.Directory { return memstore.New(nil) })
}

func TestStaged(t *testing.T) {
	audittest.Run(t, func(*testing.T) storage.Directory {
		return memstore.New(&memstore.Options{Traits: &storage.Traits{}})
	})
}

// TestConflicts has every third transaction run again.
func TestConflicts(t *testing.T) {
	audittest.Features(t, func(*testing.T) storage.Directory {
		return memstore.New(&memstore.Options{ConflictEvery: 3, Retries: 1000})
	})
}
