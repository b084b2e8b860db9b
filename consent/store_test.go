package consent_test

import (
	"testing"

	"github.com/gdprkit/gdprkit/internal/consenttest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

func TestOnMemstore(t *testing.T) {
	consenttest.Run(t, func(*testing.T) storage.Directory { return memstore.New(&memstore.Options{ConflictEvery: 4}) })
}
